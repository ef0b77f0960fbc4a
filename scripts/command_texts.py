"""What the command line answers without click: help, a table for completion, and the shells' scripts; `scripts.reference` writes them with the other pages.

One set is for `labyard` alone, one for `labyard` with labyard-hub. See `labyard.cli.quick`.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import click
from click.shell_completion import ShellComplete, get_completion_class

from labyard.cli import root as module
from labyard.cli.complete import TABLE_FILE
from labyard.cli.quick import COMPLETE_VARIABLE, PLUG_INS_FILE, SHELLS, USUAL_WIDTH

ROOT = Path(__file__).parent.parent
ALONE = ROOT / "src" / "labyard" / "cli" / "quick_texts"
WITH_HUB = ROOT / "hub" / "src" / "labyard_hub" / "cli" / "quick_texts"


def hub_commands() -> dict[str, str]:
    """Return what labyard-hub brings, as its distribution will say it."""
    project = tomllib.loads((ROOT / "hub" / "pyproject.toml").read_text())["project"]
    commands: dict[str, str] = project["entry-points"]["labyard.commands"]
    return commands


def texts(plug_ins: dict[str, str]) -> dict[str, str]:
    """Return the texts for an installation with these commands of other distributions, by the names of their files."""
    with patch.object(module, "find_plug_ins", lambda: plug_ins):
        return _texts()


def _texts() -> dict[str, str]:
    context = click.Context(module.cli, info_name="labyard", **module.cli.context_settings)
    context.resilient_parsing = True
    rows = "".join("\t".join(row) + "\n" for row in _rows(module.cli, "", context))
    return {"help.txt": module.cli.get_help(context) + "\n", TABLE_FILE: rows}


def _rows(command: click.Command, path: str, context: click.Context) -> Iterator[tuple[str, ...]]:
    for parameter in command.get_params(context):
        if isinstance(parameter, click.Option) and not parameter.hidden:
            no_value = parameter.is_flag or parameter.count
            how = ("flags" if parameter.multiple or parameter.count else "none") if no_value else "many" if parameter.multiple else "one"
            yield _row(path, "option", " ".join([*parameter.opts, *parameter.secondary_opts]), how, parameter.help or "")
        elif isinstance(parameter, click.Argument):
            plain = parameter._custom_shell_complete is None and type(parameter.type).shell_complete is click.ParamType.shell_complete  # noqa: SLF001  # nothing else tells
            yield _row(path, "argument", "", "plain" if plain else "known", "")
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield _row(path, "command", name, "", child.get_short_help_str())
                below = click.Context(child, info_name=name, parent=context, resilient_parsing=True)
                yield from _rows(child, f"{path} {name}".lstrip(), below)


def _row(*fields: str) -> tuple[str, ...]:
    if any(sign in field for field in fields for sign in "\t\n"):
        raise ValueError(f"a tab or a line break in {fields}")
    return fields


def script(shell: str) -> str:
    """Return click's script for a shell."""
    made = get_completion_class(shell)
    if made is None:
        raise ValueError(shell)
    # Of the class above: bash's own would look for a bash first.
    return ShellComplete.source(made(module.cli, {}, "labyard", COMPLETE_VARIABLE))


def files() -> dict[Path, str]:
    """Return all files and what shall be in them."""
    commands = hub_commands()
    found = {ALONE / f"completion.{shell}": script(shell) for shell in SHELLS}
    found |= {ALONE / name: text for name, text in texts({}).items()}
    found[WITH_HUB / PLUG_INS_FILE] = "".join(f"{name} = {where}\n" for name, where in sorted(commands.items()))
    return found | {WITH_HUB / name: text for name, text in texts(commands).items()}


def main() -> int:
    """Write or check the files; return the exit status."""
    os.environ["COLUMNS"] = str(USUAL_WIDTH)
    stale = []
    for path, text in files().items():
        if "--check" not in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            stale.append(str(path.relative_to(ROOT)))
    if stale:
        print(f"out of date: {', '.join(stale)}; run `make docs`")
    return 1 if stale else 0
