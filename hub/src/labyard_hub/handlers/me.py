"""Who the caller is."""

from __future__ import annotations

from fastapi import APIRouter

from labyard.models.user import User
from labyard_hub.handlers.dependencies import Caller
from labyard_hub.handlers.errors import errors

__all__ = ["router"]

router = APIRouter(tags=["me"])


@router.get("/api/v1/me", responses=errors())
async def get_me(caller: Caller) -> User:
    """Return the caller."""
    return caller
