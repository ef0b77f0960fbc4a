"""What a user does with MLflow in a single-user server: nothing is set up, and it works."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import venv
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from labyard_hub.config.settings import MLflowSettings, Settings
from labyard_hub.domain.scopes import MLFLOW_SCOPE
from labyard_hub.hub_process.mlflow_client import CLIENT
from labyard_hub.supervisor.mlflow import mlflow_process
from labyard_hub.supervisor.service import service_process
from tests.integration.mlflow_person import Person
from tests.integration.small_platform import SmallPlatform, small_platform
from tests.platform import open_temporary_folder, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

RUN = """
import mlflow
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.5)
print("RUN", run.info.experiment_id)
"""

AUTOLOG = """
import mlflow, pathlib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
mlflow.autolog()
features, labels = load_iris(return_X_y=True, as_frame=True)
with mlflow.start_run() as run:
    LogisticRegression(max_iter=300).fit(features, labels)
    pathlib.Path("big.bin").write_bytes(b"0123456789abcdef" * (80 * 2**16))
    mlflow.log_artifact("big.bin")
    mlflow.log_figure(__import__("matplotlib.figure").figure.Figure(), "plot.png")
model = mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model")
assert model.predict(features[:1])[0] == 0
print("RUN", run.info.run_id)
"""

PARTS = """
import mlflow, pathlib
pathlib.Path("parts.bin").write_bytes(b"0123456789abcdef" * (20 * 2**16))
with mlflow.start_run() as run:
    mlflow.log_artifact("parts.bin")
found = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="parts.bin", dst_path="back")
assert pathlib.Path(found).read_bytes() == pathlib.Path("parts.bin").read_bytes()
print("RUN", run.info.run_id)
"""


@pytest.fixture(scope="module")
def running(environments: Path) -> Iterator[SmallPlatform]:
    python = environments / "mlflow" / "bin" / "python"
    with open_temporary_folder() as folder, small_platform(folder / "state", python) as platform:
        platform.add_user("ada")
        yield platform


@pytest.fixture
def ada(running: SmallPlatform, environments: Path, tmp_path: Path) -> Iterator[Person]:
    token = running.token("ada", [MLFLOW_SCOPE])
    environment = {
        "PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LABYARD_MLFLOW_TOKEN": token, "MLFLOW_TRACKING_AUTH": "labyard",
        **running.client_environment(),
    }  # fmt: skip
    with running.mlflow(token) as api:
        yield Person(tmp_path, environment, api, environments / "workbench" / "bin" / "python")


def test_a_run_belongs_to_the_folder_it_runs_in(ada: Person) -> None:
    assert ada.experiment_of(ada.run(RUN)) == "Default"
    assert ada.experiment_of(ada.run(RUN, "iris/first try")) == "iris/first try"
    assert ada.run(RUN, "iris/first try") == ada.run(RUN, "iris/first try")


def test_a_chosen_experiment_comes_first(ada: Person) -> None:
    assert ada.experiment_of(ada.run(RUN, "iris", MLFLOW_EXPERIMENT_NAME="chosen")) == "chosen"
    assert ada.experiment_of(ada.run("import mlflow; mlflow.set_experiment('set')\n" + RUN, "iris")) == "set"


def test_another_server_of_the_users_own_is_left_alone(ada: Person) -> None:
    code = f"import mlflow; mlflow.set_tracking_uri('file://{ada.home}/own')\n" + RUN
    assert ada.run(code, "iris", MLFLOW_ALLOW_FILE_STORE="true") == "0"
    assert (ada.home / "own" / "0").exists()


CALLS = """
import mlflow, os
from mlflow import MlflowClient
foreign, ours = os.environ["FOREIGN"], os.environ["MLFLOW_TRACKING_URI"]
mlflow.set_tracking_uri(foreign)
for client in (MlflowClient(), MlflowClient(tracking_uri=foreign), MlflowClient(tracking_uri=ours + "/../listener")):
    try:
        client.search_experiments()
    except Exception:
        pass
