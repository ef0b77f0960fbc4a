"""Renders the chart by Helm's own engine, and knows its objects. ``python -m tests.helm.chart`` writes the golden manifests anew."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "labyard"
VALUES = ROOT / "helm" / "values"
GOLDEN = Path(__file__).parent / "golden"
NAMES = tuple(sorted(path.stem for path in VALUES.glob("*.yaml")))
GOLDEN_NAMES = ("everything", "minimal")
"""Files in ``helm/values`` whose rendered manifests are kept. Between them they render every line of the chart."""

Object = dict[str, Any]


def read_values(name: str) -> dict[str, Any]:
    """Return the values of a file in ``helm/values``."""
    return dict(yaml.safe_load((VALUES / f"{name}.yaml").read_text()))


@cache
def _loaded() -> helm_python.Chart:
    return helm_python.Chart.load(str(CHART))


def render(values: dict[str, Any], *, release: str = "labyard", namespace: str = "lab") -> dict[str, str]:
    """Return the text of each template that says something, by its name.

    Raises
    ------
    helm_python.HelmError
        If the schema, or the chart, refuses the values.
    """
    texts = _loaded().render(values, name=release, namespace=namespace)
    return {name.removeprefix("labyard/templates/"): text for name, text in sorted(texts.items()) if text.strip()}


def objects(texts: dict[str, str]) -> list[Object]:
    """Return all objects in rendered templates."""
    return [found for name, text in texts.items() if name.endswith(".yaml") for found in yaml.safe_load_all(text) if found]


@cache
def rendered(name: str) -> dict[str, str]:
    """Return the rendered templates of a file in ``helm/values``, with the same secrets each time."""
    return {
        template: re.sub(r"(?m)^(  \w+): [A-Za-z0-9+/]{86}==$", r"\1: GENERATED", text)
        for template, text in render(read_values(name)).items()
    }


def objects_of(name: str) -> list[Object]:
    """Return the objects of a file in ``helm/values``."""
    return objects(rendered(name))


def of_kind(found: list[Object], *kinds: str) -> list[Object]:
    """Return those of some kinds."""
    return [one for one in found if one["kind"] in kinds]


def title(one: Object) -> str:
    """Return kind and name, for messages."""
    return f"{one['kind']} {one['metadata']['name']}"


def pod_of(one: Object) -> Object | None:
    """Return the pod template of a workload; None for other objects."""
    return one["spec"]["template"] if one["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job") else None


def pods(found: list[Object]) -> Iterator[tuple[str, Object]]:
    """Yield title and pod template of each workload."""
    for one in found:
        pod = pod_of(one)
        if pod is not None:
            yield title(one), pod


def containers(pod: Object) -> list[Object]:
    """Return all containers of a pod template, those included that run before."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def golden_text(name: str) -> str:
    """Return what the golden manifest of a file in ``helm/values`` should be: all templates, one after the other."""
    parts = (f"# {template}\n{text.strip()}\n" for template, text in rendered(name).items())
    # Lines that templates leave empty say nothing.
    return re.sub(r"\n\s*\n+", "\n", "---\n".join(parts)).replace("---\n---\n", "---\n")


if __name__ == "__main__":
    for name in GOLDEN_NAMES:
        (GOLDEN / f"{name}.yaml").write_text(golden_text(name))
