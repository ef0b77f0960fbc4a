"""Links that let people join a project."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from labyard.exceptions import LinkExpiredError, LinkNotFoundError, NotAllowedError
from labyard.models.user import User
from labyard.permissions import Capability, Role
from labyard_hub.domain.records import LinkRecord, ProjectRecord
from labyard_hub.exceptions import LinkLimitError
from labyard_hub.services.enforcement import Enforcement
from labyard_hub.services.members import add_member
from labyard_hub.services.project_access import Entry, ProjectAccess
from labyard_hub.storage.store import Transaction

__all__ = ["Links"]

MAX_LINKS = 50


class Links:
    """What can be done with links.

    A link's secret is its identifier signed with the platform's key. So it can be shown again to the owners, and anyone who reads the database learns none.

    Parameters
    ----------
    access
        Who may.
    enforcement
        Folders and servers.
    secret
        The platform's key for links.
    """

    def __init__(self, access: ProjectAccess, enforcement: Enforcement, secret: str) -> None:
        self._access, self._enforcement, self._secret = access, enforcement, secret.encode()

    def token(self, link: LinkRecord) -> str:
        """Return the secret part of the link's URL."""
        return f"{link.id}.{self._sign(link.id)}"

    async def list(self, caller: User, name: str) -> Sequence[LinkRecord]:
        """Return the links that work.

        Raises
        ------
        ProjectNotFoundError, NotAllowedError, ProjectArchivedError
            As everywhere.
        """
        async with self._access.reading(caller, name, Capability.MANAGE_LINKS) as entry:
            return await entry.tx.links.working(entry.project.id, entry.now)

    async def create(self, caller: User, name: str, role: Role, expires_in_seconds: int, max_uses: int | None) -> LinkRecord:
        """Make a link.

        Raises
        ------
        NotAllowedError
            Also if it would make owners.
        LinkLimitError
            If there are too many.
        ProjectNotFoundError, ProjectArchivedError
            As everywhere.
        """
        async with self._access.writing(caller, name, Capability.MANAGE_LINKS) as entry:
            if role is Role.OWNER:
                raise NotAllowedError("A link cannot make an owner. Add the person by name, as an owner.")
            if len(await entry.tx.links.working(entry.project.id, entry.now)) >= MAX_LINKS:
                raise LinkLimitError(MAX_LINKS)
            expires_at = entry.now + timedelta(seconds=expires_in_seconds)
            link = LinkRecord(secrets.token_hex(8), entry.project.id, role, entry.now, caller.name, expires_at, max_uses, 0, None)
            await entry.tx.links.add(link)
            await entry.record("link.created", link.id, role=role.value)
        return link

    async def revoke(self, caller: User, name: str, link_id: str) -> None:
        """End a link.

        Raises
        ------
        LinkNotFoundError
            If the project has none such.
        ProjectNotFoundError, NotAllowedError, ProjectArchivedError
            As everywhere.
        """
        async with self._access.writing(caller, name, Capability.MANAGE_LINKS) as entry:
            link = await entry.tx.links.get(link_id)
            if link is None or link.project_id != entry.project.id:
                raise LinkNotFoundError.of()
            if link.revoked_at is None:
                await entry.tx.links.revoke(link_id, entry.now)
                await entry.record("link.revoked", link_id, role=link.role.value)

    async def preview(self, caller: User, token: str) -> tuple[ProjectRecord, LinkRecord, bool]:
        """Return what the link leads to, and whether the caller is in it already.

        Raises
        ------
        LinkNotFoundError, LinkExpiredError
            If it does not work.
        """
        async with self._access.store.read() as tx:
            project, link = await self._open(tx, caller, token, self._access.clock(), lock=False)
            return project, link, await self._access.role_of(tx, project.id, caller.name) is not None

    async def join(self, caller: User, token: str) -> ProjectRecord:
        """Make the caller a member. Nothing happens if they are one already, whatever their role.

        Raises
        ------
        LinkNotFoundError, LinkExpiredError, MemberLimitError
            If it does not work.
        EnforcementPendingError
            If the folder does not follow at once.
        """
        now = self._access.clock()
        async with self._access.store.write() as tx:
            project, link = await self._open(tx, caller, token, now, lock=True)
            if await self._access.role_of(tx, project.id, caller.name) is not None:
                return project
            entry = Entry(tx, project, caller.name, link.role, now)
            await add_member(entry, self._access, caller.name, link.role)
            await tx.links.count_use(link.id)
            await entry.record("member.joined", caller.name, role=link.role.value, link_by=link.created_by, link=link.id)
        await self._enforcement.apply(project.id)
        return project

    async def _open(self, tx: Transaction, caller: User, token: str, now: datetime, *, lock: bool) -> tuple[ProjectRecord, LinkRecord]:
        link_id, _, signature = token.partition(".")
        if not token.isascii() or not hmac.compare_digest(signature, self._sign(link_id)):
            raise LinkNotFoundError.of()
        link = await tx.links.get(link_id)
        project = await tx.projects.get(link.project_id, lock=lock) if link is not None else None
        # Of those who use it at once, each sees how often it was used before, since the project is locked.
        link = await tx.links.get(link_id)
        if link is None or project is None or link.revoked_at is not None:
            raise LinkNotFoundError.of()
        if link.expires_at <= now:
            raise LinkExpiredError.of("its time is over")
        is_member = await self._access.role_of(tx, project.id, caller.name) is not None
        if not is_member and link.max_uses is not None and link.uses >= link.max_uses:
            raise LinkExpiredError.of("it was used as often as it may be")
        removed = await tx.events.last(project.id, "member.removed", caller.name)
        # Otherwise a person who was put out would come back by the link that they came by.
        if not is_member and removed is not None and removed.at >= link.created_at:
            raise LinkExpiredError.of("you were removed from the project after it was made")
        return project, link

    def _sign(self, link_id: str) -> str:
        return hmac.new(self._secret, link_id.encode(), hashlib.sha256).hexdigest()[:32]
