"""The root of Labyard's errors, and what the client raises.

Each error has a stable ``code`` for programs, an HTTP ``status_code``, and a message that says what was tried, on what,
and what to do next. Messages never hold a secret.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

__all__ = [
    "ApiError",
    "ConflictError",
    "ConnectionFailedError",
    "InvalidProjectNameError",
    "InvalidRequestError",
    "LabyardError",
    "LastOwnerError",
    "LinkExpiredError",
    "LinkNotFoundError",
    "LoginCodeError",
    "MemberExistsError",
    "MemberNotFoundError",
    "MissingScopeError",
    "ModelNotFoundError",
    "NotAllowedError",
    "NotFoundError",
    "NotSignedInError",
    "ProjectArchivedError",
    "ProjectExistsError",
    "ProjectNotFoundError",
    "SettingsError",
    "ShareNotFoundError",
    "UnauthenticatedError",
    "UnavailableError",
    "UnexpectedAnswerError",
    "UsageError",
    "UserNotFoundError",
]


class LabyardError(Exception):
    """Base of every error that Labyard raises on purpose.

    Attributes
    ----------
    code
        Stable identifier, for programs.
    status_code
        HTTP status that a handler answers with.
    exit_code
        Exit status of the command line.
    """

    code: ClassVar[str] = "error"
    status_code: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    @property
    def message(self) -> str:
        """The text for a person."""
        return str(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the one JSON shape of all errors."""
        return {"error": {"code": self.code, "message": self.message}}


class UsageError(LabyardError):
    """What was asked for cannot be done as asked; the message says how to ask."""

    code = "usage"
    status_code = 400
    exit_code = 2


class SettingsError(LabyardError):
    """The file of stored logins cannot be used."""

    code = "settings"


class NotSignedInError(LabyardError):
    """Neither an argument, nor the environment, nor a stored login says which platform is meant, or with which token."""

    code = "not_signed_in"
    exit_code = 4


class ConnectionFailedError(LabyardError):
    """The platform cannot be reached at its address."""

    code = "connection_failed"
    exit_code = 8


class UnexpectedAnswerError(LabyardError):
    """What answered is no Labyard, or one that this version does not understand."""

    code = "unexpected_answer"


class ApiError(LabyardError):
    """The platform refused. Its subclasses are what a caller may want to catch; a code that none of them has raises this class.

    Parameters
    ----------
    message
        As the platform wrote it.
    code, status_code
        What came with it; None: the class's own.
    """

    def __init__(self, message: str, *, code: str | None = None, status_code: int | None = None) -> None:
        super().__init__(message)
        # Class variables elsewhere; here a code that has no class of its own must be kept, too.
        if code is not None:
            self.code = code  # type: ignore[misc]
        if status_code is not None:
            self.status_code = status_code  # type: ignore[misc]


class InvalidRequestError(ApiError):
    """What was asked for cannot be done as asked."""

    code = "invalid_request"
    status_code = 400
    exit_code = 2


class InvalidProjectNameError(InvalidRequestError):
    """No project can be called so."""

    code = "invalid_project_name"


class LoginCodeError(ApiError):
    """The one-time code of a login does not work."""

    code = "invalid_login_code"
    status_code = 400

    @classmethod
    def of(cls) -> Self:
        """Return the error as the platform words it."""
        return cls("This code does not work. It was used before, is too old, or belongs to another login. Run `labyard login` again.")


class UnauthenticatedError(ApiError):
    """The token is not valid, or no longer: sign in again."""

    code = "unauthenticated"
    status_code = 401
    exit_code = 4

    @classmethod
    def of(cls, problem: str = "the request has no token and no session") -> Self:
        """Return the error as the platform words it."""
        return cls(f"Labyard cannot tell who you are: {problem}. Sign in, or send a token as `Authorization: Bearer TOKEN`.")


