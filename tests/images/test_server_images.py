"""What holds in each image that people choose."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from engine import Engine

from labyard_hub.config.catalog import read_catalog
from tests.images.conftest import Run, reference

pytestmark = [pytest.mark.images, pytest.mark.timeout(600)]

SERVER = "/opt/labyard/server/bin/python"
MODULES = {
    "scikit-learn": "sklearn", "xgboost-cpu": "xgboost", "tensorflow-cpu": "tensorflow", "python": "platform", "jupyterlab": None,
}  # fmt: skip
IMPORT = {
    "sklearn": "from sklearn.datasets import load_iris; import xgboost, lightgbm, numpy; x, y = load_iris(return_X_y=True); "
    "print(round(xgboost.XGBClassifier(n_estimators=5).fit(x, y).score(x, y) + lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(x, y).score(x, y)))",
    "pytorch": "import torch; print(int((torch.ones(2) * torch.ones(2)).sum()))",
    "tensorflow": "import tensorflow as tf; print(int(tf.reduce_sum(tf.ones(2))))",
    "jax": "import jax.numpy as jnp, flax, optax; print(int(jnp.ones(2).sum()))",
}
"""A cell that uses the framework and prints 2."""


def test_it_runs_as_any_number_and_writes_nowhere_else(server_image: str, run: Run) -> None:
    told = run(server_image, "sh", "-c", "id -u; id -g; id -un; touch /opt/labyard/x 2>/dev/null || echo closed; touch ~/mine && echo home")
    assert told.split() == ["12345", "0", "labyard", "closed", "home"]
    assert run(server_image, "id", "-u", user="23456:23456") == "23456"


def test_without_being_told_it_is_not_root(server_image: str, engine: Engine) -> None:
    assert engine.run("run", "--rm", "--network=none", reference(server_image), "id", "-u").stdout.strip() == "1000"


def test_frameworks_can_be_imported_at_the_versions_that_the_catalogue_names(server_image: str, run: Run) -> None:
    image = read_catalog().get(server_image)
    wanted = {name: version for name, version in image.frameworks.items() if name not in {"python", "jupyterlab"}}
    program = f"import json, importlib.metadata as m; print(json.dumps({{n: m.version(n) for n in {list(wanted)!r}}}))"
    found = json.loads(run(server_image, "python", "-c", program))
    assert {name: found[name] for name in wanted if not f"{found[name]}.".startswith(f"{wanted[name]}.")} == {}


def test_a_notebook_runs(server_image: str, run: Run) -> None:
    image = read_catalog().get(server_image)
    cells = ["import sys; print(sys.executable)"]
    assert run(server_image, SERVER, "/inside/notebook.py", json.dumps(cells)) == "/opt/labyard/environments/workbench/bin/python"
    used = IMPORT.get(image.family or image.name)
    if used is not None:
        assert run(server_image, SERVER, "/inside/notebook.py", json.dumps([used])).splitlines()[-1] == "2"


def test_tensorboard_shows_a_scalar(server_image: str, run: Run) -> None:
    assert json.loads(run(server_image, SERVER, "/inside/tensorboard.py")) == [[7, 0.25]]


def test_mlflow_logs_a_run(server_image: str, run: Run) -> None:
    assert (
        run(server_image, "python", "/inside/mlflow_log.py", environment={"MLFLOW_ALLOW_FILE_STORE": "true"}).splitlines()[-1] == "0.25 3"
    )


def test_the_packages_of_each_environment_fit_together(server_image: str, run: Run) -> None:
    told = run(
        server_image, "sh", "-c",
        "for p in /opt/labyard/server /opt/labyard/environments/*; do UV_NO_CACHE=1 uv pip check --python $p/bin/python 2>&1 | tail -n +2; done",
    )  # fmt: skip
    assert told, "uv said nothing"
    assert [line for line in told.splitlines() if "compatible" not in line and not line.startswith("Checked")] == []


def test_the_server_starts_with_labyard_lab(server_image: str, run: Run) -> None:
    found = json.loads(run(server_image, SERVER, "/inside/start.py", str(time.time())))
    assert found["answer"], found["log"]
    assert found["extensions"] == ["labyard_lab", "jupyterlab_git", "jupyter_resource_usage", "notebook"], found["log"]
    assert found["told"], found["log"]  # the hub hears that it is ready
    print(f"{server_image}: answered {found['seconds']} s after the container was asked for")
    front_ends = run(server_image, "ls", "/opt/labyard/server/share/jupyter/labextensions").split()
    assert {"labyard-lab", "@jupyterlab", "@jupyter-widgets", "@jupyter-notebook", "@jupyter-server"} <= set(front_ends)


def test_the_tools_are_there_each_in_its_own_environment(server_image: str, run: Run) -> None:
    tools = {tool["name"]: tool for tool in json.loads(run(server_image, "cat", "/opt/labyard/tools.json"))}
    assert tools["mlflow"]["url"] == "services/mlflow/"
    for name in set(tools) - {"mlflow"}:
        assert tools[name]["python"] == f"/opt/labyard/environments/{name}/bin/python"
    assert {"tensorboard", "mlflow"} <= set(tools)


def test_bytecode_is_there_and_never_compared_with_its_source(run: Run) -> None:
    program = """
