"""One user against everything of another's, on every route that MLflow has."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from labyard_hub.mlflow_server.mlflow_gateway.routes import Access, RouteTable
from tests.integration.mlflow_walk import artifact_path, call, trace_info
from tests.integration.small_platform import SmallPlatform, small_platform
from tests.labyard_hub.mlflow_server.mlflow_routes import mlflow_routes, sample, template_of
from tests.platform import open_temporary_folder

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

MARKER = "m4rk3r0fada"


@dataclass
class World:
    """Ada has everything; Bob has an account."""

    platform: SmallPlatform
    ada: httpx.Client
    bob: httpx.Client
    ids: dict[str, str]
    routes: tuple[tuple[str, str], ...]


@pytest.fixture(scope="module")
def world(environments: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    python = environments / "mlflow" / "bin" / "python"
    with open_temporary_folder() as folder, small_platform(folder / "state", python) as platform:
        for name in ("ada", "bob"):
            platform.add_user(name)
        token = platform.token("ada")
        ids = seed(platform, environments, token, tmp_path_factory.mktemp("home"))
        with platform.mlflow(token) as ada, platform.mlflow(platform.token("bob")) as bob:
            yield World(platform, ada, bob, ids, mlflow_routes(python))


def seed(platform: SmallPlatform, environments: Path, token: str, home: Path) -> dict[str, str]:
    folder = home / "project" / "first"
    folder.mkdir(parents=True)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "MLFLOW_TRACKING_TOKEN": token, **platform.client_environment()}
    script = Path(__file__).with_name("mlflow_seed.py")
    done = subprocess.run(
        [str(environments / "workbench" / "bin" / "python"), str(script), MARKER],
        env=environment, cwd=folder, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("SEED "))
    found: dict[str, str] = json.loads(line.removeprefix("SEED "))
    return found


def everything(world: World) -> dict[str, Any]:
    """Return all that Ada sees, to tell whether anything of it was changed."""
    table = RouteTable()
    seen = {}
    for method, path in world.routes:
        rule = table.find(method, sample(template_of(path)))
        if rule is not None and rule.access is Access.READ and "static-files" not in path and "calculate" not in path:
            answer = call(world.ada, method, path, world.ids)
            seen[f"{method} {path}"] = (answer.status_code, answer.text)
    return seen


def test_a_user_sees_and_changes_nothing_of_another_on_any_route(world: World) -> None:
    table = RouteTable()
    before = everything(world)
    shown = {route for route, (status, text) in before.items() if status == 200 and MARKER in text}
    # The walk proves nothing about a route unless the owner, asking in the same way, is shown her data.
    assert len(shown) > 40, sorted(set(before) - shown)
    for method, path in world.routes:
        for workspace in (None, "ada", "default"):
            headers = {"X-MLFLOW-WORKSPACE": workspace} if workspace else {}
            answer = call(world.bob, method, path, world.ids, headers)
            rule = table.find(method, sample(template_of(path)))
            where = f"{method} {path} as bob in workspace {workspace}: {answer.status_code} {answer.text[:500]}"
            refusals = {403, 404, rule.refusal if rule is not None and rule.access is None else 403}
            assert MARKER not in answer.text, where
            assert answer.status_code < 500 or answer.status_code in refusals, where
            if rule is not None and rule.access is Access.OPEN:
                assert answer.status_code == 200, where
            elif workspace is not None or rule is None or rule.access is None:
                own_answer = "/workspaces" in path and answer.status_code == 200
                assert answer.status_code in refusals or (own_answer and workspace is None), where
    after = everything(world)
    assert after == before


def test_nobody_gets_anything_without_a_token(world: World) -> None:
    with world.platform.mlflow() as nobody:
        for method, path in world.routes:
            answer = call(nobody, method, path, world.ids)
            expected = 200 if template_of(path) == "health" else 401
            assert answer.status_code == expected, f"{method} {path}: {answer.text[:200]}"


def test_the_owner_reaches_what_is_offered(world: World) -> None:
    table = RouteTable()
    for method, path in world.routes:
        rule = table.find(method, sample(template_of(path)))
        if rule is not None and rule.access is Access.READ and "static-files" not in path:
            answer = call(world.ada, method, path, world.ids)
            assert answer.status_code not in (401, 403, 405, 500, 503), f"{method} {path}: {answer.status_code} {answer.text[:300]}"


# What follows knows how MLflow works, and tries what no list of routes tells.


@pytest.fixture
def trace(world: World) -> str:
    """A trace of Bob's own."""
    trace_id = f"tr-{secrets.token_hex(16)}"
    info = {**trace_info(world.ids), "trace_id": trace_id, "trace_location": location(experiment(world))}
    world.bob.post("api/3.0/mlflow/traces", json={"trace": {"trace_info": info}}).raise_for_status()
    return trace_id


