"""``labyard user``: who may sign in. Works before and while Labyard runs."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from labyard.cli.lazy import LazyGroup
from labyard.exceptions import UsageError
from labyard_hub.cli.context import Context, open_context
from labyard_hub.cli.groups import groups
from labyard_hub.cli.options import json_option, state_dir_option
from labyard_hub.cli.removed import removed, restore

__all__ = ["user"]

MIN_LIFETIME_SECONDS, MAX_LIFETIME_SECONDS = 60, 90 * 86400


def _check_kept_here(context: Context, what: str) -> None:
    """Refuse what an identity provider decides.

    Raises
    ------
    UsageError
        Where people come from one.
    """
    login = context.settings.login
    if not login.is_local:
        raise UsageError(
            f"people come from {login.title} here (`login.provider: {login.provider}`), so there is nothing to {what}: "
            "let them in there, by a group of `login.allowed_groups`, or by `login.allowed_users`"
        )


@click.group(cls=LazyGroup)
def user() -> None:
    """Say who may sign in: invite, add, list and remove people. With an identity provider, only the last two: the rest is said there."""


@user.command()
@click.argument("name")
@click.option("--admin", is_flag=True, help="They will administer too.")
@click.option(
    "--lifetime",
    metavar="TIME",
    help="How long the link works, such as 12h or 7d.  [default: the setting sign_in.invitation_lifetime_seconds]",
)
@state_dir_option
@json_option
def invite(name: str, admin: bool, lifetime: str | None, state_dir: Path, as_json: bool) -> None:
    """Print a link with which NAME chooses a password and is in. It works once."""
    context = open_context(state_dir, create=True)
    _check_kept_here(context, "invite them to")
    seconds = _lifetime(lifetime, context)
    token = context.store.create_invitation(name, admin, seconds)
    _print_link(context, name, token, seconds, f"Send this link to {name}", as_json)


@user.command()
@click.argument("name")
@click.option(
    "--lifetime",
    metavar="TIME",
    help="How long the link works, such as 12h or 7d.  [default: the setting sign_in.invitation_lifetime_seconds]",
)
@state_dir_option
@json_option
def reset(name: str, lifetime: str | None, state_dir: Path, as_json: bool) -> None:
    """Print a link with which NAME, who has lost their password, chooses a new one. The old one works until then."""
    context = open_context(state_dir)
    _check_kept_here(context, "reset")
    seconds = _lifetime(lifetime, context)
    token = context.store.create_reset(name, seconds)
    _print_link(context, name, token, seconds, f"Send this link to {name}", as_json)


@user.command()
@click.argument("name")
@click.option("--admin", is_flag=True, help="They will administer too.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input; its first line counts.")
@state_dir_option
def add(name: str, admin: bool, password_stdin: bool, state_dir: Path) -> None:
    """Add NAME with a password: typed twice at a terminal, or from standard input. No password is an argument, which every account could read."""
    from labyard_hub.domain.names import check_user_name

    check_user_name(name)
    context = open_context(state_dir, create=True)
    _check_kept_here(context, "add")
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        raise UsageError(
            f"say where the password comes from: `labyard user add {name} --password-stdin`, or use `labyard user invite {name}`"
        )
    context.store.add_user(name, password, admin)
    click.echo(f"added {name}{', an administrator' if admin else ''}", err=True)


@user.command("list")
@click.option("--invitations", is_flag=True, help="List open invitations and links to a new password instead.")
@state_dir_option
@json_option
def list_(invitations: bool, state_dir: Path, as_json: bool) -> None:
    """List the people who may sign in."""
    from labyard.cli.output import print_json, print_table

    context = open_context(state_dir)
    store = context.store
    if invitations:
        links = store.list_invitations()
        if as_json:
            print_json([link.to_dict() for link in links])
        else:
            rows = [
                [link.name, link.kind, "admin" if link.admin else "user", link.created_by or "-", _instant(link.expires_at)]
                for link in links
            ]
            print_table(rows, ["NAME", "KIND", "ROLE", "MADE BY", "ENDS"])
        return
    if not context.settings.login.is_local:
        _list_from_hub(context, as_json)
        return
    people = store.list_users()
    if as_json:
        print_json([one.to_dict() for one in people])
    else:
        rows = [[one.name, "admin" if one.admin else "user", _instant(one.created_at), _instant(one.last_sign_in_at)] for one in people]
        print_table(rows, ["NAME", "ROLE", "ADDED", "LAST SIGN-IN"])


def _list_from_hub(context: Context, as_json: bool) -> None:
    """Print who has signed in, which the hub alone knows."""
    from labyard.cli.output import print_json, print_table
    from labyard_hub.cli.hub_api import list_hub_users

    people = list_hub_users(context.state)
    if as_json:
        print_json(people)
    else:
        rows = [
            [one["name"], "admin" if one["admin"] else "user", ", ".join(one["groups"]) or "-", _instant(one["created_at"])]
            for one in people
        ]
        print_table(rows, ["NAME", "ROLE", "GROUPS", "FIRST SIGN-IN"])


@user.command()
@click.argument("name")
@state_dir_option
def revoke(name: str, state_dir: Path) -> None:
    """Take back the open invitation, or link to a new password, for NAME."""
    link = open_context(state_dir).store.revoke_invitation(name)
    click.echo(f"revoked the {link.kind} for {link.name}", err=True)


@user.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@state_dir_option
def remove(name: str, yes: bool, state_dir: Path) -> None:
    """Remove NAME: they are signed out, their servers end, their home goes to the trash, from where `labyard user restore` brings it back."""
    from labyard_hub.cli.hub_api import remove_hub_user
    from labyard_hub.domain.names import check_user_name
    from labyard_hub.storage.identity_errors import UserUnknownError

    check_user_name(name)
    context = open_context(state_dir)
    from_provider = not context.settings.login.is_local
    known = from_provider or context.store.get_user(name) is not None
    if known and not yes and not click.confirm(f"Remove {name}, end their servers and move their home to the trash?", err=True):
        click.echo("nothing was changed", err=True)
        raise SystemExit(1)
    # The last administrator stays either way.
    if not remove_hub_user(context.state, name):
        if from_provider and not context.running:
            raise UsageError(f"who has signed in is known to the running hub alone: start Labyard with `labyard up`, then remove {name}")
        if from_provider or not known:
            raise UserUnknownError(name)
        context.store.set_admin(name, False)  # the last administrator stays
        _retire(context, name)
        context.store.remove_user(name)  # last, so that a killed removal can be done again
    click.echo(f"removed {name}", err=True)


def _retire(context: Context, name: str) -> None:
    from labyard_hub.backends.local.removed_people import retire
    from labyard_hub.backends.local.servers import end_servers, list_servers

    theirs = [record for record in list_servers(context.state) if record.name.partition("/")[0] == name]
    end_servers(context.state, theirs, patience_seconds=10)
    retire(name, context.state)


def _lifetime(text: str | None, context: Context) -> float:
    from labyard.units import parse_seconds

    if text is None:
        return context.settings.sign_in.invitation_lifetime_seconds
    try:
        seconds = parse_seconds(text)
    except ValueError as error:
        raise UsageError(f"--lifetime: {error}") from None
    if not MIN_LIFETIME_SECONDS <= seconds <= MAX_LIFETIME_SECONDS:
        raise UsageError("--lifetime: a link works from a minute to 90 days, such as 7d")
    return seconds


def _print_link(context: Context, name: str, token: str, seconds: float, text: str, as_json: bool) -> None:
    """Print the link on standard output, and on standard error what is to be known about it."""
    from labyard.cli.output import print_json
    from labyard.units import format_seconds
    from labyard_hub.config.platform import Platform, expected_url

    platform = Platform.read(context.state) if context.running else None
    base = platform.url if platform is not None else expected_url(context.settings.listen, context.state)
    link = f"{base}hub/{'setup' if name == 'setup' else 'invite'}?token={token}"
    if as_json:
        data: dict[str, Any] = {"name": name, "url": link, "expires_in_seconds": seconds, "running": context.running}
        print_json(data)
        return
    click.echo(f"{text}. It works once, for {format_seconds(seconds)}:", err=True)
    click.echo(link)
    if platform is None:
        click.echo("Labyard is not running: the link works once it is, if it is reached at this address.", err=True)


def _instant(instant: datetime | str | None) -> str:
    if isinstance(instant, str):
        instant = datetime.fromisoformat(instant)
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if instant is not None else "never"


@user.command("setup-link")
@state_dir_option
def setup_link(state_dir: Path) -> None:
    """Print the link with which the first administrator signs in, for as long as nobody administers. An expired one is made new."""
    context = open_context(state_dir, create=True)
    _check_kept_here(context, "set up")
    seconds = context.settings.sign_in.setup_lifetime_seconds
    _print_link(context, "setup", context.store.ensure_setup_token(seconds), seconds, "Choose the administrator at this link", False)


for command in (groups, removed, restore):
    user.add_command(command)
