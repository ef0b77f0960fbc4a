"""Members of projects."""

from __future__ import annotations

from labyard.client.calls import Call, Pages, Resource, TransportT, endpoint, paged, path
from labyard.models.project import Member, MemberAdd, MemberUpdate, UserNames
from labyard.models.project import Members as MembersPage
from labyard.permissions import Role

__all__ = ["Members"]


class Members(Resource[TransportT]):
    """``client.projects.members``: who is in a project."""

    @paged
    def list(self, project: str) -> Pages[MembersPage, Member]:
        """Iterate over the members: owners first, then by name."""
        return Pages(Call("GET", path("projects", project, "members"), MembersPage), lambda page: page.members, lambda _: None)

    @endpoint
    def add(self, project: str, user: str, role: Role | str = Role.EDITOR) -> Call[Member]:
        """Add a user of the platform.

        Raises
        ------
        labyard.exceptions.MemberExistsError
            If they are a member already.
        labyard.exceptions.UserNotFoundError
            If nobody has that name.
        """
        return Call("POST", path("projects", project, "members"), Member, body=MemberAdd.model_validate({"user": user, "role": role}))

    @endpoint
    def set_role(self, project: str, user: str, role: Role | str) -> Call[Member]:
        """Change a member's role.

        Raises
        ------
        labyard.exceptions.MemberNotFoundError
            If they are no member.
        labyard.exceptions.LastOwnerError
            If nobody else owns the project.
        """
        return Call("PATCH", path("projects", project, "members", user), Member, body=MemberUpdate.model_validate({"role": role}))

    @endpoint
    def remove(self, project: str, user: str) -> Call[None]:
        """Remove a member.

        Raises
        ------
        labyard.exceptions.MemberNotFoundError
            If they are no member.
        labyard.exceptions.LastOwnerError
            If nobody else owns the project.
        """
        return Call("DELETE", path("projects", project, "members", user), None)

    @endpoint
    def candidates(self, project: str, query: str = "") -> Call[UserNames]:
        """Complete a name: users who are not in the project, at most ten. For owners."""
        return Call("GET", path("projects", project, "candidates"), UserNames, {"query": query})
