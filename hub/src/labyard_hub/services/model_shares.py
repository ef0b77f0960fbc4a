"""Registered models of a project that others may load."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from labyard.exceptions import ProjectNotFoundError, ShareNotFoundError, UserNotFoundError
from labyard.models.user import User
from labyard.permissions import Capability
from labyard_hub.domain.projects import is_project_id
from labyard_hub.domain.records import ModelShareRecord, ProjectRecord
from labyard_hub.services.project_access import Entry, ProjectAccess
from labyard_hub.services.protocols import UserDirectory
from labyard_hub.storage.store import Transaction

__all__ = ["FoundModel", "ModelSharing"]


@dataclass(frozen=True)
class FoundModel:
    """A shared model with the names of the projects.

    Attributes
    ----------
    target
        The project that it is shared with; None where it is a person.
    """

    share: ModelShareRecord
    source: ProjectRecord
    target: ProjectRecord | None


class ModelSharing:
    """What can be done with shared models.

    Parameters
    ----------
    access
        Who may.
    directory
        Who there is.
    """

    def __init__(self, access: ProjectAccess, directory: UserDirectory) -> None:
        self._access, self._directory = access, directory

    async def list(self, caller: User, name: str) -> Sequence[FoundModel]:
        """Return what the project shares.

        Raises
        ------
        ProjectNotFoundError
            If the caller is in no project of that name.
        """
        async with self._access.reading(caller, name, Capability.SEE) as entry:
            return await self._found(entry.tx, await entry.tx.model_shares.of_project(entry.project.id))

    async def received(self, user: str) -> Sequence[FoundModel]:
        """Return what is shared with a user or a project of theirs, or, for a project's own user, with that project."""
        async with self._access.store.read() as tx:
            generation = self._access.generation(user)
            if is_project_id(user):
                return await self._found(tx, await tx.model_shares.shared_with(None, 0, [user]))
            projects = [member.project_id for member in await tx.members.of_user(user) if member.generation == generation]
            return await self._found(tx, await tx.model_shares.shared_with(user, generation, projects))

    async def share(self, caller: User, name: str, model: str, *, project: str | None, user: str | None) -> FoundModel:
        """Share a model with another project that the caller is in, or with a person.

        Raises
        ------
        ProjectNotFoundError
            If the caller is in one of the projects not.
        UserNotFoundError
            If nobody is called so.
        ShareExistsError
            If it is shared there already.
        NotAllowedError, ProjectArchivedError
            As everywhere.
        """
        # Only who may share learns who there is.
        async with self._access.reading(caller, name, Capability.SHARE_MODEL):
            pass
        if user is not None and not await self._directory.exists(user):
            raise UserNotFoundError.of(user)
        async with self._access.writing(caller, name, Capability.SHARE_MODEL) as entry:
            target = await self._target(entry, caller, project) if project is not None else None
            share = ModelShareRecord(
                secrets.token_hex(8), entry.project.id, model,
                target.id if target is not None else None, user, self._access.generation(user) if user is not None else None,
                entry.now, caller.name,
            )  # fmt: skip
            await entry.tx.model_shares.add(share)
            await entry.record("model.shared", model, target=project or user)
            if target is not None:
                await Entry(entry.tx, target, caller.name, entry.role, entry.now).record("model.received", model, source=name)
            return FoundModel(share, entry.project, target)

    async def unshare(self, caller: User, name: str, share_id: str) -> None:
        """End it.

        Raises
        ------
        ShareNotFoundError
            If nothing is shared under that identifier.
        ProjectNotFoundError, NotAllowedError, ProjectArchivedError
            As everywhere.
        """
        async with self._access.writing(caller, name, Capability.SHARE_MODEL) as entry:
            share = await entry.tx.model_shares.get(share_id)
            if share is None or share.project_id != entry.project.id:
                raise ShareNotFoundError.of("model")
            target = await entry.tx.projects.get(share.target_project_id) if share.target_project_id is not None else None
            await entry.tx.model_shares.remove(share_id)
            await entry.record("model.unshared", share.model, target=target.name if target is not None else share.target_user)

    async def _target(self, entry: Entry, caller: User, name: str) -> ProjectRecord:
        found = await entry.tx.projects.find(name)
        if found is None or await self._access.role_of(entry.tx, found.id, caller.name) is None:
            raise ProjectNotFoundError.of(name)
        return found

    @staticmethod
    async def _found(tx: Transaction, shares: Sequence[ModelShareRecord]) -> Sequence[FoundModel]:
        found = []
        for share in shares:
            source = await tx.projects.get(share.project_id)
            target = await tx.projects.get(share.target_project_id) if share.target_project_id is not None else None
            # One of the two may have been deleted: then nothing is shared.
            if source is not None and (share.target_project_id is None or target is not None):
                found.append(FoundModel(share, source, target))
        return found
