"""`labyard login`, `whoami`, `use` and `logout`, as far as no hub is needed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from labyard.cli import login as module
from labyard.cli.root import cli
from labyard.exceptions import ConnectionFailedError, NotSignedInError, UnauthenticatedError, UsageError
from labyard.settings import Login, Logins

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, stdin: str = "") -> Result:
        return CliRunner().invoke(cli, arguments, input=stdin, standalone_mode=False)

    return run


def test_a_token_from_standard_input(run: Run, url: str, own_settings: Path) -> None:
    assert run("login", url, "--token-stdin", stdin="ada\n").exception is None
    assert json.loads((own_settings / "logins.json").read_text())["logins"][0]["user"] == "ada"
    who = run("whoami")
    assert who.stdout == f"ada at {url}\ntoken: ends at a time that is not known here\n"
    assert "not known here  current" in run("whoami", "--all").stdout


@pytest.mark.parametrize(("stdin", "expected"), [("", UsageError), ("wrong\n", UnauthenticatedError), ("two words\n", UsageError)])
def test_a_bad_token_is_not_stored(run: Run, url: str, own_settings: Path, stdin: str, expected: type[Exception]) -> None:
    assert isinstance(run("login", url, "--token-stdin", stdin=stdin).exception, expected)
    assert not own_settings.exists()


def test_no_platform_there(run: Run) -> None:
    assert isinstance(run("login", "http://127.0.0.1:1").exception, ConnectionFailedError)


def test_no_address(run: Run) -> None:
    assert isinstance(run("login").exception, UsageError)
    assert isinstance(run("login", "labyard.example.org").exception, UsageError)


def test_a_wrong_code(run: Run, url: str, own_settings: Path) -> None:
    result = run("login", url, stdin="AAAA-AAAA\n")  # no browser can be opened here
    assert "does not work" in str(result.exception)
    assert f"{url}services/labyard/cli/login?challenge=" in result.stderr
    assert "port=" not in result.stderr
    assert not own_settings.exists()


def test_an_address_in_the_clear_is_warned_of(run: Run) -> None:
    result = run("login", "http://labyard.invalid", "--token-stdin", stdin="ada\n")
    assert "not encrypted" in result.stderr
    assert isinstance(result.exception, ConnectionFailedError)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("laptop.local", "laptop.local"),
        ("Ada's Mac", "Ada-s-Mac"),
        ("<b>", "b-"),
        ("...", "unnamed"),
        ("é" * 3, "unnamed"),
        ("x" * 99, "x" * 64),
    ],
)
def test_names_of_machines(name: str, expected: str) -> None:
    assert module._host(name) == expected


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"DISPLAY": ":0"}, True),
        ({"DISPLAY": ":10", "SSH_CONNECTION": "a b"}, False),
        ({"BROWSER": "firefox", "SSH_CONNECTION": "a b"}, True),
    ],
)
def test_where_a_browser_can_be_opened(run: Run, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: bool) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert module._has_browser() is expected


def test_a_login_that_is_over(run: Run, url: str) -> None:
    now = datetime.now(UTC)
    Logins().put(Login(url, "ada", "wrong", now - timedelta(days=15), now - timedelta(days=1)))
    assert isinstance(run("whoami").exception, UnauthenticatedError)
    assert "(over)" in run("whoami", "--all").stdout
    result = run("logout")
    assert (result.exception, result.output) == (None, "")
    assert Logins().all() == []


def test_logging_out_where_the_platform_cannot_be_reached(run: Run) -> None:
    Logins().put(Login("http://127.0.0.1:1/", "ada", "t", datetime.now(UTC)))
    result = run("logout")
    assert "may still work" in result.stderr
    assert Logins().all() == []
    assert isinstance(run("logout").exception, NotSignedInError)
