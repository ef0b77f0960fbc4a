"""Projects."""

from __future__ import annotations

from typing import Literal

from labyard.client.calls import Call, Pages, Resource, TransportT, endpoint, paged, path
from labyard.client.events import Events
from labyard.client.links import Links, link_token
from labyard.client.members import Members
from labyard.client.model_shares import SharedModels
from labyard.client.servers import Server
from labyard.client.tool_shares import SharedTools
from labyard.models.project import (
    JoinProject,
    LinkPreview,
    OwnershipTransfer,
    Project,
    ProjectCreate,
    ProjectPage,
    ProjectUpdate,
)
from labyard.models.user import User

__all__ = ["Projects"]


class Projects(Resource[TransportT]):
    """``client.projects``: what people work on together.

    What belongs to a project has methods of its own, each with the project's name as the first argument: `members`, `links`, `events`, `server`,
    `tools` and `models`.

    Raises
    ------
    labyard.exceptions.ProjectNotFoundError
        Every method that names a project: if there is none, or the caller is no member.
    labyard.exceptions.NotAllowedError
        If the caller's role is too low.
    labyard.exceptions.ProjectArchivedError
        Methods that change something: if the project is archived.
    """

    def __init__(self, transport: TransportT) -> None:
        super().__init__(transport)
        self.members: Members[TransportT] = Members(transport)
        self.links: Links[TransportT] = Links(transport)
        self.events: Events[TransportT] = Events(transport)
        self.server: Server[TransportT] = Server(transport)
        self.tools: SharedTools[TransportT] = SharedTools(transport)
        self.models: SharedModels[TransportT] = SharedModels(transport)

    @paged
    def list(self, *, state: Literal["active", "archived", "all"] = "active", page_size: int = 100) -> Pages[ProjectPage, Project]:
        """Iterate over the caller's projects, by name.

        Parameters
        ----------
        page_size
            How many are asked for at a time, 1 to 500.
        """
        query: dict[str, str | int | None] = {"state": state, "limit": page_size}
        return Pages(Call("GET", "projects", ProjectPage, query), lambda page: page.projects, lambda page: page.next_cursor)

    @endpoint
    def get(self, name: str) -> Call[Project]:
        """Return one of the caller's projects."""
        return Call("GET", path("projects", name), Project)

    @endpoint
    def create(self, name: str, *, display_name: str | None = None, description: str = "") -> Call[Project]:
        """Make a project. The caller becomes its owner.

        Parameters
        ----------
        name
            A DNS label, unique on the platform; the folder's name.
        display_name
            What people read; None: the name.

        Raises
        ------
        labyard.exceptions.ProjectExistsError
            If the name is taken.
        """
        body = ProjectCreate(name=name, display_name=display_name, description=description)
        return Call("POST", "projects", Project, body=body)

    @endpoint
    def update(self, name: str, *, display_name: str | None = None, description: str | None = None) -> Call[Project]:
        """Change what people read about a project; what is None stays. The name itself is for ever."""
        changes = {"display_name": display_name, "description": description}
        body = ProjectUpdate.model_validate({key: value for key, value in changes.items() if value is not None})
        return Call("PATCH", path("projects", name), Project, body=body)

    @endpoint
    def archive(self, name: str) -> Call[Project]:
        """Archive a project: it can be read, and not changed."""
        return Call("POST", path("projects", name, "archive"), Project)

    @endpoint
    def restore(self, name: str) -> Call[Project]:
        """Take a project out of the archive."""
        return Call("POST", path("projects", name, "restore"), Project)

    @endpoint
    def delete(self, name: str, *, confirm: str) -> Call[None]:
        """Delete a project. Its files go to the platform's trash.

        Parameters
        ----------
        confirm
            The name, once more.
        """
        return Call("DELETE", path("projects", name), None, {"confirm": confirm})

    @endpoint
    def transfer(self, name: str, user: str) -> Call[Project]:
        """Hand a project over to another member. The caller stays as an editor."""
        return Call("POST", path("projects", name, "transfer"), Project, body=OwnershipTransfer(user=user))

    @endpoint
    def leave(self, name: str) -> Call[None]:
        """Leave a project.

        Raises
        ------
        labyard.exceptions.LastOwnerError
            If nobody else owns it.
        """

        def remove(me: User) -> Call[None]:
            return Call("DELETE", path("projects", name, "members", me.name), None)

        return Call("GET", "me", User, then=remove)  # type: ignore[arg-type]  # the answer is that of the second request

    @endpoint
    def preview(self, link: str) -> Call[LinkPreview]:
        """Tell where a link leads.

        Parameters
        ----------
        link
            The whole address, or the secret at its end.

        Raises
        ------
        labyard.exceptions.LinkNotFoundError, labyard.exceptions.LinkExpiredError
            If it does not work, or not any more.
        """
        return Call("POST", "links/preview", LinkPreview, body=JoinProject(token=link_token(link)))

    @endpoint
    def join(self, link: str) -> Call[Project]:
        """Become a member by a link. Nothing changes for a person who is one already.

        Parameters
        ----------
        link
            The whole address, or the secret at its end.

        Raises
        ------
        labyard.exceptions.LinkNotFoundError, labyard.exceptions.LinkExpiredError
            If it does not work, or not any more.
        """
        return Call("POST", "links/join", Project, body=JoinProject(token=link_token(link)))
