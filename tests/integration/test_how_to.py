"""The how-to pages, followed literally: each block is run in its order, by the person whom the page speaks to."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest

from labyard_hub.domain.scopes import SERVICE_SCOPES
from tests.documents import DOCS, steps
from tests.integration.person import PASSWORD, Person
from tests.labyard.test_environments import wheel
from tests.platform import RunningPlatform, is_root, labyard, open_temporary_folder, wait_until

pytestmark = [pytest.mark.xdist_group("shared platform"), pytest.mark.integration, pytest.mark.timeout(300)]

needs_isolation = pytest.mark.skipif(not is_root(), reason="people have accounts of their own when it is started as root")
Project = Callable[[str], str]


@pytest.fixture(scope="module")
def ada(shared_platform: RunningPlatform) -> Iterator[Person]:
    for name in ("bob", "carol", "dan"):
        shared_platform.ensure_user(name, PASSWORD)
    person = Person(shared_platform, "ada")
    token = person.session.token("ada", scopes=list(SERVICE_SCOPES))
    person.terminal(f"labyard login {shared_platform.url} --token-stdin <<< {token}\n")
    yield person
    shared_platform.stop_server("ada")


@pytest.fixture
def project(ada: Person) -> Iterator[Project]:
    """Makes projects of ada's, and deletes those that the page has left."""
    service = ada.running.client("services/labyard/api/v1/", ada.token)

    def make(name: str) -> str:
        identifier = service.post("projects", json={"name": name}).raise_for_status().json()["id"]
        wait_until((ada.home / "projects" / name).exists, "its folder is in ada's home")
        return str(identifier)

    yield make
    for one in service.get("projects").json()["projects"]:
        service.delete(f"projects/{one['name']}?confirm={one['name']}").raise_for_status()


def page(name: str) -> list[tuple[str, str]]:
    return steps(DOCS / "how-to" / f"{name}.md")


def as_person(
    person: Person,
    language: str,
    block: str,
    folder: str = "",
    *,
    answers: Mapping[str, str] = MappingProxyType({}),
    before: str = "set -e\n",
) -> str:
    """Run a block in a terminal of the person's server, and return what it printed."""
    script = f"python - <<'END-OF-BLOCK'\n{block}END-OF-BLOCK\n" if language == "python" else block
    text = person.terminal(f"{before}{script}echo followed\n", folder, answers)
    assert text.split()[-1:] == ["followed"], text
    return text


def as_administrator(state: Path, block: str, folder: Path | None = None) -> str:
    """Run a block as whoever administers the machine, and return what it printed. The page's state folder is that of the test."""
    environment = {**os.environ, "LABYARD_STATE_DIR": str(state), "PATH": f"{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}"}
    command = ["bash", "-e", "-c", block.replace("/var/lib/labyard", str(state))]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_command_line(ada: Person, project: Project) -> None:
    projects, script = page("command-line")
    answers = {"The server of vision stops": "y", "Type its name to delete it": "vision"}
    assert "Computer vision" in as_person(ada, *projects, answers=answers)
    as_person(ada, *script, before="")
    assert "it is there" in as_person(ada, *script, before="")


def test_label_studio(ada: Person) -> None:
    [(language, code)] = page("label-studio")
    ask = "print(*map(file_of, ('/user/ada/labyard/tools/label-studio/data/upload/1/a.png', '/user/ada/labyard/tools/label-studio/data/local-files/?d=b.png')))\n"
    uploaded, local, _ = as_person(ada, language, code + ask).split()
    assert uploaded == f"{ada.home}/.local/share/labyard/tools/label-studio/media/upload/1/a.png"
    assert local == f"{ada.home}/label-studio/b.png"


def test_own_packages(ada: Person, project: Project) -> None:
    """With wheels made here in the place of the packages, so that no index is asked."""
    project("churn")
    with open_temporary_folder() as folder:
        for name in ("spacy", "gensim", "lightgbm"):
            Path(wheel(folder, name, "4.0")).chmod(0o644)
        for one in page("own-packages"):
            as_person(ada, *one, before=f"set -e\nexport UV_OFFLINE=1 UV_FIND_LINKS={folder}\n")
    kernels = ada.server.get("api/kernelspecs").json()["kernelspecs"]
    assert "nlp" in kernels
    assert "training" not in kernels  # as the page says
    assert (ada.home / "projects" / "churn" / ".labyard" / "environments" / "training").is_dir()


def test_profiles(ada: Person) -> None:
    [(_, groups)] = page("profiles")
    added, removed, left = groups.splitlines()
    for command, expected in ((added, "research"), (removed, ""), (left, "")):
        as_administrator(ada.running.root, command)
        assert ("research" in ada.running.labyard("user", "groups", "ada").stdout) == bool(expected)


