"""Errors that only the platform raises. Those that a client raises too are in `labyard.exceptions`."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from labyard.exceptions import LabyardError, UsageError

__all__ = [
    "ConfigurationError",
    "ConfirmationNeededError",
    "CrossOriginError",
    "DatabaseNewerError",
    "DatabaseUnavailableError",
    "DiskFullError",
    "EnforcementPendingError",
    "EnvironmentSetupError",
    "GpuListError",
    "HomeNotGivenBackError",
    "HomeNotKeptError",
    "HubUnavailableError",
    "InvalidCursorError",
    "InvalidNameError",
    "LinkLimitError",
    "LoginRequestError",
    "MemberLimitError",
    "MembershipsUnknownError",
    "NameInUseError",
    "NotALoginError",
    "NotAProjectError",
    "NotAUserError",
    "PersonNotRemovedError",
    "PlatformStartError",
    "ProjectFilesError",
    "ProjectLimitError",
    "ServerStartError",
    "ShareExistsError",
    "SignInFailedError",
    "StateFolderError",
    "StateFolderInUseError",
    "StateFolderNewerError",
    "TooLargeError",
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
        if pid:
            where = f" at {url}" if url else ""
            problem = f"Labyard is already running on it (process {pid}{where}). Stop it with `labyard down --state-dir {path}`"
        else:
            problem = f"another `labyard up` is starting on it. `labyard status --state-dir {path}` says when it is up"
        super().__init__(path, problem)


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


class NotAUserError(LabyardError):
    """The token belongs to a service."""

    code: ClassVar[str] = "not_a_user"
    status_code: ClassVar[int] = 403

    def __init__(self) -> None:
        super().__init__("This token belongs to a service or a project. Only users can do this. Use a user's token.")


class NotAProjectError(LabyardError):
    """The token belongs to a person, or a service."""

    code: ClassVar[str] = "not_a_project"
    status_code: ClassVar[int] = 403

    def __init__(self) -> None:
        super().__init__("Only a project's own server can ask this. Users see their role in the project.")


class InvalidCursorError(UsageError):
    """A cursor that no answer of ours held."""

    code: ClassVar[str] = "invalid_cursor"

    def __init__(self) -> None:
        super().__init__("The cursor is not valid. Leave it out to begin at the start.")


class TooLargeError(LabyardError):
    """A request's body is too large."""

    code: ClassVar[str] = "too_large"
    status_code: ClassVar[int] = 413

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The request is larger than the limit of {limit_bytes // 1024} KiB.")


class CrossOriginError(LabyardError):
    """A page of another origin made a browser send this."""

    code: ClassVar[str] = "cross_origin"
    status_code: ClassVar[int] = 403

    def __init__(self) -> None:
        super().__init__(
            "The request came from a page of another origin, so Labyard did not carry it out. Open the page at the platform's own address."
        )


class SignInFailedError(LabyardError):
    """The way back from the hub's sign-in is not one that began here."""

    code: ClassVar[str] = "sign_in_failed"
    status_code: ClassVar[int] = 400

    def __init__(self, problem: str) -> None:
        super().__init__(f"The sign-in did not succeed: {problem}. Open the page again to start over.")


class LoginRequestError(LabyardError):
    """The address with which a login of the command line begins is not one that the command line wrote."""

    code: ClassVar[str] = "invalid_login"
    status_code: ClassVar[int] = 400

    def __init__(self) -> None:
        super().__init__(
            "This address is incomplete, or the command line did not make it. Run `labyard login` again, and open the address that it prints."
        )


class NotALoginError(LabyardError):
    """The token was not made by a login of the command line."""

    code: ClassVar[str] = "not_a_login"
    status_code: ClassVar[int] = 409

    def __init__(self) -> None:
        super().__init__("`labyard login` did not make this token. Revoke it on the hub's page *Tokens for programs*")


class DatabaseUnavailableError(LabyardError):
    """The service's database does not answer."""

    code: ClassVar[str] = "database_unavailable"
    status_code: ClassVar[int] = 503
    retry_after_seconds: ClassVar[int] = 2
    told: ClassVar[str] = (
        "The database does not answer, so nothing was changed. Try again in a moment. If it continues, tell an administrator."
    )

    def __init__(self, problem: str) -> None:
        self.problem = problem  # for the log: it may name hosts
        super().__init__(self.told)


class DiskFullError(DatabaseUnavailableError):
    """The service's database cannot grow, since its disk is full."""

    code: ClassVar[str] = "disk_full"
    status_code: ClassVar[int] = 507
    retry_after_seconds: ClassVar[int] = 60
    told: ClassVar[str] = "The disk is full, so nothing was changed. Tell an administrator: it works again once there is room."


class DatabaseNewerError(LabyardError):
    """The database was changed by a newer Labyard."""

    code: ClassVar[str] = "database_newer"

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"the database has revision {revision}, which this Labyard does not know. Nothing was changed. Upgrade Labyard, or restore a backup"
        )


