"""Ports that are chosen before anybody listens on them."""

from __future__ import annotations

import socket

import pytest

from labyard_hub.config import platform
from labyard_hub.config.platform import choose_port


def test_no_port_is_given_twice_to_those_who_are_about_to_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "LASTING_PORTS", range(20_000, 20_600))
    monkeypatch.setattr(platform, "_given", {})
    ports = [choose_port() for _ in range(60)]
    assert len(set(ports)) == 60


def test_a_port_is_given_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "LASTING_PORTS", range(20_000, 20_600))
    monkeypatch.setattr(platform, "_given", dict.fromkeys(platform.LASTING_PORTS, float("-inf")))
    assert choose_port() in platform.LASTING_PORTS


def test_a_port_that_somebody_listens_on_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "LASTING_PORTS", range(20_000, 20_500))
    monkeypatch.setattr(platform, "_given", dict.fromkeys(range(20_001, 20_500), float("inf")))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 20_000))
        taken.listen()
        assert choose_port() not in platform.LASTING_PORTS