def experiment(world: World) -> str:
    found = world.bob.get("api/2.0/mlflow/experiments/get-by-name", params={"experiment_name": "Default"})
    return str(found.json()["experiment"]["experiment_id"])


def location(experiment_id: str) -> dict[str, Any]:
    return {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}


def run_of_bob(world: World) -> dict[str, Any]:
    answer = world.bob.post("api/2.0/mlflow/runs/create", json={"experiment_id": experiment(world)})
    info: dict[str, Any] = answer.json()["run"]["info"]
    return info


@pytest.mark.parametrize("header", ["ada", "ADA", "default", "ada,bob", "bob,ada", "../ada", "ada\tbob"])
def test_no_spelling_of_the_header_opens_another_workspace(world: World, header: str) -> None:
    answer = world.bob.get("api/2.0/mlflow/experiments/search", params={"max_results": 10}, headers={"X-MLFLOW-WORKSPACE": header})
    assert answer.status_code == 403
    assert answer.json()["error_code"] == "PERMISSION_DENIED"


def test_two_headers_are_not_played_against_each_other(world: World) -> None:
    for pair in (("bob", "ada"), ("ada", "bob")):
        headers = [("Authorization", world.bob.headers["Authorization"]), *(("X-MLFLOW-WORKSPACE", name) for name in pair)]
        answer = httpx.get(
            f"{world.bob.base_url}api/2.0/mlflow/runs/get", params={"run_id": world.ids["run_id"]}, headers=headers, trust_env=False
        )
        assert answer.status_code == 403


def test_a_header_of_ones_own_is_no_way_around(world: World) -> None:
    headers = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Prefix": "/", "X_MLFLOW_WORKSPACE": "ada", "X-Mlflow-Workspace ": "ada"}
    for name, value in list(headers.items())[:3]:
        answer = world.bob.get("api/2.0/mlflow/runs/get", params={"run_id": world.ids["run_id"]}, headers={name: value})
        assert answer.status_code == 404, name


@pytest.mark.parametrize(
    "path",
    [
        "../ada/{rest}", "..%2Fada/{rest}", "%2e%2e/ada/{rest}", "..%252Fada/{rest}", "%252e%252e%252fada/{rest}", "x/../../ada/{rest}",
        "/workspaces/ada/{rest}", "//workspaces/ada/{rest}", "workspaces/ada/{rest}", "./workspaces/ada/{rest}", "workspaces%2Fada/{rest}",
        "workspaces/bob/../ada/{rest}", "workspaces/bob/..%2fada/{rest}", "..\\ada\\{rest}", "%00/{rest}", "file:///etc/passwd", "/etc/passwd",
    ],
)  # fmt: skip
def test_no_path_leads_to_the_files_of_another(world: World, path: str) -> None:
    rest = artifact_path(world.ids).removeprefix("workspaces/ada/")
    for base in ("api/2.0/mlflow-artifacts/artifacts", "ajax-api/2.0/mlflow-artifacts/artifacts"):
        url = f"{str(world.bob.base_url).rstrip('/')}/{base}/{path.format(rest=rest)}"
        for method in ("GET", "PUT", "DELETE"):
            answer = world.bob.send(httpx.Request(method, url, headers=world.bob.headers, content=b"x" if method == "PUT" else b""))
            assert MARKER not in answer.text
            assert "root:" not in answer.text
            assert answer.status_code >= 400 or "ada" not in url.removeprefix(str(world.bob.base_url)) or method != "GET", answer.text
    listing = world.bob.get("api/2.0/mlflow-artifacts/artifacts", params={"path": path.format(rest="")})
    assert MARKER not in listing.text
    run = run_of_bob(world)
    for route, key in (("get-artifact", "run_id"), ("get-artifact", "run_uuid"), ("api/2.0/mlflow/artifacts/list", "run_id")):
        answer = world.bob.get(route, params={key: run["run_id"], "path": path.format(rest=rest)})
        assert MARKER not in answer.text
        assert "root:" not in answer.text
    assert world.ada.get(f"api/2.0/mlflow-artifacts/artifacts/{artifact_path(world.ids)}").text == f"artifact {MARKER}"


