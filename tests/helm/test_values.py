"""Worth: a wrong value is refused before anything is changed, in words that help; every value is described; the settings are those that Labyard reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from labyard_hub.config.loader import load_configuration
from scripts import chart_reference
from tests.helm import chart

SCHEMA = json.loads((chart.CHART / "values.schema.json").read_text())
RENAMED = yaml.safe_load((chart.CHART / "renamed.yaml").read_text())
DEFAULTS = yaml.safe_load((chart.CHART / "values.yaml").read_text())

PASSED_ON = {
    "anything", "config.yaml (checked by Labyard itself)", "Affinity", "Container", "EnvFromSource", "NetworkPolicyEgressRule", "NetworkPolicyIngressRule",
    "NetworkPolicyPeer", "ParentReference", "PodSecurityContext", "SecurityContext", "Volume", "VolumeMount",
}  # fmt: skip
"""What the chart hands on without knowing its inside."""


def nested(path: str, value: Any) -> dict[str, Any]:
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


def merge(values: dict[str, Any], more: dict[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, dict):
            merge(values.setdefault(name, {}), value)
        else:
            values[name] = value


def parts(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object of a JSON schema."""
    if isinstance(schema, dict):
        yield path, schema
        for name, below in schema.items():
            yield from parts(below, f"{path}/{name}")
    elif isinstance(schema, list):
        for number, below in enumerate(schema):
            yield from parts(below, f"{path}/{number}")


def test_schema_and_page_are_those_of_the_values() -> None:
    assert json.dumps(chart_reference.schema(), indent=1) + "\n" == (chart.CHART / "values.schema.json").read_text()
    assert chart_reference.page() == (chart.ROOT / "docs" / "reference" / "chart.md").read_text()


def test_every_value_is_described() -> None:
    def undescribed(values: dict[str, Any], schema: dict[str, Any], path: str = "") -> Iterator[str]:
        for name, value in values.items():
            part = schema["properties"][name]
            if "properties" in part and isinstance(value, dict):
                yield from undescribed(value, part, f"{path}{name}.")
                if not path and not part.get("description"):
                    yield name
            elif not part.get("description"):
                yield f"{path}{name}"

    assert list(undescribed(DEFAULTS, SCHEMA)) == []


def test_the_schema_is_closed_at_each_level() -> None:
    open_parts = [
        path
        for path, part in parts(SCHEMA)
        if part.get("type") == "object" and "additionalProperties" not in part and part.get("x-passes") not in PASSED_ON and not path.endswith("/valueFrom")
        and not path.endswith("/items")
    ]  # fmt: skip
    assert open_parts == []
    for path, part in parts(SCHEMA):
        if path.endswith("/items") and part == {"type": "object"}:
            above = SCHEMA
            for name in path.split("/")[1:-1]:
                above = above[int(name)] if isinstance(above, list) else above[name]
            assert above["x-passes"] in PASSED_ON


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"config": {"servers": {"idle_timeout": 5}}}, "at '/config/servers': additional properties 'idle_timeout' not allowed"),
        ({"config": {"profiles": [{"name": "a", "cpus": 2}]}}, "at '/config/profiles/0': additional properties 'cpus' not allowed"),
        ({"hubb": {}}, "additional properties 'hubb' not allowed"),
        ({"hub": {"resource": {}}}, "at '/hub': additional properties 'resource' not allowed"),
        (
            {"singleuser": {"networkPolicy": {"egressAllowRules": {"cloudMetadata": True}}}},
            "additional properties 'cloudMetadata' not allowed",
        ),
        ({"hub": {"resources": {"limit": {}}}}, "additional properties 'limit' not allowed"),
        ({"scheduling": {"userPods": {"tolerations": [{"keys": "gpu"}]}}}, "additional properties 'keys' not allowed"),
        ({"ingress": {"enabled": "yes"}}, "at '/ingress/enabled': got string, want boolean"),
        ({"database": {"type": "mysql"}}, "at '/database/type': value must be one of 'sqlite', 'postgresql'"),
        ({"hub": {"image": {"tag": 1.0}}}, "at '/hub/image/tag': got number, want string"),
        ({"hub": {"image": {"digest": "1234"}}}, "at '/hub/image/digest'"),
        ({"publicUrl": "labyard.example.org"}, "at '/publicUrl'"),
        ({"projects": {"storage": "100"}}, "at '/projects/storage'"),
        ({"hub": {"extraFiles": {"a": {"data": "x"}}}}, "missing properties 'mountPath', 'stringData'"),
    ],
)
def test_a_typo_is_refused_with_its_place(values: dict[str, Any], message: str) -> None:
    with pytest.raises(helm_python.HelmValuesError) as refused:
        chart.render(values)
    assert message in str(refused.value)


