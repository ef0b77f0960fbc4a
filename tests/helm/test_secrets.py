"""Worth: secrets are made once and kept over upgrades, and each pod has those that it needs.

Helm's `lookup`, which finds the Secret of the last release, answers nothing without a cluster. So the part after it is rendered with what it would find; that it
finds it has to be seen on a real cluster.
"""

from __future__ import annotations

import base64
import re
import shutil
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from tests.helm import chart

SOURCE = chart.ROOT / "hub" / "src" / "labyard_hub"


def generated(values: dict[str, Any]) -> dict[str, str]:
    [secret] = [one for one in chart.of_kind(chart.objects(chart.render(values)), "Secret") if one["metadata"]["name"] == "labyard-secrets"]
    assert secret["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def test_each_secret_is_32_random_bytes_and_none_is_twice() -> None:
    first, second = generated({}), generated({})
    for value in first.values():
        assert re.fullmatch("[0-9a-f]{64}", value)
    values = [*first.values(), *second.values()]
    assert len(set(values)) == len(values)
    assert set(first) == set(second)


def test_every_secret_that_the_code_asks_for_is_made() -> None:
    asked = {name for path in SOURCE.rglob("*.py") for name in re.findall(r'\.secret\("([a-z_]+)"\)', path.read_text())}
    assert len(asked) > 5
    assert asked <= set(generated({}))


def test_the_password_of_postgresql_is_made_where_it_runs() -> None:
    assert "postgresql_password" in generated({"database": {"type": "postgresql"}})
    assert "postgresql_password" not in generated({})


@pytest.fixture
def with_there(tmp_path: Path) -> Path:
    """The chart with a template that renders the secrets with what `lookup` would find."""
    copy = tmp_path / "labyard"
    shutil.copytree(chart.CHART, copy)
    text = (copy / "templates" / "secrets.yaml").read_text()
    lookup = '(lookup "v1" "Secret" .Release.Namespace $name).data'
    assert text.count(lookup) == 1
    (copy / "templates" / "secrets.yaml").write_text(text.replace(lookup, '(dict "data" .Values.global).data'))
    return copy


def test_what_is_there_is_kept_and_what_is_missing_is_made(with_there: Path) -> None:
    there = {"cookie_secret": base64.b64encode(b"as it was").decode(), "of_an_older_chart": "eA=="}
    with helm_python.Chart.load(str(with_there)) as loaded:
        text = loaded.render({"global": there}, name="labyard", namespace="lab")["labyard/templates/secrets.yaml"]
    data = yaml.safe_load(text)["data"]
    assert data["cookie_secret"] == there["cookie_secret"]
    assert re.fullmatch("[0-9a-f]{64}", base64.b64decode(data["service_token"]).decode())
    assert "of_an_older_chart" not in data


def test_with_a_secret_of_ones_own_none_is_made_and_all_pods_use_it() -> None:
    found = chart.objects(chart.render({"secrets": {"existingSecret": "own"}}))
    assert chart.of_kind(found, "Secret") == []
    used = {
        volume["secret"]["secretName"] for _, pod in chart.pods(found) for volume in pod["spec"].get("volumes", []) if "secret" in volume
    }
    assert used == {"own"}


def test_each_pod_has_the_secrets_that_it_needs() -> None:
    secrets = {
        pod["metadata"]["labels"]["app.kubernetes.io/component"]: {item["key"] for volume in pod["spec"]["volumes"] if volume["name"] == "secrets" for item in volume["secret"]["items"]}
        for _, pod in chart.pods(chart.objects(chart.render({"database": {"type": "postgresql"}})))
    }  # fmt: skip
    assert secrets["mlflow"] == {"mlflow_token"}
    assert secrets["proxy"] == {"proxy_api_password"}
    assert secrets["postgresql"] == {"postgresql_password"}
    assert secrets["service"] == {"service_token", "service_cookie_secret", "link_secret", "cli_login_token"}
    assert "service_cookie_secret" not in secrets["hub"]
    assert "link_secret" not in secrets["hub"]
