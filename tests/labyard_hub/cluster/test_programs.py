"""Worth: a container with what the chart mounts becomes the program, as an ordinary user on a volume that is root's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from labyard_hub.cluster.__main__ import main
from labyard_hub.cluster.programs import hub, proxy_agent, service
from labyard_hub.config.loader import parse_configuration
from labyard_hub.config.state import StateFolder
from labyard_hub.exceptions import ConfigurationError, StateFolderError
from tests.platform import is_root, wait_until
from tests.workers import free_port

SECRETS = (
    "auth_state_key",
    "cli_login_token",
    "cookie_secret",
    "link_secret",
    "mlflow_token",
    "service_cookie_secret",
    "service_token",
)


@pytest.fixture
def mounted(open_folder: Path, ordinary_user: tuple[str, ...]) -> dict[str, str]:
    """The variables of a container, and what is mounted in it: volumes belong to root, and to the group that the pod is in."""
    (open_folder / "secrets").mkdir()
    for name in SECRETS:
        (open_folder / "secrets" / name).write_text(f"{name}-value\n")
    (open_folder / "config.yaml").write_text("cluster: {}\nservers: {idle_timeout_seconds: 1h}\n")
    for volume in ("state", "projects"):
        (open_folder / volume).mkdir()
        if is_root():
            shutil.chown(open_folder / volume, "root", ordinary_user[2].partition("=")[2])
            (open_folder / volume).chmod(0o2770)
    return {
        "PATH": os.environ["PATH"],
        "LABYARD_STATE_DIR": str(open_folder / "state" / "labyard"),
        "LABYARD_PROJECTS_VOLUME": str(open_folder / "projects"),
        "LABYARD_CONFIG": str(open_folder / "config.yaml"),
        "LABYARD_SECRETS_DIR": str(open_folder / "secrets"),
        "LABYARD_PUBLIC_URL": "https://labyard.example.org/",
        "LABYARD_HUB_URL": "http://labyard-hub:8081",
        "LABYARD_SERVICE_URL": f"http://labyard-service:{free_port()}/services/labyard/",
        "LABYARD_MLFLOW_URL": f"http://labyard-mlflow:{free_port()}/services/mlflow/",
        "LABYARD_PROXY_API_URL": "http://labyard-proxy-api:8001",
        "POD_NAMESPACE": "lab",
        "LABYARD_LISTEN": "127.0.0.1",
    }


@contextmanager
def container(program: str, mounted: dict[str, str], ordinary_user: tuple[str, ...]) -> Iterator[subprocess.Popen[str]]:
    command = [
        *ordinary_user,
        "env",
        *(f"{name}={value}" for name, value in mounted.items()),
        sys.executable,
        "-m",
        "labyard_hub.cluster",
        program,
    ]
    process = subprocess.Popen(command, text=True, cwd="/")
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def test_the_service_starts_and_stops(mounted: dict[str, str], ordinary_user: tuple[str, ...]) -> None:
    url = mounted["LABYARD_SERVICE_URL"].replace("labyard-service", "127.0.0.1")
    with container("service", mounted, ordinary_user) as process:
        wait_until(lambda: process.poll() is not None or answers(f"{url}api/v1/health"), "the service", 60)
        assert process.poll() is None
    assert process.returncode in (0, -15)


@pytest.mark.skipif(not is_root(), reason="becomes somebody else")
def test_the_service_runs_as_a_number_that_has_no_account(mounted: dict[str, str]) -> None:
    """As where the platform chooses the user of each namespace: with the group 0, which the volumes are given to."""
    for volume in ("state", "projects"):
        shutil.chown(Path(mounted["LABYARD_SECRETS_DIR"]).parent / volume, "root", "root")
    url = mounted["LABYARD_SERVICE_URL"].replace("labyard-service", "127.0.0.1")
    with container("service", mounted, ("setpriv", "--reuid=1000730000", "--regid=0", "--clear-groups")) as process:
        wait_until(lambda: process.poll() is not None or answers(f"{url}api/v1/health"), "the service", 60)
        assert process.poll() is None


def test_mlflow_starts(mounted: dict[str, str], ordinary_user: tuple[str, ...], environments: Path) -> None:
    url = mounted["LABYARD_MLFLOW_URL"].replace("labyard-mlflow", "127.0.0.1")
    python = environments / "mlflow" / "bin" / "python"
    with container("mlflow", {**mounted, "LABYARD_MLFLOW_PYTHON": str(python)}, ordinary_user) as process:
        wait_until(lambda: process.poll() is not None or answers(f"{url}health"), "MLflow", 180)
        assert process.poll() is None
    assert (Path(mounted["LABYARD_STATE_DIR"]) / "mlflow" / "mlflow.db").exists()


def test_a_second_start_finds_what_the_first_one_made(mounted: dict[str, str]) -> None:
    first = service(mounted)
    state = StateFolder(Path(mounted["LABYARD_STATE_DIR"]))
    instance = state.instance
    Path(mounted["LABYARD_CONFIG"]).write_text("cluster: {}\nprojects: {per_user: 7}\n")
    assert service(mounted) == first
    assert state.instance == instance
    assert parse_configuration(state.configuration_file.read_text()).settings.projects.per_user == 7


def test_the_service_is_told_what_the_hub_tells_its_services(mounted: dict[str, str]) -> None:
    env = service(mounted).env
    assert env["JUPYTERHUB_API_TOKEN"] == "service_token-value"
    assert env["JUPYTERHUB_API_URL"] == "http://labyard-hub:8081/hub/api"
    assert env["LABYARD_ORIGIN"] == "https://labyard.example.org"
    assert env["HOME"].startswith(mounted["LABYARD_STATE_DIR"])


def test_folders_of_projects_and_their_trash_are_on_one_volume(mounted: dict[str, str]) -> None:
    service(mounted)
    state = StateFolder(Path(mounted["LABYARD_STATE_DIR"]))
    (state.projects / "a").mkdir()
    (state.projects / "a").rename(state.trash / "a")
    assert (Path(mounted["LABYARD_PROJECTS_VOLUME"]) / ".trash" / "a").is_dir()


def test_the_database_of_the_chart_goes_before_that_of_the_file(mounted: dict[str, str]) -> None:
    service({**mounted, "LABYARD_DATABASE_URL": "postgresql://labyard@db:5432/labyard"})
    state = StateFolder(Path(mounted["LABYARD_STATE_DIR"]))
    settings = parse_configuration(state.configuration_file.read_text()).settings
    assert settings.database.url_for(Path()) == "postgresql+asyncpg://labyard@db:5432/labyard"


def test_the_set_up_link_is_in_the_log_of_a_hub_without_an_administrator(
    mounted: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    program = hub(mounted)
    assert "https://labyard.example.org/hub/setup?token=" in capsys.readouterr().out
    assert program.argv[1:3] == ("-m", "labyard_hub.hub_process.scale.app")


def test_a_mistake_in_the_settings_closes_no_way_in(mounted: dict[str, str], open_folder: Path) -> None:
    Path(mounted["LABYARD_CONFIG"]).write_text("nonsense: 1\n")
    (open_folder / "secrets" / "proxy_api_password").write_text("told\n")
    assert proxy_agent({**mounted, "LABYARD_PROXY_DIR": str(open_folder)}).env["CONFIGPROXY_AUTH_TOKEN"] == "told"
    (open_folder / "secrets" / "proxy_api_password").unlink()
    assert "proxy_api_password" in str(main(["proxy-agent"], {**mounted, "LABYARD_PROXY_DIR": str(open_folder)}))


def test_a_wrong_setting_ends_the_container_with_its_line(mounted: dict[str, str]) -> None:
    Path(mounted["LABYARD_CONFIG"]).write_text("cluster: {}\nserver: {}\n")
    with pytest.raises(ConfigurationError, match="`server` is not a setting"):
        service(mounted)
    message = main(["service"], mounted)
    assert isinstance(message, str)
    assert "config.yaml" in message
    assert "2" in message


def test_a_volume_that_cannot_be_written_is_told_by_its_name(mounted: dict[str, str]) -> None:
    with pytest.raises(StateFolderError, match="fsGroup"):
        service({**mounted, "LABYARD_STATE_DIR": "/proc/labyard"})


def test_what_it_is_not_for_is_said() -> None:
    assert "usage" in str(main([], {}))
    assert "usage" in str(main(["something"], {}))
    assert "LABYARD_CONFIG" in str(main(["service"], {}))
