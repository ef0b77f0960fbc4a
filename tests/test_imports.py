"""Programs that run in environments of their own import nothing of Labyard, which is not installed there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALONE = {
    "extensions/lab/labyard_lab/environment_programs": set(),
    "hub/src/labyard_hub/mlflow_server": set(),
    "hub/src/labyard_hub/notebook_client": set(),
    "tests/fake_kubernetes": {"test_objects.py", "test_pods.py", "test_watches.py", "conftest.py"},
}


def imported(path: Path) -> set[str]:
    """Return the packages that a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module or "")
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("folder", ALONE)
def test_it_imports_nothing_of_ours(folder: str) -> None:
    modules = [path for path in (ROOT / folder).rglob("*.py") if path.name not in ALONE[folder]]
    assert modules
    assert {str(path): ours for path in modules if (ours := imported(path) & {"labyard", "labyard_hub", "labyard_lab"})} == {}
