"""What the command line answers without click: its version, its help, the completion of commands and options, and the everyday reads.

The texts are written by `scripts/reference.py` from the commands themselves, one set per distribution: ours here, for an installation that has no
other commands, and one in a plug-in's ``quick_texts`` folder, beside the modules of its commands, for an installation that has those too. Where neither fits, as
with commands of a third distribution or in a narrow terminal, click answers, with the same bytes.
"""

import os
import sys

from labyard.cli.plug_ins import find_plug_ins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["COMPLETE_VARIABLE", "OWN_FOLDER", "PLUG_INS_FILE", "SHELLS", "USUAL_WIDTH", "answer", "find_read", "read_text", "texts_folder"]

COMPLETE_VARIABLE = "_LABYARD_COMPLETE"
"""By which a shell asks for a completion, in click's protocol."""

SHELLS = ("bash", "fish", "zsh")

USUAL_WIDTH = 80
"""Columns from which click writes the same text, however wide the terminal is."""

OWN_FOLDER = f"{os.path.dirname(__file__)}/quick_texts"  # noqa: PTH120
PLUG_INS_FILE = "plug-ins.txt"
"""The commands of other distributions that a set of texts is for."""


READS = {
    ("project", "list"): ("labyard.cli.reads:list_projects", None),
    ("status",): ("labyard_hub.supervisor.status_report:print_status", "labyard_hub.cli.status:status"),
    ("whoami",): ("labyard.cli.reads:tell_who", None),
}
"""What runs a command that is called with nothing but ``--json``, and the plug-in that it stands for; with anything else, click reads the arguments."""


def find_read(words: list[str]) -> "Callable[[], None] | None":
    """Return what to run for the arguments `words`, where they are those of an everyday read; None: click knows."""
    as_json = words[-1:] == ["--json"]
    found = READS.get(tuple(words[:-1] if as_json else words))
    if found is None or COMPLETE_VARIABLE in os.environ:
        return None
    where, plug_in = found
    if plug_in is not None and (find_plug_ins() or {}).get(words[0]) != plug_in:
        return None
    module, _, name = where.partition(":")

    def run() -> None:
        from importlib import import_module

        from labyard.cli.exits import told_failures

        with told_failures():
            getattr(import_module(module), name)(as_json=as_json)

    return run


def answer(words: list[str]) -> str | None:
    """Return what to print for the arguments `words`; None: click knows."""
    if COMPLETE_VARIABLE in os.environ:
        from labyard.cli.complete import complete

        return complete(os.environ)
    if words == ["--version"]:
        from labyard._version import __version__

        return f"labyard {__version__}\n"
    if words in (["--help"], ["-h"]) and _columns() >= USUAL_WIDTH:
        folder = texts_folder()
        return read_text(f"{folder}/help.txt") if folder else None
    if len(words) == 2 and words[0] == "completion" and words[1] in SHELLS:
        return read_text(f"{OWN_FOLDER}/completion.{words[1]}")
    return None


def texts_folder() -> str | None:
    """Return the folder with the texts for what is installed; None where there is none."""
    found = find_plug_ins()
    if found is None:
        return None
    if not found:
        return OWN_FOLDER
    packages = {where.partition(":")[0].rpartition(".")[0] for where in found.values()}
    if len(packages) != 1:
        return None
    expected = "".join(f"{name} = {where}\n" for name, where in sorted(found.items()))
    tail = packages.pop().replace(".", "/")
    folder = next((one for path in sys.path if read_text(f"{(one := f'{path}/{tail}/quick_texts')}/{PLUG_INS_FILE}") is not None), None)
    return folder if folder is not None and read_text(f"{folder}/{PLUG_INS_FILE}") == expected else None


def read_text(path: str) -> str | None:
    """Return what is in a file, None where it cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            return file.read()
    except (OSError, ValueError):
        return None


def _columns() -> int:
    """Return the terminal's width as `shutil.get_terminal_size` finds it."""
    try:
        columns = int(os.environ.get("COLUMNS", "0"))
    except ValueError:
        columns = 0
    if columns <= 0:
        try:
            columns = os.get_terminal_size(sys.__stdout__.fileno()).columns  # type: ignore[union-attr]
        except (AttributeError, ValueError, OSError):
            columns = 0
    return columns if columns > 0 else USUAL_WIDTH
