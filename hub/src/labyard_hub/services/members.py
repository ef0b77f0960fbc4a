"""Members: add, change roles, remove, leave, hand over; and what happens when a person leaves the platform."""

from __future__ import annotations

from collections.abc import Sequence

from labyard.exceptions import LastOwnerError, MemberExistsError, MemberNotFoundError, NotAllowedError, UserNotFoundError
from labyard.models.user import User
from labyard.permissions import ROLES, Capability, Role, capabilities_of
from labyard_hub.domain.events import PLATFORM
from labyard_hub.domain.projects import MAX_MEMBERS
from labyard_hub.domain.records import MemberRecord
from labyard_hub.exceptions import MemberLimitError
from labyard_hub.services.enforcement import Enforcement
from labyard_hub.services.gone_people import gone_people
from labyard_hub.services.project_access import Entry, ProjectAccess
from labyard_hub.services.protocols import UserDirectory
from labyard_hub.storage.store import Transaction

__all__ = ["Members", "add_member"]

MAX_CANDIDATES = 10


async def add_member(entry: Entry, access: ProjectAccess, user: str, role: Role) -> MemberRecord:
    """Put `user` into the project of `entry`.

    Raises
    ------
    MemberExistsError
        If they are in it.
    MemberLimitError
        If nobody else fits in.
    """
    others = await present_members(entry.tx, access, entry.project.id)
    former = next((member for member in others if member.user == user), None)
    if former is not None:
        raise MemberExistsError.of(user, entry.project.name, former.role)
    if len(others) >= MAX_MEMBERS:
        raise MemberLimitError(entry.project.name, MAX_MEMBERS)
    member = MemberRecord(entry.project.id, user, access.generation(user), role, entry.now, entry.caller)
    await entry.tx.members.put(member)
    return member


async def present_members(tx: Transaction, access: ProjectAccess, project_id: str) -> Sequence[MemberRecord]:
    """Return the members who are still the same people, owners first, then by name."""
    found = [member for member in await tx.members.of_project(project_id) if member.generation == access.generation(member.user)]
    return sorted(found, key=lambda member: (ROLES.index(member.role), member.user))


