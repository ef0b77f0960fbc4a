"""Whether the service lives."""

from __future__ import annotations

from fastapi import APIRouter

from labyard import __version__

__all__ = ["router"]

router = APIRouter(tags=["health"])


@router.get("/api/v1/health")
async def get_health() -> dict[str, str]:
    """Say so. Asks nobody, so that a hub that is down does not make this service look down."""
    return {"status": "ok", "version": __version__}
