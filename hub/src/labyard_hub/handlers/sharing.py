"""A project's server, shared tools and shared models."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from labyard.models.sharing import (
    ModelShare,
    ModelShareCreate,
    ModelShares,
    ProjectAccess,
    ProjectServer,
    ToolAccess,
    ToolShare,
    ToolShareCreate,
    ToolShares,
)
from labyard_hub.domain.records import ToolShareRecord
from labyard_hub.handlers.dependencies import Caller, ProjectCaller, Services, ServicesDependency
from labyard_hub.handlers.errors import errors
from labyard_hub.handlers.projects import Name
from labyard_hub.services.model_shares import FoundModel

__all__ = ["ShareId", "router"]

router = APIRouter(tags=["sharing"])

ShareId = Annotated[str, Path(max_length=64)]


@router.get("/api/v1/projects/{name}/server", responses=errors(404))
async def get_server(name: Name, caller: Caller, services: ServicesDependency) -> ProjectServer:
    """Tell where the project's server stands."""
    return await services.servers.status(caller, name)


@router.post("/api/v1/projects/{name}/server", responses=errors(404, 409))
async def open_server(name: Name, caller: Caller, services: ServicesDependency) -> ProjectServer:
    """Start the project's server if it does not run, and let the caller in. Open `url` in a browser."""
    return await services.servers.open(caller, name)


@router.delete("/api/v1/projects/{name}/server", status_code=204, responses=errors(404, 409))
async def stop_server(name: Name, caller: Caller, services: ServicesDependency) -> Response:
    """Stop the project's server."""
    await services.servers.stop(caller, name)
    return Response(status_code=204)


@router.get("/api/v1/access/{user}", responses=errors())
async def get_project_access(
    user: Annotated[str, Path(max_length=300)], caller: ProjectCaller, services: ServicesDependency
) -> ProjectAccess:
    """Tell a project's server what a visitor may do there."""
    role, capabilities = await services.servers.visitor(caller.name, user)
    return ProjectAccess(user=user, role=role, capabilities=tuple(sorted(capabilities)))


def _tool(share: ToolShareRecord, name: str, services: Services) -> ToolShare:
    return ToolShare(
        id=share.id,
        project=name,
        owner=share.owner,
        server=share.server,
        instance=share.instance,
        title=share.title,
        url=f"{services.settings.prefix}projects/{name}/tools/{share.id}",
        created_at=share.created_at,
    )


@router.get("/api/v1/projects/{name}/tools", responses=errors(404))
async def list_tools(name: Name, caller: Caller, services: ServicesDependency) -> ToolShares:
    """List the running tools that members share."""
    return ToolShares(tools=[_tool(share, name, services) for share in await services.tool_sharing.list(caller, name)])


@router.post("/api/v1/projects/{name}/tools", status_code=201, responses=errors(404, 409))
async def share_tool(name: Name, body: ToolShareCreate, caller: Caller, services: ServicesDependency) -> ToolShare:
    """Share a running tool of the caller's own server with the members."""
    return _tool(await services.tool_sharing.share(caller, name, body.server, body.instance, body.title), name, services)


@router.delete("/api/v1/projects/{name}/tools/{share}", status_code=204, responses=errors(404, 409))
async def unshare_tool(name: Name, share: ShareId, caller: Caller, services: ServicesDependency) -> Response:
    """Stop sharing a tool."""
    await services.tool_sharing.unshare(caller, name, share)
    return Response(status_code=204)


@router.get("/api/v1/tool-access", responses=errors())
async def get_tool_access(
    user: Annotated[str, Query(max_length=300)],
    instance: Annotated[str, Query(max_length=64)],
    caller: Caller,
    services: ServicesDependency,
    server: Annotated[str | None, Query(max_length=64)] = None,
) -> ToolAccess:
    """Tell a user's server what a visitor may do with one of its tools."""
    capabilities = await services.tool_sharing.visitor(caller.name, server, instance, user)
    return ToolAccess(user=user, instance=instance, capabilities=tuple(sorted(capabilities)))


def _shared_model(found: FoundModel) -> ModelShare:
    share = found.share
    return ModelShare(
        id=share.id,
        source=found.source.name,
        source_workspace=found.source.id,
        model=share.model,
        project=found.target.name if found.target is not None else None,
        user=share.target_user,
        created_at=share.created_at,
        created_by=share.created_by,
        uri=f"labyard:/{found.source.name}/{share.model}",
    )


@router.get("/api/v1/projects/{name}/models", responses=errors(404))
async def list_models(name: Name, caller: Caller, services: ServicesDependency) -> ModelShares:
    """List the models that the project shares."""
    return ModelShares(models=[_shared_model(found) for found in await services.model_sharing.list(caller, name)])


@router.post("/api/v1/projects/{name}/models", status_code=201, responses=errors(404, 409))
async def share_model(name: Name, body: ModelShareCreate, caller: Caller, services: ServicesDependency) -> ModelShare:
    """Share a registered model, read-only, with another project that the caller is in or with a person. The name is not looked up in MLflow."""
    return _shared_model(await services.model_sharing.share(caller, name, body.model, project=body.project, user=body.user))


@router.delete("/api/v1/projects/{name}/models/{share}", status_code=204, responses=errors(404, 409))
async def unshare_model(name: Name, share: ShareId, caller: Caller, services: ServicesDependency) -> Response:
    """Stop sharing a model."""
    await services.model_sharing.unshare(caller, name, share)
    return Response(status_code=204)


@router.get("/api/v1/shared-models", responses=errors())
async def list_shared_models(caller: Caller, services: ServicesDependency) -> ModelShares:
    """List the models that are shared with the caller or with a project of theirs."""
    return ModelShares(models=[_shared_model(found) for found in await services.model_sharing.received(caller.name)])
