"""What somebody gets who installs our wheels: everything in them, a light `labyard` alone, a whole platform with `[all]`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

import psutil
import pytest

from labyard_hub.backends.local.environments import ENVIRONMENTS, EnvironmentStore
from tests.platform import is_root, open_temporary_folder, start_platform

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
SOURCES = {
    "labyard": (ROOT / "src" / "labyard", ROOT / "LICENSE"),
    "labyard_hub": (ROOT / "hub" / "src" / "labyard_hub", ROOT / "hub" / "LICENSE"),
    "labyard_lab": (ROOT / "extensions" / "lab" / "labyard_lab", ROOT / "extensions" / "lab" / "LICENSE"),
}
PASSWORD = "correct horse battery"


def uv(*arguments: str | Path) -> str:
    done = subprocess.run([Path(sys.prefix) / "bin" / "uv", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"uv {arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass
class Installation:
    """A virtual environment that knows nothing of this repository."""

    folder: Path
    home: Path

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8", "NO_COLOR": "1",
            "JUPYTER_CONFIG_DIR": str(self.home / "config"), "JUPYTER_DATA_DIR": str(self.home / "data"),
        }  # fmt: skip
        command = [str(self.folder / "bin" / program), *arguments]
        return subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, timeout=120, check=False)


Install = Callable[..., Installation]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with open_temporary_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def wheels(folder: Path) -> Path:
    """A folder with the three wheels, made as a release would make them: each from the sources of its source distribution."""
    uv("build", "--quiet", "--all-packages", "--out-dir", folder / "dist")
    return folder / "dist"


@pytest.fixture(scope="module")
def install(folder: Path, wheels: Path) -> Install:
    """Installs requirements into a new environment, at the versions of our lock."""
    locked = folder / "locked.txt"
    uv("export", "--quiet", "--frozen", "--all-packages", "--all-extras", "--no-emit-workspace", "--no-hashes", "-o", locked)

    def install(name: str, *requirements: str) -> Installation:
        made = Installation(folder / name, folder / f"{name}-home")
        made.home.mkdir()
        uv("venv", "--quiet", "--python", os.path.realpath(sys.executable), made.folder)
        python = made.folder / "bin" / "python"
        uv("pip", "install", "--quiet", "--python", python, "--find-links", wheels, "--constraints", locked, *requirements)
        return made

    return install


@pytest.fixture(scope="module")
def light(install: Install) -> Installation:
    return install("light", "labyard==0.1.0")


@pytest.fixture(scope="module")
def whole(install: Install) -> Installation:
    return install("whole", "labyard[all]==0.1.0")


def running_with(condition: Callable[[str], bool]) -> list[psutil.Process]:
    """Return the processes with such a word on their command line."""
    return [process for process in psutil.process_iter(["cmdline"]) if any(map(condition, process.info["cmdline"] or []))]


def wheel(wheels: Path, package: str) -> zipfile.ZipFile:
    [path] = wheels.glob(f"{package}-*.whl")
    return zipfile.ZipFile(path)


@pytest.mark.parametrize("package", SOURCES)
def test_a_wheel_holds_all_of_its_package_and_nothing_else(wheels: Path, package: str) -> None:
    source, licence = SOURCES[package]
    with wheel(wheels, package) as archive:
        names = set(archive.namelist())
        assert "__pycache__" not in " ".join(names)
        [info] = {name.split("/")[0] for name in names if re.match(r"[^/]+\.dist-info/", name)}
        assert archive.read(f"{info}/licenses/LICENSE") == licence.read_bytes() == (ROOT / "LICENSE").read_bytes()
        metadata = message_from_bytes(archive.read(f"{info}/METADATA"))
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert len(str(metadata.get_payload())) > 100
    assert not [line for line in metadata.get_all("Requires-Dist", []) if "@" in line], "a path or URL instead of a version"
    files = {
        f"{package}/{path.relative_to(source)}"
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and "labextension" not in path.parts
    }
    assert f"{package}/py.typed" in files
    assert {name for name in names if name.startswith(f"{package}/")} == files


def test_the_extension_is_where_jupyterlab_looks_for_it(wheels: Path) -> None:
    with wheel(wheels, "labyard_lab") as archive:
        shared = {name.partition(".data/data/")[2] for name in archive.namelist()} - {""}
    extension = "share/jupyter/labextensions/labyard-lab"
    assert {
        "etc/jupyter/jupyter_server_config.d/labyard-lab.json", f"{extension}/package.json", f"{extension}/install.json",
        f"{extension}/schemas/labyard-lab/tabs.json", f"{extension}/static/style.js",
    } <= shared  # fmt: skip
    assert [name for name in shared if re.fullmatch(rf"{extension}/static/remoteEntry\.[0-9a-f]+\.js", name)]


def test_the_light_package_alone(light: Installation) -> None:
    listed = uv("pip", "list", "--python", light.folder, "--format", "freeze").split()
    assert not [name for name in listed if re.match("jupyter|labyard-hub|labyard-lab|tornado|fastapi", name)]
    assert len(listed) < 20
    shown = light.run("labyard", "--help")
    assert shown.returncode == 0
    assert "config, down, status, tools, up, user come with labyard-hub: pip install 'labyard[all]'" in " ".join(shown.stdout.split())
    assert light.run("labyard", "--version").stdout == "labyard 0.1.0\n"
    by_click = light.run("python", "-c", "from labyard.cli.root import cli; cli(['--help'], prog_name='labyard')").stdout
    assert by_click == shown.stdout
    assert "labyard login URL" in light.run("labyard", "project", "list").stderr
    assert light.run("python", "-c", "from labyard import AsyncClient, Client").stderr == ""


@pytest.mark.parametrize("arguments", [("up",), ("up", "--port", "9000", "--detach"), ("user", "add", "ada"), ("up", "--help")])
def test_without_the_hub_its_commands_say_how_to_get_it(light: Installation, arguments: tuple[str, ...]) -> None:
    done = light.run("labyard", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"labyard: `{arguments[0]}` needs labyard-hub: pip install 'labyard[all]'\n"


def test_without_the_hub_an_unknown_command_is_unknown(light: Installation) -> None:
    done = light.run("labyard", "upp")
    assert done.returncode == 2
    assert "There is no command 'upp'" in done.stderr


def test_all_is_installed_and_enabled(whole: Installation) -> None:
    uv("pip", "check", "--python", whole.folder)
    shown = whole.run("labyard", "--help")
    listed = re.findall(r"^  (\w+)  ", shown.stdout, re.M)
    assert listed == ["completion", "config", "down", "env", "login", "logout", "project", "status", "tools", "up", "use", "user", "whoami"]
    assert "labyard[all]" not in shown.stdout
    lab = whole.run("jupyter", "labextension", "list")
    assert re.search(r"labyard-lab v0\.1\.0 \S*enabled\S* \S*OK", lab.stdout + lab.stderr), lab
    assert "(python, labyard-lab)" in lab.stdout + lab.stderr
    server = whole.run("jupyter", "server", "extension", "list")
    assert re.search(r"labyard_lab \S*enabled", server.stdout + server.stderr), server


def test_up_from_the_wheels(whole: Installation, folder: Path) -> None:
    store = EnvironmentStore.default(folder)
    for name in ENVIRONMENTS:
        store.ensure(name)
    configuration = folder / "config.yaml"
    configuration.write_text(f"tools:\n  environments_directory: {store.folder}\n")
    program = str(whole.folder / "bin" / "labyard")
    with start_platform(folder / "state", "--config", str(configuration), program=program) as running:
        isolation = running.last("isolation")
        assert isolation is not None
        assert isolation["message"].startswith("on" if is_root() else "off")
        assert "hub/setup?token=" in running.setup_url
        running.add_user("ada", PASSWORD)
        session = running.session("ada", PASSWORD)
        session.start_server("ada")
        [single] = running_with(lambda word: word.startswith(str(whole.folder / "bin" / "labyard-singleuser")))
        assert (single.uids().real != os.getuid()) is is_root()
        assert running_with(lambda word: word.startswith(f"--config={whole.folder}/")), (
            "the hub reads its configuration from the repository"
        )
        server = running.client("user/ada/", session.token("ada"))
        tools = server.get("labyard/api/v1/tools").json()["tools"]
        assert {"tensorboard", "mlflow", "label-studio"} <= {tool["name"] for tool in tools}
        assert "labyard-lab" in server.get("lab").text
        server.post("api/kernels", json={"name": "python3"}).raise_for_status()
        assert [child for child in single.children() if child.cmdline()[0] == str(store.python("workbench"))], "no kernel"
