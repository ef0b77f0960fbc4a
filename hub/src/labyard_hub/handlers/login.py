"""Signing a browser in and out, by OAuth with the hub."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from labyard_hub.backends.hub_api import new_verifier
from labyard_hub.exceptions import SignInFailedError
from labyard_hub.handlers.dependencies import Cookie, ServicesDependency, ServiceSettings, check_origin
from labyard_hub.services.navigation import safe_target
from labyard_hub.services.sessions import LOGIN_SECONDS, SESSION_SECONDS, PendingLogin

__all__ = ["router"]

router = APIRouter(tags=["sign-in"], include_in_schema=False)


@router.get("/login")
async def get_login(services: ServicesDependency, target: Annotated[str | None, Query(alias="next")] = None) -> RedirectResponse:
    """Send the browser to the hub, which knows who they are or asks."""
    settings = services.settings
    verifier = new_verifier()
    login = services.sessions.new_login(verifier, safe_target(target, settings.base_url, settings.base_url))
    answer = _redirect(services.hub.authorize_url(login.state, verifier))
    _login_cookie(settings, login.state).put(answer, services.sessions.seal_login(login), LOGIN_SECONDS)
    return answer


@router.get("/oauth/callback")
async def get_callback(
    request: Request,
    services: ServicesDependency,
    state: Annotated[str, Query(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")] = "",
    code: Annotated[str, Query(max_length=512)] = "",
    error: Annotated[str, Query(max_length=200)] = "",
) -> RedirectResponse:
    """Take the browser back from the hub, and give it a session."""
    settings = services.settings
    cookie = _login_cookie(settings, state)
    login = services.sessions.open_login(state, request.cookies.get(cookie.name, ""))
    if login is None:
        raise SignInFailedError("it did not begin in this browser, or more than ten minutes ago")
    if error or not code:
        raise SignInFailedError("the hub says that this account may not use it, or that it was called off")
    token = await services.hub.token_for_code(code, login.verifier)
    await services.authentication.user(token)
    answer = _redirect(login.target)
    cookie.remove(answer)
    settings.session_cookie.put(answer, services.sessions.seal_token(token), SESSION_SECONDS)
    return answer


@router.post("/logout", status_code=204)
async def post_logout(request: Request, services: ServicesDependency) -> Response:
    """Forget the session in this browser. The hub's own sign-out ends its token as well."""
    settings = services.settings
    check_origin(request, settings)
    answer = Response(status_code=204, headers={"Cache-Control": "no-store"})
    settings.session_cookie.remove(answer)
    return answer


def _login_cookie(settings: ServiceSettings, state: str) -> Cookie:
    return settings.cookie(PendingLogin.cookie_name(state), settings.callback_path)


def _redirect(location: str) -> RedirectResponse:
    return RedirectResponse(location, status_code=302, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
