"""Label Studio and MLflow of a project on a real platform: one instance, one workspace, and everybody under their own name."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from labyard import Client
from labyard.exceptions import ModelNotFoundError
from labyard_hub.backends.local.accounts import ensure_project_account
from tests.integration.kernels import KernelConnection
from tests.integration.project_world import World, open_world
from tests.platform import RunningPlatform, is_root, wait_until

pytestmark = [pytest.mark.xdist_group("shared platform"), pytest.mark.integration, pytest.mark.timeout(400)]

CONFIG = '<View><Text name="text" value="$text"/><Choices name="kind" toName="text"><Choice value="a"/><Choice value="b"/></Choices></View>'
LABEL_STUDIO = "labyard/tools/label-studio/"

RUN = """
import mlflow
with mlflow.start_run(run_name="{name}") as run:
    mlflow.log_metric("loss", 0.5)
print(run.info.run_id)
"""


@pytest.fixture(scope="module")
def world(shared_platform: RunningPlatform) -> Iterator[World]:
    with open_world(shared_platform) as world:
        yield world


@pytest.fixture(scope="module")
def label_studio(world: World) -> World:
    """The project's Label Studio runs."""
    for name, status in (("dan", 403), ("carol", 403), ("bob", 201)):
        answer = world.at_server(name).post("labyard/api/v1/instances", json={"tool": "label-studio"})
        assert answer.status_code == status, f"{name}: {answer.text}"

    def running() -> bool:
        model = world.at_server("carol").get("labyard/api/v1/instances/label-studio").json()
        assert model["state"] in ("starting", "running"), model
        return bool(model["state"] == "running")

    wait_until(running, "Label Studio", 180)
    return world


def studio(world: World, name: str) -> httpx.Client:
    """Return a client of the project's Label Studio that calls as `name`."""
    return world.running.client(f"user/{world.project}/{LABEL_STUDIO}", world.tokens[name])


