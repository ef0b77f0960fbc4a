"""MLflow in projects: where runs go, what each role may, and models that are shared."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from labyard_hub.mlflow_server.mlflow_gateway.routes import Access, RouteTable
from tests.integration.mlflow_person import Person
from tests.integration.mlflow_walk import artifact_path, call
from tests.integration.small_platform import SmallPlatform, small_platform
from tests.labyard_hub.mlflow_server.mlflow_routes import mlflow_routes, sample, template_of
from tests.platform import open_temporary_folder, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

MARKER = "m4rk3r0fvision"
PEOPLE = ("ada", "bob", "vic", "eve", "leo")

RUN = """
import mlflow
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.5)
print("RUN", run.info.experiment_id)
"""

TRAIN = """
import mlflow, os, sys, tempfile
from sklearn.linear_model import LinearRegression

mlflow.sklearn.autolog(log_models=False, silent=True)
with mlflow.start_run() as run:
    model = LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0])
    with tempfile.TemporaryDirectory() as elsewhere:
        here = os.getcwd()
        os.chdir(elsewhere)  # a program that works in a folder of its own for a while
        open("note.txt", "w").write("hello")
        mlflow.log_artifact("note.txt")
        mlflow.sklearn.log_model(model, name="model", registered_model_name="iris")
        os.chdir("/")
os.chdir(here)
client = mlflow.MlflowClient()
client.set_registered_model_alias("iris", "champion", client.search_model_versions("name='iris'")[0].version)
assert mlflow.sklearn.load_model("models:/iris@champion").predict([[3.0]])[0] > 2.9
with mlflow.start_span("look") as span:
    pass
mlflow.flush_trace_async_logging()
assert mlflow.get_trace(span.trace_id) is not None
print("RUN", run.info.run_id)
"""

LOAD = """
import mlflow
for version in ("/1", "@champion"):
    assert mlflow.pyfunc.load_model("labyard:/vision/iris" + version).predict([[3.0]])[0] > 2.9
    assert mlflow.sklearn.load_model("labyard:/vision/iris" + version).predict([[3.0]])[0] > 2.9
