"""Worth: a setting that changes what lies on volumes can be switched on and off on used volumes, and nothing is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labyard_hub.cluster.state import prepare_state
from tests.helm import chart
from tests.helm.containers import container, environment

PARTS = ("hub", "service", "mlflow")
POSTGRESQL = {"database": {"type": "postgresql"}}
STORE = {"mlflow": {"artifacts": {"destination": "s3://bucket/path"}}}
LOGIN = {
    "config": {
        "login": {"provider": "oidc", "issuer": "https://id.example.org", "client_id": "x", "allow_all": True, "admin_users": ["ada"]}
    }
}


def start(values: dict[str, Any], volumes: Path, fresh: Path) -> dict[str, Path]:
    """Let each part prepare its folder, on the volumes that the chart mounts; return each part's state folder."""
    found = chart.objects(chart.render({**values, "secrets": {"existingSecret": "own"}}))
    folders = {}
    # A volume that no longer is mounted is not there for the part.
    projects, away = volumes / "projects", volumes / "not mounted"
    if values.get("projects", {}).get("enabled", True):
        away.rename(projects) if away.exists() else projects.mkdir(exist_ok=True)
    elif projects.exists():
        projects.rename(away)
    for part in PARTS:
        fresh.joinpath(part).mkdir(parents=True)
        given = environment(found, part, fresh / part)
        pod, _ = container(found, part)
        state = next(volume for volume in pod["spec"]["volumes"] if volume["name"] == "state")
        root = volumes / state["persistentVolumeClaim"]["claimName"] if "persistentVolumeClaim" in state else fresh / part / "empty"
        if "LABYARD_PROJECTS_VOLUME" in given:
            given["LABYARD_PROJECTS_VOLUME"] = str(projects)
        prepare_state({**given, "LABYARD_STATE_DIR": str(root / "state")})
        folders[part] = root / "state"
    return folders


def contents(folder: Path) -> set[str]:
    """Return the texts of all files below a folder."""
    return {path.read_text() for path in folder.rglob("work-*") if path.is_file()}


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    "changed", [{"projects": {"enabled": False}}, POSTGRESQL, STORE, {**POSTGRESQL, **STORE}, LOGIN, {**POSTGRESQL, **LOGIN}],
    ids=["projects", "database", "artifacts", "database and artifacts", "login", "database and login"],
)  # fmt: skip
def test_a_setting_can_be_switched_both_ways_on_used_volumes(changed: dict[str, Any], first: bool, tmp_path: Path) -> None:
    ways = [changed, {}] if first else [{}, changed]
    made = set()
    volumes = tmp_path / "volumes"
    volumes.mkdir()
    for number, values in enumerate((*ways, *ways)):
        folders = start(values, volumes, tmp_path / f"start-{number}")
        projects, trash = folders["service"] / "projects", folders["service"] / "trash"
        assert projects.is_dir()
        assert trash.is_dir()
        for part, folder in folders.items():
            if folder.is_relative_to(volumes):
                (folder / f"work-{part}-{number}").write_text(f"{part} {number}")
                made.add(f"{part} {number}")
        if projects.resolve().is_relative_to(volumes):
            for folder in (projects / "vision--p1" / "files", trash / "old--p2-20260131T142501123456"):
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"work-{number}").write_text(f"{folder.name} {number}")
                made.add(f"{folder.name} {number}")
        assert contents(volumes) == made
