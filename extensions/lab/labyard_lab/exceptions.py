"""Errors of the server extension; the root is `labyard.exceptions.LabyardError`."""

from __future__ import annotations

from typing import ClassVar

from labyard.exceptions import LabyardError, UsageError

__all__ = [
    "BodyTooLargeError",
    "FolderError",
    "IconError",
    "InstanceNotFoundError",
    "InstanceNotReadyError",
    "InstanceNotRunningError",
    "InvalidRequestError",
    "NoPlatformError",
    "NoProjectError",
    "NoTokenError",
    "NotOwnerError",
    "PlatformAnswerError",
    "PlatformPathError",
    "PlatformUnavailableError",
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


class NoPlatformError(LabyardError):
    """The server passes nothing on to the labyard service."""

    code: ClassVar[str] = "no_platform"
    status_code: ClassVar[int] = 404

    def __init__(self) -> None:
        super().__init__("projects are not reached through this server. Open your own JupyterLab, started by Labyard, for them")


class NoProjectError(LabyardError):
    """The server is no project's."""

    code: ClassVar[str] = "no_project"
    status_code: ClassVar[int] = 404

    def __init__(self) -> None:
        super().__init__("this is a server of a person and not of a project")


class NotOwnerError(LabyardError):
    """A visitor asks for the platform through somebody else's server."""

    code: ClassVar[str] = "not_owner"
    status_code: ClassVar[int] = 403

    def __init__(self, owner: str) -> None:
        super().__init__(f"this server is {owner}'s, and only {owner} can reach projects through it. Open your own JupyterLab for yours")


class NoTokenError(LabyardError):
    """A request carries no token of the hub."""

    code: ClassVar[str] = "unauthenticated"
    status_code: ClassVar[int] = 401

    def __init__(self) -> None:
        super().__init__("projects need you to be signed in at the hub. Reload this page to sign in again")


class BodyTooLargeError(LabyardError):
    """A request is larger than anything that the platform takes."""

    code: ClassVar[str] = "body_too_large"
    status_code: ClassVar[int] = 413

    def __init__(self, limit: int) -> None:
        super().__init__(f"the request is larger than {limit} bytes and was not passed on")


class PlatformPathError(LabyardError):
    """The front end may not ask the service this."""

    code: ClassVar[str] = "not_found"
    status_code: ClassVar[int] = 404

    def __init__(self, method: str, path: str) -> None:
        super().__init__(f"{method} {path[:100]!r} is nothing that this server passes on to the labyard service")


class PlatformUnavailableError(LabyardError):
    """The labyard service does not answer."""

    code: ClassVar[str] = "platform_unavailable"
    status_code: ClassVar[int] = 503

    def __init__(self) -> None:
        super().__init__("the labyard service does not answer. Your files and notebooks are not affected. Try again in a moment")


class PlatformAnswerError(LabyardError):
    """Something else than the labyard service has answered."""

    code: ClassVar[str] = "platform_answer"
    status_code: ClassVar[int] = 502

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(f"the labyard service gave an answer of no use, with status {status}. Its log may say why")