class Members:
    """What can be done with members.

    Parameters
    ----------
    access
        Who may.
    enforcement
        Folders and servers.
    directory
        Who there is.
    """

    def __init__(self, access: ProjectAccess, enforcement: Enforcement, directory: UserDirectory) -> None:
        self._access, self._enforcement, self._directory = access, enforcement, directory

    async def list(self, caller: User, name: str) -> Sequence[MemberRecord]:
        """Return the members.

        Raises
        ------
        ProjectNotFoundError
            If the caller is in no project of that name.
        """
        async with self._access.reading(caller, name, Capability.SEE) as entry:
            return await present_members(entry.tx, self._access, entry.project.id)

    async def candidates(self, caller: User, name: str, query: str) -> Sequence[str]:
        """Return names of users that begin with `query`, or hold it, and are not in the project.

        Raises
        ------
        ProjectNotFoundError, NotAllowedError, ProjectArchivedError
            As everywhere: only who may add people may look for them.
        """
        async with self._access.reading(caller, name, Capability.MANAGE_MEMBERS) as entry:
            present = {member.user for member in await present_members(entry.tx, self._access, entry.project.id)}
        wanted = query.strip().lower()
        names = [user for user in await self._directory.names() if wanted in user.lower() and user not in present]
        return sorted(names, key=lambda user: (not user.lower().startswith(wanted), user))[:MAX_CANDIDATES]

    async def add(self, caller: User, name: str, user: str, role: Role) -> MemberRecord:
        """Add a user.

        Raises
        ------
        UserNotFoundError
            If nobody is called so.
        MemberExistsError, MemberLimitError
            See `add_member`.
        ProjectNotFoundError, NotAllowedError, ProjectArchivedError
            As everywhere.
        EnforcementPendingError
            If the folder does not follow at once.
        """
        # Only who may add people learns who there is.
        async with self._access.reading(caller, name, Capability.MANAGE_MEMBERS):
            pass
        if not await self._directory.exists(user):
            raise UserNotFoundError.of(user)
        async with self._access.writing(caller, name, Capability.MANAGE_MEMBERS) as entry:
            member = await add_member(entry, self._access, user, role)
            await entry.record("member.added", user, role=role.value)
        await self._enforcement.apply(member.project_id)
        return member

    async def set_role(self, caller: User, name: str, user: str, role: Role) -> MemberRecord:
        """Change somebody's role, or one's own.

        Raises
        ------
        MemberNotFoundError
            If they are not in it.
        LastOwnerError
            If nobody would own the project.
        ProjectNotFoundError, NotAllowedError, ProjectArchivedError
            As everywhere.
        EnforcementPendingError
            If the folder does not follow at once.
        """
        async with self._access.writing(caller, name, Capability.MANAGE_MEMBERS) as entry:
            member = await self._member(entry, user)
            if member.role is Role.OWNER and role is not Role.OWNER:
                await self._check_other_owner(entry, user)
            if role is not member.role:
                await entry.tx.members.set_role(entry.project.id, user, role)
                await entry.record("member.role_changed", user, role=role.value, former_role=member.role.value)
        await self._enforcement.apply(member.project_id, ends_server=_can_work(member.role) and not _can_work(role))
        return MemberRecord(member.project_id, user, member.generation, role, member.added_at, member.added_by)

    async def remove(self, caller: User, name: str, user: str) -> None:
        """Remove somebody, or leave.

        Raises
        ------
        MemberNotFoundError
            If they are not in it.
        LastOwnerError
            If nobody would own the project.
        ProjectNotFoundError, NotAllowedError, ProjectArchivedError
            As everywhere.
        EnforcementPendingError
            If the folder does not follow at once.
        """
        leaves = user == caller.name
        async with self._access.writing(caller, name, Capability.LEAVE if leaves else Capability.MANAGE_MEMBERS) as entry:
            member = await self._member(entry, user)
            if member.role is Role.OWNER:
                await self._check_other_owner(entry, user)
            await entry.tx.members.remove(entry.project.id, user)
            await entry.record("member.left" if leaves else "member.removed", user, former_role=member.role.value)
        await self._enforcement.apply(member.project_id, ends_server=_can_work(member.role))

    async def transfer(self, caller: User, name: str, user: str) -> None:
        """Make `user`, a member, an owner, and the caller an editor.

        Raises
        ------
        MemberNotFoundError
            If they are not in it.
        ProjectNotFoundError, NotAllowedError, ProjectArchivedError
            As everywhere.
        EnforcementPendingError
            If the folder does not follow at once.
        """
        async with self._access.writing(caller, name, Capability.TRANSFER) as entry:
            await self._member(entry, user)
            project_id = entry.project.id
            if user != caller.name:
                await entry.tx.members.set_role(project_id, user, Role.OWNER)
                await entry.tx.members.set_role(project_id, caller.name, Role.EDITOR)
                await entry.record("project.transferred", user)
        await self._enforcement.apply(project_id)

    async def name_owner(self, caller: User, name: str, user: str) -> None:
        """Give a project whose owners are all gone a new one; administrators may.

        Raises
        ------
        NotAllowedError
            If the caller is no administrator, or the project has an owner.
        UserNotFoundError
            If nobody is called so.
        """
        if not caller.admin:
            raise NotAllowedError("Only an administrator names an owner of a project that has none.")
        if not await self._directory.exists(user):
            raise UserNotFoundError.of(user)
        async with self._access.store.write() as tx:
            project = await tx.projects.find(name, lock=True)
            members = await present_members(tx, self._access, project.id) if project is not None else []
            if project is None or any(member.role is Role.OWNER for member in members):
                raise NotAllowedError(f"There is no project {name!r} without an owner. Owners choose other owners themselves.")
            entry = Entry(tx, project, caller.name, Role.OWNER, self._access.clock())
            await tx.members.put(MemberRecord(project.id, user, self._access.generation(user), Role.OWNER, entry.now, caller.name))
            await entry.record("owner.named", user)
        await self._enforcement.apply(project.id)

    async def forget_the_gone(self) -> None:
        """Take people who left the platform out of their projects; where they were the last owner, the editor who has been there longest becomes one."""
        async with self._access.store.read() as tx:
            gone = {
                member.project_id
                for user, generation in await gone_people(tx, self._access.generation)
                for member in await tx.members.of_user(user)
                if member.generation == generation
            }
        for project_id in sorted(gone):
            await self._forget_the_gone_of(project_id)
            await self._enforcement.apply(project_id, ends_server=True)

    async def _forget_the_gone_of(self, project_id: str) -> None:
        async with self._access.store.write() as tx:
            project = await tx.projects.get(project_id, lock=True)
            if project is None:
                return
            entry = Entry(tx, project, PLATFORM, Role.OWNER, self._access.clock())
            for member in await tx.members.of_project(project_id):
                if member.generation != self._access.generation(member.user):
                    await tx.members.remove(project_id, member.user)
                    await entry.record("member.gone", member.user, former_role=member.role.value)
            left = await present_members(tx, self._access, project_id)
            if not any(member.role is Role.OWNER for member in left):
                heirs = sorted((member for member in left if member.role is Role.EDITOR), key=lambda member: (member.added_at, member.user))
                if heirs:
                    await tx.members.set_role(project_id, heirs[0].user, Role.OWNER)
                    await entry.record("owner.promoted", heirs[0].user)

    async def _member(self, entry: Entry, user: str) -> MemberRecord:
        member = await entry.tx.members.get(entry.project.id, user)
        if member is None or member.generation != self._access.generation(user):
            raise MemberNotFoundError.of(user, entry.project.name)
        return member

    async def _check_other_owner(self, entry: Entry, user: str) -> None:
        members = await present_members(entry.tx, self._access, entry.project.id)
        if not any(member.role is Role.OWNER and member.user != user for member in members):
            raise LastOwnerError.of(user, entry.project.name)


def _can_work(role: Role) -> bool:
    return Capability.WORK_IN_SERVER in capabilities_of(role, archived=False)
