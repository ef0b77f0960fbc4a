"""What the commands that talk to a platform share: the client, options and arguments, and how they print."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from labyard.cli.output import print_json, print_table
from labyard.exceptions import LabyardError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from labyard.client import Client

__all__ = ["complete_project", "connect", "instant", "json_option", "print_models", "project_argument", "say"]

F = TypeVar("F", bound=Callable[..., Any])

TIMEOUT_SECONDS = 30.0
COMPLETION_TIMEOUT_SECONDS = 2.0


@contextmanager
def connect(timeout_seconds: float = TIMEOUT_SECONDS) -> Iterator[Client]:
    """Open a client for the platform that is meant."""
    # Both shorten the import: httpx would import its own command line, with rich and pygments, and pydantic would look through all distributions for plug-ins.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # Python takes None for: cannot be imported
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from labyard.client import Client

    with Client(timeout=timeout_seconds) as client:
        yield client


def json_option(function: F) -> F:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs: the shape of the REST API.")(function)


def complete_project(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001  # click's signature
    """Return the caller's projects whose names begin with `incomplete`; none where the platform cannot be asked."""
    with suppress(LabyardError), connect(COMPLETION_TIMEOUT_SECONDS) as client:
        return [one.name for one in client.projects.list(state="all", page_size=500) if one.name.startswith(incomplete)]
    return []


def project_argument(function: F) -> F:
    """Add the name of a project, which a shell can complete."""
    return click.argument("project", shell_complete=complete_project)(function)


def say(text: str) -> None:
    """Tell a person what was done. Programs see it from the exit status, so nothing is said where nobody reads."""
    if sys.stderr.isatty():
        click.echo(text, err=True)


def print_models(
    models: Iterable[BaseModel], columns: Sequence[str], row: Callable[[Any], Sequence[str]], *, as_json: bool, nothing: str = ""
) -> None:
    """Print models as a table or as JSON.

    Parameters
    ----------
    nothing
        Said to a person where there is none.
    """
    found = list(models)
    if as_json:
        print_json([model.model_dump(mode="json") for model in found])
        return
    print_table([row(model) for model in found], columns)
    if nothing and not found:
        say(nothing)


def instant(value: datetime | None) -> str:
    """Return an instant for people, in their own time zone."""
    return value.astimezone().strftime("%Y-%m-%d %H:%M") if value is not None else "never"
