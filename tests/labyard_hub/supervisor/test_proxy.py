"""The proxy's process: its files, what makes it another one, and a state folder on which Traefik was the proxy."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from labyard_hub.backends.haproxy.configuration import CERTIFICATE_NAME, CONFIGURATION_NAME, MAP_NAME
from labyard_hub.config.platform import Platform
from labyard_hub.config.settings import ListenSettings
from labyard_hub.config.state import StateFolder
from labyard_hub.exceptions import ConfigurationError
from labyard_hub.supervisor.proxy import NOBODY, _can_become_nobody, proxy_process
from tests.certificates import make_certificate

PLATFORM = Platform("http://127.0.0.1:8000/", "http://127.0.0.1:8000/", 8081, 8082, 8083, 8084)


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder.open(tmp_path / "state")


def test_its_files_are_nobody_elses_and_routes_stay(state: StateFolder) -> None:
    spec = proxy_process(state, PLATFORM, ListenSettings())
    for name in (CONFIGURATION_NAME, MAP_NAME):
        assert stat.S_IMODE((state.run_private / name).stat().st_mode) == 0o600
    (state.run_private / MAP_NAME).write_text("%2Fuser%2Fada%2F 127.0.0.1|8888\n")
    assert proxy_process(state, PLATFORM, ListenSettings()) == spec
    assert "ada" in (state.run_private / MAP_NAME).read_text()
    text = (state.run_private / CONFIGURATION_NAME).read_text()
    assert ("  uid " in text) == _can_become_nobody()
    assert NOBODY[0] != 0


@pytest.mark.parametrize(
    ("status", "uids", "expected"),
    [
        ("CapEff:\t000001ffffffffff", "0 0 4294967295", True),
        ("CapEff:\t00000000a80425fb", "0 0 4294967295", True),
        ("CapEff:\t0000000000000000", "0 0 4294967295", False),
        ("CapEff:\t000001ffffffffff", "0 1000 1", False),
        ("", "0 0 4294967295", False),
    ],
)
def test_root_becomes_nobody_where_there_is_such_an_account(
    monkeypatch: pytest.MonkeyPatch, status: str, uids: str, expected: bool
) -> None:
    read = Path.read_text

    def told(path: Path, *args: Any, **kwargs: Any) -> str:
        match str(path):
            case "/proc/self/status":
                return status
            case "/proc/self/uid_map" | "/proc/self/gid_map":
                return uids
        return read(path, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", told)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert _can_become_nobody() == expected


def test_another_port_is_another_process_and_a_renewed_certificate_is_not(state: StateFolder, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path / "tls")
    plain = proxy_process(state, PLATFORM, ListenSettings())
    listen = ListenSettings(tls_certificate=certificate, tls_key=key)
    with_tls = proxy_process(state, PLATFORM, listen)
    first = (state.run_private / CERTIFICATE_NAME).read_text()
    assert stat.S_IMODE((state.run_private / CERTIFICATE_NAME).stat().st_mode) == 0o600
    assert with_tls != plain
    make_certificate(tmp_path / "tls")
    assert proxy_process(state, PLATFORM, listen) == with_tls
    assert (state.run_private / CERTIFICATE_NAME).read_text() != first


def test_a_certificate_that_cannot_be_read_is_said(state: StateFolder, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone\.pem cannot be read: No such file"):
        proxy_process(state, PLATFORM, ListenSettings(tls_certificate=tmp_path / "gone.pem", tls_key=tmp_path / "gone.key"))


def test_what_traefik_left_is_removed_and_its_routes_are_the_hubs_to_bring(state: StateFolder) -> None:
    for name in ("proxy.yaml", "proxy-routes.yaml"):
        (state.run_private / name).write_text("{}")
    proxy_process(state, PLATFORM, ListenSettings())
    assert not list(state.run_private.glob("*.yaml"))
    assert (state.run_private / MAP_NAME).read_text() == ""
