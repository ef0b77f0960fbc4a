"""What the commands that talk to a platform share, whether click has read their arguments or nobody had to: how they ask, and how they print."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from labyard.cli.output import echo, print_json, print_table

if TYPE_CHECKING:
    from pydantic import BaseModel

    from labyard.client import Client

__all__ = ["ask", "connect", "instant", "prepare_client", "print_models", "say"]

T = TypeVar("T")

TIMEOUT_SECONDS = 30.0


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


def say(text: str) -> None:
    """Tell a person what was done. Programs see it from the exit status, so nothing is said where nobody reads."""
    if sys.stderr.isatty():
        echo(text, err=True)


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


def instant(value: datetime | str | None) -> str:
    """Return an instant for people, in their own time zone; a text is one of the REST API."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.astimezone().strftime("%Y-%m-%d %H:%M") if value is not None else "never"