def test_no_trace_can_be_pointed_at_the_files_of_another(world: World, trace: str) -> None:
    """MLflow reads where a trace's tag says; a guard of ours looks first."""
    folder = artifact_path(world.ids).rpartition("/")[0]
    disk = world.platform.state.mlflow / "artifacts" / folder
    for name in ("traces.json", "attachments/c0ffee00-0000-4000-8000-000000000000"):
        (disk / name).parent.mkdir(exist_ok=True)
        (disk / name).write_text(MARKER)
    for target in (
        f"mlflow-artifacts:/{folder}",
        f"file://{disk}",
        str(disk),
        f"{world.ada.base_url}api/2.0/mlflow-artifacts/artifacts/{folder}",
    ):
        for version in ("2.0", "3.0"):
            changed = world.bob.patch(f"api/{version}/mlflow/traces/{trace}/tags", json={"key": "mlflow.artifactLocation", "value": target})
            for more in ({}, {"path": "c0ffee00-0000-4000-8000-000000000000"}):
                answer = world.bob.get("ajax-api/3.0/mlflow/get-trace-artifact", params={"request_id": trace, **more})
                assert MARKER not in answer.text, (target, changed.status_code)
                assert answer.status_code in (400, 403, 404, 500), answer.text


def test_no_trace_begins_pointed_at_the_files_of_another(world: World) -> None:
    disk = world.platform.state.mlflow / "artifacts" / artifact_path(world.ids).rpartition("/")[0]
    (disk / "traces.json").write_text(MARKER)
    for tags in (
        {"mlflow.artifactLocation": str(disk)},
        {"mlflow.trace.spansLocation": "ARCHIVE_REPO", "mlflow.trace.archiveLocation": f"file://{disk}"},
    ):
        trace_id = f"tr-{secrets.token_hex(16)}"
        info = {**trace_info(world.ids), "trace_id": trace_id, "trace_location": location(experiment(world)), "tags": tags}
        for _ in range(2):
            world.bob.post("api/3.0/mlflow/traces", json={"trace": {"trace_info": info}})
            for route in ("ajax-api/3.0/mlflow/get-trace-artifact", "api/3.0/mlflow/traces/get", "api/3.0/mlflow/traces/batchGet"):
                answer = world.bob.get(route, params={"request_id": trace_id, "trace_id": trace_id, "trace_ids": trace_id})
                assert MARKER not in answer.text


def test_a_trace_cannot_be_taken_over(world: World) -> None:
    """Identifiers of traces and assessments come from clients."""
    before = world.ada.get("api/3.0/mlflow/traces/get", params={"trace_id": world.ids["trace_id"]}).json()
    info = {**trace_info(world.ids), "trace_location": location(experiment(world))}
    answer = world.bob.post("api/3.0/mlflow/traces", json={"trace": {"trace_info": info}})
    assert answer.status_code == 404, answer.text
    assert MARKER not in answer.text
    assert world.ada.get("api/3.0/mlflow/traces/get", params={"trace_id": world.ids["trace_id"]}).json() == before


