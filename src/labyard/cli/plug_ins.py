"""Which other distributions bring commands, found by reading their lists of entry points: a tenth of what `importlib.metadata` takes for the same."""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["COMMAND_GROUP", "find_plug_ins"]

COMMAND_GROUP = "labyard.commands"
"""Entry-point group; the name of an entry point is the name of the command."""


def find_plug_ins() -> dict[str, str] | None:
    """Return where each command of the other distributions is, as ``module:name``; None where only `importlib.metadata` can tell."""
    found: dict[str, str] = {}
    try:
        for folder in sys.path:
            for text in _entry_point_files(folder or "."):
                for command, where in _commands_in(text):
                    found.setdefault(command, where)
    except (OSError, ValueError):
        return None
    return found


def _entry_point_files(folder: str) -> "Iterator[str]":
    """Yield the texts of the distributions in `folder` that may bring commands. An OSError says that it is an archive, or may not be read."""
    try:
        names = os.listdir(folder)  # noqa: PTH208  # pathlib would take as long as all the rest
    except FileNotFoundError:
        return
    for name in names:
        if name.endswith(".egg"):
            raise ValueError(name)
        if name.endswith((".dist-info", ".egg-info")):
            try:
                with open(f"{folder}/{name}/entry_points.txt", encoding="utf-8") as file:  # noqa: PTH123
                    text = file.read()
            except (FileNotFoundError, NotADirectoryError):
                continue
            if COMMAND_GROUP in text:
                yield text


def _commands_in(text: str) -> list[tuple[str, str]]:
    """Return names and places of the commands in an ``entry_points.txt``. A ValueError says that it holds more than we understand."""
    found, inside = [], False
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("["):
            inside = stripped == f"[{COMMAND_GROUP}]"
        elif inside and "=" in stripped and not stripped.startswith(("#", ";")):
            name, where = (part.strip() for part in stripped.split("=", 1))
            if not where.replace(":", "").replace(".", "").replace("_", "").isalnum():  # extras, or something new
                raise ValueError(where)
            found.append((name, where))
    return found
