"""Errors of the platform side; the root is `labyard.exceptions.LabyardError`."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from labyard.exceptions import LabyardError, UsageError

__all__ = [
    "ConfigurationError",
    "CrossOriginError",
    "EnvironmentSetupError",
    "HubUnavailableError",
    "InvalidNameError",
    "InvalidProjectNameError",
    "MissingScopeError",
    "NotAUserError",
    "PlatformStartError",
    "SignInFailedError",
    "StateFolderError",
    "StateFolderInUseError",
    "StateFolderNewerError",
    "UnauthenticatedError",
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


class InvalidProjectNameError(UsageError):
    """A name of a project that cannot be used."""

    code: ClassVar[str] = "invalid_project_name"

    def __init__(self, problem: str) -> None:
        super().__init__(problem)


class UnauthenticatedError(LabyardError):
    """Nobody signed in and no valid token came with the request."""

    code: ClassVar[str] = "unauthenticated"
    status_code: ClassVar[int] = 401

    def __init__(self, problem: str = "no token and no session came with the request") -> None:
        super().__init__(f"cannot tell who is calling: {problem}. Sign in, or send a token as `Authorization: Bearer TOKEN`")


class MissingScopeError(LabyardError):
    """The token is valid but was made for something else.

    Parameters
    ----------
    scopes
        Any one of these would do.
    """

    code: ClassVar[str] = "missing_scope"
    status_code: ClassVar[int] = 403

    def __init__(self, scopes: tuple[str, ...]) -> None:
        self.scopes = scopes
        super().__init__(f"the token lacks the scope {' or '.join(scopes)}. Make a token with that scope on the hub's token page")


class NotAUserError(LabyardError):
    """The token belongs to a service."""

    code: ClassVar[str] = "not_a_user"
    status_code: ClassVar[int] = 403

    def __init__(self) -> None:
        super().__init__("the token belongs to a service of the hub, and only users have anything here. Use a user's token")


class CrossOriginError(LabyardError):
    """A page of another origin made a browser send this."""

    code: ClassVar[str] = "cross_origin"
    status_code: ClassVar[int] = 403

    def __init__(self) -> None:
        super().__init__(
            "the request came from a page of another origin, and was not carried out. Open the page on the platform's own address"
        )


class SignInFailedError(LabyardError):
    """The way back from the hub's sign-in is not one that began here."""

    code: ClassVar[str] = "sign_in_failed"
    status_code: ClassVar[int] = 400

    def __init__(self, problem: str) -> None:
        super().__init__(f"the sign-in could not be completed: {problem}. Open the page again to start over")


class HubUnavailableError(LabyardError):
    """The hub does not answer.

    Attributes
    ----------
    retry_after_seconds
        When trying again makes sense.
    """

    code: ClassVar[str] = "hub_unavailable"
    status_code: ClassVar[int] = 503
    retry_after_seconds: ClassVar[int] = 2

    def __init__(self) -> None:
        super().__init__("the hub, which knows who may do what, does not answer. It is restarted by itself: try again in a moment")
