"""What the caller may do: the question that MLflow's gateway asks with the credentials of its caller."""

from __future__ import annotations

from fastapi import APIRouter

from labyard.models.authorization import Authorization
from labyard_hub.handlers.dependencies import ServicesDependency, TrackingCaller
from labyard_hub.handlers.errors import errors
from labyard_hub.services.authorization import authorize

__all__ = ["router"]

router = APIRouter(tags=["authorization"])


@router.get("/api/v1/authorize", responses=errors())
async def get_authorization(caller: TrackingCaller, services: ServicesDependency) -> Authorization:
    """Return the caller's MLflow workspaces and their role in each."""
    return await authorize(caller, services.access, services.model_sharing)
