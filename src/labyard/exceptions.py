"""The root of Labyard's errors.

Each error has a stable ``code`` for programs, an HTTP ``status_code``, and a message that says what was tried, on what,
and what to do next. Messages never hold a secret.
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = ["LabyardError", "UsageError"]


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
