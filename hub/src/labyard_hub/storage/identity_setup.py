"""The set-up link of the first run: anyone who opens it becomes the first administrator."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

from labyard_hub.domain.names import check_user_name
from labyard_hub.storage.identity_errors import LinkExpiredError, LinkUnknownError, LinkUsedError, SetupDoneError
from labyard_hub.storage.identity_links import new_token
from labyard_hub.storage.identity_users import StoreBase, User

__all__ = ["Setup"]


class Setup(StoreBase):
    """The set-up token.

    It is kept as it is, not hashed, so that each `labyard up` prints the same link until it is used. Who can read this file could add an
    administrator by ``labyard user add`` anyway, and once there is an administrator the token is worth nothing.
    """

    def needs_setup(self) -> bool:
        """Whether there is no administrator yet."""
        with self.database.read() as connection:
            return not self._has_admin(connection)

    def ensure_setup_token(self, lifetime_seconds: float) -> str:
        """Return the set-up token that works now, made again where the last one was used or has expired.

        Raises
        ------
        SetupDoneError
            If there is an administrator.
        """
        with self.database.write() as connection:
            if self._has_admin(connection):
                raise SetupDoneError
            now = self.clock()
            row = connection.execute("SELECT * FROM setup_tokens WHERE used_at IS NULL ORDER BY created_at DESC").fetchone()
            if row is not None and datetime.fromisoformat(row["expires_at"]) > now:
                return str(row["token"])
            token = new_token()
            connection.execute(
                "INSERT INTO setup_tokens (token, created_at, expires_at) VALUES (?, ?, ?)",
                (token, now.isoformat(), (now + timedelta(seconds=lifetime_seconds)).isoformat()),
            )
            return token

    def check_setup(self, token: str) -> None:
        """Return if the set-up token works now.

        Raises
        ------
        LinkError
            Its subclass says why it does not.
        """
        with self.database.read() as connection:
            self._check_setup(connection, token)

    def redeem_setup(self, token: str, name: str, password: str) -> User:
        """Make the first administrator. Works once, also when two come at the same instant.

        Raises
        ------
        LinkError
            Its subclass says why the link does not work.
        InvalidNameError
            If nobody may be called `name`; the link stays unused.
        PasswordRefusedError
            If nobody may have `password`; the link stays unused.
        UserExistsError
            If there is such a user, who is no administrator.
        """
        self.check_setup(token)
        check_user_name(name)
        self.policy.check(name, password)
        password_hash = self.passwords.hash(password)
        with self.database.write() as connection:
            self._check_setup(connection, token)
            connection.execute("UPDATE setup_tokens SET used_at = ? WHERE token = ?", (self._now(), token))
            self._insert_user(connection, name, password_hash, admin=True)
            return self._user(connection, name)

    def _has_admin(self, connection: sqlite3.Connection) -> bool:
        return connection.execute("SELECT 1 FROM users WHERE admin").fetchone() is not None

    def _check_setup(self, connection: sqlite3.Connection, token: str) -> None:
        row = connection.execute("SELECT * FROM setup_tokens WHERE token = ?", (token,)).fetchone()
        if row is None:
            raise LinkUnknownError
        if row["used_at"] is not None:
            raise LinkUsedError
        if self._has_admin(connection):
            raise SetupDoneError
        if datetime.fromisoformat(row["expires_at"]) <= self.clock():
            raise LinkExpiredError
