"""What a caller may use in MLflow."""

from __future__ import annotations

from labyard.models.authorization import Authorization, SharedModel
from labyard.models.user import User
from labyard.permissions import SERVER_ROLE, Capability, Role, capabilities_of
from labyard_hub.domain.projects import is_project_id
from labyard_hub.domain.workspaces import workspace_of
from labyard_hub.services.model_shares import ModelSharing
from labyard_hub.services.project_access import ProjectAccess

__all__ = ["authorize"]


async def authorize(user: User, access: ProjectAccess, models: ModelSharing) -> Authorization:
    """Return what `user` may use: their own workspace, those of their projects by role, and models shared with them.

    A project's own user, which its server runs as, has the project's workspace alone. Administrators have no right to others' workspaces.
    """
    own = user.name if is_project_id(user.name) else workspace_of(user.name, access.generation(user.name))
    workspaces = {} if is_project_id(user.name) else {own: _tracking(capabilities_of(Role.OWNER))}
    names = {}
    async with access.store.read() as tx:
        if is_project_id(user.name):
            project = await tx.projects.get(user.name)
            found = [(project, SERVER_ROLE)] if project is not None else []
        else:
            generation = access.generation(user.name)
            listed = await tx.projects.of_user(user.name, generation, archived=None, after="", limit=None)
            found = [(project, role) for project, role, _ in listed]
    for project, role in found:
        workspaces[project.id] = _tracking(capabilities_of(role, archived=project.archived))
        names[project.name] = project.id
    received = await models.received(user.name) if found or not is_project_id(user.name) else []
    for model in received:
        names.setdefault(model.source.name, model.source.id)
    shared = tuple(SharedModel(workspace=model.source.id, model=model.share.model) for model in received)
    workspaces = {name: capabilities for name, capabilities in workspaces.items() if Capability.READ_TRACKING in capabilities}
    return Authorization(user=user.name, admin=user.admin, workspace=own, workspaces=workspaces, projects=names, shared_models=shared)


def _tracking(capabilities: frozenset[Capability]) -> tuple[Capability, ...]:
    return tuple(one for one in (Capability.READ_TRACKING, Capability.WRITE_TRACKING) if one in capabilities)
