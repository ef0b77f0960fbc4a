"""One JSON shape for all errors, and one page for those that a browser wants to show."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from labyard.exceptions import LabyardError, UnauthenticatedError
from labyard.models.error import Error, ErrorDetail
from labyard_hub.handlers.html import failure_page, visitor, wants_page

__all__ = ["add_error_handlers", "errors"]

_log = structlog.get_logger("labyard.service")


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what a route that asks who calls can answer, and `statuses` of its own, for the API's description."""
    return {status: {"model": Error} for status in sorted({400, 401, 403, 413, 422, 503, *statuses})}


_HTTP = {
    400: ("invalid_request", "the body is not JSON, or not JSON that can be read"),
    404: ("not_found", "there is nothing at this address"),
    405: ("method_not_allowed", "this address does not take this method"),
}


def add_error_handlers(app: FastAPI) -> None:
    """Answer every error of `app` in the one shape, or as a page."""

    @app.exception_handler(LabyardError)
    async def _labyard(request: Request, error: LabyardError) -> Response:
        headers = {}
        if isinstance(error, UnauthenticatedError):
            headers["WWW-Authenticate"] = "Bearer"
        if error.status_code >= 500:
            _log.error("failed", path=request.url.path, code=error.code, problem=getattr(error, "problem", error.message))
        wait = getattr(error, "retry_after_seconds", None)
        if wait is not None:
            headers["Retry-After"] = str(wait)
        return await _answer(request, error.status_code, error.code, error.message, headers)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        code, message = _HTTP.get(error.status_code, ("http_error", str(error.detail)))
        return await _answer(request, error.status_code, code, message, dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        # Where and why, without the value: it may be a secret.
        problems = [f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}" for problem in error.errors()]
        return await _answer(request, 422, "invalid_request", f"The request is invalid: {'; '.join(problems)}")

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> Response:
        _log.error("unexpected error", path=request.url.path, exc_info=error)
        return await _answer(
            request, 500, "internal", "something went wrong here. The service's log says more: tell an administrator the time"
        )


async def _answer(request: Request, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    if wants_page(request):
        services = request.app.state.services
        answer: Response = failure_page(services, status, message, await visitor(request, services))
        answer.headers.update(headers or {})
        return answer
    body = Error(error=ErrorDetail(code=code, message=message))
    return JSONResponse(body.model_dump(), status_code=status, headers={"Cache-Control": "no-store", **(headers or {})})
