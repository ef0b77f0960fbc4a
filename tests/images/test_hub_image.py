"""What holds in the image that the platform itself runs in."""

from __future__ import annotations

import json

import pytest
from engine import Engine

from tests.images.conftest import Run, reference

pytestmark = [pytest.mark.images, pytest.mark.timeout(600)]


def test_it_runs_as_any_number(run: Run) -> None:
    assert run("hub", "sh", "-c", "id -u; touch /opt/labyard/x 2>/dev/null || echo closed; touch ~/mine && echo home").split() == [
        "12345",
        "closed",
        "home",
    ]


def test_hub_service_spawner_and_authenticators_are_there(run: Run) -> None:
    program = "import jupyterhub, kubespawner, oauthenticator, psycopg2, asyncpg, labyard_hub.main, labyard_hub.hub_process.local.config, labyard_hub.hub_process.pods.config, labyard_hub.cluster.programs, labyard_hub.proxy_agent; print(jupyterhub.__version__)"
    assert run("hub", "python", "-c", program).startswith("6.1")
    assert run("hub", "jupyterhub", "--version").startswith("6.1")
    assert run("hub", "labyard", "--version").startswith("labyard ")
    assert "HAProxy version" in run("hub", "haproxy", "-v")


def test_mlflow_runs_in_an_environment_of_its_own(run: Run) -> None:
    python = "/opt/labyard/environments/mlflow/bin/python"
    assert run("hub", python, "-c", "import mlflow, boto3, psycopg2; print(mlflow.__version__)") == "3.17.2"


def test_the_packages_of_each_environment_fit_together(run: Run) -> None:
    told = run(
        "hub", "sh", "-c",
        "for p in /opt/labyard/hub /opt/labyard/environments/*; do UV_NO_CACHE=1 uv pip check --python $p/bin/python 2>&1 | tail -n +2; done",
    )  # fmt: skip
    assert told
    assert [line for line in told.splitlines() if "compatible" not in line and not line.startswith("Checked")] == []


def test_it_says_what_it_is_made_of(run: Run, engine: Engine) -> None:
    found = engine.inspect(reference("hub")) or {}
    bill = json.loads(run("hub", "cat", found["Config"]["Labels"]["org.labyard.sbom"]))
    assert {"haproxy", "labyard-hub", "jupyterhub", "mlflow"} <= {one["name"] for one in bill["components"]}


def test_it_has_what_browsers_load_of_the_images_of_servers(run: Run) -> None:
    known = json.loads(run("hub", "sh", "-c", "cat /opt/labyard/assets/*/page.json"))
    program = """
import json, pathlib
server = pathlib.Path("/opt/labyard/server")
share = server / "share" / "jupyter"
notebook = next(server.glob("lib/python3*/site-packages/notebook/static"))
packages = [json.loads(path.read_text()) for pattern in ("*/package.json", "@*/*/package.json") for path in (share / "labextensions").glob(pattern)]
print(json.dumps({
    "mains": {name: next(folder.glob("main.*.js")).name for name, folder in (("lab", share / "lab" / "static"), ("notebook", notebook))},
    "extensions": {one["name"]: one["jupyterlab"]["_build"]["load"] for one in packages},
}))
"""
    there = json.loads(run("base", "/opt/labyard/server/bin/python", "-c", program))
    assert {name: known[name] for name in there} == there
    assert len(known["start"]) > 30
    assert run("hub", "sh", "-c", "ls -A /opt/labyard/assets; test -e /opt/labyard/lab || echo gone").split()[1:] == ["gone"]
