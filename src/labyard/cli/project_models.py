"""``labyard project model``: registered models that others may load."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from labyard.cli.connection import complete_project, connect, json_option, print_models, project_argument, say
from labyard.cli.lazy import LazyGroup
from labyard.exceptions import UsageError

if TYPE_CHECKING:
    from labyard.models.sharing import ModelShare

__all__ = ["model"]


@click.group(cls=LazyGroup)
def model() -> None:
    """Share registered models of a project, read-only, with other projects and people."""


@model.command()
@project_argument
@click.argument("name")
@click.option("--with-project", metavar="PROJECT", shell_complete=complete_project, help="For the members of PROJECT, which you are in.")
@click.option("--with-user", metavar="USER", help="For USER.")
@json_option
def share(project: str, name: str, with_project: str | None, with_user: str | None, as_json: bool) -> None:
    """Share the registered model NAME, and print what to load it by."""
    from labyard.cli.output import print_json

    if (with_project is None) == (with_user is None):
        raise UsageError("say whom it is shared with: either --with-project PROJECT or --with-user USER")
    with connect() as client:
        made = client.projects.models.share(project, name, with_project=with_project, with_user=with_user)
    if as_json:
        print_json(made.model_dump(mode="json"))
        return
    say(f"{_whom(made)} can load it, by this address and /VERSION or @ALIAS after it:")
    click.echo(made.uri)


def _whom(one: ModelShare) -> str:
    return f"project {one.project}" if one.project is not None else f"user {one.user}"


@model.command("list")
@click.argument("project", required=False, shell_complete=complete_project)
@json_option
def list_(project: str | None, as_json: bool) -> None:
    """List the models that PROJECT shares; without one, those that others share with you."""
    with connect() as client:
        print_models(
            client.projects.models.list(project) if project is not None else client.me.shared_models(),
            ["ID", "MODEL", "OF", "SHARED WITH", "LOAD BY"],
            lambda one: [one.id, one.model, one.source, _whom(one), one.uri],
            as_json=as_json,
        )


@model.command()
@project_argument
@click.argument("id")
@json_option
def unshare(project: str, id: str, as_json: bool) -> None:  # noqa: A002  # it is the word in the help
    """Stop sharing what has the identifier ID, which `list` shows."""
    from labyard.cli.output import print_json

    with connect() as client:
        client.projects.models.unshare(project, id)
    if as_json:
        print_json({"id": id, "unshared": True})
    else:
        say("it is not shared any more")