assert "sklearn" in open(mlflow.artifacts.download_artifacts("labyard:/vision/iris/1/MLmodel")).read()
print("RUN loaded")
"""


@dataclass
class World:
    """Ada owns the project `vision`, Bob edits, Vic looks, Leo will leave; Eve has a project of her own, `speech`."""

    platform: SmallPlatform
    python: Path
    people: dict[str, Person]
    ids: dict[str, str]

    def service(self, name: str) -> httpx.Client:
        return httpx.Client(
            base_url=f"{self.platform.platform.service_url}api/v1/",
            headers={"Authorization": f"Bearer {self.people[name].environment['MLFLOW_TRACKING_TOKEN']}"}, timeout=60, trust_env=False,
        )  # fmt: skip

    def create(self, owner: str, name: str, **members: str) -> None:
        with self.service(owner) as service:
            made = service.post("projects", json={"name": name})
            made.raise_for_status()
            self.ids[name] = made.json()["id"]
            for user, role in members.items():
                service.post(f"projects/{name}/members", json={"user": user, "role": role}).raise_for_status()
        self.files(name).mkdir(parents=True, exist_ok=True)

    def files(self, name: str) -> Path:
        return self.platform.state.projects / self.ids[name] / "files"

    def header(self, name: str) -> dict[str, str]:
        return {"X-MLFLOW-WORKSPACE": self.ids[name]}


@pytest.fixture(scope="module")
def world(environments: Path) -> Iterator[World]:
    python = environments / "mlflow" / "bin" / "python"
    with open_temporary_folder() as folder, small_platform(folder / "state", python) as platform:
        world = World(platform, environments / "workbench" / "bin" / "python", {}, {})
        for name in PEOPLE:
            platform.add_user(name)
            world.people[name] = person(world, folder / name, name)
        world.create("ada", "vision", bob="editor", vic="viewer", leo="editor")
        world.create("eve", "speech")
        yield world
        for one in world.people.values():
            one.api.close()


def person(world: World, home: Path, name: str) -> Person:
    home.mkdir()
    token = world.platform.token(name)
    environment = {
        "PATH": "/usr/bin:/bin", "HOME": str(home), "MLFLOW_TRACKING_TOKEN": token, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        **world.platform.client_environment(),
    }  # fmt: skip
    return Person(home, environment, world.platform.mlflow(token), world.python)


def runs(person: Person, workspace: str) -> int:
    """Return how many runs there are in a workspace."""
    headers = {"X-MLFLOW-WORKSPACE": workspace}
    found = person.api.post("api/2.0/mlflow/experiments/search", json={"max_results": 100}, headers=headers).json()["experiments"]
    body = {"experiment_ids": [one["experiment_id"] for one in found], "max_results": 1000}
    return len(person.api.post("api/2.0/mlflow/runs/search", json=body, headers=headers).json().get("runs", []))


def test_a_run_in_the_projects_folder_is_the_projects(world: World) -> None:
    bob, project = world.people["bob"], world.ids["vision"]
    (bob.home / "projects").symlink_to(world.platform.state.projects)
    for folder, name in ((world.files("vision"), "Default"), (f"projects/{project}/files/train/first try", "train/first try")):
        assert bob.experiment_of(bob.run(RUN, folder), project) == name
    assert bob.experiment_of(bob.run(RUN, "elsewhere")) == "elsewhere"
    assert (runs(bob, project), runs(bob, "bob")) == (2, 1)
    # What is beside the shared files is nobody's to run in.
    assert bob.experiment_of(bob.run(RUN, world.platform.state.projects / project / "home")) != ""
    assert runs(bob, project) == 2


def test_a_chosen_workspace_comes_first(world: World) -> None:
    bob, project = world.people["bob"], world.ids["vision"]
    before = runs(bob, project), runs(bob, "bob")
    bob.run(RUN, world.files("vision"), MLFLOW_WORKSPACE="bob")
    bob.run("import mlflow; mlflow.set_workspace('bob')\n" + RUN, world.files("vision"))
    bob.run(RUN, "elsewhere", MLFLOW_WORKSPACE=project)
    # A program started from one in the project has chosen nothing by that.
    bob.run(
        f"import subprocess, sys, mlflow\nmlflow.search_runs()\nsubprocess.run([sys.executable, '-c', {RUN!r}], cwd={str(bob.home)!r}, check=True)\nprint('RUN')".replace(
            "print('RUN')", "print('RUN x')"
        ),
        world.files("vision"),
    )
    assert (runs(bob, project), runs(bob, "bob")) == (before[0] + 1, before[1] + 3)


def test_everything_of_the_client_goes_the_same_way(world: World) -> None:
    bob, project = world.people["bob"], world.ids["vision"]
    run = bob.run(TRAIN, world.files("vision") / "train")
    assert bob.api.get("api/2.0/mlflow/runs/get", params={"run_id": run}).status_code == 404
    found = bob.api.get("api/2.0/mlflow/runs/get", params={"run_id": run}, headers=world.header("vision")).json()["run"]
    assert found["info"]["status"] == "FINISHED"
    assert found["info"]["artifact_uri"].startswith(f"mlflow-artifacts:/workspaces/{project}/")


def test_links_that_are_printed_lead_to_the_workspace(world: World) -> None:
    bob = world.people["bob"]
    done = bob.attempt(RUN, world.files("vision"))
    links = [line for line in done.stdout.splitlines() if "http" in line]
    assert len(links) == 2
    assert all(line.endswith(f"?workspace={world.ids['vision']}") for line in links)


def test_another_server_is_told_nothing(world: World) -> None:
    code = """
import http.server, mlflow, os, threading

seen = []

