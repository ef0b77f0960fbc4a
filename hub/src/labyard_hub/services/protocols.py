"""What the use cases need from the world outside; backends provide it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from labyard.models.sharing import ProjectServer
from labyard_hub.domain.projects import DesiredProject

__all__ = ["DesiredProject", "ProjectFiles", "ProjectServers", "UserDirectory"]


class ProjectFiles(Protocol):
    """The folders of projects, and who can read and write there."""

    async def apply(self, project: DesiredProject) -> None:
        """Make the folder where it is missing and enforce the members' roles.

        When this returns, users who are no members cannot get into the folder any more, and every member can with the new role. What takes longer in a
        large folder, such as files that a removed member owns, goes on in the background and is done again after a crash.

        Raises
        ------
        ProjectFilesError
            If the folder or an account cannot be made.
        """

    async def discard(self, project: DesiredProject) -> None:
        """Take the folder away from everybody and move it to the trash, from where it is removed for good after the configured time."""


class ProjectServers(Protocol):
    """The servers that projects own."""

    async def status(self, project_id: str) -> ProjectServer:
        """Tell where the server stands."""

    async def start(self, project_id: str, visitor: str) -> ProjectServer:
        """Start the server if it does not run, and let `visitor`, a member, open it. Returns while it is starting."""

    async def stop(self, project_id: str) -> None:
        """Stop the server. Nothing happens if it does not run."""

    async def set_visitors(self, project_id: str, visitors: Collection[str]) -> None:
        """Let `visitors` open the server, and nobody else. Those who lost it are out within 10 s, their open connections included."""

    async def remove(self, project_id: str) -> None:
        """Stop the server and remove the user that owns it."""

    async def allow_tool(self, owner: str, server: str, visitor: str) -> None:
        """Let `visitor` reach the server of `owner`, which itself lets them no further than to the tools shared with them."""

    async def set_tool_visitors(self, owner: str, server: str, visitors: Collection[str]) -> None:
        """Let only `visitors` reach the server of `owner`."""


class UserDirectory(Protocol):
    """Who there is on the platform."""

    async def exists(self, name: str) -> bool:
        """Whether a user has this name. A project's own user is none."""

    async def names(self) -> Sequence[str]:
        """Return all users' names, sorted."""
