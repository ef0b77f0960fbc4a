"""Registered models that a project shares."""

from __future__ import annotations

from labyard.client.calls import Call, Pages, Resource, TransportT, endpoint, paged, path
from labyard.models.project import Project
from labyard.models.sharing import ModelShare, ModelShareCreate, ModelShares
from labyard.registered_models import PAGE_SIZE, SEARCH_PATH, WORKSPACE_HEADER, RegisteredModels, check_registered

__all__ = ["SharedModels"]

MLFLOW_PATH = "services/mlflow/"
NO_MLFLOW = RegisteredModels()


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
        labyard.exceptions.ModelNotFoundError
            If MLflow has no such model in the project. Nothing is checked where no MLflow answers.
        """
        body = ModelShareCreate(model=model, project=with_project, user=with_user)
        share = Call("POST", path("projects", project, "models"), ModelShare, body=body)

        def look(found: Project) -> Call[RegisteredModels]:
            return _search(found, model, [], "", share)

        return Call("GET", path("projects", project), Project, then=look)  # type: ignore[arg-type]  # the answer is that of the last request

    @endpoint
    def unshare(self, project: str, share: str) -> Call[None]:
        """Stop sharing the model with the share's identifier `share`.

        Raises
        ------
        labyard.exceptions.ShareNotFoundError
            If there is none.
        """
        return Call("DELETE", path("projects", project, "models", share), None)


def _search(project: Project, model: str, known: list[str], page_token: str, share: Call[ModelShare]) -> Call[RegisteredModels]:
    """Return the request for one page of the project's registered models, which `share` follows if `model` is among them."""

    def go_on(page: RegisteredModels) -> Call[RegisteredModels] | Call[ModelShare]:
        if page is NO_MLFLOW:
            return share
        names = [*known, *page.names]
        if page.next_page_token:
            return _search(project, model, names, page.next_page_token, share)
        check_registered(project.name, model, names)
        return share

    query = {"max_results": PAGE_SIZE, "page_token": page_token or None}
    headers = {WORKSPACE_HEADER: project.workspace}
    return Call("GET", SEARCH_PATH, RegisteredModels, query, then=go_on, base=MLFLOW_PATH, headers=headers, absent=NO_MLFLOW)
