"""Who may sign in: users, password hashes, invitations and the set-up link, in ``identity.db``.

Opened by the sign-in pages inside the hub and by ``labyard user``, at the same time where need be. Everything here blocks: inside the hub it
is called in a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from labyard_hub.storage.identity_database import IdentityDatabase
from labyard_hub.storage.identity_links import Invitation, Links
from labyard_hub.storage.identity_setup import Setup
from labyard_hub.storage.identity_users import User, Users
from labyard_hub.storage.passwords import PasswordPolicy, Passwords

__all__ = ["IdentityStore", "Invitation", "User"]


def _now() -> datetime:
    return datetime.now(UTC)


class IdentityStore(Users, Links, Setup):
    """Users, invitations and the set-up token.

    Parameters
    ----------
    path
        The database file; made where it is missing.
    clock
        Returns the present instant, timezone-aware.
    policy
        What may be a password.
    passwords
        How passwords are hashed.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], datetime] = _now,
        policy: PasswordPolicy | None = None,
        passwords: Passwords | None = None,
    ) -> None:
        self.database = IdentityDatabase(path)
        self.clock = clock
        self.policy = policy or PasswordPolicy()
        self.passwords = passwords or Passwords()
