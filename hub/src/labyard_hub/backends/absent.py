"""Stands in for folders until their backend is wired in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["NoFiles"]


class NoFiles:
    """No folders."""

    async def apply(self, project: Any) -> None:
        """Do nothing."""

    async def discard(self, project: Any) -> None:
        """Do nothing."""

    async def keep(self, projects: Sequence[Any]) -> None:
        """Do nothing."""
