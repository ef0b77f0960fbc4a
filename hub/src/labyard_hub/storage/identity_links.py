"""Links to set a password: invitations for people to come, resets for users who have lost theirs.

Of a token only its SHA-256 is kept. That is enough: it is 256 random bits, so there is nothing to guess that a slow hash would protect.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Self

from labyard_hub.domain.names import check_user_name
from labyard_hub.storage.identity_errors import (
    LinkExpiredError,
    LinkRevokedError,
    LinkUnknownError,
    LinkUsedError,
    UnknownInvitationError,
    UserExistsError,
    UserUnknownError,
)
from labyard_hub.storage.identity_users import StoreBase, User, parse_instant

__all__ = ["Invitation", "Links", "new_token"]

KEPT_DAYS = 90
"""How long used, revoked and expired links are kept, in seconds: their pages say what happened to them."""


def new_token() -> str:
    """Return a token that nobody guesses."""
    return secrets.token_urlsafe(32)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


@dataclass(frozen=True)
class Invitation:
    """A link that sets a password, without its token.

    Attributes
    ----------
    id
        Number, for revoking it.
    kind
        ``invitation`` makes the user, ``reset`` gives an existing one a new password.
    admin
        Whether the user becomes an administrator; False for a reset, which changes nothing about that.
    created_by
        Name of the administrator who made it; None for the command line.
    used_at, revoked_at
        None where it did not happen.
    """

    id: int
    kind: Literal["invitation", "reset"]
    name: str
    admin: bool
    created_by: str | None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of_row(cls, row: sqlite3.Row) -> Self:
        """Return what a row of the table holds."""
        return cls(
            row["id"],
            row["kind"],
            row["name"],
            bool(row["admin"]),
            row["created_by"],
            datetime.fromisoformat(row["created_at"]),
            datetime.fromisoformat(row["expires_at"]),
            parse_instant(row["used_at"]),
            parse_instant(row["revoked_at"]),
        )

    def state(self, now: datetime) -> Literal["open", "used", "revoked", "expired"]:
        """Whether it still works, and if not, why."""
        if self.used_at is not None:
            return "used"
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at <= now else "open"

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in asdict(self).items()}


class Links(StoreBase):
    """Invitations and resets."""

    def create_invitation(self, name: str, admin: bool, lifetime_seconds: float, created_by: str | None = None) -> str:
        """Return the token of a new invitation for `name`; an older one for the same name stops working.

        Raises
        ------
        InvalidNameError
            If nobody may be called `name`.
        UserExistsError
            If there is such a user.
        """
        check_user_name(name)
        with self.database.write() as connection:
            if connection.execute("SELECT 1 FROM users WHERE name = ?", (name,)).fetchone() is not None:
                raise UserExistsError(name)
            return self._create(connection, "invitation", name, admin=admin, lifetime_seconds=lifetime_seconds, created_by=created_by)

    def create_reset(self, name: str, lifetime_seconds: float, created_by: str | None = None) -> str:
        """Return the token of a link with which the user `name` sets a new password; the old one works until then.

        Raises
        ------
        UserUnknownError
            If there is no such user.
        """
        with self.database.write() as connection:
            user = self._user(connection, name)
            return self._create(connection, "reset", user.name, admin=False, lifetime_seconds=lifetime_seconds, created_by=created_by)

    def _create(
        self, connection: sqlite3.Connection, kind: str, name: str, *, admin: bool, lifetime_seconds: float, created_by: str | None
    ) -> str:
        token = new_token()
        now = self.clock()
        self._revoke_links(connection, name)
        connection.execute("DELETE FROM links WHERE expires_at < ?", ((now - timedelta(days=KEPT_DAYS)).isoformat(),))
        connection.execute(
            "INSERT INTO links (kind, token_hash, name, admin, created_by, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (kind, _hash(token), name, int(admin), created_by, now.isoformat(), (now + timedelta(seconds=lifetime_seconds)).isoformat()),
        )
        return token

    def list_invitations(self, *, all: bool = False) -> list[Invitation]:  # noqa: A002  # reads as what it means
        """Return the links that still work, newest first; with `all` also those that no longer do."""
        with self.database.read() as connection:
            rows = connection.execute("SELECT * FROM links ORDER BY created_at DESC, id DESC").fetchall()
        found = [Invitation.of_row(row) for row in rows]
        return found if all else [one for one in found if one.state(self.clock()) == "open"]

    def revoke_invitation(self, which: int | str) -> Invitation:
        """Take back the open link with the number or for the name `which`, and return it.

        Raises
        ------
        UnknownInvitationError
            If there is none.
        """
        with self.database.write() as connection:
            column = "id" if isinstance(which, int) else "name"
            rows = connection.execute(f"SELECT * FROM links WHERE {column} = ?", (which,)).fetchall()  # noqa: S608  # one of two constants
            link = next((one for one in map(Invitation.of_row, rows) if one.state(self.clock()) == "open"), None)
            if link is None:
                raise UnknownInvitationError(str(which))
            connection.execute("UPDATE links SET revoked_at = ? WHERE id = ?", (self._now(), link.id))
            return link

    def check_invitation(self, token: str) -> Invitation:
        """Return the link with `token`, unused.

        Raises
        ------
        LinkError
            Its subclass says why the link does not work.
        """
        with self.database.read() as connection:
            return self._check(connection, token)

    def redeem_invitation(self, token: str, password: str) -> User:
        """Use a link: make its user, or give them the new password. Works once, also when two come at the same instant.

        Raises
        ------
        LinkError
            Its subclass says why the link does not work.
        PasswordRefusedError
            If nobody may have `password`; the link stays unused.
        UserExistsError
            If the name was taken meanwhile.
        """
        link = self.check_invitation(token)
        self.policy.check(link.name, password)
        password_hash = self.passwords.hash(password)  # slow, so not inside the transaction
        with self.database.write() as connection:
            link = self._check(connection, token)
            now = self._now()
            connection.execute("UPDATE links SET used_at = ? WHERE id = ?", (now, link.id))
            if link.kind == "invitation":
                self._insert_user(connection, link.name, password_hash, admin=link.admin)
            else:
                changed = connection.execute(
                    "UPDATE users SET password_hash = ?, password_changed_at = ? WHERE name = ?", (password_hash, now, link.name)
                )
                if changed.rowcount == 0:
                    raise UserUnknownError(link.name)
            return self._user(connection, link.name)

    def _check(self, connection: sqlite3.Connection, token: str) -> Invitation:
        row = connection.execute("SELECT * FROM links WHERE token_hash = ?", (_hash(token),)).fetchone()
        if row is None:
            raise LinkUnknownError
        link = Invitation.of_row(row)
        match link.state(self.clock()):
            case "used":
                raise LinkUsedError
            case "revoked":
                raise LinkRevokedError
            case "expired":
                raise LinkExpiredError
        return link
