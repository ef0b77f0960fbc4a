"""``labyard login``: a browser leg, or a token from standard input."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
import socket
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import click

from labyard.exceptions import LabyardError, UsageError

if TYPE_CHECKING:
    from labyard.settings import Login, Logins

__all__ = ["login"]

WAIT_SECONDS = 600
"""How long the platform waits for a person to answer, too."""


class LoginTimeoutError(LabyardError):
    """Nobody answered in the browser."""

    code = "login_timeout"

    def __init__(self) -> None:
        super().__init__(f"nobody answered in the browser within {WAIT_SECONDS // 60} minutes. Run `labyard login` again")


@click.command()
@click.argument("url", required=False)
@click.option("--no-browser", is_flag=True, help="Print an address to open on any machine, and take the code that it shows.")
@click.option("--token-stdin", is_flag=True, help="For machines: read a token of the hub's from standard input.")
@click.option("--name", metavar="NAME", help="What the platform calls this machine when it asks you.  [default: the host's name]")
def login(url: str | None, no_browser: bool, token_stdin: bool, name: str | None) -> None:
    """Sign in at the platform at URL, as you are signed in there in the browser.

    The token works for some days, can use projects and MLflow, and is kept in a file that only you can read. Without URL: the one of LABYARD_URL, or the platform
    you signed in at last.
    """
    from labyard.cli.connection import instant, say
    from labyard.settings import Logins, is_loopback

    logins = Logins()
    address = _address(url, logins)
    if address.startswith("http:") and not is_loopback(address):
        click.echo(f"labyard: {address} is not encrypted: others on the network can read your token", err=True)
    if token_stdin:
        made = _by_token(address)
    elif no_browser or not _has_browser():
        made = _by_code(address, _host(name))
    else:
        made = _by_browser(address, _host(name))
    logins.put(made)
    until = f" until {instant(made.expires_at)}" if made.expires_at is not None else ""
    say(f"signed in at {made.url} as {made.user}{until}")


def _address(url: str | None, logins: Logins) -> str:
    from labyard.settings import URL_VARIABLE, normal_url

    named = url or os.environ.get(URL_VARIABLE)
    if named:
        return normal_url(named)
    current = logins.get()
    if current is None:
        raise UsageError("say where: `labyard login URL`, with the address that you open in the browser")
    return current.url


def _has_browser() -> bool:
    """Whether a browser on this very machine can be opened: not over SSH, where it could not come back to us."""
    if os.environ.get("BROWSER"):
        return True
    if os.environ.get("SSH_CONNECTION"):
        return False
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _host(name: str | None) -> str:
    found = re.sub(r"[^A-Za-z0-9._-]+", "-", name or socket.gethostname()).lstrip("._-")[:64]
    return found or "unnamed"


def _by_token(address: str) -> Login:
    from labyard.client import Client
    from labyard.settings import Login

    if sys.stdin.isatty():
        raise UsageError("--token-stdin takes the token from a pipe or file: `labyard login URL --token-stdin < FILE`")
    token = sys.stdin.readline().strip()
    if not token:
        raise UsageError("there is no token on standard input")
    with Client(address, token) as client:
        return Login(address, client.me.get().name, token, datetime.now(UTC))


class _Exchange:
    """A login that has begun: it has a secret, and turns a code into a token."""

    def __init__(self, address: str, host: str) -> None:
        self._verifier = secrets.token_urlsafe(48)
        self.address, self.state, self._host = address, secrets.token_urlsafe(24), host
        self.made: Login | None = None

    def url(self, port: int | None) -> str:
        """Return where the browser begins."""
        digest = hashlib.sha256(self._verifier.encode()).digest()
        query = {
            "challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="), "state": self.state, "name": self._host,
            **({"port": str(port)} if port is not None else {}),
        }  # fmt: skip
        return f"{self.address}services/labyard/cli/login?{urlencode(query)}"

    def finish(self, code: str) -> None:
        """Exchange a code."""
        from labyard.client.logins import open_logins
        from labyard.settings import Login

        with open_logins(self.address) as tokens:
            granted = tokens.exchange(code, self._verifier)
        self.made = Login(self.address, granted.user, granted.token, datetime.now(UTC), granted.expires_at)


def _by_browser(address: str, host: str) -> Login:
    import webbrowser

    from labyard.cli.loopback import Loopback

    _reach(address)
    exchange = _Exchange(address, host)
    with Loopback(exchange.state, exchange.finish, f"{address}services/labyard/cli/done") as listener:
        url = exchange.url(listener.server_port)
        click.echo(
            f"Answer in the browser. If none opens, open this there, on this machine:\n  {url}\nFrom another machine: labyard login --no-browser",
            err=True,
        )
        webbrowser.open(url)
        try:
            listener.wait(WAIT_SECONDS)
        except TimeoutError:
            raise LoginTimeoutError from None
    assert exchange.made is not None  # noqa: S101
    return exchange.made


def _by_code(address: str, host: str) -> Login:
    _reach(address)
    exchange = _Exchange(address, host)
    click.echo(f"Open this in a browser, on any machine:\n  {exchange.url(None)}", err=True)
    code = click.prompt("Code that it shows", err=True).strip()
    exchange.finish(code)
    assert exchange.made is not None  # noqa: S101
    return exchange.made


def _reach(address: str) -> None:
    """Say now what is wrong with the address, and not in the browser."""
    from labyard.client.logins import open_logins

    with open_logins(address) as tokens:
        tokens.health()
