"""The everyday reads, as `labyard.cli.quick` and click's commands both run them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from labyard.cli import reading
from labyard.cli.asking import ask, instant, print_models
from labyard.cli.output import echo, print_json
from labyard.settings import Logins, find_connection

if TYPE_CHECKING:
    from labyard.settings import Login

__all__ = ["end_of", "list_projects", "tell_who"]


def list_projects(*, state: Literal["all", "archived", "active"] = "active", as_json: bool = False) -> None:
    """Print the caller's projects."""
    found = ask(
        lambda: reading.read_pages("projects", "projects", state=state, limit=500),
        lambda client: list[Any](client.projects.list(state=state, page_size=500)),
    )
    print_models(
        found,
        ["NAME", "ROLE", "MEMBERS", "STATE", "TITLE"],
        lambda one: [one.name, one.role.value, str(one.member_count), one.state.value, one.display_name],
        as_json=as_json,
        nothing="you are in no project: `labyard project create NAME` makes one",
    )


def tell_who(*, as_json: bool = False) -> None:
    """Print where one is signed in, as whom and until when."""
    connection = find_connection()
    stored = Logins().get(connection.url) if connection.source == "login" else None
    me: Any = ask(lambda: reading.read("me"), lambda client: client.me.get())
    if as_json:
        expires_at = stored.expires_at.isoformat() if stored is not None and stored.expires_at is not None else None
        print_json({"url": connection.url, "user": me.name, "admin": me.admin, "expires_at": expires_at, "source": connection.source})
        return
    echo(f"{me.name} at {connection.url}{', an administrator' if me.admin else ''}")
    echo(f"token: from {connection.source}" if stored is None else f"token: ends {end_of(stored)}")


def end_of(login: Login) -> str:
    """Return when a login ends, for people."""
    if login.expires_at is None:
        return "at a time that is not known here"
    return f"{instant(login.expires_at)}{' (over)' if login.expires_at <= datetime.now(UTC) else ''}"
