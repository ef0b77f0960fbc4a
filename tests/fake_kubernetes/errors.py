"""What the server refuses, as the Status objects that Kubernetes answers with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "ApiError",
    "Cause",
    "already_exists",
    "bad_request",
    "conflict",
    "expired",
    "forbidden",
    "invalid",
    "method_not_allowed",
    "not_found",
    "unsupported_media_type",
]


@dataclass(frozen=True)
class Cause:
    """One field that is not valid.

    Attributes
    ----------
    kind
        Kubernetes' word, such as ``FieldValueRequired``.
    """

    field: str
    kind: str
    message: str

    @property
    def text(self) -> str:
        """The field and what is wrong with it."""
        return f"{self.field}: {self.message}"


class ApiError(Exception):
    """A refusal."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.details = code, reason, message, details or {}

    def status(self) -> dict[str, Any]:
        """Return the Status object."""
        return {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "details": self.details, "code": self.code,
        }  # fmt: skip


def not_found(plural: str, name: str) -> ApiError:
    """Return the error for an object that is not there."""
    return ApiError(404, "NotFound", f'{plural} "{name}" not found', {"name": name, "kind": plural})


def already_exists(plural: str, name: str) -> ApiError:
    """Return the error for a name that is taken."""
    return ApiError(409, "AlreadyExists", f'{plural} "{name}" already exists', {"name": name, "kind": plural})


def conflict(plural: str, name: str, why: str = "") -> ApiError:
    """Return the error for an object that changed since it was read."""
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    return ApiError(409, "Conflict", f'Operation cannot be fulfilled on {plural} "{name}": {why}', {"name": name, "kind": plural})


def bad_request(message: str) -> ApiError:
    """Return the error for something that is no such object."""
    return ApiError(400, "BadRequest", message)


def forbidden(plural: str, name: str, why: str) -> ApiError:
    """Return the error for what admission refuses."""
    return ApiError(403, "Forbidden", f'{plural} "{name}" is forbidden: {why}', {"name": name, "kind": plural})


def invalid(kind: str, name: str, causes: Sequence[Cause]) -> ApiError:
    """Return the error for an object with wrong values."""
    texts = [cause.text for cause in causes]
    message = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = {"name": name, "kind": kind, "causes": [{"reason": one.kind, "message": one.message, "field": one.field} for one in causes]}
    return ApiError(422, "Invalid", f'{kind} "{name}" is invalid: {message}', details)


def expired(asked: int, oldest: int) -> ApiError:
    """Return the error for a watch that would begin before what is remembered."""
    return ApiError(410, "Expired", f"too old resource version: {asked} ({oldest})")


def method_not_allowed() -> ApiError:
    """Return the error for a verb that a resource has not."""
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def unsupported_media_type(kind: str) -> ApiError:
    """Return the error for a patch of another kind."""
    return ApiError(
        415, "UnsupportedMediaType", f"the body of the request was in an unknown format - accepted media types do not include {kind}"
    )
