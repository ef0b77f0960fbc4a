"""Worth: the chart renders by Helm's own engine, Kubernetes takes every object, and no change of a manifest passes unseen."""

from __future__ import annotations

import difflib
import tarfile
from pathlib import Path

import helm_python
import pytest

from tests.helm import chart
from tests.helm.kubernetes_schemas import VERSIONS, problems


def test_lint_finds_nothing_but_the_missing_icon() -> None:
    found = helm_python.lint(str(chart.CHART))
    assert found["errors"] == []
    assert [one["error"] for one in found["messages"]] == ["icon is recommended"]


@pytest.mark.parametrize("name", chart.GOLDEN_NAMES)
def test_golden_manifests(name: str) -> None:
    golden = (chart.GOLDEN / f"{name}.yaml").read_text()
    now = chart.golden_text(name)
    changed = "\n".join(difflib.unified_diff(golden.splitlines(), now.splitlines(), "golden", "now", lineterm="", n=2))
    assert not changed, f"{changed}\n\nif that is wanted: .venv/bin/python -m tests.helm.chart"


def test_the_schemas_are_those_of_the_supported_versions_and_strict() -> None:
    assert VERSIONS[0] == "1.32.0"
    assert len(VERSIONS) >= 6
    hub = next(one for one in chart.objects_of("minimal") if chart.title(one) == "Deployment labyard-hub")
    wrong = {**hub, "spec": {**hub["spec"], "replica": 1, "strategy": {"type": "Recreate", "rolling": {}}}}
    for version in VERSIONS:
        assert len(problems(wrong, version)) == 2


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_every_object(version: str) -> None:
    assert [
        f"{name}: {chart.title(one)}: {problem}"
        for name in chart.NAMES
        for one in chart.objects_of(name)
        for problem in problems(one, version)
    ] == []


@pytest.mark.parametrize("name", chart.NAMES)
def test_each_object_is_once_and_where_it_belongs(name: str) -> None:
    found = chart.objects_of(name)
    keys = [chart.title(one) for one in found]
    assert sorted(set(keys)) == sorted(keys)
    of_the_cluster = {"ClusterRole", "ClusterRoleBinding", "PriorityClass"}
    for one in found:
        assert one["metadata"].get("namespace") == (None if one["kind"] in of_the_cluster else "lab"), chart.title(one)
        assert len(one["metadata"]["name"]) <= 63
        assert one["metadata"]["labels"]["app.kubernetes.io/instance"] == "labyard"


def test_names_follow_the_release_and_stay_short() -> None:
    for release, start in (("labyard", "labyard-hub"), ("team", "team-labyard-hub"), ("a" * 53, "a" * 32 + "-labyard-hub")):
        found = chart.objects(chart.render({}, release=release))
        assert f"Deployment {start}" in [chart.title(one) for one in found]
        assert max(len(one["metadata"]["name"]) for one in found) <= 63


def test_the_package_has_what_it_needs_and_no_more(tmp_path: Path) -> None:
    helm_python.package(str(chart.CHART), destination=str(tmp_path))
    [package] = tmp_path.glob("labyard-*.tgz")
    with tarfile.open(package) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= {"Chart.yaml", "values.yaml", "values.schema.json", "renamed.yaml", "templates/NOTES.txt"}
    assert "values.schema.yaml" not in names
    with helm_python.Chart.load(str(package)) as packaged:
        assert packaged.render({"secrets": {"existingSecret": "own"}}, name="labyard", namespace="lab")


def test_notes_say_where_to_go() -> None:
    assert "Open https://labyard.example.org/" in chart.rendered("oidc")["NOTES.txt"]
    minimal = chart.rendered("minimal")["NOTES.txt"]
    assert "port-forward service/labyard-proxy 8000:80" in minimal
    assert "becomes the administrator" in minimal
    assert "labyard user setup-link" in minimal
    assert "describe persistentvolumeclaims" in minimal
    assert "becomes the administrator" not in chart.rendered("oidc")["NOTES.txt"]
