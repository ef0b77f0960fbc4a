"""What click needs for the commands that talk to a platform: options, arguments and their completion. The rest is in `labyard.cli.asking`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar

import click

from labyard.cli.asking import ask, connect, instant, print_models, say
from labyard.exceptions import LabyardError

__all__ = ["ask", "complete_project", "connect", "instant", "json_option", "print_models", "project_argument", "say"]

F = TypeVar("F", bound=Callable[..., Any])

COMPLETION_TIMEOUT_SECONDS = 2.0


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