def test_two_members_label_at_once_each_under_their_own_name(label_studio: World) -> None:
    world = label_studio
    ada, bob, carol = (studio(world, name) for name in ("ada", "bob", "carol"))
    number = ada.post("api/projects", json={"title": "Signs", "label_config": CONFIG}).raise_for_status().json()["id"]
    ada.post(f"api/projects/{number}/import", json=[{"text": "one"}, {"text": "two"}]).raise_for_status()
    tasks = [task["id"] for task in bob.get("api/tasks", params={"project": number}).json()["tasks"]]
    answers: list[httpx.Response] = []
    together = threading.Barrier(2)

    def label(client: httpx.Client, task: int) -> None:
        result = [{"from_name": "kind", "to_name": "text", "type": "choices", "value": {"choices": ["a"]}}]
        together.wait()
        answers.append(client.post(f"api/tasks/{task}/annotations/", json={"result": result}))

    threads = [threading.Thread(target=label, args=one) for one in zip((ada, bob), tasks, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [201, 201]
    names = {user["id"]: user["email"] for user in carol.get("api/users/").json()}
    authors = [names[one["completed_by"]] for task in tasks for one in carol.get(f"api/tasks/{task}/annotations/").json()]
    assert authors == ["ada@labyard.invalid", "bob@labyard.invalid"]

    # A viewer looks at both and changes neither; a stranger sees nothing.
    for task in tasks:
        assert carol.post(f"api/tasks/{task}/annotations/", json={"result": []}).status_code == 403
    assert carol.delete(f"api/projects/{number}").status_code == 403
    assert studio(world, "dan").get("api/projects").status_code == 403


def test_a_link_leads_to_it_in_a_browser(label_studio: World) -> None:
    for name in ("ada", "carol"):
        page = label_studio.sessions[name].http.get(
            f"user/{label_studio.project}/labyard/open/label-studio", headers={"Accept": "text/html"}
        )
        assert page.status_code == 200, page.text
        assert page.url.path.startswith(f"/user/{label_studio.project}/{LABEL_STUDIO}")
        whoami = label_studio.sessions[name].http.get(f"user/{label_studio.project}/{LABEL_STUDIO}api/current-user/whoami")
        assert whoami.json()["email"] == f"{name}@labyard.invalid"


def test_its_data_is_the_projects_alone(label_studio: World) -> None:
    data = label_studio.running.state.projects / label_studio.project / "tools" / "label-studio"
    assert (data / "label_studio.sqlite3").exists()
    assert data.stat().st_mode & 0o077 == 0
    if is_root():
        owner = ensure_project_account(label_studio.project, label_studio.running.state, isolated=True)
        assert data.stat().st_uid == owner.uid != 0


def runs(world: World, name: str, workspace: str) -> dict[str, str]:
    """Return the names of the runs in a workspace and of their experiments."""
    client = world.running.client("services/mlflow/api/2.0/mlflow/", world.tokens[name])
    headers = {"X-MLFLOW-WORKSPACE": workspace}
    found = client.post("experiments/search", json={"max_results": 100}, headers=headers).raise_for_status().json()["experiments"]
    experiments = {one["experiment_id"]: one["name"] for one in found}
    body = {"experiment_ids": list(experiments), "max_results": 100}
    listed: list[dict[str, Any]] = client.post("runs/search", json=body, headers=headers).json().get("runs", [])
    return {one["info"]["run_name"]: experiments[one["info"]["experiment_id"]] for one in listed}


def test_runs_in_the_projects_folder_and_server_are_the_projects(world: World) -> None:
    world.sessions["bob"].start_server("bob")
    places = {
        "together": (f"user/{world.project}/", "bob", ""),
        "alone": ("user/bob/", "bob", "projects/vision"),
        "private": ("user/bob/", "bob", ""),
    }
    for name, (server, user, folder) in places.items():
        client = world.running.client(server, world.tokens[user])
        session = {"path": f"{folder}/x.ipynb".lstrip("/"), "type": "notebook", "name": "x", "kernel": {"name": "python3"}}
        kernel = client.post("api/sessions", json=session).raise_for_status().json()["kernel"]["id"]
        with KernelConnection(f"{world.running.url}{server}", kernel, world.tokens[user]) as connection:
            output = connection.run(RUN.format(name=name))
        assert not output.error, output.error
        client.delete(f"api/kernels/{kernel}")
    assert runs(world, "carol", world.project) == {"together": "Default", "alone": "Default"}
    assert runs(world, "bob", "bob") == {"private": "Default"}


def test_a_misspelt_model_is_not_shared(world: World) -> None:
    mlflow = world.running.client("services/mlflow/api/2.0/mlflow/", world.tokens["bob"])
    headers = {"X-MLFLOW-WORKSPACE": world.project}
    mlflow.post("registered-models/create", json={"name": "detector"}, headers=headers).raise_for_status()
    with Client(world.running.url, world.tokens["bob"]) as bob:
        with pytest.raises(ModelNotFoundError, match=r"no registered model 'detctor', so nothing was shared\. Did you mean 'detector'\?"):
            bob.projects.models.share("vision", "detctor", with_user="dan")
        assert list(bob.projects.models.list("vision")) == []
        bob.projects.models.unshare("vision", bob.projects.models.share("vision", "detector", with_user="dan").id)


def test_who_leaves_is_out_of_both_within_seconds(label_studio: World) -> None:
    world = label_studio
    world.let_in("dan", "editor")
    dan = studio(world, "dan")
    mlflow = world.running.client("services/mlflow/api/2.0/mlflow/", world.tokens["dan"])
    headers = {"X-MLFLOW-WORKSPACE": world.project}
    wait_until(lambda: dan.get("api/projects").status_code == 200, "in Label Studio", 10)
    wait_until(lambda: mlflow.get("experiments/search?max_results=1", headers=headers).status_code == 200, "in MLflow", 10)
    world.set_role("dan", None)
    wait_until(lambda: dan.get("api/projects").status_code != 200, "out of Label Studio", 10)
    wait_until(lambda: mlflow.get("experiments/search?max_results=1", headers=headers).status_code == 403, "out of MLflow", 10)
    world.enter("ada")  # the server stopped with whatever dan had started in it
    assert dan.get("api/projects").status_code == 403
