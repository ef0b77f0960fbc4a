"""Projects."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from labyard.models.project import OwnershipTransfer, Project, ProjectCreate, ProjectPage, ProjectState, ProjectUpdate
from labyard.permissions import capabilities_of
from labyard_hub.handlers.dependencies import Caller, ServicesDependency
from labyard_hub.handlers.errors import errors
from labyard_hub.handlers.paging import open_cursor, seal_cursor
from labyard_hub.services.projects import FoundProject

__all__ = ["Name", "router"]

router = APIRouter(tags=["projects"])

Name = Annotated[str, Path(max_length=300, description="Name of the project.")]
MAX_PAGE = 500


class StateFilter(StrEnum):
    """Which projects to list."""

    ACTIVE = "active"
    ARCHIVED = "archived"
    ALL = "all"


def project_model(found: FoundProject) -> Project:
    """Return what the API says about a project."""
    record, role, count, some = found
    return Project(
        id=record.id,
        name=record.name,
        display_name=record.display_name,
        description=record.description,
        state=ProjectState.ARCHIVED if record.archived else ProjectState.ACTIVE,
        role=role,
        capabilities=tuple(sorted(capabilities_of(role, archived=record.archived))),
        member_count=count,
        some_members=list(some),
        created_at=record.created_at,
        created_by=record.created_by,
        updated_at=record.updated_at,
        path=f"projects/{record.name}",
        workspace=record.id,
    )


@router.get("/api/v1/projects", responses=errors())
async def list_projects(
    caller: Caller,
    services: ServicesDependency,
    state: StateFilter = StateFilter.ACTIVE,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> ProjectPage:
    """List the caller's projects by name."""
    archived = {StateFilter.ACTIVE: False, StateFilter.ARCHIVED: True, StateFilter.ALL: None}[state]
    found = await services.projects.list(caller, archived=archived, after=open_cursor(cursor) or "", limit=limit + 1)
    more = len(found) > limit
    return ProjectPage(
        projects=[project_model(one) for one in found[:limit]], next_cursor=seal_cursor(found[limit - 1][0].name) if more else None
    )


@router.post("/api/v1/projects", status_code=201, responses=errors(409, 500))
async def create_project(body: ProjectCreate, caller: Caller, services: ServicesDependency) -> Project:
    """Make a project. The caller becomes its owner."""
    return project_model(await services.projects.create(caller, body.name, body.display_name, body.description))


@router.get("/api/v1/projects/{name}", responses=errors(404))
async def get_project(name: Name, caller: Caller, services: ServicesDependency) -> Project:
    """Return one of the caller's projects."""
    return project_model(await services.projects.get(caller, name))


@router.patch("/api/v1/projects/{name}", responses=errors(404, 409))
async def update_project(name: Name, body: ProjectUpdate, caller: Caller, services: ServicesDependency) -> Project:
    """Change the display name and the description."""
    return project_model(await services.projects.change(caller, name, body.model_dump()))


@router.delete("/api/v1/projects/{name}", status_code=204, responses=errors(404))
async def delete_project(
    name: Name,
    caller: Caller,
    services: ServicesDependency,
    confirm: Annotated[str | None, Query(max_length=300, description="The name, once more.")] = None,
) -> Response:
    """Delete a project. Its files go to the trash."""
    await services.projects.delete(caller, name, confirm)
    return Response(status_code=204)


@router.post("/api/v1/projects/{name}/archive", responses=errors(404))
async def archive_project(name: Name, caller: Caller, services: ServicesDependency) -> Project:
    """Archive a project: it can be read, and not changed."""
    return project_model(await services.projects.set_archived(caller, name, archived=True))


@router.post("/api/v1/projects/{name}/restore", responses=errors(404))
async def restore_project(name: Name, caller: Caller, services: ServicesDependency) -> Project:
    """Take a project out of the archive."""
    return project_model(await services.projects.set_archived(caller, name, archived=False))


@router.post("/api/v1/projects/{name}/transfer", responses=errors(404, 409))
async def transfer_project(name: Name, body: OwnershipTransfer, caller: Caller, services: ServicesDependency) -> Project:
    """Hand a project over to another member. The caller stays as an editor."""
    await services.members.transfer(caller, name, body.user)
    return project_model(await services.projects.get(caller, name))


@router.post("/api/v1/projects/{name}/owner", status_code=204, responses=errors(404))
async def name_owner(name: Name, body: OwnershipTransfer, caller: Caller, services: ServicesDependency) -> Response:
    """Name an owner of a project whose owners have all left the platform. For administrators."""
    await services.members.name_owner(caller, name, body.user)
    return Response(status_code=204)
