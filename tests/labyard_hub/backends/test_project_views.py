"""The links through which people find their projects."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from pathlib import Path

import pytest

from labyard.permissions import Role
from labyard_hub.backends.local.accounts import Account, ensure_account
from labyard_hub.backends.local.project_files import LocalProjectFiles
from labyard_hub.backends.local.project_views import ensure_home_link
from labyard_hub.backends.local.removed_people import retire
from labyard_hub.config.state import StateFolder
from labyard_hub.domain.projects import DesiredProject
from tests.labyard_hub.backends.people import VISION, World, names, run_as
from tests.platform import is_root

needs_root = pytest.mark.skipif(not is_root(), reason="makes Unix accounts")


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder.open(tmp_path / "state")


@pytest.fixture
def ada(state: StateFolder) -> Account:
    return ensure_account("ada", state, isolated=False)


def test_the_link_leads_to_the_view(state: StateFolder, ada: Account) -> None:
    for _ in range(2):
        assert ensure_home_link(ada, state, isolated=False) == "projects"
    assert (ada.home / "projects").resolve() == state.project_views / "ada"


@pytest.mark.parametrize("kind", ["folder", "file", "link", "dangling"])
def test_what_a_person_has_there_is_left_as_it_is(state: StateFolder, ada: Account, kind: str) -> None:
    theirs = ada.home / "projects"
    if kind == "folder":
        theirs.mkdir()
    elif kind == "file":
        theirs.write_text("mine")
    else:
        theirs.symlink_to("/etc" if kind == "link" else "/nowhere")
    before = theirs.lstat()
    for _ in range(2):
        assert ensure_home_link(ada, state, isolated=False) == "labyard-projects"
    assert (ada.home / "labyard-projects").resolve() == state.project_views / "ada"
    assert theirs.lstat() == before
    (ada.home / "labyard-projects").unlink()
    (ada.home / "labyard-projects").write_text("mine too")
    assert ensure_home_link(ada, state, isolated=False) is None


def test_a_home_that_is_a_link_is_not_followed(state: StateFolder, tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    (state.homes / "eve").symlink_to(tmp_path / "victim")
    eve = Account("eve", state.homes / "eve", os.getuid(), os.getgid(), "eve")
    assert ensure_home_link(eve, state, isolated=False) is None
    assert names(tmp_path / "victim") == []


async def test_without_isolation_there_are_folders_and_links(state: StateFolder) -> None:
    files = LocalProjectFiles(state, isolated=False, trash_lifetime_seconds=0)
    ada, bob = (ensure_account(user, state, isolated=False) for user in ("ada", "bob"))
    for account in (ada, bob):
        ensure_home_link(account, state, isolated=False)
    project = DesiredProject.of(VISION, "vision", (("ada", Role.OWNER), ("bob", Role.VIEWER)))
    await files.apply(project)
    await files.keep([project])
    (ada.home / "projects" / "vision" / "file").write_text("x")
    assert (bob.home / "projects" / "vision" / "file").read_text() == "x"
    assert stat.S_IMODE((state.projects / VISION / "files").stat().st_mode) == 0o700
    await files.apply(DesiredProject.of(VISION, "vision", (("ada", Role.OWNER),)))
    assert names(bob.home / "projects") == []
    await files.discard(project)
    assert names(ada.home / "projects") == []
    assert [path.name for path in state.trash.glob("*/files/file")] == ["file"]
    await files.keep([])
    assert names(state.trash) == []
    await files.close()


@needs_root
async def test_a_view_is_its_owners_to_look_at_only(world: World) -> None:
    ada, carol = world.person("ada"), world.person("carol")
    ensure_home_link(ada, world.state, isolated=True)
    assert run_as(ada.uid, "ls", f"{ada.home}/projects/").stdout.split() == ["vision"]
    assert os.lstat(ada.home / "projects").st_uid == ada.uid
    view = world.state.project_views / "ada"
    for command in (("rm", f"{view}/vision"), ("ln", "-s", "/etc", f"{view}/etc"), ("chmod", "777", str(view))):
        assert run_as(ada.uid, *command).returncode != 0, command
    assert run_as(carol.uid, "ls", str(view)).returncode != 0
    assert run_as(carol.uid, "ls", str(world.state.project_views)).returncode != 0


@needs_root
async def test_the_links_follow_the_members(world: World) -> None:
    views = world.state.project_views
    await world.set_roles(bob=None, mallory=Role.VIEWER)
    assert {user: names(views / user) for user in ("ada", "bob", "mallory")} == {"ada": ["vision"], "bob": [], "mallory": ["vision"]}
    again = DesiredProject.of("vision--p1111111111", "vision", (("ada", Role.OWNER),))
    await world.files.discard(world.project)
    await world.files.apply(again)
    assert str((views / "ada" / "vision").readlink()) == f"../../projects/{again.id}/files"
    (views / "ada" / "vision").unlink()
    (views / "ada" / "vision").mkdir()
    (views / "ada" / ".vision.draft").symlink_to("/etc")
    retire("mallory", world.state)
    await world.files.keep([again])
    assert names(views / "ada") == ["vision"]
    assert str((views / "ada" / "vision").readlink()) == f"../../projects/{again.id}/files"
    assert "mallory" not in names(views)


SAVE = """
import asyncio, sys
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
async def main():
    manager = AsyncLargeFileManager(root_dir=sys.argv[1])
    path, text = "projects/vision/folder/note.txt", sys.argv[2]
    print([entry["name"] for entry in (await manager.get("projects"))["content"]])
    try:
        await manager.new({"type": "directory"}, "projects/vision/folder")
    except Exception as error:
        assert "exists" in str(error), error
    await manager.save({"type": "file", "format": "text", "content": text}, path)
    await manager.create_checkpoint(path)
    await manager.save({"type": "file", "format": "text", "content": "wrong"}, path)
    await manager.restore_checkpoint("checkpoint", path)
    assert (await manager.get(path))["content"] == text
asyncio.run(main())
"""


@needs_root
async def test_jupyter_saves_and_takes_back_what_others_have_saved(world: World) -> None:
    """Checkpoints are made by whoever saves first, and serve all."""
    for user in ("ada", "bob", "ada"):
        account = world.person(user)
        ensure_home_link(account, world.state, isolated=True)
        done = await asyncio.to_thread(
            run_as, account.uid, "env", f"HOME={account.home}", sys.executable, "-W", "ignore", "-c", SAVE, str(account.home), f"by {user}"
        )
        assert done.returncode == 0, done.stderr
        assert "vision" in done.stdout
    assert (world.folder / "folder" / "note.txt").read_text() == "by ada"
