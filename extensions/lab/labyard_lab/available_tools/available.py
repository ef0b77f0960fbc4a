"""Which tools this server offers: the platform's and the user's own, read again whenever a file changes."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import ValidationError

from labyard.models.mistakes import first_mistake, what_to_write
from labyard.models.tool import Tool
from labyard_lab.available_tools.icons import DEFAULT_ICON, MAX_ICON_BYTES, clean_icon
from labyard_lab.available_tools.package_tools import PackageTools
from labyard_lab.available_tools.user_tools import ToolFileError, read_user_tool
from labyard_lab.exceptions import IconError, ToolNotFoundError
from labyard_lab.package_tool import PackageTool

__all__ = ["AvailableTools", "Problem", "ToolList", "default_user_folder"]

MAX_USER_TOOLS = 100
MAX_LIST_BYTES = 4 * 1024 * 1024

_Stamp = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True)
class Problem:
    """Something in a file that keeps a tool from being offered as it was meant."""

    source: str
    message: str


@dataclass(frozen=True)
class ToolList:
    """What the files said when they were last read.

    Attributes
    ----------
    tools
        By name; each one's ``icon`` is clean SVG.
    problems
        What was left out and why, for the user to see.
    """

    tools: dict[str, Tool]
    problems: tuple[Problem, ...]

    def get(self, name: str) -> Tool:
        """Return the tool `name`.

        Raises
        ------
        ToolNotFoundError
            If there is none.
        """
        if name not in self.tools:
            raise ToolNotFoundError(name, sorted(self.tools))
        return self.tools[name]


def _stamps(paths: Iterable[Path]) -> _Stamp:
    """Return what changes when one of the files does."""
    stamps = []
    for path in sorted(paths):
        try:
            stat = path.stat()
        except OSError:
            stamps.append((str(path), -1, -1, -1))
        else:
            stamps.append((str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return tuple(stamps)


def default_user_folder() -> Path:
    """Return where a user's own tools are defined: ``~/.config/labyard/tools.d``."""
    return platformdirs.user_config_path("labyard") / "tools.d"


class AvailableTools:
    """The tools that this server offers.

    Parameters
    ----------
    platform_file
        JSON list of tools that the platform has written; None where there is no platform.
    user_folder
        Folder with a user's own YAML files; None if users may define none.
    packages
        Tools of installed packages; None if they are not offered.
    """

    def __init__(self, platform_file: Path | None, user_folder: Path | None, packages: PackageTools | None = None) -> None:
        self._platform_file, self._user_folder, self._packages = platform_file, user_folder, packages
        self._lock = threading.Lock()
        self._stamp: _Stamp | None = None
        self._content = ToolList({}, ())
        self._icon_files: set[Path] = set()
        self._mounts: dict[str, str] = {}

    def read(self) -> ToolList:
        """Return what the files say now. It touches the disk: call it in a thread."""
        with self._lock:
            stamp = self._look()
            if stamp + _stamps(self._icon_files) != self._stamp:
                self._content = self._load()
                # A file that changes while it is read has a newer stamp than this one, and is read again the next time.
                self._stamp = stamp + _stamps(self._icon_files)
            return self._content

    def _look(self) -> _Stamp:
        packages = self._packages.watched() if self._packages is not None else []
        return _stamps([*([self._platform_file] if self._platform_file else []), *self._user_files(), *packages])

    def mounted(self, path: str) -> str | None:
        """Return the tool that has the first part of a path to itself, as it was last read; it never touches the disk."""
        return self._mounts.get(path)

    def _user_files(self) -> list[Path]:
        if self._user_folder is None:
            return []
        try:
            return sorted(
                entry for entry in self._user_folder.iterdir() if entry.suffix in (".yaml", ".yml") and not entry.name.startswith(".")
            )
        except OSError:
            return []

    def _load(self) -> ToolList:
        tools: dict[str, Tool] = {}
        problems: list[Problem] = []
        self._icon_files = set()
        for tool in self._platform_tools(problems):
            self._add(tool, self._platform_file or Path(), tools, problems)
        files = self._user_files()
        if len(files) > MAX_USER_TOOLS:
            problems.append(Problem(str(self._user_folder), f"it holds {len(files)} files; only the first {MAX_USER_TOOLS} are read"))
        for path in files[:MAX_USER_TOOLS]:
            try:
                self._add(read_user_tool(path), path, tools, problems)
            except ToolFileError as error:
                problems.append(Problem(str(path), str(error)))
        for tool in self._packages.read() if self._packages is not None else ():
            if tool.name not in tools:  # the platform and the person have the first word
                self._add(tool, Path(), tools, problems)
        self._mounts = {tool.path: tool.name for tool in tools.values() if isinstance(tool, PackageTool)}
        return ToolList(tools, tuple(problems))

    def _platform_tools(self, problems: list[Problem]) -> list[Tool]:
        if self._platform_file is None:
            return []
        try:
            if self._platform_file.stat().st_size > MAX_LIST_BYTES:
                raise ValueError(f"larger than {MAX_LIST_BYTES // 2**20} MiB")
            entries: Any = json.loads(self._platform_file.read_text(encoding="utf-8"))
            if not isinstance(entries, list):
                raise ValueError("not a list of tools")
        except (OSError, ValueError, RecursionError) as error:
            problem = error.strerror if isinstance(error, OSError) else str(error)
            problems.append(
                Problem(str(self._platform_file), f"the platform's list of tools cannot be used: {problem}. Tell your administrator")
            )
            return []
        tools = []
        for number, entry in enumerate(entries):
            try:
                tools.append(Tool.model_validate(entry))
            except ValidationError as error:
                mistake = first_mistake(error)
                where = ".".join(str(step) for step in (number, *mistake["loc"]))
                problems.append(Problem(str(self._platform_file), f"entry {where}: {what_to_write(mistake)}. Tell your administrator"))
        return tools

    def _add(self, tool: Tool, source: Path, tools: dict[str, Tool], problems: list[Problem]) -> None:
        """Put `tool` into `tools` unless its name is taken; a broken icon costs only the icon."""
        if tool.name in tools:
            other = tools[tool.name]
            whose = "another of your own files" if other.origin == "user" else "this platform"
            problems.append(Problem(str(source), f"the name {tool.name} is taken by a tool of {whose}; choose another `name`"))
            return
        icon = DEFAULT_ICON
        if tool.icon is not None:
            try:
                icon = clean_icon(self._icon_text(tool.icon))
            except IconError as error:
                problems.append(Problem(str(source), f"icon of {tool.name}: {error}"))
        tools[tool.name] = tool.model_copy(update={"icon": icon})

    def _icon_text(self, icon: str) -> str:
        if icon.lstrip("\ufeff \t\r\n").startswith("<"):
            return icon.lstrip("\ufeff \t\r\n")
        path = Path(icon)
        self._icon_files.add(path)
        try:
            # Opened without waiting: a named pipe in the place of an icon must not hang the server.
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                return file.read(MAX_ICON_BYTES + 1).decode("utf-8-sig")
        except OSError as error:
            raise IconError(f"cannot read {path}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise IconError(f"{path} is not UTF-8 text") from None
