"""``labyard project tool``: running tools that members share."""

from __future__ import annotations

import click

from labyard.cli.connection import connect, json_option, print_models, project_argument, say
from labyard.cli.lazy import LazyGroup

__all__ = ["tool"]


@click.group(cls=LazyGroup)
def tool() -> None:
    """See the running tools that members share from JupyterLab, and stop sharing one."""


@tool.command("list")
@project_argument
@json_option
def list_(project: str, as_json: bool) -> None:
    """List the tools, with the address to open each by."""
    with connect() as client:
        print_models(
            client.projects.tools.list(project),
            ["ID", "TITLE", "OWNER", "ADDRESS"],
            lambda one: [one.id, one.title, one.owner, client.address(one.url)],
            as_json=as_json,
        )


@tool.command()
@project_argument
@click.argument("id")
@json_option
def unshare(project: str, id: str, as_json: bool) -> None:  # noqa: A002  # it is the word in the help
    """Stop sharing what has the identifier ID, which `list` shows. The tool itself goes on."""
    from labyard.cli.output import print_json

    with connect() as client:
        client.projects.tools.unshare(project, id)
    if as_json:
        print_json({"id": id, "unshared": True})
    else:
        say("it is not shared any more")