assert MlflowClient(tracking_uri=ours).search_experiments()
print("RUN ok")
"""


def test_no_other_address_gets_the_token(ada: Person) -> None:
    """A colleague may listen on the same machine, or at another path of the same address."""
    heard: list[dict[str, str]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append({name.lower(): value for name, value in self.headers.items()})
            self.send_error(404)

        do_GET = do_POST  # noqa: N815  # the name that the library calls

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with HTTPServer(("127.0.0.1", 0), Listener) as listener:
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        foreign = f"http://127.0.0.1:{listener.server_port}"
        assert ada.run(CALLS, FOREIGN=foreign, MLFLOW_HTTP_REQUEST_MAX_RETRIES="0") == "ok"
        assert len(heard) >= 2
        assert not [headers for headers in heard if "authorization" in headers]
        heard.clear()
        ada.run(CALLS, FOREIGN=foreign, MLFLOW_HTTP_REQUEST_MAX_RETRIES="0", MLFLOW_TRACKING_TOKEN="own")
        (ada.home / ".netrc").write_text("machine 127.0.0.1 login ada password own\n")
        ada.run(CALLS, FOREIGN=foreign, MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
        assert {headers["authorization"] for headers in heard} == {"Bearer own", "Basic YWRhOm93bg=="}
        listener.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("http://h:1/services/mlflow", True), ("http://h:1/services/mlflow/api/2.0/x?y=1", True), ("http://h:1/services/mlflower", False),
        ("http://h:1/services/mlflow/../../user/bob/", False), ("http://h:2/services/mlflow", False), ("https://h:1/services/mlflow", False),
        ("http://h:1@evil/services/mlflow", False), ("http://h:1/user/bob/services/mlflow", False), ("http://h:1/", False),
    ],
)  # fmt: skip
def test_which_addresses_are_ours(url: str, ours: bool, environments: Path) -> None:
    code = "import sys; from labyard_mlflow.credentials import is_ours; print('RUN', is_ours(sys.argv[1]))"
    environment = {"PYTHONPATH": str(CLIENT), "LABYARD_MLFLOW_URL": "http://h:1/services/mlflow"}
    command = [str(environments / "workbench" / "bin" / "python"), "-c", code, url]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"RUN {ours}"


def test_the_token_opens_mlflow_alone(running: SmallPlatform) -> None:
    token = running.token("ada", [MLFLOW_SCOPE])
    with running.mlflow(token) as mlflow, running.service(token) as service:
        assert mlflow.get("api/2.0/mlflow/experiments/search?max_results=1").status_code == 200
        for path in ("me", "projects", "projects/vision/members"):
            assert service.get(f"api/v1/{path}").status_code == 403
        assert service.post("api/v1/projects", json={"name": "mine"}).status_code == 403


def test_autolog_models_and_large_files_go_through(ada: Person) -> None:
    run = ada.run(AUTOLOG, "iris")
    found: dict[str, Any] = ada.api.get("api/2.0/mlflow/runs/get", params={"run_id": run}).json()["run"]
    assert {metric["key"] for metric in found["data"]["metrics"]} >= {"training_accuracy_score"}
    files = ada.api.get("api/2.0/mlflow/artifacts/list", params={"run_id": run}).json()["files"]
    assert {"path": "big.bin", "is_dir": False, "file_size": "83886080"} in [
        {**file, "file_size": str(file.get("file_size"))} for file in files
    ]
    image = ada.api.get("get-artifact", params={"run_id": run, "path": "plot.png"})
    assert image.headers["content-type"] == "image/png"
    assert image.content.startswith(b"\x89PNG")


def test_who_asks_for_transfers_in_parts_gets_them_in_one_piece(ada: Person) -> None:
    more = {
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true", "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "true",
        "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(5 * 2**20),
    }  # fmt: skip
    assert ada.run(PARTS, "iris", **more)


def test_it_works_in_an_environment_of_the_users_own(ada: Person, environments: Path) -> None:
    """The plug-in comes by the server's environment variables, not by what is installed."""
    own = ada.home / "venv"
    venv.create(own, with_pip=False, symlinks=True)
    packages = next((environments / "workbench" / "lib").glob("python3*")) / "site-packages"
    (next((own / "lib").glob("python3*")) / "site-packages" / "workbench.pth").write_text(f"{packages}\n")
    assert ada.experiment_of(ada.run(RUN, "own", python=own / "bin" / "python")) == "own"


def test_the_plug_in_costs_nothing_where_there_is_no_mlflow(ada: Person) -> None:
    assert (
        ada.run(
            "import importlib.util; assert importlib.util.find_spec('mlflow') is None; print('RUN ok')", python=Path("/usr/bin/python3")
        )
        == "ok"
    )


