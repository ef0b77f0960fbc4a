"""Where the platform's processes are reached: chosen once by ``labyard up``, read by everyone else."""

from __future__ import annotations

import json
import random
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from labyard_hub.config.origins import LOOPBACK_NAME, Origins
from labyard_hub.config.state import StateFolder, write_atomically
from labyard_hub.exceptions import ConfigurationError

if TYPE_CHECKING:  # `labyard status` only reads what was chosen, and needs no settings
    from labyard_hub.config.settings import ListenSettings

__all__ = ["Platform", "choose_platform", "choose_port", "expected_url"]

LASTING_PORTS = range(10_000, 32_768)
"""Up to where Linux begins to give out ports by itself (``net.ipv4.ip_local_port_range``)."""
GIVEN_SECONDS = 180.0
"""How long a port that was given stays reserved, in seconds: a server may need this time to listen."""
_given: dict[int, float] = {}


@dataclass(frozen=True)
class Platform:
    """Addresses and ports of one running platform.

    Attributes
    ----------
    url
        What browsers open, with a trailing slash.
    bind_url
        What the proxy listens on.
    hub_port, service_port, mlflow_port, proxy_api_port
        TCP ports on 127.0.0.1. They stay the same from one start to the next, since servers that outlived a killed ``labyard up`` still call them.
    pid
        Process id of ``labyard up``; 0 before it is known.
    ready
        Whether it is up.
    separate
        Whether each user's servers have an origin of their own.
    """

    url: str
    bind_url: str
    hub_port: int
    service_port: int
    mlflow_port: int
    proxy_api_port: int
    pid: int = 0
    ready: bool = False
    separate: bool = False

    @property
    def origins(self) -> Origins:
        """What browsers call the hub and each server."""
        return Origins(self.url, self.separate)

    @property
    def port(self) -> int:
        """What the proxy listens on."""
        return _port_of(self.bind_url)

    @property
    def hub_api_url(self) -> str:
        """The hub's REST API, for processes on this machine."""
        return f"http://127.0.0.1:{self.hub_port}/hub/api"

    @property
    def service_url(self) -> str:
        """The labyard service, for processes on this machine."""
        return f"http://127.0.0.1:{self.service_port}/services/labyard/"

    @property
    def mlflow_url(self) -> str:
        """The MLflow server, for processes on this machine."""
        return f"http://127.0.0.1:{self.mlflow_port}/services/mlflow/"

    @classmethod
    def file(cls, state: StateFolder) -> Path:
        """Return where it is kept."""
        return state.run_private / "platform.json"

    @classmethod
    def read(cls, state: StateFolder) -> Platform | None:
        """Return what the last ``labyard up`` chose; None where there was none."""
        try:
            data = json.loads(cls.file(state).read_text())
            data.pop("hub_api_url", None)
            return cls(**data)
        except (OSError, ValueError, TypeError):
            return None

    def write(self, state: StateFolder) -> None:
        """Keep it."""
        write_atomically(self.file(state), json.dumps({**asdict(self), "hub_api_url": self.hub_api_url}), mode=0o600)


def choose_platform(listen: ListenSettings, state: StateFolder, *, proxy_runs: bool, hub_runs: bool) -> Platform:
    """Return the addresses for a start: those of the last one where they are still free or held by our own processes.

    Parameters
    ----------
    proxy_runs
        Whether our own proxy, which a killed ``labyard up`` left behind, holds the public port.
    hub_runs
        Whether our own hub, service and MLflow are among what runs.

    Raises
    ------
    ConfigurationError
        If another program holds the public port.
    """
    last = Platform.read(state)
    port = listen.port
    if port == 0:
        port = (
            _port_of(last.bind_url)
            if last is not None and (proxy_runs or _is_free(listen.host, _port_of(last.bind_url)))
            else choose_port()
        )
    same_address = last is not None and last.bind_url == _url(listen, port)
    if not (proxy_runs and same_address) and not _is_free(listen.host, port):
        raise ConfigurationError(
            None,
            None,
            f"port {port} on {listen.host} is taken by another program. Choose another one, such as --port {port + 1}, or --port 0 for any free one",
        )
    bind_url = _url(listen, port)
    public = _public(listen, port)
    ports = {}
    for name in ("hub_port", "service_port", "mlflow_port", "proxy_api_port"):
        former: int = getattr(last, name) if last is not None else 0
        ours = proxy_runs if name == "proxy_api_port" else hub_runs
        ports[name] = former if former and (ours or _is_free("127.0.0.1", former)) else choose_port()
    separate = listen.origins == "separate"
    return Platform(
        public, bind_url, ports["hub_port"], ports["service_port"], ports["mlflow_port"], ports["proxy_api_port"], separate=separate
    )


def expected_url(listen: ListenSettings, state: StateFolder) -> str:
    """Return what browsers will open once a platform that does not run now is started with these settings."""
    last = Platform.read(state)
    return last.url if listen.public_url is None and listen.port == 0 and last is not None else _public(listen, listen.port)


def _url(listen: ListenSettings, port: int) -> str:
    scheme = "https" if listen.tls_certificate else "http"
    host = f"[{listen.host}]" if ":" in listen.host else listen.host
    return f"{scheme}://{host}:{port}/"


def _public(listen: ListenSettings, port: int) -> str:
    """Return what browsers open."""
    if listen.public_url:
        return listen.public_url.rstrip("/") + "/"
    bind_url = _url(listen, port)
    if listen.is_loopback and listen.origins == "separate":
        return f"{urlsplit(bind_url).scheme}://{LOOPBACK_NAME}:{port}/"
    return bind_url.replace(f"//{listen.host}:", f"//{socket.gethostname()}:") if listen.host in ("0.0.0.0", "::") else bind_url  # noqa: S104  # compared, not bound


def _port_of(url: str) -> int:
    return int(url.rstrip("/").rsplit(":", 1)[1])


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # A port in TIME_WAIT can be taken, one that somebody listens on cannot.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def choose_port() -> int:
    """Return a port of the loopback interface that nobody listens on, and that this process has given to nobody else lately.

    It is one of those that no outgoing connection is given, so it is still free when it is used, and when its process starts again. Many servers may be about to take theirs.
    """
    now = time.monotonic()
    for port in [port for port, given_at in _given.items() if now - given_at > GIVEN_SECONDS]:
        del _given[port]
    for port in random.sample(LASTING_PORTS, 500):
        if port not in _given and _is_free("127.0.0.1", port):
            _given[port] = now
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
