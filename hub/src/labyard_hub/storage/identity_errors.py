"""What can go wrong with users, passwords and links."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from labyard.exceptions import LabyardError, UsageError

__all__ = [
    "IdentityStoreError",
    "IdentityStoreNewerError",
    "LastAdministratorError",
    "LinkError",
    "LinkExpiredError",
    "LinkRevokedError",
    "LinkUnknownError",
    "LinkUsedError",
    "PasswordRefusedError",
    "SetupDoneError",
    "UnknownInvitationError",
    "UserExistsError",
    "UserUnknownError",
]


class IdentityStoreError(LabyardError):
    """The database of users cannot be read or written."""

    code = "identity_store"

    def __init__(self, path: Path, problem: str, *, full: bool = False) -> None:
        self.full = full
        super().__init__(f"cannot use the database of users {path}: {problem}")


class IdentityStoreNewerError(IdentityStoreError):
    """A newer Labyard wrote the database of users."""

    code = "identity_store_newer"

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(
            path, f"it has version {found} and this Labyard knows versions up to {known}. Nothing was changed. Upgrade Labyard"
        )


class UserExistsError(UsageError):
    """The name is taken."""

    code = "user_exists"
    status_code = 409

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a user {name!r} already: choose another name")


class UserUnknownError(UsageError):
    """There is no such user."""

    code = "user_unknown"
    status_code = 404

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no user {name[:60]!r}; `labyard user list` shows who there is")


class UnknownInvitationError(UsageError):
    """There is no open invitation with that number or name."""

    code = "invitation_unknown"
    status_code = 404

    def __init__(self, which: str) -> None:
        super().__init__(f"there is no open invitation {which[:60]!r}; `labyard user list --invitations` shows which there are")


class LastAdministratorError(UsageError):
    """Without this user nobody could administer."""

    code = "last_administrator"
    status_code = 409

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is the only administrator: make somebody else one first")


class PasswordRefusedError(UsageError):
    """The password cannot be used; the message never holds it."""

    code = "password_refused"

    def __init__(self, problem: str) -> None:
        super().__init__(problem)


class LinkError(UsageError):
    """A link to set a password does not work; `title` says it in a few words."""

    code = "link"
    status_code = 410
    title: ClassVar[str] = "This link does not work"
    text: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__(self.text)


class LinkUnknownError(LinkError):
    """The token is none of ours."""

    code = "link_unknown"
    status_code = 404
    title = "This link does not work"
    text = "Labyard does not know this link. Check that it was copied whole, or ask an administrator for a new one."


class LinkUsedError(LinkError):
    """Somebody used the link before."""

    code = "link_used"
    title = "This link was used already"
    text = "A link works once. If you used it, sign in with the password that you chose then. If it was not you, tell an administrator at once."


class LinkExpiredError(LinkError):
    """The link came too late."""

    code = "link_expired"
    title = "This link has expired"
    text = "It could be used for a limited time, and that is over. Ask an administrator for a new one."


class LinkRevokedError(LinkError):
    """An administrator took the link back, or made a newer one."""

    code = "link_revoked"
    title = "This link was taken back"
    text = "An administrator revoked it, or made a newer one for the same name. Use the newest link, or ask for one."


class SetupDoneError(LinkError):
    """There is an administrator already."""

    code = "setup_done"
    title = "Labyard is set up already"
    text = "There is an administrator, so the set-up link no longer works. Sign in, or ask an administrator for an invitation."
