"""``labyard project member``: who is in a project, and what they may do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from labyard.cli.connection import connect, instant, json_option, print_models, project_argument, say
from labyard.cli.lazy import LazyGroup
from labyard.permissions import ROLES, Capability, Role, grants

if TYPE_CHECKING:
    from labyard.client import Client
    from labyard.models.project import Member

__all__ = ["member"]


@click.group(cls=LazyGroup)
def member() -> None:
    """Say who is in a project: an owner does everything, an editor changes it, a viewer reads it."""


def _changed(found: Member, text: str, *, as_json: bool) -> None:
    from labyard.cli.output import print_json

    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        say(text)


def _ask_before_the_server_stops(client: Client, project: str, user: str, role: Role | None) -> None:
    """Ask at a terminal, where the service stops the project's server since `user` may no longer work in it. A script knows what it does."""
    if not sys.stdin.isatty() or grants(role, Capability.WORK_IN_SERVER):
        return
    could = any(one.user == user and grants(one.role, Capability.WORK_IN_SERVER) for one in client.projects.members.list(project))
    if could and client.projects.server.status(project).state != "stopped":
        question = f"The server of {project} stops, and kernels and terminals in it end, for everybody who works there now. Go on?"
        click.confirm(question, abort=True, err=True)


@member.command("list")
@project_argument
@json_option
def list_(project: str, as_json: bool) -> None:
    """List the members: owners first, then by name."""
    with connect() as client:
        print_models(
            client.projects.members.list(project),
            ["USER", "ROLE", "SINCE", "ADDED BY"],
            lambda one: [one.user, one.role.value, instant(one.added_at), one.added_by],
            as_json=as_json,
        )


@member.command()
@project_argument
@click.argument("user")
@click.option("--role", type=click.Choice([role.value for role in ROLES]), default="editor", show_default=True)
@json_option
def add(project: str, user: str, role: str, as_json: bool) -> None:
    """Add USER, who has an account on the platform."""
    with connect() as client:
        found = client.projects.members.add(project, user, role)
    _changed(found, f"{found.user} is in {project}, as {found.role.value}", as_json=as_json)


@member.command("set-role")
@project_argument
@click.argument("user")
@click.argument("role", type=click.Choice([role.value for role in ROLES]), required=False)
@click.option("--role", "named_role", type=click.Choice([role.value for role in ROLES]), help="The role, as with `member add`.")
@json_option
def set_role(project: str, user: str, role: str | None, named_role: str | None, as_json: bool) -> None:
    """Change what USER may do."""
    role = role or named_role
    if role is None or named_role not in (None, role):
        raise click.UsageError(f"name one role: --role {ROLES[0].value}, or another")
    with connect() as client:
        _ask_before_the_server_stops(client, project, user, Role(role))
        found = client.projects.members.set_role(project, user, role)
    _changed(found, f"{found.user} is {found.role.value} in {project}", as_json=as_json)


@member.command()
@project_argument
@click.argument("user")
@json_option
def remove(project: str, user: str, as_json: bool) -> None:
    """Remove USER. What they have open of the project is closed within seconds."""
    from labyard.cli.output import print_json

    with connect() as client:
        _ask_before_the_server_stops(client, project, user, None)
        client.projects.members.remove(project, user)
    if as_json:
        print_json({"user": user, "removed": True})
    else:
        say(f"{user} is no member of {project} any more")
