"""Errors of the platform side; the root is `labyard.exceptions.LabyardError`."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from labyard.exceptions import LabyardError, UsageError

__all__ = [
    "ConfigurationError",
    "EnvironmentSetupError",
    "InvalidNameError",
    "PlatformStartError",
    "StateFolderError",
    "StateFolderInUseError",
    "StateFolderNewerError",
]


class ConfigurationError(UsageError):
    """The configuration file cannot be used.

    Parameters
    ----------
    source
        The file, or None for options and defaults.
    line
        Line in `source`, from 1; None where it has none.
    problem
        What is wrong and how to mend it.
    """

    code = "configuration"

    def __init__(self, source: Path | None, line: int | None, problem: str) -> None:
        self.source, self.line, self.problem = source, line, problem
        where = f"{source}:{line}: " if line is not None else f"{source}: " if source is not None else ""
        super().__init__(where + problem)


class StateFolderError(LabyardError):
    """The state folder cannot be read or written."""

    code = "state_folder"

    def __init__(self, path: Path, problem: str) -> None:
        self.path = path
        super().__init__(f"cannot use the state folder {path}: {problem}")


class StateFolderNewerError(StateFolderError):
    """The state folder was written by a newer Labyard."""

    code = "state_folder_newer"

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(
            path,
            f"it has layout {found} and this Labyard knows layouts up to {known}. Nothing was changed. Upgrade Labyard, or name another folder with --state-dir",
        )


class StateFolderInUseError(StateFolderError):
    """Another ``labyard up`` holds the state folder."""

    code = "state_folder_in_use"

    def __init__(self, path: Path, pid: int, url: str | None) -> None:
        self.pid, self.url = pid, url
        where = f" at {url}" if url else ""
        super().__init__(path, f"Labyard is already running on it (process {pid}{where}). Stop it with `labyard down --state-dir {path}`")


class EnvironmentSetupError(LabyardError):
    """A tool's environment could not be made."""

    code = "environment_setup"

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"could not make the environment of {name}: {problem}")


class PlatformStartError(LabyardError):
    """A process of the platform did not start."""

    code = "platform_start"

    def __init__(self, process: str, problem: str, log: Path | None = None) -> None:
        hint = f". Its log is {log}" if log is not None else ""
        super().__init__(f"{process} did not start: {problem}{hint}")


class InvalidNameError(UsageError):
    """A name of a user that cannot be used."""

    code: ClassVar[str] = "invalid_name"

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
