"""Links to join projects."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from labyard.models.project import JoinProject, Link, LinkCreate, LinkPreview, Links, Project
from labyard_hub.domain.records import LinkRecord
from labyard_hub.handlers.dependencies import Caller, Services, ServicesDependency
from labyard_hub.handlers.errors import errors
from labyard_hub.handlers.projects import Name, project_model

__all__ = ["router"]

router = APIRouter(tags=["links"])


def _model(link: LinkRecord, services: Services) -> Link:
    return Link(
        id=link.id,
        role=link.role,
        url=f"{services.settings.prefix}join/{services.links.token(link)}",
        created_at=link.created_at,
        created_by=link.created_by,
        expires_at=link.expires_at,
        uses=link.uses,
        max_uses=link.max_uses,
    )


@router.get("/api/v1/projects/{name}/links", responses=errors(404, 409))
async def list_links(name: Name, caller: Caller, services: ServicesDependency) -> Links:
    """List the links that work."""
    return Links(links=[_model(link, services) for link in await services.links.list(caller, name)])


@router.post("/api/v1/projects/{name}/links", status_code=201, responses=errors(404, 409))
async def create_link(name: Name, body: LinkCreate, caller: Caller, services: ServicesDependency) -> Link:
    """Make a link that lets anyone who opens it join."""
    return _model(await services.links.create(caller, name, body.role, body.expires_in_seconds, body.max_uses), services)


@router.delete("/api/v1/projects/{name}/links/{link}", status_code=204, responses=errors(404, 409))
async def revoke_link(name: Name, link: Annotated[str, Path(max_length=64)], caller: Caller, services: ServicesDependency) -> Response:
    """End a link."""
    await services.links.revoke(caller, name, link)
    return Response(status_code=204)


@router.post("/api/v1/links/preview", responses=errors(404, 409, 410))
async def preview_link(body: JoinProject, caller: Caller, services: ServicesDependency) -> LinkPreview:
    """Tell where a link leads."""
    project, link, is_member = await services.links.preview(caller, body.token)
    return LinkPreview(
        name=project.name,
        display_name=project.display_name,
        role=link.role,
        created_by=link.created_by,
        expires_at=link.expires_at,
        member=is_member,
    )


@router.post("/api/v1/links/join", responses=errors(404, 409, 410))
async def join_project(body: JoinProject, caller: Caller, services: ServicesDependency) -> Project:
    """Become a member by a link. Nothing changes for a person who is one already."""
    project = await services.links.join(caller, body.token)
    return project_model(await services.projects.get(caller, project.name))
