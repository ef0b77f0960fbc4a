"""What a person finds in a notebook and in a terminal of their own server: MLflow with no set-up, their own account, and its limits."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from labyard_hub.backends.local.accounts import find_account
from tests.integration.person import Person
from tests.labyard.test_environments import wheel
from tests.platform import RunningPlatform, is_root, open_temporary_folder, skip_without, start_platform, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

MEMORY_LIMIT_BYTES = 2**30

needs_isolation = pytest.mark.skipif(not is_root(), reason="people have accounts of their own when it is started as root")


@dataclass
class People:
    running: RunningPlatform
    folder: Path
    ada: Person
    bob: Person


@pytest.fixture(scope="module")
def people() -> Iterator[People]:
    with open_temporary_folder() as folder:
        (folder / "config.yaml").write_text(f"servers: {{memory_limit_bytes: {MEMORY_LIMIT_BYTES}}}\ntools: {{enabled: [mlflow]}}\n")
        with start_platform(folder / "state", "--config", str(folder / "config.yaml")) as running:
            ada, bob = Person(running, "ada"), Person(running, "bob")
            wait_until(lambda: answers(ada.mlflow), "MLflow answers", 180)
            yield People(running, folder, ada, bob)


def answers(client: httpx.Client) -> bool:
    return client.post("experiments/search", json={"max_results": 1}).status_code == 200


def test_a_metric_with_no_set_up_and_in_the_folders_experiment(people: People) -> None:
    with people.ada.notebook("vision/digits/first.ipynb") as kernel:
        kernel.result("import mlflow; mlflow.log_metric('m', 1)")
        kernel.result("open('note.txt', 'w').write('hello'); mlflow.log_artifact('note.txt'); mlflow.end_run()")
        run = kernel.result("print(mlflow.last_active_run().info.run_id)").split()[-1]
    (found,) = people.ada.runs("vision/digits")
    assert found["info"]["run_id"] == run
    assert [(metric["key"], metric["value"]) for metric in found["data"]["metrics"]] == [("m", 1.0)]
    files = people.ada.mlflow.get("artifacts/list", params={"run_id": run}).json()["files"]
    assert [one["path"] for one in files] == ["note.txt"]


def test_autolog_with_a_model(people: People) -> None:
    with people.ada.notebook("models/train.ipynb") as kernel:
        kernel.result(
            "import warnings; warnings.simplefilter('ignore')\n"
            "import mlflow\nfrom sklearn.datasets import load_iris\nfrom sklearn.linear_model import LogisticRegression\n"
            "mlflow.sklearn.autolog()\nfeatures, labels = load_iris(return_X_y=True)\n"
            "with mlflow.start_run() as run:\n    model = LogisticRegression(max_iter=500, C=0.5).fit(features, labels)\n"
        )
        same = kernel.result(
            "print(all(mlflow.sklearn.load_model(f'runs:/{run.info.run_id}/model').predict(features) == model.predict(features)))"
        )
    assert same.strip().endswith("True")
    (found,) = people.ada.runs("models")
    assert {"key": "C", "value": "0.5"} in found["data"]["params"]
    assert any(metric["key"] == "training_accuracy_score" for metric in found["data"]["metrics"])
    assert found["info"]["status"] == "FINISHED"


def test_in_a_terminal_it_is_the_same(people: People) -> None:
    people.ada.server.put("api/contents/shell", json={"type": "directory"}).raise_for_status()
    code = "import mlflow, sys; mlflow.log_metric('from_shell', 2); print('prefix', sys.prefix)"
    text = people.ada.terminal(f'python -c "{code}"\n', "shell")
    assert "/workbench-" in text.partition("prefix ")[2]
    (found,) = people.ada.runs("shell")
    assert found["data"]["metrics"][0]["key"] == "from_shell"


def test_a_package_of_ones_own_is_in_a_kernel_of_ones_own(people: People) -> None:
    made = wheel(people.folder, "brand_new", "2.0")
    Path(made).chmod(0o644)
    text = people.ada.terminal(f"labyard env create extra {made}\nlabyard env list\n")
    assert "brand_new" in text
    with people.ada.notebook("extra.ipynb", kernel="extra") as kernel:
        told = kernel.result("import brand_new, pandas; print(brand_new.version, '/workbench-' in pandas.__file__)")
        assert told.split() == ["2.0", "True"]
        more = wheel(people.folder, "brand_newer", "3.0")
        Path(more).chmod(0o644)
        told = kernel.result(f"%pip install {more}\nimport brand_newer; print('version', brand_newer.version)")
        assert "version 3.0" in told
        address = kernel.result("import os; print(os.environ['TENSORBOARD_PROXY_URL'], os.environ['PATH'].split(':')[0])")
        assert address.split()[0] == "/user/ada/proxy/%PORT%/"
        assert address.split()[1].endswith("/environments/extra/bin")
    assert "extra" not in people.bob.server.get("api/kernelspecs").json()["kernelspecs"]


def test_pip_in_the_standard_kernel_and_a_terminal_says_the_command(people: People) -> None:
    with people.ada.notebook("pip.ipynb") as kernel:
        for cell in ("%pip install lightgbm", "!pip install lightgbm", "!python -m pip install lightgbm"):
            assert "labyard env create mine lightgbm" in kernel.result(cell), cell
        assert "already satisfied: tqdm" in kernel.result("!pip install tqdm")
    assert "labyard env create mine lightgbm" in people.ada.terminal("pip install lightgbm\n")


def test_another_person_sees_none_of_it(people: People) -> None:
    """Neither by the API nor in a notebook of theirs, also when they know the identifiers."""
    run = people.ada.runs("vision/digits")[0]["info"]
    assert set(people.bob.experiments()) <= {"Default"}
    for path, arguments in (
        ("runs/get", {"run_id": run["run_id"]}),
        ("experiments/get", {"experiment_id": run["experiment_id"]}),
        ("artifacts/list", {"run_id": run["run_id"]}),
    ):
        assert people.bob.mlflow.get(path, params=arguments).status_code in (403, 404), path
    with people.bob.notebook("spy.ipynb") as kernel:
        output = kernel.run(f"import mlflow; mlflow.get_run({run['run_id']!r})")
        assert "Exception" in output.error
        assert kernel.result("print([e.name for e in mlflow.search_experiments()])").strip() in ("[]", "['Default']")


def test_an_environment_of_ones_own_is_a_kernel(people: People) -> None:
    """Our folder on PYTHONPATH does it no harm; it brings ipykernel as an installed one would, without the network."""
    script = (
        "python -m venv ~/own && ~/own/bin/python -W error -c 'import sys, json; print(\"plain\", sys.prefix)'\n"
        "python -c 'import site; print(site.getsitepackages()[0])' > ~/own/lib/python3.11/site-packages/workbench.pth\n"
        "~/own/bin/python -W error -c 'import json, asyncio' && ~/own/bin/python -m ipykernel install --user --name own && ~/own/bin/pip --version\n"
    )
    text = people.ada.terminal(script)
    assert f"plain {people.ada.home}/own" in text, text
    assert "Installed kernelspec own" in text, text
    specs = people.ada.server.get("api/kernelspecs").json()["kernelspecs"]
    assert specs["own"]["spec"]["metadata"]["debugger"] is not is_root()  # others of the machine could reach it
    with people.ada.notebook("own.ipynb", "own") as kernel:
        assert kernel.result("import sys; print(sys.prefix)").strip() == f"{people.ada.home}/own"
        kernel.result("import mlflow; mlflow.log_metric('own', 1)")
    assert people.ada.runs("Default")[0]["data"]["metrics"][0]["key"] == "own"


@needs_isolation
def test_people_are_themselves(people: People) -> None:
    account = find_account("ada", people.running.state)
    assert account is not None
    with people.ada.notebook("who.ipynb") as kernel:
        who = kernel.result("import os, pwd; print(pwd.getpwuid(os.getuid()).pw_name, os.getuid(), os.geteuid(), os.getgroups())")
        assert who.split() == [account.unix_name, str(account.uid), str(account.uid), f"[{account.gid}]"]
        assert kernel.result("import os; print(os.path.expanduser('~'), os.getcwd())").split() == [str(account.home)] * 2
        assert kernel.result("import os; print(oct(os.umask(0o077)))").strip() == "0o77"
    assert people.ada.terminal("whoami\n").strip() == account.unix_name


@needs_isolation
def test_nobody_becomes_root_by_a_set_user_id_program(people: People) -> None:
    program = people.folder / "id"
    shutil.copy(shutil.which("id") or "/usr/bin/id", program)
    program.chmod(0o4755)
    account = find_account("ada", people.running.state)
    assert account is not None
    identity = ["setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
    elsewhere = subprocess.run([*identity, str(program)], capture_output=True, text=True, check=True).stdout
    if "euid=0" not in elsewhere:
        skip_without("run set-user-id programs in the folder for temporary files")
    text = people.ada.terminal(f"{program}\nsu -c id < /dev/null; sudo -n id\n")
    assert f"uid={account.uid}" in text
    assert "euid=0" not in text
    assert "uid=0" not in text


def test_the_memory_limit_holds_and_the_server_lives_on(people: People) -> None:
    limits = people.running.last("limits")
    if limits is None or "memory" not in limits["message"].split("(")[0]:
        skip_without("limit memory: its control groups cannot be written")
    server = json.loads((people.running.state.run_private / "servers" / "bob.json").read_text())["pid"]
    with people.bob.notebook("large.ipynb") as kernel:
        assert kernel.result("print(len(b'x' * (200 * 2**20)))").strip() == str(200 * 2**20)
        output = kernel.run("x = b'x' * (3 * 2**30)")
        assert output.error in ("dead", "restarting") or output.error.startswith("MemoryError"), output
    assert psutil.pid_exists(server)
    assert people.bob.server.get("api/status").status_code == 200
    with people.bob.notebook("small.ipynb") as kernel:
        assert kernel.result("print('again')") == "again\n"
