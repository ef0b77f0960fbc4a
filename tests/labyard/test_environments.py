"""Environments of one's own: uv, an interpreter and kernels are real; the packages are wheels made here, so no index is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from labyard.environments import (
    EnvironmentFailedError,
    EnvironmentNotFoundError,
    add_packages,
    create_environment,
    list_environments,
    remove_environment,
    update_environment,
    use_environment,
)
from labyard.exceptions import UsageError
from labyard.pip_stand_in import add_pip
from labyard_lab.kernels.specs import LabyardKernelSpecManager

pytestmark = pytest.mark.timeout(300)


def wheel(folder: Path, name: str, version: str, needs: str = "") -> str:
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}.py", f"version = {version!r}\n")
        file.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + (f"Requires-Dist: {needs}\n" if needs else ""),
        )
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return str(path)


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the notebooks' environment is on a platform: here with one package that others ask for."""
    folder = tmp_path_factory.mktemp("notebooks")
    uv = Path(sys.prefix) / "bin" / "uv"
    subprocess.run([uv, "venv", "--quiet", "--python", os.path.realpath(sys.executable), folder / "environment"], check=True)
    python = folder / "environment" / "bin" / "python"
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "--offline", wheel(folder, "there_already", "1.5")], check=True)
    return folder / "environment"


@pytest.fixture
def home(tmp_path: Path, notebooks: Path, environments: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{notebooks / 'bin'}:{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "wheels"))
    for name in ("XDG_DATA_HOME", "JUPYTER_DATA_DIR", "LABYARD_PROJECT", "JUPYTERHUB_ROOT_DIR", "JUPYTER_PATH"):
        monkeypatch.delenv(name, raising=False)
    # ipykernel, which a platform's own environment of notebooks has.
    monkeypatch.setenv("PYTHONPATH", str(next((environments / "workbench" / "lib").glob("python3.*/site-packages"))))
    (tmp_path / "wheels").mkdir()
    wheel(tmp_path / "wheels", "there_already", "1.5")
    return tmp_path


@pytest.fixture
def project(home: Path) -> Path:
    files = home / "shared" / "demo--1" / "files"
    files.mkdir(parents=True)
    (home / "projects").mkdir()
    (home / "projects" / "demo").symlink_to(files)
    return files


@pytest.fixture
def ask(home: Path) -> Iterator[Callable[[str, str], str]]:
    """Runs a cell in a kernel that is found as JupyterLab finds it."""

    def ask(kernel: str, cell: str) -> str:
        specs = LabyardKernelSpecManager()
        manager = KernelManager(kernel_name=kernel, kernel_spec_manager=specs)
        manager.start_kernel(stderr=subprocess.DEVNULL)
        client = manager.blocking_client()
        client.start_channels()
        told: list[str] = []
        try:
            client.wait_for_ready(timeout=120)
            client.execute_interactive(
                cell,
                timeout=60,
                output_hook=lambda message: told.append(message["content"].get("text") or str(message["content"].get("evalue", ""))),
            )
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
        return "".join(told).strip()

    return ask


def test_an_environment_is_a_kernel_with_its_packages_on_top_of_the_notebooks(home: Path, ask: Callable[[str, str], str]) -> None:
    made = create_environment("extra", [wheel(home, "brand_new", "2.0", "there-already>=1")])
    assert ask("extra", "import brand_new, there_already; print(brand_new.version, there_already.version)") == "2.0 1.5"
    site = next(made.folder.glob("lib/python3.*/site-packages"))
    assert (site / "brand_new.py").exists()
    assert not (site / "there_already.py").exists()  # it is the notebooks'
    assert [(one.name, one.project) for one in list_environments()] == [("extra", None)]


