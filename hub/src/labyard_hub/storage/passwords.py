"""Passwords: what may be one, and their hashes.

Argon2id with argon2-cffi's defaults, which follow the second recommended option of RFC 9106: 64 MiB, three passes, four lanes. A hash names
its own parameters, so they can be raised later: the next sign-in replaces the old hash.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from labyard_hub.storage.identity_errors import PasswordRefusedError

__all__ = ["MAX_PASSWORD_BYTES", "PasswordPolicy", "Passwords"]

MAX_PASSWORD_BYTES = 1024
"""Longer ones are refused before they are hashed: hashing megabytes would be a gift to anyone who wants the hub busy."""


@dataclass(frozen=True)
class PasswordPolicy:
    """What may be a password: long enough, and not the name. Length is what makes guessing hard; rules about digits and signs are not."""

    minimum_length: int = 10

    def check(self, name: str, password: str) -> None:
        """Return if `name` may have `password`.

        Raises
        ------
        PasswordRefusedError
            With the rule that it breaks.
        """
        if len(password) < self.minimum_length:
            raise PasswordRefusedError(
                f"a password has at least {self.minimum_length} characters. A few words in a row are easy to remember"
            )
        if len(password.encode(errors="surrogatepass")) > MAX_PASSWORD_BYTES:
            raise PasswordRefusedError(f"a password has at most {MAX_PASSWORD_BYTES} bytes")
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in password):
            raise PasswordRefusedError("a password has no control characters, such as a tab or a line end")
        if password.casefold() == name.casefold():
            raise PasswordRefusedError("the password must not be the user name")
        if len(set(password)) == 1:
            raise PasswordRefusedError("the password repeats one character: choose a few words in a row")


class Passwords:
    """Hashes and checks passwords.

    Parameters
    ----------
    hasher
        With other costs, for tests and future defaults.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobody: str | None = None

    def hash(self, password: str) -> str:
        """Return the hash of `password`, with its salt and parameters."""
        return self._hasher.hash(_composed(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether `password` is the one that `stored` was made of.

        Where there is no hash, as for a name that nobody has, the same work is done: the time of an answer does not tell who exists.
        """
        if len(password.encode(errors="surrogatepass")) > MAX_PASSWORD_BYTES:
            return False
        if stored is None:
            if self._nobody is None:
                self._nobody = self.hash("nobody has this password")
            self._matches(self._nobody, password)
            return False
        return self._matches(stored, password)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, _composed(password))
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False

    def is_outdated(self, stored: str) -> bool:
        """Whether `stored` was made with other parameters than today's."""
        try:
            return self._hasher.check_needs_rehash(stored)
        except InvalidHashError:
            return False


def _composed(password: str) -> str:
    """Return `password` in one form, whichever way a keyboard wrote its accents."""
    return unicodedata.normalize("NFC", password)
