"""From the platform's answers to models and errors; when to ask again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from labyard import exceptions
from labyard.client.calls import Call
from labyard.exceptions import (
    ApiError,
    ConflictError,
    ConnectionFailedError,
    InvalidRequestError,
    NotAllowedError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
    UnexpectedAnswerError,
)
from labyard.models.error import Error
from labyard.registered_models import is_absent

__all__ = ["ATTEMPTS", "MAX_WAIT_SECONDS", "connection_error", "read_answer", "seconds_to_wait"]

T = TypeVar("T")

ATTEMPTS = 4
"""How often a request that changes nothing is sent at most."""
MAX_WAIT_SECONDS = 10.0
"""The longest wait between two of them; a platform that asks for more is not waited for."""


def _classes(root: type[ApiError]) -> Iterator[type[ApiError]]:
    for found in root.__subclasses__():
        yield found
        yield from _classes(found)


BY_CODE = {found.code: found for found in _classes(ApiError) if found.__module__ == exceptions.__name__}
BY_STATUS: dict[int, type[ApiError]] = {
    400: InvalidRequestError, 422: InvalidRequestError, 401: UnauthenticatedError, 403: NotAllowedError, 404: NotFoundError, 409: ConflictError, 410: NotFoundError,
    502: UnavailableError, 503: UnavailableError, 504: UnavailableError,
}  # fmt: skip
"""For codes that have no class of their own."""


def read_answer(call: Call[T], answer: httpx.Response) -> T:
    """Return the model in an answer.

    Raises
    ------
    ApiError
        If the platform refused.
    UnexpectedAnswerError
        If it is no answer of a platform.
    """
    if call.absent is not None and is_absent(answer.status_code):
        return call.absent
    if answer.is_error:
        raise _refusal(answer)
    if answer.is_redirect:
        where = answer.headers.get("location", "elsewhere")
        raise UnexpectedAnswerError(f"{_origin(answer)} sends on to {where!r}. Use the address that the browser shows for the platform")
    if call.answer is None:
        return None  # type: ignore[return-value]
    assert issubclass(call.answer, BaseModel)  # noqa: S101
    try:
        # A newer platform may say more than this version knows.
        return call.answer.model_validate_json(answer.content, extra="ignore")
    except ValidationError as error:
        raise UnexpectedAnswerError(
            f"{_origin(answer)} answered {call.method} {call.path} with something that this version of Labyard does not understand. "
            "Is the address right, and does `labyard --version` fit the platform's?"
        ) from error


def _refusal(answer: httpx.Response) -> ApiError | UnexpectedAnswerError:
    try:
        error = Error.model_validate_json(answer.content, extra="ignore").error
    except ValidationError:
        if answer.status_code in (502, 503, 504):
            return UnavailableError(
                f"the platform at {_origin(answer)} is not ready: try again in a moment", status_code=answer.status_code
            )
        return UnexpectedAnswerError(
            f"{_origin(answer)} answered with status {answer.status_code}, and not as Labyard does. Is the address right?"
        )
    kind = BY_CODE.get(error.code) or BY_STATUS.get(answer.status_code, ApiError)
    return kind(error.message, code=error.code, status_code=answer.status_code)


def _origin(answer: httpx.Response) -> str:
    url = answer.request.url
    return f"{url.scheme}://{url.netloc.decode()}"


def connection_error(url: str, error: httpx.TransportError, timeout_seconds: float) -> ConnectionFailedError:
    """Return the error for a platform at `url` that could not be asked."""
    if isinstance(error, httpx.TimeoutException):
        return ConnectionFailedError(f"{url} did not answer within {timeout_seconds:g} s. Is the platform up, and reachable from here?")
    reason = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return ConnectionFailedError(
            f"the certificate of {url} is not trusted here: {reason}. "
            "If it comes from your organisation's own authority, set SSL_CERT_FILE to that authority's certificate"
        )
    return ConnectionFailedError(f"cannot reach {url}: {reason}. Is the address right, and the platform up?")


def seconds_to_wait(call: Call[T], answer: httpx.Response, attempt: int) -> float | None:
    """Return after how many seconds to send `call` again; None to take `answer` as it is.

    Only requests that change nothing are sent again, and only where the platform says when.

    Parameters
    ----------
    attempt
        The one that `answer` is to, from 1.
    """
    if answer.status_code != 503 or not call.safe or call.absent is not None or attempt >= ATTEMPTS:
        return None
    seconds = _retry_after(answer.headers.get("retry-after", ""))
    return seconds if seconds is not None and seconds <= MAX_WAIT_SECONDS else None


def _retry_after(text: str) -> float | None:
    """Return the seconds of a ``Retry-After`` header, which has a number or an instant (RFC 9110, 10.2.3)."""
    if text.strip().isdecimal() and text.isascii():
        return float(text)
    try:
        instant = parsedate_to_datetime(text)
    except ValueError:
        return None
    instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return max(0.0, (instant - datetime.now(UTC)).total_seconds())
