"""``labyard whoami``, ``use`` and ``logout``: the stored logins."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from labyard.cli.connection import json_option, say
from labyard.exceptions import ApiError, ConnectionFailedError, NotSignedInError, UnauthenticatedError, UnexpectedAnswerError

if TYPE_CHECKING:
    from labyard.settings import Login

__all__ = ["logout", "use", "whoami"]


@click.command()
@click.option("--all", "every", is_flag=True, help="List all stored logins instead; nothing is asked.")
@json_option
def whoami(every: bool, as_json: bool) -> None:
    """Tell where you are signed in, as whom and until when. The platform is asked whether it is still so."""
    from labyard.cli.reads import end_of, tell_who

    if not every:
        tell_who(as_json=as_json)
        return
    from labyard.cli.output import print_json, print_table
    from labyard.settings import Logins

    logins = Logins()
    current = logins.get()
    found = logins.all()
    if as_json:
        print_json([{**_facts(login), "current": login == current} for login in found])
    else:
        print_table(
            [[login.url, login.user, end_of(login), "current" if login == current else ""] for login in found], ["URL", "USER", "ENDS", ""]
        )


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