import glob
for place in ("server", "environments/workbench", "environments/tensorboard", "environments/label-studio"):
    found = glob.glob(f"/opt/labyard/{place}/lib/python3.11/site-packages/**/*.pyc", recursive=True)
    flags = {open(path, "rb").read(8)[4] for path in found}
    print(place, len(found) > 100, flags == {1})
"""
    assert {tuple(line.split()[1:]) for line in run("base", SERVER, "-c", program).splitlines()} == {("True", "True")}


def test_it_says_what_it_is_made_of(server_image: str, run: Run, engine: Engine) -> None:
    found = engine.inspect(reference(server_image)) or {}
    labels, environment = found["Config"]["Labels"], found["Config"]["Env"]
    assert labels["org.opencontainers.image.title"] == read_catalog().get(server_image).title
    assert labels["org.labyard.image"] == server_image
    bill = json.loads(run(server_image, "cat", labels["org.labyard.sbom"]))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    names = {one["name"] for one in bill["components"]}
    assert {"python3.11", "git", "jupyterlab", "labyard-lab", "tensorboard", "pandas"} <= names
    assert len({one["bom-ref"] for one in bill["components"]}) == len(bill["components"])
    assert not [one for one in environment if one.startswith(("UV_", "PIP_", "HTTP", "http", "SSL_"))]


def test_nothing_of_the_build_machine_stays(server_image: str, run: Run, engine: Engine) -> None:
    places = "/build /run/labyard /root /var/cache/labyard-uv* /tmp"
    assert (
        run(
            server_image,
            "sh",
            "-c",
            f"find {places} -type f ! -name '.bashrc' ! -name '.profile' ! -name .labyard-passwd 2>/dev/null || :",
            user="0",
        )
        == ""
    )
    history = engine.run("history", "--no-trunc", "--format={{.CreatedBy}}", reference(server_image)).stdout
    assert str(Path.home()) + "/" not in history


def test_git_works_for_somebody_without_a_name(run: Run) -> None:
    program = "mkdir ~/repository && cd ~/repository && git init -q . && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m first && git log --format=%s && ssh -G host | head -1"
    assert run("base", "sh", "-c", program).splitlines()[0] == "first"


def test_layers_are_said(server_image: str, engine: Engine, built: Callable[[str], str]) -> None:
    layers = json.loads(engine.run("history", "--format=json", built(server_image)).stdout)
    sizes = [layer["size"] for layer in layers if layer["size"] > 10**6]
    print(f"{server_image}: {sum(sizes) / 1e6:.0f} MB in {len(sizes)} layers: {', '.join(f'{size / 1e6:.0f}' for size in reversed(sizes))}")
    assert sizes
