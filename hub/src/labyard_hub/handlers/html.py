"""Pages of the service, by the hub's templates."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader

from labyard.exceptions import LabyardError
from labyard.models.user import User
from labyard.pages import MARK, heading_of, sentence
from labyard_hub.backends.page_files import TEMPLATES, asset
from labyard_hub.handlers.dependencies import Services, current_user, person

__all__ = ["failure_page", "page", "problem_page", "visitor", "wants_page"]

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def page(services: Services, title: str, body: str, *, user: User | None = None) -> HTMLResponse:
    """Return a page.

    Parameters
    ----------
    title, body
        `title` is text; `body` is HTML in which all foreign text is escaped.
    user
        The person whose menu stands at the top; None: nobody's.
    """
    return _render(services, "message.html", user, title=title, body=body)


def problem_page(services: Services, error: LabyardError, user: User | None = None) -> HTMLResponse:
    """Return an error as a page."""
    return failure_page(services, error.status_code, error.message, user)


def failure_page(services: Services, status: int, reason: str, user: User | None = None) -> HTMLResponse:
    """Return a page that says why a request was answered with `status`."""
    template = "404.html" if status == HTTPStatus.NOT_FOUND else "error.html"
    return _render(services, template, user, status, status_code=status, message=sentence(reason))


def wants_page(request: Request) -> bool:
    """Return whether a browser wants to show the answer: programs and scripts do not ask for HTML."""
    return "text/html" in request.headers.get("accept", "") and "/api/" not in request.url.path


async def visitor(request: Request, services: Services) -> User | None:
    """Return the person whose browser this is, as far as that can be told; never an error."""
    try:
        return await person(await current_user(request, services))
    except LabyardError:
        return None


@cache
def _templates() -> Environment:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    environment.globals.update(asset=asset, heading_of=heading_of, mark=MARK)
    return environment


def _render(services: Services, template: str, user: User | None, status: int = 200, **names: Any) -> HTMLResponse:
    html = _templates().get_template(template).render(base_url=f"{services.settings.base_url}hub/", user=user, from_service=True, **names)
    # Without any referrer, browsers call the origin of a form `null`, and we could not tell ours from others'.
    headers = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "same-origin", "Cache-Control": "no-store"}
    return HTMLResponse(html, status_code=status, headers=headers)
