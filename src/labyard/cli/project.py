"""``labyard project``: make projects, and say what becomes of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from labyard.cli.connection import complete_project, connect, instant, json_option, print_models, project_argument, say
from labyard.cli.lazy import LazyGroup
from labyard.exceptions import UsageError

if TYPE_CHECKING:
    from labyard.models.project import Project

__all__ = ["project"]


@click.group(
    cls=LazyGroup,
    commands_in={
        "events": "labyard.cli.project_events:events",
        "link": "labyard.cli.project_links:link",
        "member": "labyard.cli.project_members:member",
        "model": "labyard.cli.project_models:model",
        "server": "labyard.cli.project_servers:server",
        "tool": "labyard.cli.project_tools:tool",
    },
)
def project() -> None:
    """Work together: projects with members, a shared folder, a server, tracked runs and shared models."""


def _print(found: Project, *, as_json: bool) -> None:
    from labyard.cli.output import print_json

    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    facts = {
        "name": found.name, "title": found.display_name, "description": found.description, "state": found.state.value, "your role": found.role.value,
        "members": str(found.member_count), "folder": found.path, "workspace": found.workspace,
        "made": f"{instant(found.created_at)} by {found.created_by}",
    }  # fmt: skip
    for subject, text in facts.items():
        if text:
            click.echo(f"{subject:<13}{text}")


def _changed(found: Project, what: str, *, as_json: bool) -> None:
    """Say what was done, or print the project as it is now for a program."""
    if as_json:
        _print(found, as_json=True)
    else:
        say(f"{what} {found.name}")


@project.command("list")
@click.option("--archived", is_flag=True, help="Archived ones instead.")
@click.option("--all", "every", is_flag=True, help="Archived ones too.")
@json_option
def list_(archived: bool, every: bool, as_json: bool) -> None:
    """List your projects."""
    with connect() as client:
        print_models(
            client.projects.list(state="all" if every else "archived" if archived else "active", page_size=500),
            ["NAME", "ROLE", "MEMBERS", "STATE", "TITLE"],
            lambda one: [one.name, one.role.value, str(one.member_count), one.state.value, one.display_name],
            as_json=as_json,
            nothing="you are in no project: `labyard project create NAME` makes one",
        )


@project.command()
@project_argument
@json_option
def show(project: str, as_json: bool) -> None:
    """Show one of your projects."""
    with connect() as client:
        _print(client.projects.get(project), as_json=as_json)


@project.command()
@click.argument("name")
@click.option("--title", metavar="TEXT", help="What people read.  [default: the name]")
@click.option("--description", metavar="TEXT", default="", help="What it is about.")
@json_option
def create(name: str, title: str | None, description: str, as_json: bool) -> None:
    """Make a project called NAME: small letters, digits and strokes. You are its owner."""
    with connect() as client:
        found = client.projects.create(name, display_name=title, description=description)
    _changed(found, "made", as_json=as_json)


@project.command()
@project_argument
@click.argument("title", required=False)
@click.option("--description", metavar="TEXT", default=None, help="A new description; empty takes it away.")
@json_option
def rename(project: str, title: str | None, description: str | None, as_json: bool) -> None:
    """Change what people read: TITLE, and the description. The name in paths and commands stays for ever."""
    if title is None and description is None:
        raise UsageError(f'say what to change: `labyard project rename {project} "New title"`, or --description TEXT')
    with connect() as client:
        found = client.projects.update(project, display_name=title, description=description)
    _changed(found, "changed", as_json=as_json)


@project.command()
@project_argument
@json_option
def archive(project: str, as_json: bool) -> None:
    """Put a project away: it can be read, and not changed."""
    with connect() as client:
        _changed(client.projects.archive(project), "archived", as_json=as_json)


@project.command()
@project_argument
@json_option
def restore(project: str, as_json: bool) -> None:
    """Take a project out of the archive."""
    with connect() as client:
        _changed(client.projects.restore(project), "restored", as_json=as_json)


@project.command()
@project_argument
@click.option("--yes", "confirmed", metavar="NAME", shell_complete=complete_project, help="Do not ask; the name once more, for scripts.")
@json_option
def delete(project: str, confirmed: str | None, as_json: bool) -> None:
    """Delete a project. Its files go to the platform's trash, and its name is free."""
    from labyard.cli.output import print_json

    if confirmed is None:
        if not sys.stdin.isatty():
            raise UsageError(f"nobody can be asked here: `labyard project delete {project} --yes {project}`")
        confirmed = click.prompt(
            f"This takes {project} from all its members. Type its name to delete it", err=True, default="", show_default=False
        )
    if confirmed != project:
        raise UsageError(f"{confirmed!r} is not {project!r}: nothing was deleted")
    with connect() as client:
        client.projects.delete(project, confirm=confirmed)
    if as_json:
        print_json({"name": project, "deleted": True})
    else:
        say(f"deleted {project}")


@project.command()
@project_argument
@click.argument("user")
@json_option
def transfer(project: str, user: str, as_json: bool) -> None:
    """Hand a project over to USER, who is a member. You stay as an editor."""
    with connect() as client:
        _changed(client.projects.transfer(project, user), f"{user} owns", as_json=as_json)


@project.command()
@project_argument
@json_option
def leave(project: str, as_json: bool) -> None:
    """Leave a project."""
    from labyard.cli.output import print_json

    with connect() as client:
        client.projects.leave(project)
    if as_json:
        print_json({"name": project, "left": True})
    else:
        say(f"you are no member of {project} any more")


@project.command()
@click.argument("link")
@json_option
def join(link: str, as_json: bool) -> None:
    """Join a project by the LINK that somebody gave you."""
    from labyard.settings import normal_url

    with connect() as client:
        if "://" in link and normal_url(link) != client.url:
            raise UsageError(
                f"this link is of {normal_url(link)}, and you are signed in at {client.url}: `labyard login {normal_url(link)}`"
            )
        _changed(client.projects.join(link), "you are in", as_json=as_json)
