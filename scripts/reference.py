"""Writes the pages of ``docs/reference``, which come from the code; ``--check`` fails if one is out of date."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, get_args, get_origin

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from labyard.cli.root import cli
from labyard.models.tool import Tool
from labyard_hub.config.settings import Settings

sys.path.insert(0, str(Path(__file__).parent.parent))
from scripts.images_reference import images_page
from scripts.rest_reference import rest_page, roles_page
from scripts.sdk_reference import sdk_page
from scripts.variables_reference import variables_page
from tests.service import describe_service

ROOT = Path(__file__).parent.parent
NOTE = "<!-- Written by `make docs` from the code: do not edit. -->\n"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value: Any = field.get_default(call_default_factory=True) if _parts(field) is None else None
    if value is None:
        return "—"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(value)}]`"
    if isinstance(value, float) and value.is_integer():
        return f"`{value:.0f}`"
    return f"`{value}`" if str(value) else "empty"


def _parts(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model of a list's or a mapping's entries, or of a section that may be null."""
    found = [one for one in get_args(field.annotation) if isinstance(one, type) and issubclass(one, BaseModel)]
    return found[0] if found else None


def _table(model: type[BaseModel]) -> str:
    rows = ["| setting | default | what it does |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            continue
        description = " ".join((field.description or "").split()).replace("|", "\\|")
        rows.append(f"| `{name}` | {_default(field)} | {description} |")
    return "\n".join(rows)


def configuration_page() -> str:
    """Return the page of all settings."""
    parts = [
        "# Configuration\n",
        NOTE,
        "One YAML file, `config.yaml` in the state folder or the one that `--config` names. Unknown keys are refused with their line.",
        "Sizes are numbers of bytes or `512Mi`, `4Gi`, `4G`; times are seconds or `90s`, `5m`, `2h`, `7d`. Relative paths start at the file's folder.",
        "`labyard config check` reads it, `labyard config show` prints what is in force with secrets masked. Options of `labyard up` go before the file.\n",
    ]
    for name, field in Settings.model_fields.items():
        parts.extend(_sections(name, field, "##"))
    parts.append(f"## At the top level\n\n{_table(Settings)}\n")
    return "\n".join(parts)


def _sections(name: str, field: FieldInfo, depth: str) -> list[str]:
    """Return the section of a setting that is more than one value, and those inside it."""
    section: Any = field.annotation
    if not (isinstance(section, type) and issubclass(section, BaseModel)):
        section = _parts(field)
        if section is None:
            return []
        origin = get_origin(field.annotation)
        name += "[]" if origin is tuple else ".NAME" if origin is dict else ""
    parts = [f"{depth} `{name}`\n\n{(section.__doc__ or '').strip()}\n\n{_table(section)}\n"]
    for inner, below in section.model_fields.items():
        parts.extend(_sections(f"{name}.{inner}", below, "###"))
    return parts


def tools_page() -> str:
    """Return the page of a tool file's keys."""
    text = (Tool.__doc__ or "").replace("\n    ", "\n").strip()
    return f"# Tool files\n\n{NOTE}\nA tool of one's own is one YAML file; see [Add a tool of your own](../how-to/own-tool.md).\n\n{text}\n\n{_table(Tool)}\n"


def _commands(command: click.Command, path: str, context: click.Context) -> list[str]:
    here = click.Context(command, info_name=path.rsplit(" ", 1)[-1], parent=context)
    depth = "#" * min(4, path.count(" ") + 2)
    parts = [f"{depth} `{path}`\n\n```\n{command.get_help(here)}\n```\n"]
    if isinstance(command, click.Group):
        for name in command.list_commands(here):
            child = command.get_command(here, name)
            if child is not None and not child.hidden:
                parts.extend(_commands(child, f"{path} {name}", here))
    return parts


def cli_page() -> str:
    """Return the page of all commands."""
    root = click.Context(cli, info_name="labyard", terminal_width=110, max_content_width=110, **cli.context_settings)
    statuses = (
        "Exit status: 0 done, 1 failed, 2 asked for in a way that cannot be done, 3 (`status`) nothing runs, 4 not signed in, 5 not found, "
        "6 not allowed, 7 in conflict with what there is, 8 the platform does not answer, 130 interrupted.\n"
    )
    parts = ["# Command line\n", NOTE, statuses]
    for name in cli.list_commands(root):
        command = cli.get_command(root, name)
        if command is not None:
            parts.extend(_commands(command, f"labyard {name}", root))
    return "\n".join(parts)


PAGES = {
    "configuration.md": configuration_page,
    "tool-files.md": tools_page,
    "cli.md": cli_page,
    "roles.md": lambda: roles_page(NOTE),
    "rest.md": lambda: rest_page(NOTE, describe_service()),
    "sdk.md": lambda: sdk_page(NOTE),
    "images.md": images_page,
    "variables.md": lambda: variables_page(NOTE),
}


def main() -> int:
    """Write or check the pages; return the exit status."""
    stale = []
    for name, make in PAGES.items():
        path = ROOT / "docs" / "reference" / name
        text = make()
        if "--check" in sys.argv:
            if not path.exists() or path.read_text() != text:
                stale.append(name)
        else:
            path.write_text(text)
    if stale:
        print(f"out of date: {', '.join(stale)}; run `make docs`")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
