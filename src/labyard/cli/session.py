"""``labyard whoami``, ``use`` and ``logout``: the stored logins."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from labyard.cli.connection import connect, instant, json_option, say
from labyard.cli.output import print_json, print_table
from labyard.exceptions import ApiError, ConnectionFailedError, NotSignedInError, UnauthenticatedError, UnexpectedAnswerError

if TYPE_CHECKING:
    from labyard.settings import Connection, Login

__all__ = ["logout", "use", "whoami"]


@click.command()
@click.option("--all", "every", is_flag=True, help="List all stored logins instead; nothing is asked.")
@json_option
def whoami(every: bool, as_json: bool) -> None:
    """Tell where you are signed in, as whom and until when. The platform is asked whether it is still so."""
    from labyard.settings import Logins, find_connection

    logins = Logins()
    if not every:
        connection = find_connection()
        _tell_current(connection, logins.get(connection.url) if connection.source == "login" else None, as_json=as_json)
        return
    current = logins.get()
    found = logins.all()
    if as_json:
        print_json([{**_facts(login), "current": login == current} for login in found])
    else:
        print_table(
            [[login.url, login.user, _end_of(login), "current" if login == current else ""] for login in found], ["URL", "USER", "ENDS", ""]
        )


def _tell_current(connection: Connection, stored: Login | None, *, as_json: bool) -> None:
    with connect() as client:
        me = client.me.get()
    if as_json:
        expires_at = _facts(stored)["expires_at"] if stored is not None else None
        print_json({"url": connection.url, "user": me.name, "admin": me.admin, "expires_at": expires_at, "source": connection.source})
        return
    click.echo(f"{me.name} at {connection.url}{', an administrator' if me.admin else ''}")
    click.echo(f"token: from {connection.source}" if stored is None else f"token: ends {_end_of(stored)}")


def _end_of(login: Login) -> str:
    """Return when a login ends, for people."""
    if login.expires_at is None:
        return "at a time that is not known here"
    return f"{instant(login.expires_at)}{' (over)' if login.expires_at <= datetime.now(UTC) else ''}"


def _facts(login: Login) -> dict[str, Any]:
    return {"url": login.url, "user": login.user, "expires_at": login.expires_at.isoformat() if login.expires_at is not None else None}


@click.command()
@click.argument("url")
def use(url: str) -> None:
    """Make the platform at URL, where you are signed in, the one that commands talk to."""
    from labyard.settings import Logins, normal_url

    found = Logins().use(normal_url(url))
    say(f"commands talk to {found.url} now, as {found.user}")


@click.command()
@click.argument("url", required=False)
@click.option("--all", "every", is_flag=True, help="At all platforms.")
def logout(url: str | None, every: bool) -> None:
    """Sign out at URL, or at the current platform: the token ends there, and is forgotten here."""
    from labyard.settings import TOKEN_VARIABLE, Logins, normal_url

    logins = Logins()
    if every:
        found = logins.all()
    else:
        one = logins.get(normal_url(url) if url else None)
        if one is None:
            raise NotSignedInError(f"you are not signed in{f' at {normal_url(url)}' if url else ''}: there is nothing to end")
        found = [one]
    for login in found:
        logins.remove(login.url)
        _end(login)
        say(f"signed out at {login.url}")
    if os.environ.get(TOKEN_VARIABLE):
        say(f"{TOKEN_VARIABLE} is still set, and used")


def _end(login: Login) -> None:
    """End the token at the platform. Here it is forgotten whatever comes of that."""
    from labyard.client.logins import open_logins

    with open_logins(login.url, login.token) as tokens:
        try:
            tokens.revoke()
        except UnauthenticatedError:  # it is over already
            return
        except (ApiError, ConnectionFailedError, UnexpectedAnswerError) as error:
            click.echo(f"labyard: the token is forgotten here, and may still work: {error.message}", err=True)