class ProjectLimitError(LabyardError):
    """Somebody owns as many projects as they may."""

    code: ClassVar[str] = "project_limit"
    status_code: ClassVar[int] = 409

    def __init__(self, limit: int) -> None:
        super().__init__(f"You own {limit} projects, which is the limit. Delete a project, or transfer one.")


class MemberLimitError(LabyardError):
    """A project has as many members as it can."""

    code: ClassVar[str] = "member_limit"
    status_code: ClassVar[int] = 409

    def __init__(self, name: str, limit: int) -> None:
        super().__init__(f"The project {name!r} has {limit} members, which is the limit. Remove a member first.")


class LinkLimitError(LabyardError):
    """A project has as many links as it may."""

    code: ClassVar[str] = "link_limit"
    status_code: ClassVar[int] = 409

    def __init__(self, limit: int) -> None:
        super().__init__(f"The project has {limit} valid links, which is the limit. Revoke one first.")


class ShareExistsError(LabyardError):
    """It is shared already."""

    code: ClassVar[str] = "share_exists"
    status_code: ClassVar[int] = 409

    def __init__(self, what: str) -> None:
        super().__init__(f"This {what} is already shared there.")


class ConfirmationNeededError(UsageError):
    """Deleting needs the name once more."""

    code: ClassVar[str] = "confirmation_needed"

    def __init__(self, name: str) -> None:
        super().__init__(f"Nothing was deleted. To delete the project, send its name as `confirm`: ?confirm={name}")


class ProjectFilesError(LabyardError):
    """A project's folder could not be made or closed."""

    code: ClassVar[str] = "project_files"
    status_code: ClassVar[int] = 500

    def __init__(self, project_id: str, problem: str) -> None:
        super().__init__(f"The folder of the project {project_id} cannot be used: {problem}")


class EnforcementPendingError(LabyardError):
    """A change is made, and the platform is not yet able to enforce it everywhere."""

    code: ClassVar[str] = "enforcement_pending"
    status_code: ClassVar[int] = 503
    retry_after_seconds: ClassVar[int] = 5

    def __init__(self, problem: str) -> None:
        super().__init__(f"The change is saved, but not yet in force everywhere: {problem}. Labyard tries again every few seconds.")


class ServerStartError(LabyardError):
    """A project's server does not start."""

    code: ClassVar[str] = "server_start"
    status_code: ClassVar[int] = 502

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"The project's server did not start: {problem or 'the hub does not say why'}. Ask an administrator to look at the hub's log."
        )


class GpuListError(LabyardError):
    """``nvidia-smi`` does not list the GPUs."""

    code = "gpu_list"

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"nvidia-smi does not list this machine's GPUs: {problem.rstrip('.')}. Ask an administrator to look at the driver."
        )


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
        super().__init__("The hub does not answer, so Labyard cannot check your rights. The hub restarts by itself. Try again in a moment.")


class NameInUseError(LabyardError):
    """A removed person cannot be restored, since somebody has their name."""

    code = "name_in_use"
    status_code = 409
    exit_code = 2

    def __init__(self, name: str) -> None:
        super().__init__(f"Another person is called {name} now. Remove that person first: what is theirs is kept, too.")


class PersonNotRemovedError(LabyardError):
    """No such person was removed."""

    code = "person_not_removed"
    status_code = 404
    exit_code = 2

    def __init__(self, name: str) -> None:
        super().__init__(f"Nobody called {name} was removed. `labyard user removed` lists who was.")


class HomeNotGivenBackError(LabyardError):
    """The cluster does not give the home of a removed person back."""

    code = "home_not_given_back"
    status_code = 502

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"The cluster did not give the home of {name} back: {problem.rstrip('.')}. Nothing of it is lost. Try again.")


class HomeNotKeptError(LabyardError):
    """The cluster does not say that the home of a removed person is kept."""

    code = "home_not_kept"
    status_code = 502

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"The cluster did not set the home of {name} aside: {problem.rstrip('.')}. Nothing of it is lost. Try again.")


class MembershipsUnknownError(LabyardError):
    """The labyard service does not say which projects somebody is in.

    Parameters
    ----------
    problem
        What went wrong, in a word, for the log.
    """

    code = "memberships"
    status_code = 503

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"Which projects you are in cannot be looked up at the moment ({problem}), so nothing was started. Try again in a minute."
        )
