"""Pages that people open in a browser: joining by a link, and the way to a project's server and to a shared tool."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from html import escape
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response

from labyard.exceptions import LabyardError, UnauthenticatedError
from labyard.models.user import User
from labyard_hub.handlers.dependencies import Services, ServicesDependency, current_user, person
from labyard_hub.handlers.html import page, problem_page, visitor
from labyard_hub.handlers.projects import Name
from labyard_hub.handlers.sharing import ShareId

__all__ = ["router"]

router = APIRouter(tags=["pages"], include_in_schema=False)

Token = Annotated[str, Path(max_length=300)]


def _sign_in_first(request: Request, services: Services) -> RedirectResponse:
    """Send the browser to sign in, and back here."""
    query = f"?{request.url.query}" if request.url.query else ""
    target = quote(request.url.path + query, safe="")
    return RedirectResponse(f"{services.settings.prefix}login?next={target}", status_code=302, headers={"Cache-Control": "no-store"})


async def _for_person(request: Request, services: Services, answer: Callable[[User], Awaitable[Response]]) -> Response:
    """Answer the person whose browser this is; send them to sign in first, and show errors as pages."""
    try:
        return await answer(await person(await current_user(request, services)))
    except UnauthenticatedError:
        return _sign_in_first(request, services)
    except LabyardError as error:
        return problem_page(services, error, await visitor(request, services))


@router.get("/join/{token}")
async def get_join(token: Token, request: Request, services: ServicesDependency) -> Response:
    """Ask whether to join."""

    async def ask(caller: User) -> Response:
        project, link, is_member = await services.links.preview(caller, token)
        home = f'<a class="button" href="{services.settings.base_url}hub/home">Home</a>'
        if is_member:
            return page(
                services,
                f"You are in {project.display_name}",
                f'<p>You are a member already.</p><p class="actions">{home}</p>',
                user=caller,
            )
        what = {
            "viewer": "You can read its files and runs, and look at what others do.",
            "editor": "You can read and change its files and runs.",
        }
        return page(
            services,
            f"Join {project.display_name}?",
            f"<p>{escape(link.created_by)} invites you, <strong>{escape(caller.name)}</strong>, to the project "
            f"<strong>{escape(project.name)}</strong> as {escape(link.role.value)}. {what[link.role.value]}</p>"
            f'<form method="post" class="actions"><button type="submit" class="button main">Join</button> {home}</form>',
            user=caller,
        )

    return await _for_person(request, services, ask)


@router.post("/join/{token}")
async def post_join(token: Token, request: Request, services: ServicesDependency) -> Response:
    """Join."""

    async def join(caller: User) -> Response:
        project = await services.links.join(caller, token)
        where = f"{services.settings.base_url}hub/user-redirect/lab/tree/projects/{project.name}"
        return page(
            services,
            f"You are in {project.display_name}",
            f"<p>Its files are in your JupyterLab under <code>projects/{escape(project.name)}</code>.</p>"
            f'<p class="actions"><a class="button main" href="{where}">Open in JupyterLab</a></p>',
            user=caller,
        )

    return await _for_person(request, services, join)


@router.get("/projects/{name}/tools/{share}")
async def open_tool(name: Name, share: ShareId, request: Request, services: ServicesDependency) -> Response:
    """Lead a member's browser to a shared tool."""

    async def lead(caller: User) -> Response:
        found = await services.tool_sharing.open(caller, name, share)
        server = f"user/{found.owner}/{found.server}/" if found.server else f"user/{found.owner}/"
        return RedirectResponse(f"{services.settings.base_url}{server}labyard/tools/{found.instance}/", status_code=302)

    return await _for_person(request, services, lead)


@router.get("/projects/{name}/enter")
async def enter_server(name: Name, request: Request, services: ServicesDependency, next: str = "") -> Response:  # noqa: A002  # JupyterHub's name for it
    """Lead a member's browser to the project's server, by the hub's question who they are where it came from there."""

    async def lead(caller: User) -> Response:
        server = await services.servers.enter(caller, name)
        asked = next if next.startswith(f"{services.settings.base_url}hub/api/oauth2/authorize?") else server
        return RedirectResponse(asked, status_code=302, headers={"Cache-Control": "no-store"})

    return await _for_person(request, services, lead)
