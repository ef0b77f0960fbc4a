"""The users' part of the identity store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from labyard_hub.domain.names import check_user_name
from labyard_hub.storage.identity_database import IdentityDatabase
from labyard_hub.storage.identity_errors import LastAdministratorError, UserExistsError, UserUnknownError
from labyard_hub.storage.passwords import PasswordPolicy, Passwords

__all__ = ["StoreBase", "User", "Users", "parse_instant"]

_COLUMNS = "name, admin, created_at, password_changed_at, last_sign_in_at, password_hash IS NOT NULL AS has_password"


def parse_instant(text: str | None) -> datetime | None:
    """Return the instant that a column holds, or None."""
    return datetime.fromisoformat(text) if text is not None else None


@dataclass(frozen=True)
class User:
    """A person who may sign in.

    Attributes
    ----------
    has_password
        False for a user who was added without one and needs a link to set it.
    password_changed_at, last_sign_in_at
        None where it never happened.
    """

    name: str
    admin: bool
    created_at: datetime
    has_password: bool
    password_changed_at: datetime | None
    last_sign_in_at: datetime | None

    @classmethod
    def of_row(cls, row: sqlite3.Row) -> Self:
        """Return the user that a row of the table holds."""
        return cls(
            row["name"],
            bool(row["admin"]),
            datetime.fromisoformat(row["created_at"]),
            bool(row["has_password"]),
            parse_instant(row["password_changed_at"]),
            parse_instant(row["last_sign_in_at"]),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in asdict(self).items()}


class StoreBase:
    """What all parts of the store share."""

    database: IdentityDatabase
    clock: Callable[[], datetime]
    policy: PasswordPolicy
    passwords: Passwords

    def _now(self) -> str:
        return self.clock().isoformat()

    def _insert_user(self, connection: sqlite3.Connection, name: str, password_hash: str | None, *, admin: bool) -> None:
        if connection.execute("SELECT 1 FROM users WHERE name = ?", (name,)).fetchone() is not None:
            raise UserExistsError(name)
        now = self._now()
        connection.execute(
            "INSERT INTO users (name, password_hash, admin, created_at, password_changed_at) VALUES (?, ?, ?, ?, ?)",
            (name, password_hash, int(admin), now, now if password_hash is not None else None),
        )
        # Anyone who holds an older invitation to this name must not take it over.
        self._revoke_links(connection, name)

    def _revoke_links(self, connection: sqlite3.Connection, name: str) -> None:
        connection.execute("UPDATE links SET revoked_at = ? WHERE name = ? AND used_at IS NULL AND revoked_at IS NULL", (self._now(), name))

    def _user(self, connection: sqlite3.Connection, name: str) -> User:
        row = connection.execute(f"SELECT {_COLUMNS} FROM users WHERE name = ?", (name,)).fetchone()  # noqa: S608  # a constant
        if row is None:
            raise UserUnknownError(name)
        return User.of_row(row)


class Users(StoreBase):
    """Users and their passwords."""

    def add_user(self, name: str, password: str | None, admin: bool = False) -> User:
        """Add a user; without a password they need a link to set one.

        Raises
        ------
        InvalidNameError
            If nobody may be called `name`.
        PasswordRefusedError
            If nobody may have `password`.
        UserExistsError
            If there is one.
        """
        check_user_name(name)
        password_hash = None
        if password is not None:
            self.policy.check(name, password)
            password_hash = self.passwords.hash(password)
        with self.database.write() as connection:
            self._insert_user(connection, name, password_hash, admin=admin)
            return self._user(connection, name)

    def set_password(self, name: str, password: str) -> None:
        """Give a user another password; open links to set it stop working.

        Raises
        ------
        PasswordRefusedError
            If nobody may have `password`.
        UserUnknownError
            If there is no such user.
        """
        self.policy.check(name, password)
        password_hash = self.passwords.hash(password)
        with self.database.write() as connection:
            user = self._user(connection, name)
            connection.execute(
                "UPDATE users SET password_hash = ?, password_changed_at = ? WHERE name = ?", (password_hash, self._now(), user.name)
            )
            self._revoke_links(connection, user.name)

    def verify(self, name: str, password: str) -> User | None:
        """Return the user if the password is theirs, else None; takes as long for a name that nobody has."""
        stored: str | None = None
        user: User | None = None
        with self.database.read() as connection:
            row = connection.execute(f"SELECT {_COLUMNS}, password_hash FROM users WHERE name = ?", (name,)).fetchone()  # noqa: S608
            if row is not None:
                user, stored = User.of_row(row), row["password_hash"]
        if not self.passwords.verify(stored, password) or user is None or stored is None:
            return None
        if self.passwords.is_outdated(stored):
            fresh = self.passwords.hash(password)
            with self.database.write() as connection:
                # Only in place of the hash that was checked: the password may have been changed since.
                connection.execute("UPDATE users SET password_hash = ? WHERE name = ? AND password_hash = ?", (fresh, user.name, stored))
        return user

    def record_sign_in(self, name: str) -> None:
        """Note that a user signed in now."""
        with self.database.write() as connection:
            connection.execute("UPDATE users SET last_sign_in_at = ? WHERE name = ?", (self._now(), name))

    def get_user(self, name: str) -> User | None:
        """Return the user called `name`, or None."""
        with self.database.read() as connection:
            try:
                return self._user(connection, name)
            except UserUnknownError:
                return None

    def list_users(self) -> list[User]:
        """Return all users, by name."""
        with self.database.read() as connection:
            return [User.of_row(row) for row in connection.execute(f"SELECT {_COLUMNS} FROM users ORDER BY name")]  # noqa: S608

    def set_admin(self, name: str, admin: bool) -> None:
        """Make a user an administrator, or no longer one.

        Raises
        ------
        LastAdministratorError
            If nobody would be left to administer.
        UserUnknownError
            If there is no such user.
        """
        with self.database.write() as connection:
            user = self._user(connection, name)
            if not admin:
                self._check_other_admin(connection, user)
            connection.execute("UPDATE users SET admin = ? WHERE name = ?", (int(admin), user.name))

    def remove_user(self, name: str) -> None:
        """Remove a user and take back the links to their name.

        Raises
        ------
        LastAdministratorError
            If nobody would be left to administer.
        UserUnknownError
            If there is no such user.
        """
        with self.database.write() as connection:
            user = self._user(connection, name)
            self._check_other_admin(connection, user)
            connection.execute("DELETE FROM users WHERE name = ?", (user.name,))
            self._revoke_links(connection, user.name)

    def _check_other_admin(self, connection: sqlite3.Connection, user: User) -> None:
        others = connection.execute("SELECT count(*) FROM users WHERE admin AND name != ?", (user.name,)).fetchone()[0]
        if user.admin and others == 0:
            raise LastAdministratorError(user.name)
