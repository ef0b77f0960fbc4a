"""Finds where the files of a version of a registered model are."""

from __future__ import annotations

import posixpath

import anyio
from mlflow.exceptions import MlflowException
from mlflow.server.handlers import (
    _get_model_registry_store,
    _get_proxied_run_artifact_destination_path,
    _is_servable_proxied_run_artifact_root,
)
from mlflow.utils.workspace_context import ServerWorkspaceContext

from .shared_models import FoundVersion, ModelRequest

__all__ = ["find_version"]


async def find_version(workspace: str, request: ModelRequest) -> FoundVersion:
    """Return the version that is asked for.

    Raises
    ------
    RefusedError
        404 if there is none, or its files are not here.
    """
    return await anyio.to_thread.run_sync(_find, workspace, request)


def _find(workspace: str, request: ModelRequest) -> FoundVersion:
    with ServerWorkspaceContext(workspace):
        store = _get_model_registry_store()
        try:
            if request.version.startswith("@"):
                version = str(store.get_model_version_by_alias(request.model, request.version[1:]).version)
            else:
                version = str(store.get_model_version(request.model, request.version).version)
            location = store.get_model_version_download_uri(request.model, version)
        except MlflowException as error:
            if error.get_http_status_code() >= 500:
                raise
            raise request.refusal() from error
    if not _is_servable_proxied_run_artifact_root(location):
        raise request.refusal()
    folder = posixpath.normpath(_get_proxied_run_artifact_destination_path(location)).lstrip("/")
    # The root of a whole workspace is no version's folder, whatever a version says of its source.
    if folder.count("/") < 2 or ".." in folder.split("/"):
        raise request.refusal()
    return FoundVersion(version, folder)