def test_an_assessment_cannot_be_taken_over(world: World, trace: str) -> None:
    before = world.ada.get(f"api/3.0/mlflow/traces/{world.ids['trace_id']}/assessments/{world.ids['assessment_id']}").json()
    assessment = {
        "assessment_id": world.ids["assessment_id"], "assessment_name": "quality", "trace_id": trace, "feedback": {"value": "changed"},
        "source": {"source_type": "HUMAN", "source_id": "bob"}, "create_time": "2026-01-01T00:00:00Z", "last_update_time": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    info = {**trace_info(world.ids), "trace_id": trace, "trace_location": location(experiment(world)), "assessments": [assessment]}
    for _ in range(2):
        answer = world.bob.post("api/3.0/mlflow/traces", json={"trace": {"trace_info": info}})
        assert MARKER not in answer.text
    assert world.ada.get(f"api/3.0/mlflow/traces/{world.ids['trace_id']}/assessments/{world.ids['assessment_id']}").json() == before


@pytest.mark.parametrize(
    "source",
    ["runs:/{run}/model", "mlflow-artifacts:/{folder}", "file:///etc", "/etc", "s3://bucket/x", "http://127.0.0.1:1/x", "models:/ada-model/1",
     "models:/{model}", "dbfs:/x", "ftp://127.0.0.1/x", "sftp://127.0.0.1/x", "hdfs://127.0.0.1/x", "dummy-source"],
)  # fmt: skip
def test_no_model_version_can_be_made_of_the_files_of_another(world: World, source: str) -> None:
    name = f"model-{secrets.token_hex(4)}"
    world.bob.post("api/2.0/mlflow/registered-models/create", json={"name": name}).raise_for_status()
    folder = artifact_path(world.ids).rpartition("/")[0]
    full = source.format(run=world.ids["run_id"], folder=folder, model=world.ids["model_id"])
    own = run_of_bob(world)["run_id"]
    for more in (
        {},
        {"run_id": world.ids["run_id"]},
        {"run_id": own},
        {"model_id": world.ids["model_id"]},
        {"tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}]},
    ):
        world.bob.post("api/2.0/mlflow/model-versions/create", json={"name": name, "source": full, **more})
    for version in range(1, 6):
        for path in ("secret.txt", "passwd", "artifacts/secret.txt", ""):
            answer = world.bob.get("model-versions/get-artifact", params={"name": name, "version": version, "path": path})
            assert MARKER not in answer.text
            assert "root:" not in answer.text
            assert answer.status_code >= 400


def test_where_files_go_is_the_servers_choice(world: World) -> None:
    for target in ("file:///etc", "/tmp/x", "mlflow-artifacts:/workspaces/ada/1", "s3://bucket", "dbfs:/x"):
        answer = world.bob.post("api/2.0/mlflow/experiments/create", json={"name": f"x-{target}", "artifact_location": target})
        assert answer.status_code == 400, target


def test_a_query_of_the_page_finds_nothing_of_another(world: World) -> None:
    query = """query Q($run: MlflowGetRunInput!, $exp: MlflowGetExperimentInput!) {
        mlflowGetRun(input: $run) { apiError { message } run { info { runName } } }
        mlflowGetExperiment(input: $exp) { apiError { message } experiment { name } } }"""
    variables = {"run": {"runId": world.ids["run_id"]}, "exp": {"experimentId": world.ids["experiment_id"]}}
    answer = world.bob.post("graphql", json={"query": query, "variables": variables})
    assert MARKER not in answer.text
    assert world.ids["experiment_name"] not in answer.text


def test_a_restored_experiment_is_ones_own(world: World) -> None:
    made = world.ada.post("api/2.0/mlflow/experiments/create", json={"name": f"gone {MARKER}"}).json()["experiment_id"]
    world.ada.post("api/2.0/mlflow/experiments/delete", json={"experiment_id": made}).raise_for_status()
    assert world.bob.post("api/2.0/mlflow/experiments/restore", json={"experiment_id": made}).status_code == 404
    assert world.ada.post("api/2.0/mlflow/experiments/restore", json={"experiment_id": made}).status_code == 200


def test_files_of_a_run_cannot_act_in_the_browser(world: World) -> None:
    answers = [
        world.ada.get("get-artifact", params={"run_id": world.ids["run_id"], "path": "page.html"}),
        world.ada.get(f"api/2.0/mlflow-artifacts/artifacts/{artifact_path(world.ids).replace('secret.txt', 'page.html')}"),
    ]
    for answer in answers:
        assert "<script>" in answer.text
        assert answer.headers["content-security-policy"].split("; ") == ["sandbox", "frame-ancestors 'self'"]  # it allows nothing
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "attachment" in answer.headers["content-disposition"]


def test_a_token_for_something_else_is_refused(world: World) -> None:
    with world.platform.mlflow(world.platform.token("bob", ["read:users:name!user=bob"])) as narrow:
        answer = narrow.get("api/2.0/mlflow/experiments/search", params={"max_results": 1})
        assert answer.status_code == 403
        assert "access:services!service=mlflow" in answer.json()["message"]
    with world.platform.mlflow(world.platform.token("bob", ["access:services!service=mlflow"])) as enough:
        assert enough.get("api/2.0/mlflow/experiments/search", params={"max_results": 1}).status_code == 200


def test_an_administrator_has_no_way_into_it(world: World) -> None:
    with world.platform.mlflow(world.platform.token("root-admin")) as admin:
        assert admin.get("api/2.0/mlflow/runs/get", params={"run_id": world.ids["run_id"]}).status_code == 404
        assert admin.get("api/3.0/mlflow/workspaces").json() == {"workspaces": [{"name": "root-admin"}]}
        assert admin.get("api/3.0/mlflow/workspaces/ada").status_code == 403


def test_files_are_readable_by_nobody_else(world: World) -> None:
    for path in (world.platform.state.mlflow, world.platform.state.mlflow / "artifacts", world.platform.state.mlflow / "mlflow.db"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_it_opens_one_port_and_starts_nothing(world: World) -> None:
    process = psutil.Process(world.platform.processes["mlflow"].pid)
    assert process.children(recursive=True) == []
    listening = {connection.laddr for connection in process.net_connections("inet") if connection.status == psutil.CONN_LISTEN}
    assert listening == {("127.0.0.1", world.platform.platform.mlflow_port)}


def test_what_was_tried_as_the_other_user_works_as_the_owner(world: World) -> None:
    """The control: refusals above were not for want of a sound request."""
    table = RouteTable()
    worked, refused = set(), {}

    def when(route: tuple[str, str]) -> int:
        """What takes something away comes after what needs it, the whole after its parts."""
        if route[0] != "DELETE" and not any(word in route[1] for word in ("delete", "remove", "rename")):
            return 0
        parts = ("tag", "records", "alias", "assessments", "artifacts", "remove", "delete-traces", "scorers", "model-versions")
        return 1 + next((i for i, word in enumerate(parts) if word in route[1]), len(parts)) + ("mlflow/experiments/delete" in route[1])

    for method, path in sorted(world.routes, key=when):
        rule = table.find(method, sample(template_of(path)))
        if rule is not None and rule.access is Access.WRITE:
            answer = call(world.ada, method, path, world.ids)
            # Of several forms of one route, the later ones may find the work done.
            name = f"{method} {re.sub(r'^(ajax-)?api/[23].0/mlflow/', '', template_of(path))}"
            if answer.status_code < 400:
                worked.add(name)
            else:
                refused[name] = f"{answer.status_code} {answer.text[:200]}"
    # Restoring needs something deleted and has its test above, spans come as protobuf, and of renaming and deleting a model the second finds none.
    for name in ("POST experiments/restore", "POST v1/traces", "DELETE registered-models/delete", "POST registered-models/rename"):
        refused.pop(name, None)
    left = {name: why for name, why in refused.items() if name not in worked}
    assert len(worked) > 50, worked
    assert not left, left
