"""Members of projects."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from labyard.models.project import Member, MemberAdd, Members, MemberUpdate, UserNames
from labyard_hub.domain.records import MemberRecord
from labyard_hub.handlers.dependencies import Caller, ServicesDependency
from labyard_hub.handlers.errors import errors
from labyard_hub.handlers.projects import Name

__all__ = ["router"]

router = APIRouter(tags=["members"])

UserPath = Annotated[str, Path(max_length=300, description="Name of the user.")]


def _model(member: MemberRecord) -> Member:
    return Member(user=member.user, role=member.role, added_at=member.added_at, added_by=member.added_by)


@router.get("/api/v1/projects/{name}/members", responses=errors(404))
async def list_members(name: Name, caller: Caller, services: ServicesDependency) -> Members:
    """List the members: owners first, then by name."""
    return Members(members=[_model(member) for member in await services.members.list(caller, name)])


@router.post("/api/v1/projects/{name}/members", status_code=201, responses=errors(404, 409))
async def add_member(name: Name, body: MemberAdd, caller: Caller, services: ServicesDependency) -> Member:
    """Add a user of the platform."""
    return _model(await services.members.add(caller, name, body.user, body.role))


@router.patch("/api/v1/projects/{name}/members/{user}", responses=errors(404, 409))
async def set_member_role(name: Name, user: UserPath, body: MemberUpdate, caller: Caller, services: ServicesDependency) -> Member:
    """Change a member's role."""
    return _model(await services.members.set_role(caller, name, user, body.role))


@router.delete("/api/v1/projects/{name}/members/{user}", status_code=204, responses=errors(404, 409))
async def remove_member(name: Name, user: UserPath, caller: Caller, services: ServicesDependency) -> Response:
    """Remove a member; with one's own name, leave."""
    await services.members.remove(caller, name, user)
    return Response(status_code=204)


@router.get("/api/v1/projects/{name}/candidates", responses=errors(404, 409))
async def list_candidates(
    name: Name,
    caller: Caller,
    services: ServicesDependency,
    query: Annotated[str, Query(max_length=300, description="What somebody types.")] = "",
) -> UserNames:
    """Complete a name: users who are not in the project, at most ten."""
    return UserNames(users=list(await services.members.candidates(caller, name, query)))
