"""Errors of the server extension; the root is `labyard.exceptions.LabyardError`."""

from __future__ import annotations

from typing import ClassVar

from labyard.exceptions import LabyardError, UsageError

__all__ = [
    "FolderError",
    "IconError",
    "InstanceNotFoundError",
    "InstanceNotReadyError",
    "InstanceNotRunningError",
    "InvalidRequestError",
    "RuntimeFolderError",
    "TooManyInstancesError",
    "ToolNotFoundError",
    "ToolNotStartableError",
    "ToolUnreachableError",
]


class InvalidRequestError(UsageError):
    """The body of a request is not what the route takes."""

    code: ClassVar[str] = "invalid_request"


class ToolNotFoundError(LabyardError):
    """No tool has this name."""

    code: ClassVar[str] = "tool_not_found"
    status_code: ClassVar[int] = 404

    def __init__(self, name: str, known: list[str]) -> None:
        there_are = f"there are {', '.join(known)}" if known else "this server has none"
        super().__init__(f"there is no tool named {name[:60]!r}: {there_are}")


class ToolNotStartableError(LabyardError):
    """The platform runs this tool; there is nothing to start here."""

    code: ClassVar[str] = "tool_not_startable"
    status_code: ClassVar[int] = 409

    def __init__(self, name: str, url: str) -> None:
        super().__init__(f"{name} is run by the platform and not by this server: open {url} instead")


class FolderError(UsageError):
    """A tool cannot be opened on this folder."""

    code: ClassVar[str] = "folder"

    def __init__(self, folder: str, problem: str) -> None:
        super().__init__(f"cannot open a tool on {folder[:200]!r}: {problem}")


class InstanceNotFoundError(LabyardError):
    """No instance has this identifier."""

    code: ClassVar[str] = "instance_not_found"
    status_code: ClassVar[int] = 404

    def __init__(self, instance_id: str) -> None:
        super().__init__(f"no tool runs as {instance_id[:80]!r} in this server. Open it from JupyterLab's launcher")


class InstanceNotReadyError(LabyardError):
    """The instance is still starting."""

    code: ClassVar[str] = "instance_starting"
    status_code: ClassVar[int] = 503

    def __init__(self, title: str) -> None:
        super().__init__(f"{title} is starting. Try again in a moment")


class InstanceNotRunningError(LabyardError):
    """The instance has failed or was stopped."""

    code: ClassVar[str] = "instance_not_running"
    status_code: ClassVar[int] = 502

    def __init__(self, title: str, reason: str | None) -> None:
        super().__init__(f"{title} is not running. {reason or 'It was stopped.'} Open it from JupyterLab's launcher to start it again")


class ToolUnreachableError(LabyardError):
    """A running tool did not answer as a web server does."""

    code: ClassVar[str] = "tool_unreachable"
    status_code: ClassVar[int] = 502

    def __init__(self, title: str, problem: str) -> None:
        super().__init__(f"{title} did not answer: {problem}. Its log may say why")


class TooManyInstancesError(LabyardError):
    """The server runs as many tools as it may."""

    code: ClassVar[str] = "too_many_instances"
    status_code: ClassVar[int] = 409

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"this server already runs {limit} tools, which is its limit. Stop one of them first, or raise LabyardLab.max_instances"
        )


class IconError(UsageError):
    """An icon cannot be shown."""

    code: ClassVar[str] = "icon"


class RuntimeFolderError(LabyardError):
    """There is no place for the tools' sockets and logs."""

    code: ClassVar[str] = "runtime_folder"