class NotAllowedError(ApiError):
    """The role in the project is too low."""

    code = "not_allowed"
    status_code = 403
    exit_code = 6

    @classmethod
    def of(cls, action: str, name: str, role: str, needed: str) -> Self:
        """Return the error as the platform words it."""
        return cls(f"You need the {needed} role in {name!r} to {action}. Your role is {role}. Ask an owner.")


class MissingScopeError(NotAllowedError):
    """The token was made for something else."""

    code = "missing_scope"


class NotFoundError(ApiError):
    """What was named is not there, or not for the caller."""

    code = "not_found"
    status_code = 404
    exit_code = 5


class ProjectNotFoundError(NotFoundError):
    """There is no such project, or the caller is no member."""

    code = "project_not_found"

    @classmethod
    def of(cls, name: str) -> Self:
        """Return the error as the platform words it."""
        return cls(f"You are in no project named {name!r}. `labyard project list` shows your projects. An owner can add you.")


class MemberNotFoundError(NotFoundError):
    """They are no member."""

    code = "member_not_found"

    @classmethod
    def of(cls, user: str, name: str) -> Self:
        """Return the error as the platform words it."""
        return cls(f"{user!r} is not in {name!r}.")


class UserNotFoundError(NotFoundError):
    """Nobody on the platform has that name."""

    code = "user_not_found"

    @classmethod
    def of(cls, user: str) -> Self:
        """Return the error as the platform words it."""
        return cls(f"There is no user named {user!r}. They need an account first: an administrator can invite them.")


class ModelNotFoundError(NotFoundError):
    """The project has no registered model of that name."""

    code = "model_not_found"


class LinkNotFoundError(NotFoundError):
    """The link was never made, or was revoked."""

    code = "link_not_found"

    @classmethod
    def of(cls) -> Self:
        """Return the error as the platform words it."""
        return cls("This link does not work: it was revoked, or part of it is missing. Ask the person who sent it for a new link.")


class LinkExpiredError(NotFoundError):
    """The link worked once."""

    code = "link_expired"
    status_code = 410

    @classmethod
    def of(cls, problem: str) -> Self:
        """Return the error as the platform words it."""
        return cls(f"This link no longer works: {problem}. Ask the person who sent it for a new link.")


class ShareNotFoundError(NotFoundError):
    """No such tool or model is shared, or no longer."""

    code = "share_not_found"

    @classmethod
    def of(cls, what: str) -> Self:
        """Return the error as the platform words it."""
        return cls(f"No such {what} is shared here, or it is no longer shared.")


class ConflictError(ApiError):
    """It does not go with what there is."""

    code = "conflict"
    status_code = 409
    exit_code = 7


class ProjectExistsError(ConflictError):
    """The name is taken."""

    code = "project_exists"

    @classmethod
    def of(cls, name: str) -> Self:
        """Return the error as the platform words it."""
        return cls(f"A project named {name!r} exists already. Choose another name, or ask its owners to add you.")


class MemberExistsError(ConflictError):
    """They are a member already."""

    code = "member_exists"

    @classmethod
    def of(cls, user: str, name: str, role: str) -> Self:
        """Return the error as the platform words it."""
        return cls(f"{user} is in {name!r} already, as {role}. Change the role instead.")


class LastOwnerError(ConflictError):
    """A project must keep an owner."""

    code = "last_owner"

    @classmethod
    def of(cls, user: str, name: str) -> Self:
        """Return the error as the platform words it."""
        return cls(f"{user} is the last owner of {name!r}. Make another member an owner first, or delete the project.")


class ProjectArchivedError(ConflictError):
    """The project is archived, and cannot be changed."""

    code = "project_archived"

    @classmethod
    def of(cls, name: str) -> Self:
        """Return the error as the platform words it."""
        return cls(f"The project {name!r} is archived, so nobody can change it. An owner can restore it.")


class UnavailableError(ApiError):
    """The platform cannot tell right now: try again in a moment."""

    code = "unavailable"
    status_code = 503
    exit_code = 8