def test_names_of_zero_to_jupyterhub_are_refused_with_ours_all_at_once() -> None:
    values: dict[str, Any] = {}
    for entry in RENAMED:
        merge(values, nested(entry["old"], "x"))
    with pytest.raises(helm_python.HelmRenderError) as refused:
        chart.render(values)
    for entry in RENAMED:
        if entry["new"]:
            assert f"`{entry['old']}` is `{entry['new']}` in this chart" in str(refused.value)
        else:
            assert f"`{entry['old']}` has no counterpart in this chart: {entry['why']}" in str(refused.value)


def test_one_renamed_value_is_enough_to_be_refused() -> None:
    with pytest.raises(helm_python.HelmRenderError, match=r"`singleuser\.profileList` is `config\.profiles` in this chart"):
        chart.render(nested("singleuser.profileList", []))


def test_new_names_exist() -> None:
    for entry in RENAMED:
        name = entry["new"]
        if name.startswith("config."):
            inside = SETTINGS_NAMES
            assert name.split(".")[1] in inside, name
        elif name:
            value: Any = DEFAULTS
            for part in name.split("."):
                value = value[part]


SETTINGS_NAMES = set(load_configuration(None).settings.model_dump())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ingress": {"enabled": True}, "httpRoute": {"enabled": True, "gateways": [{"name": "a"}]}}, "choose one"),
        ({"httpRoute": {"enabled": True}}, "`httpRoute.gateways` is empty"),
        ({"proxy": {"https": {"enabled": True}}}, "`proxy.https.existingSecret` is empty"),
        ({"database": {"type": "postgresql", "external": {"host": "db"}}}, "`database.external.existingSecret` is empty"),
        ({"database": {"external": {"host": "db"}}}, "`database.type` is `sqlite`"),
        ({"proxy": {"haproxy": {"softStopSeconds": 9}}}, "`proxy.terminationGracePeriodSeconds` is 10, too short"),
        ({"prePuller": {"hook": {"enabled": True}}}, "`prePuller.images` is empty"),
        ({"config": {"cluster": {"pods": {"user_id": 2000}}}}, "the service makes projects' folders"),
        ({"config": {"cluster": {"instance": "other"}}}, "network policies know people's pods by the release's name"),
        ({"config": {"cluster": {"namespace": "other"}}}, "are in the release's namespace"),
        ({"commonLabels": {"app.kubernetes.io/name": "x"}}, "`commonLabels` sets `app.kubernetes.io/name`"),
        ({"hub": {"labels": {"app.kubernetes.io/component": "x"}}}, "`hub.labels` sets `app.kubernetes.io/component`"),
    ],
)
def test_values_that_contradict_one_another_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(helm_python.HelmRenderError) as refused:
        chart.render(values)
    assert message in str(refused.value)


def config_of(found: list[chart.Object]) -> str:
    text = next(one for one in chart.of_kind(found, "ConfigMap") if one["metadata"]["name"].endswith("-config"))["data"]["config.yaml"]
    return str(text)


@pytest.mark.parametrize("name", chart.NAMES)
def test_labyard_reads_the_settings(name: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(config_of(chart.objects_of(name)))
    settings = load_configuration(file).settings
    assert settings.cluster is not None
    assert settings.cluster.instance == "labyard"
    assert settings.cluster.namespace == "lab"
    given = chart.read_values(name).get("config", {})
    written = yaml.safe_load(file.read_text())
    for section, value in given.items():
        if section != "cluster":
            assert written[section] == value


def test_what_people_set_under_cluster_stays() -> None:
    values = {"config": {"cluster": {"service_account": "other", "pods": {"labels": {"a": "b"}}}}, "imagePullSecrets": ["registry"]}
    cluster = yaml.safe_load(config_of(chart.objects(chart.render(values))))["cluster"]
    assert cluster["service_account"] == "other"
    assert cluster["pods"]["labels"] == {"a": "b"}
    assert cluster["pods"]["image_pull_secrets"] == ["registry"]
