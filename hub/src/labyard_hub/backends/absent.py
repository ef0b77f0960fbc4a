"""Stands in for folders and servers until their backends are wired in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from labyard.models.sharing import ProjectServer, ProjectServerState

__all__ = ["AnyDirectory", "NoFiles", "NoServers"]


class NoFiles:
    """No folders."""

    async def apply(self, project: Any) -> None:
        """Do nothing."""

    async def discard(self, project: Any) -> None:
        """Do nothing."""

    async def keep(self, projects: Sequence[Any]) -> None:
        """Do nothing."""


class NoServers:
    """No servers."""

    async def status(self, project_id: str) -> ProjectServer:
        """Tell that it is stopped."""
        return ProjectServer(state=ProjectServerState.STOPPED, url=f"/user/{project_id}/", started_at=None, last_activity_at=None)

    async def start(self, project_id: str, visitor: str) -> ProjectServer:  # noqa: ARG002
        """Do nothing."""
        return await self.status(project_id)

    async def stop(self, project_id: str) -> None:
        """Do nothing."""

    async def set_visitors(self, project_id: str, visitors: Collection[str]) -> None:
        """Do nothing."""

    async def remove(self, project_id: str) -> None:
        """Do nothing."""

    async def allow_tool(self, owner: str, server: str, visitor: str) -> None:
        """Do nothing."""

    async def set_tool_visitors(self, owner: str, server: str, visitors: Collection[str]) -> None:
        """Do nothing."""


class AnyDirectory:
    """Everybody."""

    async def exists(self, name: str) -> bool:  # noqa: ARG002
        """Say yes."""
        return True

    async def names(self) -> Sequence[str]:
        """Return nobody."""
        return []
