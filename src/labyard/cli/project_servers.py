"""``labyard project server``: the server that members work in together."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from labyard.cli.connection import connect, instant, json_option, project_argument, say
from labyard.cli.lazy import LazyGroup
from labyard.exceptions import LabyardError

if TYPE_CHECKING:
    from labyard.client import Client
    from labyard.models.sharing import ProjectServer

__all__ = ["server"]

POLL_SECONDS = 0.5


class ServerStartError(LabyardError):
    """The server is not up, or not in time."""

    code = "server_start"

    def __init__(self, project: str, problem: str, address: str) -> None:
        super().__init__(f"the server of {project} {problem}. {address} shows more")


@click.group(cls=LazyGroup)
def server() -> None:
    """Start and stop the server that a project's members work in together."""


def _print(found: ProjectServer, client: Client, *, as_json: bool) -> None:
    from labyard.cli.output import print_json

    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    facts = {"state": found.state.value, "address": client.address(found.url)}
    if found.started_at is not None:
        facts["started"] = instant(found.started_at)
    if found.last_activity_at is not None:
        facts["last used"] = instant(found.last_activity_at)
    for subject, text in facts.items():
        click.echo(f"{subject:<13}{text}")


@server.command()
@project_argument
@click.option(
    "--wait", "wait_seconds", type=click.IntRange(0), metavar="SECONDS", default=0, help="Return when it runs; fail after SECONDS."
)
@json_option
def start(project: str, wait_seconds: int, as_json: bool) -> None:
    """Start the server if it does not run, and print the address to open."""
    with connect() as client:
        found = client.projects.server.start(project)
        if wait_seconds:
            found = _wait(client, project, found, wait_seconds)
        if as_json:
            _print(found, client, as_json=True)
            return
        say(f"the server of {project} is {found.state.value}; open this to work in it:")
        click.echo(client.address(found.url))


def _wait(client: Client, project: str, found: ProjectServer, seconds: int) -> ProjectServer:
    from labyard.models.sharing import ProjectServerState

    deadline = time.monotonic() + seconds
    while found.state is not ProjectServerState.RUNNING:
        if found.state is ProjectServerState.STOPPED:
            raise ServerStartError(project, "did not start", client.address(found.url))
        if time.monotonic() > deadline:
            raise ServerStartError(project, f"was not up within {seconds} s", client.address(found.url))
        time.sleep(POLL_SECONDS)
        found = client.projects.server.status(project)
    return found


@server.command()
@project_argument
@json_option
def status(project: str, as_json: bool) -> None:
    """Tell whether the server runs, and since when."""
    with connect() as client:
        _print(client.projects.server.status(project), client, as_json=as_json)


@server.command()
@project_argument
@json_option
def stop(project: str, as_json: bool) -> None:
    """Stop the server, for everybody who works in it."""
    from labyard.cli.output import print_json

    with connect() as client:
        client.projects.server.stop(project)
    if as_json:
        print_json({"project": project, "stopped": True})
    else:
        say(f"the server of {project} stops")