class Other(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        seen.append(self.headers.get("X-MLFLOW-WORKSPACE"))
        self.send_error(404)

server = http.server.HTTPServer(("127.0.0.1", 0), Other)
threading.Thread(target=server.serve_forever, daemon=True).start()
mlflow.search_runs()
assert os.environ["MLFLOW_WORKSPACE"]
mlflow.set_tracking_uri(f"http://127.0.0.1:{server.server_port}")
try:
    mlflow.get_run("x")
except mlflow.exceptions.MlflowException:
    pass
print("RUN", set(seen))
"""
    assert world.people["bob"].run(code, world.files("vision")) == "{None}"


def test_a_viewer_reads_and_is_told_that_they_may_not_write(world: World) -> None:
    vic = world.people["vic"]
    assert vic.run("import mlflow; print('RUN', len(mlflow.search_runs(search_all_experiments=True)) > 1)", world.files("vision")) == "True"
    done = vic.attempt(RUN, world.files("vision"))
    assert done.returncode != 0
    assert f"You may read the workspace {world.ids['vision']}, but not change it." in done.stderr


def test_the_projects_own_server_uses_its_workspace(world: World, tmp_path: Path) -> None:
    project = world.ids["vision"]
    if world.platform.hub_api("GET", f"users/{project}").status_code == 404:
        world.platform.add_user(project)
    server = person(world, tmp_path / "home", project)
    with server.api:
        assert server.experiment_of(server.run(RUN, world.files("vision") / "together"), project) == "together"
        assert server.api.get("api/3.0/mlflow/workspaces").json()["workspaces"] == [{"name": project, "description": "Project vision"}]
        for other in (world.ids["speech"], "bob"):
            assert server.api.get("api/2.0/mlflow/runs/get?run_id=x", headers={"X-MLFLOW-WORKSPACE": other}).status_code == 403


# What each role may, on every route.


@pytest.fixture(scope="module")
def seeded(world: World) -> dict[str, str]:
    """One of everything in the project, made by Ada."""
    ada, folder = world.people["ada"], world.files("vision") / "seed"
    folder.mkdir()
    script = Path(__file__).with_name("mlflow_seed.py")
    done = subprocess.run(
        [str(world.python), str(script), MARKER], env=ada.environment, cwd=folder, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("SEED ")).removeprefix("SEED "))
    return found


def everything(world: World, name: str, seeded: dict[str, str], routes: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """Return all that somebody sees of the project."""
    table, seen = RouteTable(), {}
    for method, path in routes:
        rule = table.find(method, sample(template_of(path)))
        if rule is not None and rule.access is Access.READ and "static-files" not in path and "calculate" not in path:
            answer = call(world.people[name].api, method, path, seeded, world.header("vision"))
            seen[f"{method} {path}"] = (answer.status_code, answer.text)
    return seen


def test_a_viewer_reads_by_every_route_and_writes_by_none(world: World, seeded: dict[str, str], environments: Path) -> None:
    routes, table = mlflow_routes(environments / "mlflow" / "bin" / "python"), RouteTable()
    before = everything(world, "ada", seeded, routes)
    assert len([text for status, text in before.values() if status == 200 and MARKER in text]) > 40
    assert everything(world, "vic", seeded, routes) == before
    written = 0
    for method, path in routes:
        rule = table.find(method, sample(template_of(path)))
        if rule is not None and rule.access is Access.READ:
            continue
        for headers in (world.header("vision"), {}):
            answer = call(world.people["vic"].api, method, path, seeded, headers)
            where = f"{method} {path} as viewer with {headers}: {answer.status_code} {answer.text[:300]}"
            if rule is not None and rule.access is Access.WRITE and headers:
                assert answer.status_code == 403, where
                written += 1
            assert MARKER not in answer.text, where
    assert written > 80
    assert everything(world, "ada", seeded, routes) == before


def test_somebody_else_gets_nothing_by_any_route(world: World, seeded: dict[str, str], environments: Path) -> None:
    routes = mlflow_routes(environments / "mlflow" / "bin" / "python")
    before = everything(world, "ada", seeded, routes)
    for method, path in routes:
        for headers in (world.header("vision"), {}):
            answer = call(world.people["eve"].api, method, path, seeded, headers)
            where = f"{method} {path} as a stranger with {headers}: {answer.status_code} {answer.text[:300]}"
            assert MARKER not in answer.text, where
            if headers and template_of(path) != "health":
                assert answer.status_code in (403, 404), where
    assert everything(world, "ada", seeded, routes) == before


# Models that are shared.


@pytest.fixture(scope="module")
def trained(world: World) -> None:
    world.people["ada"].run(
        TRAIN.replace("os.chdir(elsewhere)", "pass").replace('"iris"', '"secret"').replace("iris", "secret"), world.files("vision") / "t"
    )
    if world.people["ada"].api.get("api/2.0/mlflow/registered-models/get?name=iris", headers=world.header("vision")).status_code != 200:
        world.people["ada"].run(TRAIN, world.files("vision") / "train")


def share(world: World, **target: str) -> str:
    with world.service("ada") as service:
        made = service.post("projects/vision/models", json={"model": "iris", **target})
        made.raise_for_status()
        assert made.json()["uri"] == "labyard:/vision/iris"
        return str(made.json()["id"])


def unshare(world: World, share_id: str) -> None:
    with world.service("ada") as service:
        service.delete(f"projects/vision/models/{share_id}").raise_for_status()


def status(person: Person, path: str) -> int:
    return person.api.get(f"labyard/shared-models/{path}").status_code


@pytest.mark.usefixtures("trained")
def test_a_model_is_loaded_by_whom_it_is_shared_with_until_it_is_not(world: World) -> None:
    eve = world.people["eve"]
    done = eve.attempt(LOAD)
    assert done.returncode != 0
    assert "There is no such model, or it is not shared with you: vision/iris/1. Ask somebody of the project to share it." in done.stderr
    shared = share(world, user="eve")
    wait_until(lambda: status(eve, "vision/iris/1") == 200, "shared", 10)
    assert eve.run(LOAD) == "loaded"
    assert eve.run(LOAD, world.files("speech")) == "loaded"
    # Not the project's other models, nor anything else there.
    assert status(eve, "vision/secret/1") == 404
    assert eve.api.get("api/2.0/mlflow/registered-models/get?name=iris", headers=world.header("vision")).status_code == 403
    assert eve.api.get("api/3.0/mlflow/workspaces").json()["workspaces"][0]["name"] == "eve"
    for method in ("PUT", "POST", "PATCH", "DELETE"):
        assert eve.api.request(method, "labyard/shared-models/vision/iris/1/files/MLmodel", content=b"x").status_code == 404
    unshare(world, shared)
    wait_until(lambda: status(eve, "vision/iris/1") == 404, "no longer shared", 10)
    assert "it is not shared with you" in eve.attempt(LOAD).stderr


@pytest.mark.usefixtures("trained")
def test_a_model_is_shared_with_a_project(world: World) -> None:
    with world.service("eve") as service:
        service.post("projects/speech/members", json={"user": "ada", "role": "editor"}).raise_for_status()
    shared = share(world, project="speech")
    eve = world.people["eve"]
    wait_until(lambda: status(eve, "vision/iris/@champion") == 200, "shared", 10)
    assert eve.run(LOAD, world.files("speech")) == "loaded"
    unshare(world, shared)
    wait_until(lambda: status(eve, "vision/iris/@champion") == 404, "no longer shared", 10)


@pytest.mark.usefixtures("trained")
def test_members_load_their_own_projects_models_in_the_same_way(world: World) -> None:
    for name in ("bob", "vic"):
        assert world.people[name].run(LOAD) == "loaded"
    for wrong in ("labyard:/vision/iris/99", "labyard:/vision/iris@nobody", "labyard:/vision", "labyard:/", "labyard:/vision/iris/latest"):
        done = world.people["bob"].attempt(f"import mlflow; mlflow.pyfunc.load_model({wrong!r})")
        assert done.returncode != 0
        assert "no such model" in done.stderr or "names no model" in done.stderr, (wrong, done.stderr[-500:])


@pytest.mark.usefixtures("trained")
def test_no_path_leads_from_a_shared_model_to_other_files(world: World, seeded: dict[str, str]) -> None:
    shared = share(world, user="eve")
    eve = world.people["eve"]
    wait_until(lambda: status(eve, "vision/iris/1/files/MLmodel") == 200, "shared", 10)
    target = artifact_path(seeded)
    for up in ("..", "%2e%2e", "..%2f..", "%252e%252e"):
        for depth in range(1, 8):
            for what in ("files", "list"):
                path = f"labyard/shared-models/vision/iris/1/{what}/{'/'.join([up] * depth)}/{target}"
                answer = eve.api.send(httpx.Request("GET", f"{eve.api.base_url}{path}", headers=eve.api.headers))
                assert answer.status_code >= 400
                assert MARKER not in answer.text
    for path in (f"files/{target}", "files//etc/passwd", "files/workspaces", f"list/{target}", "list/../.."):
        answer = eve.api.get(f"labyard/shared-models/vision/iris/1/{path}")
        assert MARKER not in answer.text
        assert "root:" not in answer.text
        assert answer.status_code >= 400 or answer.json() in ({}, {"files": []}), path
    unshare(world, shared)


def test_who_leaves_the_project_is_out_within_seconds(world: World) -> None:
    leo = world.people["leo"]
    path = "api/2.0/mlflow/experiments/search?max_results=1"
    assert leo.api.get(path, headers=world.header("vision")).status_code == 200
    with world.service("ada") as service:
        service.delete("projects/vision/members/leo").raise_for_status()
    wait_until(lambda: leo.api.get(path, headers=world.header("vision")).status_code == 403, "out", 10)
    assert status(leo, "vision/iris/1") == 404
    assert "You may not use this workspace" in leo.attempt(RUN, world.files("vision")).stderr


def test_an_archived_project_is_read_only(world: World) -> None:
    world.create("ada", "old")
    ada = world.people["ada"]
    ada.run(RUN, world.files("old"))
    with world.service("ada") as service:
        service.post("projects/old/archive").raise_for_status()
    body = {"name": "new"}
    wait_until(
        lambda: ada.api.post("api/2.0/mlflow/experiments/create", json=body, headers=world.header("old")).status_code == 403, "archived", 10
    )
    assert runs(ada, world.ids["old"]) == 1
