"""A row of the table of permissions is changed, and every place that enforces it follows."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from jupyter_server.services.contents.handlers import ContentsHandler

import labyard_hub
import labyard_lab
from labyard import permissions
from labyard.permissions import Capability, Role
from labyard_hub.backends.kubernetes.project_files import ClusterProjectFiles
from labyard_hub.backends.kubernetes.volumes import mounts_of
from labyard_hub.backends.local.acl import READ, WRITE
from labyard_hub.backends.local.known_accounts import KnownAccounts
from labyard_hub.backends.local.project_rights import rights_of
from labyard_hub.domain.projects import DesiredProject
from labyard_hub.mlflow_server.mlflow_gateway.authority import WRITE as WRITE_TRACKING
from labyard_hub.mlflow_server.mlflow_gateway.authority import Caller
from labyard_lab.access.policy import may_use_project_server, may_use_tool
from scripts import rest_reference, wire_types
from tests.service import Service, open_service

EDITORS_ROWS = (
    Capability.WRITE_FILES, Capability.WRITE_TRACKING, Capability.WORK_IN_SERVER, Capability.USE_SHARED_TOOL, Capability.SHARE_TOOL,
)  # fmt: skip
MEMBERS = (("ada", Role.OWNER), ("bob", Role.EDITOR))
BOB, ADA, SERVER = 1001, 1000, 1002


@pytest.fixture
def owners_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take from editors what they may do more than viewers."""
    for one in EDITORS_ROWS:
        monkeypatch.setitem(permissions.MATRIX, one, dataclasses.replace(permissions.MATRIX[one], role=Role.OWNER))


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with open_service("sqlite+aiosqlite://") as found:
        yield found


def bobs_file_permissions() -> int:
    known = KnownAccounts({"ada": (ADA, ADA), "bob": (BOB, BOB)}, {}, frozenset({ADA, BOB, SERVER}))
    return dict(rights_of(DesiredProject.of("vision--p0123456789", "vision", MEMBERS), (SERVER, SERVER), known).users)[BOB]


def test_the_folders_access_list_follows(request: pytest.FixtureRequest) -> None:
    assert bobs_file_permissions() == READ | WRITE
    request.getfixturevalue("owners_alone")
    assert bobs_file_permissions() == READ


def test_a_pods_mount_follows(request: pytest.FixtureRequest) -> None:
    def writable() -> bool:
        return mounts_of([("vision--p0123456789", "vision", permissions.capabilities_of(Role.EDITOR))])[0].writable

    assert writable()
    request.getfixturevalue("owners_alone")
    assert not writable()


async def test_a_pod_that_has_too_much_is_stopped(owners_alone: None) -> None:
    told: dict[str, bool] = {}

    class Outside:
        async def apply(self, project: DesiredProject) -> None: ...
        async def discard(self, project: DesiredProject) -> None: ...
        async def limit_mounts(self, _: str, rights: dict[str, bool]) -> None:
            told.update(rights)

    await ClusterProjectFiles(Outside(), Outside()).apply(DesiredProject.of("vision--p0123456789", "vision", MEMBERS))  # type: ignore[arg-type]
    assert told == {"ada": True, "bob": False}


async def test_mlflow_the_project_and_its_tools_follow(service: Service, owners_alone: None) -> None:
    project = await service.create(bob="editor")
    answer = await service.call("bob", "GET", "authorize", 200)
    assert WRITE_TRACKING not in Caller.from_answer(answer).workspaces[project["id"]]
    assert WRITE_TRACKING in Caller.from_answer(await service.call("ada", "GET", "authorize", 200)).workspaces[project["id"]]
    seen = await service.call("bob", "GET", "projects/vision", 200)
    assert (seen["role"], "write_files" in seen["capabilities"], "read_files" in seen["capabilities"]) == ("editor", False, True)
    access = await service.call(project["id"], "GET", "access/bob", 200)
    assert not may_use_project_server(access["capabilities"], ContentsHandler, "PUT", is_websocket=False)
    assert may_use_project_server(access["capabilities"], ContentsHandler, "GET", is_websocket=False)
    await service.call("bob", "POST", "projects/vision/tools", 403, {"instance": "tensorboard-1", "title": "T"})
    await service.call("ada", "POST", "projects/vision/tools", 201, {"instance": "tensorboard-1", "title": "T"})
    tool = await service.call("ada", "GET", "tool-access?user=bob&instance=tensorboard-1", 200)
    assert may_use_tool(tool["capabilities"], "GET", is_websocket=False)
    assert not may_use_tool(tool["capabilities"], "POST", is_websocket=False)


def test_the_panel_and_the_documents_follow(request: pytest.FixtureRequest) -> None:
    text = permissions.MATRIX[Capability.WRITE_FILES].text
    assert f"| {text} |  | yes | yes |" in rest_reference.roles_page("")
    assert "write_files: { role: 'editor', archived: false }" in wire_types.render()
    request.getfixturevalue("owners_alone")
    assert f"| {text} |  |  | yes |" in rest_reference.roles_page("")
    assert "write_files: { role: 'owner', archived: false }" in wire_types.render()


def test_what_enforces_knows_no_role() -> None:
    hub, lab = Path(labyard_hub.__file__).parent, Path(labyard_lab.__file__).parent
    enforcing = (
        *(hub / "backends").rglob("*.py"),
        *(hub / "mlflow_server").rglob("*.py"),
        *(hub / "hub_process").rglob("*.py"),
        *lab.rglob("*.py"),
    )
    assert len(enforcing) > 100
    assert [path.name for path in enforcing if re.search(r"\bRole\.[A-Z]|import [^\n]*\bRole\b", path.read_text())] == []
