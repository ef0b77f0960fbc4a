"""``labyard project link``: links to join by."""

from __future__ import annotations

import click

from labyard.cli.connection import connect, instant, json_option, print_models, project_argument, say
from labyard.cli.lazy import LazyGroup
from labyard.exceptions import UsageError

__all__ = ["link"]


@click.group(cls=LazyGroup)
def link() -> None:
    """Make links with which people on the platform join by themselves, and end them."""


@link.command()
@project_argument
@click.option("--role", type=click.Choice(["editor", "viewer"]), default="viewer", show_default=True)
@click.option("--lifetime", metavar="TIME", default="7d", show_default=True, help="How long it works, such as 2h or 30d.")
@click.option("--uses", type=click.IntRange(1, 1000), metavar="COUNT", help="How many people may join by it.  [default: no limit]")
@json_option
def create(project: str, role: str, lifetime: str, uses: int | None, as_json: bool) -> None:
    """Print a link. Anyone who has it can join, so send it to nobody else."""
    from labyard.cli.output import print_json
    from labyard.units import parse_seconds

    try:
        seconds = int(parse_seconds(lifetime))
    except ValueError as error:
        raise UsageError(f"--lifetime: {error}") from None
    with connect() as client:
        made = client.projects.links.create(project, role=role, expires_in_seconds=seconds, max_uses=uses)
        address = client.address(made.url)
    if as_json:
        print_json(made.model_dump(mode="json"))
        return
    say(f"anyone who opens this becomes {made.role.value} of {project}, until {instant(made.expires_at)}:")
    click.echo(address)


@link.command("list")
@project_argument
@json_option
def list_(project: str, as_json: bool) -> None:
    """List the links that work. For owners."""
    with connect() as client:
        print_models(
            client.projects.links.list(project),
            ["ID", "ROLE", "USES", "ENDS", "MADE BY"],
            lambda one: [
                one.id,
                one.role.value,
                f"{one.uses}/{one.max_uses}" if one.max_uses else str(one.uses),
                instant(one.expires_at),
                one.created_by,
            ],
            as_json=as_json,
        )


@link.command()
@project_argument
@click.argument("id")
@json_option
def revoke(project: str, id: str, as_json: bool) -> None:  # noqa: A002  # it is the word in the help
    """End the link with the identifier ID, which `list` shows. Who joined by it stays."""
    from labyard.cli.output import print_json

    with connect() as client:
        client.projects.links.revoke(project, id)
    if as_json:
        print_json({"id": id, "revoked": True})
    else:
        say("the link does not work any more")
