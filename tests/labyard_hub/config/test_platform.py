from __future__ import annotations

import socket
from pathlib import Path

import pytest

from labyard_hub.config.platform import Platform, choose_platform
from labyard_hub.config.settings import ListenSettings
from labyard_hub.config.state import StateFolder
from labyard_hub.exceptions import ConfigurationError


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder.open(tmp_path / "state")


def test_ports_stay_from_one_start_to_the_next(state: StateFolder) -> None:
    first = choose_platform(ListenSettings(port=0), state, proxy_runs=False, hub_runs=False)
    first.write(state)
    assert Platform.read(state) == first
    assert choose_platform(ListenSettings(port=0), state, proxy_runs=False, hub_runs=False) == first


def test_a_taken_port_says_what_to_do(state: StateFolder) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"port {port} .* taken .*--port {port + 1}"):
            choose_platform(ListenSettings(port=port), state, proxy_runs=False, hub_runs=False)


def test_a_port_that_our_own_proxy_holds_is_kept(state: StateFolder) -> None:
    with socket.socket() as ours:
        ours.bind(("127.0.0.1", 0))
        ours.listen()
        listen = ListenSettings(port=ours.getsockname()[1])
        last = Platform(f"http://labyard.localhost:{listen.port}/", f"http://127.0.0.1:{listen.port}/", 1, 2, 3, 4, separate=True)
        last.write(state)
        assert choose_platform(listen, state, proxy_runs=True, hub_runs=True) == last


def test_an_inner_port_that_somebody_took_meanwhile_is_changed(state: StateFolder) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        Platform("http://127.0.0.1:1/", "http://127.0.0.1:1/", taken, taken, taken, taken).write(state)
        chosen = choose_platform(ListenSettings(port=0), state, proxy_runs=False, hub_runs=False)
        assert taken not in (chosen.hub_port, chosen.service_port, chosen.mlflow_port, chosen.proxy_api_port)


def test_public_urls(state: StateFolder, tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("")
    tls = ListenSettings(port=0, tls_certificate=tmp_path / "a.pem", tls_key=tmp_path / "a.pem")
    assert choose_platform(tls, state, proxy_runs=False, hub_runs=False).url.startswith("https://labyard.localhost:")
    shared = ListenSettings(port=0, origins="shared")
    assert choose_platform(shared, state, proxy_runs=False, hub_runs=False).url.startswith("http://127.0.0.1:")
    behind = ListenSettings(port=0, public_url="https://labyard.example.org")
    assert choose_platform(behind, state, proxy_runs=False, hub_runs=False).url == "https://labyard.example.org/"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_no_tls(host: str) -> None:
    assert ListenSettings(host=host).is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "labyard.example.org"])
def test_anything_else_does(host: str) -> None:
    with pytest.raises(ValueError, match="in the clear"):
        ListenSettings(host=host)
    assert not ListenSettings(host=host, allow_insecure=True, origins="shared").is_loopback


@pytest.mark.parametrize(
    "given", [{"host": "0.0.0.0"}, {"host": "192.0.2.1"}, {"public_url": "https://192.0.2.1"}, {"public_url": "http://[2001:db8::1]:80"}]
)
def test_an_address_has_no_names_below_it(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"wildcard record.*origins: shared"):
        ListenSettings(allow_insecure=True, **given)
    ListenSettings(allow_insecure=True, origins="shared", **given)
