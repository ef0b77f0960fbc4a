"""The command line's login: pages on the browser's way, and the exchange of a code for a token."""

from __future__ import annotations

from html import escape
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from labyard.exceptions import UnauthenticatedError
from labyard.models.login import LoginExchange, LoginToken
from labyard_hub.exceptions import LoginRequestError, NotALoginError, SignInFailedError
from labyard_hub.handlers.dependencies import Caller, Services, ServicesDependency, bearer_token
from labyard_hub.handlers.errors import errors
from labyard_hub.handlers.html import page, problem_page
from labyard_hub.services.cli_login import CODE_SECONDS, PENDING_SECONDS, LoginRequest, PendingCommandLine, cookie_name

__all__ = ["router"]

router = APIRouter(tags=["command line"])

Text = Annotated[str, Query(max_length=300)]


@router.get("/cli/login", include_in_schema=False)
async def get_login(services: ServicesDependency, challenge: Text = "", state: Text = "", name: Text = "", port: Text = "") -> Response:
    """Send the browser to the hub, which asks whether the command line may act for the person."""
    try:
        pending, location = services.command_line.begin(LoginRequest.check(challenge, state, name, port))
    except LoginRequestError as error:
        return problem_page(services, error)
    answer = RedirectResponse(location, status_code=302, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
    services.settings.cookie(pending.cookie, services.settings.login_callback_path).put(
        answer, services.command_line.seal(pending), PENDING_SECONDS
    )
    return answer


@router.get("/cli/callback", include_in_schema=False)
async def get_callback(
    request: Request,
    services: ServicesDependency,
    state: Annotated[str, Query(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")] = "",
    code: Annotated[str, Query(max_length=512)] = "",
    error: Text = "",
) -> Response:
    """Take the browser back from the hub, and give it a one-time code for the command line."""
    cookie = services.settings.cookie(cookie_name(state), services.settings.login_callback_path)
    pending = services.command_line.open(state, request.cookies.get(cookie.name, ""))
    if pending is None:
        return problem_page(services, SignInFailedError("it did not begin in this browser, or more than ten minutes ago"))
    allowed = bool(code) and not error
    once = services.command_line.offer(pending, code) if allowed else None
    answer = _to_the_machine(services, pending, once) if pending.request.port is not None else _to_the_eye(services, pending, once)
    cookie.remove(answer)
    return answer


def _to_the_machine(services: Services, pending: PendingCommandLine, code: str | None) -> Response:
    """Lead the browser to the command line, which listens on the browser's own machine."""
    query = {"state": pending.request.state, **({"code": code} if code is not None else {"error": "access_denied"})}
    where = f"http://127.0.0.1:{pending.request.port}/callback?{urlencode(query)}"
    answer = page(
        services,
        "Back to the command line",
        f'<p>If nothing happens, the command line does not wait any more.</p><p class="actions"><a class="button" href="{escape(where)}">Try again</a></p>',
    )
    # Browsers hold a form's redirects to the page's own origin, and the hub's question is a form. This begins again.
    answer.headers["Refresh"] = f"0; url={where}"
    return answer


def _to_the_eye(services: Services, pending: PendingCommandLine, code: str | None) -> Response:
    """Show the code, to be typed where the command line runs."""
    if code is None:
        return page(services, "Nothing was allowed", "<p>The command line gets no access. You can close this tab.</p>")
    return page(
        services,
        "Code for the command line",
        f"<p>Type this where <code>labyard login</code> waits, on <strong>{escape(pending.request.host)}</strong>. "
        f'It works once, for {CODE_SECONDS / 60:g} minutes.</p><p class="one-time"><code>{escape(code)}</code></p>'
        '<p class="note warn">Never give this code to anybody, and type it only if you started <code>labyard login</code> yourself a moment ago: '
        "with it, a program acts under your name. Nobody who helps you needs it.</p>",
    )


@router.get("/cli/done", include_in_schema=False)
async def get_done(services: ServicesDependency) -> Response:
    """Say that the browser is no longer needed."""
    return page(services, "The command line is signed in", "<p>Go on in the terminal. You can close this tab.</p>")


@router.post("/api/v1/cli/token", responses=errors())
async def exchange_code(body: LoginExchange, services: ServicesDependency) -> LoginToken:
    """Exchange a login's one-time code for the token. Needs no token itself."""
    granted = await services.command_line.redeem(body.code, body.verifier)
    return LoginToken(token=granted.token, user=granted.user, expires_at=granted.expires_at)


@router.delete("/api/v1/cli/token", status_code=204, responses=errors(409))
async def end_token(request: Request, caller: Caller, services: ServicesDependency) -> Response:  # noqa: ARG001  # a caller is needed
    """End the token that the request carries, if a login of the command line made it."""
    token = bearer_token(request)
    if token is None:
        raise UnauthenticatedError.of()
    if not await services.command_line.end(token):
        raise NotALoginError
    return Response(status_code=204)
