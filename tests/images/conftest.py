"""The images as built by `make images`, and how to run something in them as nobody in particular."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from labyard._version import __version__
from labyard_hub.config.catalog import read_catalog

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "images"))

from engine import Engine, EngineError, find_engine  # noqa: E402  # the builder is a script and no package

PREFIX = "localhost/labyard-"
ALWAYS = ("base", "sklearn", "hub")
"""What `make images` builds; the others are tested where they were built."""
INSIDE = Path(__file__).parent / "inside"

Run = Callable[..., str]


@pytest.fixture(scope="session")
def engine() -> Engine:
    try:
        return find_engine()
    except EngineError as error:
        pytest.fail(f"The images cannot be tested: {error}")


def reference(name: str) -> str:
    return read_catalog().reference(name, PREFIX, __version__)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server_image" in metafunc.fixturenames:
        metafunc.parametrize("server_image", [image.name for image in read_catalog().servers], scope="session", indirect=True)


@pytest.fixture(scope="session")
def built(engine: Engine) -> Callable[[str], str]:
    def built(name: str) -> str:
        found = reference(name)
        if engine.inspect(found) is None:
            if name in ALWAYS:
                pytest.fail(f"{found} is not built: run `make images`")
            pytest.skip(f"{name} was not built here: make images ARGS={name}")
        return found

    return built


@pytest.fixture(scope="session")
def server_image(request: pytest.FixtureRequest, built: Callable[[str], str]) -> str:
    built(request.param)
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def run(engine: Engine, built: Callable[[str], str]) -> Run:
    """Runs a command in an image as a cluster would: any user, nothing to write but /tmp and the home, no network."""

    def run(name: str, *command: str, user: str = "12345:0", environment: dict[str, str] | None = None, check: bool = True) -> str:
        home = "/srv/labyard" if name == "hub" else "/home/labyard"
        arguments = [
            "run", "--rm", "--read-only", *(["--passwd=false"] if engine.program == "podman" else []), "--network=none", f"--user={user}", "--cap-drop=all", "--security-opt=no-new-privileges",
            "--tmpfs=/tmp:rw,mode=1777", f"--tmpfs={home}:rw,mode=1777", f"--volume={INSIDE}:/inside:ro",
            *(f"--env={key}={value}" for key, value in (environment or {}).items()),
        ]  # fmt: skip
        try:
            done = engine.run(*arguments, built(name), *command, timeout=400, check=check)
        except EngineError as error:
            pytest.fail(str(error))
        except subprocess.TimeoutExpired:
            pytest.fail(f"{' '.join(command)[:80]} in {name} did not end")
        return done.stdout.strip()

    return run
