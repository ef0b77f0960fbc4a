"""What a caller may use in MLflow."""

from __future__ import annotations

from labyard.models.authorization import Authorization, Role, SharedModel
from labyard.models.user import User
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
    workspaces = {} if is_project_id(user.name) else {own: Role.OWNER}
    names = {}
    async with access.store.read() as tx:
        if is_project_id(user.name):
            project = await tx.projects.get(user.name)
            found = [(project, Role.EDITOR)] if project is not None else []
        else:
            generation = access.generation(user.name)
            listed = await tx.projects.of_user(user.name, generation, archived=None, after="", limit=None)
            found = [(project, role) for project, role, _ in listed]
    for project, role in found:
        workspaces[project.id] = Role.VIEWER if project.archived else role
        names[project.name] = project.id
    received = await models.received(user.name) if found or not is_project_id(user.name) else []
    for model in received:
        names.setdefault(model.source.name, model.source.id)
    shared = tuple(SharedModel(workspace=model.source.id, model=model.share.model) for model in received)
    return Authorization(user=user.name, admin=user.admin, workspace=own, workspaces=workspaces, projects=names, shared_models=shared)