def test_the_page_opens_for_a_session_and_only_from_our_origin(running: SmallPlatform) -> None:
    origin = running.platform.url.rstrip("/")
    with running.mlflow() as client:
        page = client.get("", headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
        assert page.status_code == 302
        assert page.headers["location"] == "/services/labyard/login?next=%2Fservices%2Fmlflow%2F"
        assert client.get("ajax-api/2.0/mlflow/experiments/search").status_code == 401
    cookie = {"Cookie": f"other=1; labyard-session={session(running)}; broken"}
    path = "ajax-api/2.0/mlflow/experiments/search?max_results=5"
    with running.mlflow() as client:
        assert client.get("", headers={**cookie, "Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}).status_code == 200
        assert client.get(path, headers={**cookie, "Sec-Fetch-Site": "same-origin"}).status_code == 200
        assert client.get(path, headers={**cookie, "Origin": origin}).status_code == 200
        for foreign in (
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Origin": "http://127.0.0.1:1"},
            {"Origin": "null"},
        ):
            answer = client.get(path, headers={**cookie, **foreign})
            assert answer.status_code == 403, foreign
            assert "access-control-allow-origin" not in answer.headers
        body = {"name": "from elsewhere"}
        for foreign in ({}, {"Origin": "http://evil.example"}):
            assert client.post("ajax-api/2.0/mlflow/experiments/create", json=body, headers={**cookie, **foreign}).status_code == 403
        made = client.post("ajax-api/2.0/mlflow/experiments/create", json={"name": "from here"}, headers={**cookie, "Origin": origin})
        assert made.status_code == 200, made.text
        assert client.get(path, headers={"Cookie": "labyard-session=made-up"}).status_code == 401


def session(running: SmallPlatform) -> str:
    from labyard_hub.services.sessions import Sessions

    return Sessions(running.state.secret("service_cookie_secret")).seal_token(running.token("ada"))


def test_a_revoked_token_stops_working(running: SmallPlatform) -> None:
    running.add_user("leaver")
    with running.mlflow(running.token("leaver")) as client:
        path = "api/2.0/mlflow/experiments/search?max_results=1"
        assert client.get(path).status_code == 200
        running.revoke_tokens("leaver")
        wait_until(lambda: client.get(path).status_code == 401, "the token stops working", 6)


def test_without_the_service_nobody_gets_in_and_with_it_again_everybody_does(running: SmallPlatform) -> None:
    path = "api/2.0/mlflow/experiments/search?max_results=1"
    with running.mlflow(running.token("ada")) as client:
        running.kill("service")
        answer = client.get(path)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "2"
        assert client.get("health").status_code == 200
        running.start(service_process(running.state, running.platform))
        assert client.get(path).status_code == 200


def test_it_comes_back_with_all_it_had_and_with_several_workers(running: SmallPlatform, environments: Path, ada: Person) -> None:
    before = ada.run(RUN, "kept")
    running.kill("mlflow")
    settings = Settings(mlflow=MLflowSettings(workers=2))
    spec = mlflow_process(running.state, settings, running.platform, python=environments / "mlflow" / "bin" / "python")
    running.start(spec)
    assert ada.run(RUN, "kept") == before
    running.stop("mlflow")
    running.start(mlflow_process(running.state, Settings(), running.platform, python=environments / "mlflow" / "bin" / "python"))
    assert ada.experiment_of(before) == "kept"


def test_a_folder_that_cannot_be_written_gives_a_sentence(running: SmallPlatform, environments: Path, tmp_path: Path) -> None:
    spec = mlflow_process(running.state, Settings(), running.platform, python=environments / "mlflow" / "bin" / "python")
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = subprocess.run(
        spec.argv, env={**spec.env, "LABYARD_MLFLOW_FOLDER": str(blocked)}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert f"MLflow's folder {blocked} cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_client_module_is_found_by_its_entry_point() -> None:
    code = (
        "import importlib.metadata as m; "
        "print([(p.name, p.value) for p in m.entry_points(group='mlflow.default_experiment_provider') if p.name == 'labyard'])"
    )
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(CLIENT)}, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[('labyard', 'labyard_mlflow.experiments:FolderExperiment')]"
    assert json.dumps(sorted(path.name for path in CLIENT.iterdir() if path.name != "__pycache__")) == json.dumps(
        ["labyard_mlflow", "labyard_mlflow-1.dist-info"]
    ), "what is in this folder can be imported by everything that users start"