def test_packages_are_added_and_the_whole_can_be_made_anew(home: Path) -> None:
    create_environment("extra", [wheel(home, "first", "1.0")])
    made = add_packages("extra", [wheel(home, "second", "1.0")])
    update_environment("extra")
    said = subprocess.run([made.python, "-c", "import first, second; print(first.version)"], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "1.0"
    assert len(made.record["packages"]) == 2


@pytest.mark.parametrize("project_name", [None, "demo"])
def test_pip_in_its_kernel_adds_to_it_and_its_programs_are_found(
    home: Path, project: Path, ask: Callable[[str, str], str], project_name: str | None
) -> None:
    made = create_environment("extra", [], project=project_name)
    package = wheel(home, "later", "1.0", "there-already>=1")
    told = ask(made.kernel, f"%pip install --quiet {package}\nimport later, shutil; print('version', later.version, shutil.which('pip'))")
    assert "version 1.0" in told, told
    assert str(made.folder / "bin" / "pip") in told
    assert made.record["packages"] == [package]
    assert "later" in ask(made.kernel, "!pip list")
    other = wheel(home, "other", "2.0")
    (home / "requirements.txt").write_text(f"# what it needs\n{other}  # and why\nlater\n")
    told = ask(made.kernel, f"!python -m pip install -r {home}/requirements.txt\nimport other; print('version', other.version)")
    assert "already satisfied: later" in told
    assert "version 2.0" in told


def test_pip_beside_the_notebooks_packages_says_the_command(notebooks: Path, home: Path) -> None:
    add_pip(notebooks)

    def pip(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["pip", *arguments], capture_output=True, text=True, check=False)

    done = pip("install", "-U", "there_already")
    assert (done.returncode, done.stdout) == (0, "Requirement already satisfied: there_already\n")
    done = pip("install", "tqdm>=4", "there_already")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "labyard env create mine 'tqdm>=4'" in done.stderr
    for arguments in (("install", "--index-url", "x"), ("install", "-r", "nowhere.txt"), ("wheel", "x"), ()):
        done = pip(*arguments)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "there-already" in pip("list").stdout


def test_what_does_not_fit_is_refused_with_the_way_out_and_leaves_nothing(home: Path) -> None:
    with pytest.raises(EnvironmentFailedError, match=r"(?s)--separate.*there-already"):
        create_environment("extra", [wheel(home, "old", "1.0", "there-already<1")])
    assert list_environments() == []
    create_environment("extra", [])
    with pytest.raises(EnvironmentFailedError):
        add_packages("extra", [wheel(home, "old", "1.0", "there-already<1")])
    assert list_environments()[0].record["packages"] == []


def test_a_removed_one_is_gone_with_its_kernel(home: Path) -> None:
    made = create_environment("extra", [])
    assert "extra" in LabyardKernelSpecManager().find_kernel_specs()
    remove_environment("extra")
    assert not made.folder.exists()
    assert "extra" not in LabyardKernelSpecManager().find_kernel_specs()
    with pytest.raises(EnvironmentNotFoundError, match="labyard env list"):
        add_packages("extra", ["x"])


@pytest.mark.parametrize("name", ["", "Extra", "a b", "../x", "-x", "a--b", "x" * 41])
def test_names_that_cannot_be_used(home: Path, name: str) -> None:
    with pytest.raises(UsageError, match="starts with a letter"):
        create_environment(name, [])


def test_a_name_that_is_taken(home: Path) -> None:
    create_environment("extra", [])
    with pytest.raises(UsageError, match="already"):
        create_environment("extra", [])


def test_a_projects_environment_is_a_kernel_of_its_server_and_of_those_who_want_it(
    home: Path, project: Path, ask: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = create_environment("shared", [wheel(home, "ours", "3.0")], project="demo")
    assert made.folder == project / ".labyard" / "environments" / "shared"
    assert all(path.stat().st_nlink == 1 for path in made.folder.rglob("ours.py"))
    assert ask("demo-shared", "import ours; print(ours.version)") == "3.0"
    # Another member: nothing appears by itself, since its editors decide what a kernel runs.
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(home / "of-another-member"))
    assert "demo-shared" not in LabyardKernelSpecManager().find_kernel_specs()
    use_environment("shared", project="demo")
    assert "demo-shared" in LabyardKernelSpecManager().find_kernel_specs()
    # The project's own server, which is one account for all of them.
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(home / "of-the-project"))
    monkeypatch.setenv("LABYARD_PROJECT", "demo--1")
    monkeypatch.setenv("JUPYTERHUB_ROOT_DIR", str(project))
    assert ask("demo-shared", "import ours; print(ours.version)") == "3.0"
    assert [(one.name, one.project) for one in list_environments()] == [("shared", "demo")]
    assert json.loads((project / ".labyard" / "kernels" / "demo-shared" / "kernel.json").read_text())["display_name"] == "shared (demo)"


def test_a_project_that_is_not_here(home: Path, project: Path) -> None:
    with pytest.raises(EnvironmentNotFoundError, match="there are: demo"):
        create_environment("shared", [], project="other")
    with pytest.raises(EnvironmentNotFoundError, match="in the project demo"):
        use_environment("shared", project="demo")
