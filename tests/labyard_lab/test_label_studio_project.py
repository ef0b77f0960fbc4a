"""A project's Label Studio: every member under their own name, from its own environment, through a real Jupyter server."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from labyard.builtin_tools import builtin_tool
from labyard_lab.running_tools.manager import PROGRAMS
from tests.labyard_lab.conftest import LabServer
from tests.labyard_lab.members import IDENTITIES, PROJECT, Service, project_environment, service
from tests.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

CONFIG = '<View><Image name="picture" value="$image"/><Choices name="kind" toName="picture"><Choice value="a"/><Choice value="b"/></Choices></View>'
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c636460f8ff1f0003030200ef9bbfb40000000049454e44ae426082"
)


class World:
    """Ada owns the project, Bob edits, Vic looks; Eve is nobody here."""

    def __init__(self, server: LabServer, service: Service, project: Path) -> None:
        self.server, self.service, self.project = server, service, project
        self.stack = ExitStack()
        self.ada, self.bob, self.vic, self.eve = (self.member(name) for name in ("ada", "bob", "vic", "eve"))

    def member(self, name: str) -> httpx.Client:
        """Return a browser of somebody's own."""
        url = f"{self.server.url}labyard/tools/label-studio/"
        client = httpx.Client(base_url=url, headers={"Authorization": f"token token-of-{name}"}, timeout=60)
        return self.stack.enter_context(client)


