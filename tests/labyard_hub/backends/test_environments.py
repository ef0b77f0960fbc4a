from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from labyard_hub.backends.local import environments as module
from labyard_hub.backends.local.environments import ENVIRONMENTS, EnvironmentStore
from labyard_hub.exceptions import EnvironmentSetupError


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_locks_name_every_hash_and_no_address(name: str) -> None:
    text = (Path(module.__file__).parents[2] / "environments" / f"{name}.txt").read_text()
    requirements = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(requirements) > 5
    assert all("==" in line for line in requirements)
    assert text.count("--hash=sha256:") >= len(requirements)
    assert "://" not in text


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("workbench", "import sklearn, mlflow, tensorboardX, pandas, ipykernel, tqdm.notebook, ipywidgets, seaborn, plotly, pip"),
        ("tensorboard", "import tensorboard"),
        ("mlflow", "import mlflow.server, httpx"),
        ("label-studio", "import label_studio, gunicorn"),
    ],
)
def test_each_has_what_it_is_for(environments: Path, name: str, code: str) -> None:
    subprocess.run([environments / name / "bin" / "python", "-W", "ignore", "-c", code], check=True, timeout=120)


def test_the_kernel_starts_its_own_interpreter(environments: Path) -> None:
    folder = (environments / "workbench").resolve()
    spec = json.loads((folder / "share" / "jupyter" / "kernels" / "python3" / "kernel.json").read_text())
    assert spec["argv"][0] == str(folder / "bin" / "python")


def test_a_half_made_one_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "small.txt"
    lock.write_text("six==1.17.0 --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274\n")
    monkeypatch.setattr(module, "_lock", lambda _: lock)
    store = EnvironmentStore(tmp_path / "environments")
    path = store.path("small")
    (path / "bin").mkdir(parents=True)
    (path / "bin" / "python").write_text("half")
    said: list[str] = []
    assert store.ensure("small", report=said.append) == path
    assert store.is_ready("small")
    subprocess.run([store.python("small"), "-c", "import six"], check=True)
    store.ensure("small", report=said.append)
    assert len(said) == 1


def test_a_wrong_hash_is_refused_with_uvs_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "small.txt"
    lock.write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(module, "_lock", lambda _: lock)
    store = EnvironmentStore(tmp_path / "environments")
    with pytest.raises(EnvironmentSetupError, match=r"(?i)hash"):
        store.ensure("small")
    assert not store.is_ready("small")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentSetupError, match="Not a directory"):
        EnvironmentStore(tmp_path / "file" / "environments").ensure("workbench")
