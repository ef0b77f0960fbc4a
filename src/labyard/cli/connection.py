"""What the commands that talk to a platform share: the client, the options, and how they print."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from labyard.exceptions import LabyardError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from labyard.client import Client

__all__ = ["ask", "complete_project", "connect", "instant", "json_option", "prepare_client", "print_models", "project_argument", "say"]

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

TIMEOUT_SECONDS, COMPLETION_TIMEOUT_SECONDS = 30.0, 2.0


@contextmanager
def connect(timeout_seconds: float = TIMEOUT_SECONDS) -> Iterator[Client]:
    """Open a client for the platform that is meant."""
    prepare_client()
    from labyard.client import Client

    with Client(timeout=timeout_seconds) as client:
        yield client


def prepare_client() -> None:
    """Keep httpx from importing its own command line, which brings rich and pygments where they are installed and takes as long as all else of it."""
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # what Python takes for: cannot be imported


def ask(quick: Callable[[], T | None], whole: Callable[[Client], T]) -> T:
    """Return what the platform answers: read at once where that suffices, else by the client, which also says what is wrong."""
    found = None
    with suppress(TimeoutError):
        found = quick()
    if found is None:
        with connect() as client:
            found = whole(client)
    return found


def json_option(function: F) -> F:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs: the shape of the REST API.")(function)


def complete_project(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001  # click's signature
    """Return the caller's projects whose names begin so; none where the platform cannot be asked."""
    from labyard.cli.reading import read_pages

    with suppress(LabyardError, TimeoutError):
        found: Iterable[Any] | None = read_pages("projects", "projects", timeout_seconds=COMPLETION_TIMEOUT_SECONDS, state="all", limit=500)
        if found is None:
            with connect(COMPLETION_TIMEOUT_SECONDS) as client:
                found = list(client.projects.list(state="all", page_size=500))
        return [project.name for project in found if project.name.startswith(incomplete)]
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
    from labyard.cli.output import print_json, print_table

    found = list(models)
    if as_json:
        print_json([model.model_dump(mode="json") for model in found])
        return
    print_table([row(model) for model in found], columns)
    if nothing and not found:
        say(nothing)


def instant(value: datetime | str | None) -> str:
    """Return an instant for people, in their own time zone; a text is one of the REST API."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.astimezone().strftime("%Y-%m-%d %H:%M") if value is not None else "never"
