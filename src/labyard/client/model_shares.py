"""Registered models that a project shares."""

from __future__ import annotations

from labyard.client.calls import Call, Pages, Resource, TransportT, endpoint, paged, path
from labyard.models.sharing import ModelShare, ModelShareCreate, ModelShares

__all__ = ["SharedModels"]


class SharedModels(Resource[TransportT]):
    """``client.projects.models``: registered models of a project that others may load. What others share with the caller: ``client.me.shared_models()``."""

    @paged
    def list(self, project: str) -> Pages[ModelShares, ModelShare]:
        """Iterate over the models that the project shares."""
        return Pages(Call("GET", path("projects", project, "models"), ModelShares), lambda page: page.models, lambda _: None)

    @endpoint
    def share(self, project: str, model: str, *, with_project: str | None = None, with_user: str | None = None) -> Call[ModelShare]:
        """Share a registered model, read-only.

        Parameters
        ----------
        model
            Its name in the project's MLflow workspace.
        with_project, with_user
            Whom to share it with: one of the two.

        Raises
        ------
        labyard.exceptions.UsageError
            If neither or both are named.
        """
        body = ModelShareCreate(model=model, project=with_project, user=with_user)
        return Call("POST", path("projects", project, "models"), ModelShare, body=body)

    @endpoint
    def unshare(self, project: str, share: str) -> Call[None]:
        """Stop sharing the model with the share's identifier `share`.

        Raises
        ------
        labyard.exceptions.ShareNotFoundError
            If there is none.
        """
        return Call("DELETE", path("projects", project, "models", share), None)
