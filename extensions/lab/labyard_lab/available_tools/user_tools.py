"""Reads a user's own tools: one YAML file each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from labyard.models.mistakes import did_you_mean, first_mistake, what_to_write
from labyard.models.tool import Tool

__all__ = ["MAX_TOOL_FILE_BYTES", "ToolFileError", "read_user_tool"]

MAX_TOOL_FILE_BYTES = 64 * 1024


class ToolFileError(Exception):
    """A file that defines a tool cannot be used.

    Parameters
    ----------
    line
        Line that the fault is on, from 1; None where it has none.
    problem
        What is wrong.
    """

    def __init__(self, line: int | None, problem: str) -> None:
        self.line, self.problem = line, problem
        super().__init__(f"line {line}: {problem}" if line is not None else problem)


def _line_of(node: yaml.Node | None, location: tuple[int | str, ...]) -> int | None:
    """Return the line of the value that pydantic points at, or of the nearest thing around it."""
    if node is None:
        return None
    line = node.start_mark.line + 1
    for step in location:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == step), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _first_problem(error: ValidationError) -> tuple[tuple[int | str, ...], str]:
    mistake = first_mistake(error)
    location = mistake["loc"]
    name = ".".join(str(step) for step in location)
    if mistake["type"] == "extra_forbidden":
        return location, f"`{name}` is not a setting.{did_you_mean(name, Tool.model_fields)}"
    message = what_to_write(mistake)
    return location, f"`{name}`: {message}" if name else message


def read_user_tool(path: Path) -> Tool:
    """Return the tool that the YAML file `path` defines.

    ``name`` may be left out; it is the file's name then. A relative ``icon`` is looked for beside the file, ``~`` is the user's home.

    Raises
    ------
    ToolFileError
        If the file cannot be read or does not define a tool.
    """
    try:
        if not path.is_file():
            raise ToolFileError(None, "it is not a file")
        if path.stat().st_size > MAX_TOOL_FILE_BYTES:
            raise ToolFileError(None, f"the file is larger than {MAX_TOOL_FILE_BYTES // 1024} KiB")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ToolFileError(None, f"cannot read it: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ToolFileError(None, "it is not UTF-8 text") from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        fields: Any = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise ToolFileError(line, f"not valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ToolFileError(None, f"not valid YAML: {error}") from None
    if not isinstance(fields, dict):
        raise ToolFileError(1, "it must hold the settings of one tool, such as `title: My tool`")
    if "url" in fields:
        raise ToolFileError(_line_of(node, ("url",)), "url: only the platform can have tools with `url`; give a `command`")
    fields = {"name": path.stem, **fields, "origin": "user"}
    try:
        tool = Tool.model_validate(fields)
    except ValidationError as error:
        location, problem = _first_problem(error)
        raise ToolFileError(_line_of(node, location), problem) from None
    return tool.model_copy(update=_resolved_paths(tool, path.parent))


def _resolved_paths(tool: Tool, folder: Path) -> dict[str, Any]:
    changes: dict[str, Any] = {
        # No shell reads the command, so nobody else would.
        "command": tuple(str(Path(word).expanduser()) if word.startswith("~/") else word for word in tool.command)
    }
    if tool.python is not None and tool.python.startswith("~"):
        changes["python"] = str(Path(tool.python).expanduser())
    if tool.icon is not None and not tool.icon.lstrip().startswith("<"):
        changes["icon"] = str(folder / Path(tool.icon).expanduser())
    return changes