@needs_isolation
def test_trash_of_people(ada: Person) -> None:
    running = ada.running
    running.add_user("grace", PASSWORD)
    running.session("grace", PASSWORD).start_server("grace")
    home = running.state.homes / "grace"
    running.client("user/grace/", running.session("grace", PASSWORD).token("grace")).put(
        "api/contents/notes.txt", json={"type": "file", "format": "text", "content": "mine"}
    ).raise_for_status()
    uid = home.stat().st_uid
    running.labyard("user", "remove", "grace", "--yes")
    assert not home.exists()
    told = as_administrator(running.root, page("trash")[0][1])
    assert re.search(r"^grace +0 +\S+/trash/grace-\S+ +[0-9.]+ KiB +", told, re.MULTILINE)
    assert told.split()[-1].startswith(f"{running.url}hub/invite?token=")
    running.add_user("grace", PASSWORD)
    session = running.session("grace", PASSWORD)
    session.start_server("grace")
    server = running.client("user/grace/", session.token("grace"))
    assert server.get("api/contents/notes.txt").json()["content"] == "mine"
    server.put("api/contents/notes.txt", json={"type": "file", "format": "text", "content": "still"}).raise_for_status()
    assert (home / "notes.txt").stat().st_uid == home.stat().st_uid != uid
    running.stop_server("grace")


@needs_isolation
def test_trash_of_projects(ada: Person, project: Project) -> None:
    trash = ada.running.state.trash
    for number, (_, block) in enumerate(page("trash")[1:]):
        identifier = project("vision")
        (ada.home / "projects" / "vision" / "notes.txt").write_text(f"of {identifier}")
        ada.running.client("services/labyard/api/v1/", ada.token).delete("projects/vision?confirm=vision").raise_for_status()
        deleted = wait_until(lambda one=identifier: next(trash.glob(f"{one}-*"), None), "it is in the trash")
        if number == 1:
            new = project("vision")
        told = as_administrator(ada.running.root, block.replace("vision--p3f2c09ab41-20260131T142501123456", deleted.name))
        match number:
            case 0:
                assert deleted.name in told
            case 1:
                assert new != identifier
                notes = wait_until(lambda: ada.server.get("api/contents/projects/vision/notes.txt").json().get("content"), "ada reads them")
                assert notes == f"of {identifier}"
                assert "ada" in as_person(ada, "sh", "echo $USER >> notes.txt; cat notes.txt\n", "projects/vision")
                ada.running.client("services/labyard/api/v1/", ada.token).delete("projects/vision?confirm=vision").raise_for_status()
            case 2:
                assert (trash / "keep-vision" / "files" / "notes.txt").exists()
                shutil.rmtree(trash / "keep-vision")
            case 3:
                assert not deleted.exists()


def test_share_a_model(ada: Person, project: Project) -> None:
    project("vision")
    project("ranking")
    for language, block in page("share-a-model"):
        shares = json.loads(ada.terminal("labyard project model list vision --json\n"))
        identifier = shares[0]["id"] if shares else "none yet"
        as_person(ada, language, block.replace("unshare vision ID", f"unshare vision {identifier}"), "projects/vision")
    assert len(json.loads(ada.terminal("labyard project model list vision --json\n"))) == len(shares) - 1


@needs_isolation
def test_backup(open_folder: Path) -> None:
    state = open_folder / "state"
    state.mkdir()
    (state / "config.yaml").write_text("listen: {port: 0}\ntools: {enabled: []}\n")
    backup, restore, another_machine = (block for _, block in page("backup"))
    today = datetime.now(UTC).date().isoformat()
    try:
        labyard("up", "--detach", "--state-dir", str(state))
        with subprocess.Popen(["true"], text=True) as nobody:
            running = RunningPlatform(state, nobody)
        running.add_user("ada", PASSWORD)
        running.session("ada", PASSWORD).start_server("ada")
        (state / "homes" / "ada" / "notes.txt").write_text("kept")
        as_administrator(state, backup, open_folder)
        labyard("down", "--state-dir", str(state))
        shutil.rmtree(state)
        as_administrator(state, restore.replace("2026-01-31", today), open_folder)
        account = pwd.getpwuid((state / "homes" / "ada").stat().st_uid).pw_name  # other tests' platforms have an ada, too
        as_administrator(state, another_machine.replace("ly-ada", account))
        session = running.session("ada", PASSWORD)
        session.start_server("ada")
        assert running.client("user/ada/", session.token("ada")).get("api/contents/notes.txt").json()["content"] == "kept"
    finally:
        for client in running.clients:
            client.close()
        labyard("down", "--state-dir", str(state))
