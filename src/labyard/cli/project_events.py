"""``labyard project events``: what happened."""

from __future__ import annotations

from itertools import islice

import click

from labyard.cli.connection import connect, instant, json_option, print_models, project_argument

__all__ = ["events"]


@click.command()
@project_argument
@click.option(
    "-n", "--limit", type=click.IntRange(1), metavar="COUNT", default=50, show_default=True, help="How many, from the newest back."
)
@json_option
def events(project: str, limit: int, as_json: bool) -> None:
    """Tell who did what in a project, newest first."""
    with connect() as client:
        print_models(
            islice(client.projects.events.list(project, page_size=min(limit, 500)), limit),
            ["WHEN", "WHAT"],
            lambda one: [instant(one.at), one.text],
            as_json=as_json,
        )