@pytest.fixture(scope="module")
def world(environments: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    python = environments / "label-studio" / "bin" / "python"
    folder = tmp_path_factory.mktemp("world")
    template = folder / "template.sqlite3"
    subprocess.run([python, PROGRAMS / "label_studio_template.py", template], check=True, timeout=300, capture_output=True)
    project = folder / "projects" / PROJECT
    (project / "files" / "pictures").mkdir(parents=True)
    for name in ("one.png", "two.png"):
        (project / "files" / "pictures" / name).write_bytes(PIXEL)
    with service(ada="owner", bob="editor", vic="viewer", al="editor") as known:
        environment = project_environment(
            known,
            LABYARD_PROJECTS_DIR=str(project.parent), LABYARD_TOOL_DATA_DIR=str(project / "tools"), LABYARD_LABEL_STUDIO_TEMPLATE=str(template),
        )  # fmt: skip
        server = LabServer(folder / "server", [builtin_tool("label-studio", python=python)], config=IDENTITIES, environment=environment)
        try:
            server.open("label-studio")
            world = World(server, known, project)
            yield world
            world.stack.close()
        finally:
            server.remove()


@pytest.fixture(scope="module")
def labelling(world: World) -> dict[str, Any]:
    """A project in Label Studio whose two tasks are pictures in the project's folder."""
    number = world.ada.post("api/projects", json={"title": "Signs", "label_config": CONFIG}).json()["id"]
    storage = {"project": number, "path": str(world.project / "files" / "pictures"), "use_blob_urls": True, "regex_filter": ".*png"}
    made = world.ada.post("api/storages/localfiles", json=storage)
    assert made.status_code == 201, made.text
    world.ada.post(f"api/storages/localfiles/{made.json()['id']}/sync").raise_for_status()
    tasks = wait_until(lambda: _two(world.ada.get("api/tasks", params={"project": number}).json()["tasks"]), "the tasks")
    return {"project": number, "tasks": tasks}


def _two(tasks: list[Any]) -> list[Any] | None:
    return tasks if len(tasks) == 2 else None


def label(client: httpx.Client, task: int, choice: str) -> httpx.Response:
    result = [{"from_name": "kind", "to_name": "picture", "type": "choices", "value": {"choices": [choice]}}]
    return client.post(f"api/tasks/{task}/annotations/", json={"result": result})


def authors(client: httpx.Client) -> dict[int, str]:
    return {user["id"]: user["email"] for user in client.get("api/users/").json()}


def test_two_members_label_at_once_and_each_is_the_author(world: World, labelling: dict[str, Any]) -> None:
    first, second = (task["id"] for task in labelling["tasks"])
    answers: dict[str, httpx.Response] = {}
    together = threading.Barrier(2)

    def work(name: str, client: httpx.Client, task: int) -> None:
        together.wait()
        answers[name] = label(client, task, "a" if name == "ada" else "b")

    threads = [threading.Thread(target=work, args=one) for one in (("ada", world.ada, first), ("bob", world.bob, second))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: answer.status_code for name, answer in answers.items()} == {"ada": 201, "bob": 201}, answers["bob"].text
    names = authors(world.ada)
    for task, name in ((first, "ada"), (second, "bob")):
        (annotation,) = world.vic.get(f"api/tasks/{task}/annotations/").json()
        assert names[annotation["completed_by"]] == f"{name}@labyard.invalid"
    # Who came first is not the owner of everything: the project is.
    assert f"{PROJECT}@labyard.invalid" in names.values()


def test_pictures_in_the_projects_folder_are_shown_and_no_others(world: World, labelling: dict[str, Any]) -> None:
    address = labelling["tasks"][0]["data"]["image"]
    assert address == f"{world.ada.base_url}data/local-files/?d=pictures/one.png"
    for client in (world.bob, world.vic):
        assert client.get(address).content == PIXEL
    (world.project / "secret.txt").write_text("secret")
    for outside in ("../secret.txt", "pictures/../../secret.txt", str(world.project / "secret.txt"), "/etc/passwd"):
        answer = world.ada.get("data/local-files/", params={"d": outside})
        assert answer.status_code in (400, 403, 404), (outside, answer.text)
        assert "secret" not in answer.text.replace("secret.txt", "")
    number = labelling["project"]
    for folder in ("/etc", str(world.project), str(world.project / "tools")):
        answer = world.ada.post("api/storages/localfiles", json={"project": number, "path": folder})
        assert answer.status_code == 400, answer.text


def test_a_viewer_looks_and_changes_nothing(world: World, labelling: dict[str, Any]) -> None:
    task, number = labelling["tasks"][0]["id"], labelling["project"]
    for path in ("", f"projects/{number}/data", f"api/projects/{number}", "api/current-user/whoami", f"api/tasks/{task}/annotations/"):
        answer = world.vic.get(path, headers={"Accept": "text/html,*/*"}, follow_redirects=True)
        assert answer.status_code == 200, path
    assert world.vic.get("api/current-user/whoami").json()["email"] == "vic@labyard.invalid"
    before = world.ada.get(f"api/tasks/{task}").json()["annotations"]
    key = world.vic.get("api/current-user/token").json()["token"]
    for headers in ({}, {"X-Api-Key": key}, {"X-HTTP-Method-Override": "GET"}):
        result = {"result": []}
        assert world.vic.post(f"api/tasks/{task}/annotations/", json=result, headers=headers).status_code == 403
        assert world.vic.delete(f"api/projects/{number}", headers=headers).status_code == 403
        assert world.vic.patch(f"api/projects/{number}", json={"title": "Taken"}, headers=headers).status_code == 403
    assert world.vic.get(f"api/projects/{number}", headers={"X-HTTP-Method-Override": "DELETE"}).json()["title"] == "Signs"
    assert world.ada.get(f"api/tasks/{task}").json()["annotations"] == before


def test_nobody_else_gets_in_and_nobody_is_somebody_else(world: World) -> None:
    assert world.eve.get("api/projects").status_code == 403
    assert httpx.get(f"{world.ada.base_url}api/projects").status_code in (302, 403)
    for forged in ("X-Labyard-User", "x_labyard_user", "X-LABYARD-USER"):
        answer = world.bob.get("api/current-user/whoami", headers={forged: "ada"})
        assert answer.json()["email"] == "bob@labyard.invalid", forged
    # Another's session, in a browser that two people use.
    world.bob.cookies.update(dict(world.ada.cookies))
    assert world.bob.get("api/current-user/whoami").json()["email"] == "bob@labyard.invalid"
    assert world.ada.get("api/current-user/whoami").json()["email"] == "ada@labyard.invalid"
    assert "eve@labyard.invalid" not in authors(world.ada).values()


def test_somebody_who_leaves_is_out_within_seconds(world: World) -> None:
    al = world.member("al")
    assert al.get("api/current-user/whoami").status_code == 200
    key = {"X-Api-Key": al.get("api/current-user/token").json()["token"]}
    assert al.get("api/projects", headers=key).status_code == 200
    del world.service.roles["al"]
    wait_until(lambda: al.get("api/projects", headers=key).status_code == 403, "out", 10)
    assert al.get("api/projects").status_code == 403


def test_its_data_is_the_projects(world: World) -> None:
    data = world.project / "tools" / "label-studio"
    assert data.stat().st_mode & 0o077 == 0
    assert (data / "label_studio.sqlite3").exists()
    assert not (world.server.home / ".local" / "share" / "labyard").exists()


def test_addresses_tell_everybody_apart(environments: Path) -> None:
    code = "from label_studio_account import email_of; print([email_of(n) for n in ('ada', 'a.b-c', 'Ada', 'a b', 'a-b', 'é', '', 'a@b', 'x'*90)])"
    python = environments / "label-studio" / "bin" / "python"
    done = subprocess.run([python, "-c", code], cwd=PROGRAMS, capture_output=True, text=True, check=True)
    found = [entry.strip(" '[]\n") for entry in done.stdout.split(",")]
    assert found[:2] == ["ada@labyard.invalid", "a.b-c@labyard.invalid"]
    assert len(set(found)) == len(found) == 9
    assert all(one.endswith("@labyard.invalid") and len(one) < 100 for one in found)
