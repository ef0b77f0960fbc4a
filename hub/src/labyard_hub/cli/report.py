"""How ``labyard up`` tells what it does: aligned lines for people, JSON lines for programs."""

from __future__ import annotations

import json

import click

__all__ = ["Report"]

WIDTH = 16


class Report:
    """Prints facts, one per line.

    Parameters
    ----------
    as_json
        Print a JSON object per line instead.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def title(self, text: str) -> None:
        """Print the first line."""
        if not self._as_json:
            click.echo(text)

    def fact(self, subject: str, text: str) -> None:
        """Print what is so with `subject`."""
        if self._as_json:
            click.echo(json.dumps({"event": subject, "message": text}))
        else:
            click.echo(f"  {subject:<{WIDTH}}{text}")

    def url(self, kind: str, text: str, url: str) -> None:
        """Print the last line: `kind` is ``ready`` or ``setup``."""
        if self._as_json:
            click.echo(json.dumps({"event": kind, "url": url}))
        else:
            click.echo(f"{text}\n  {click.style(url, bold=True)}")
