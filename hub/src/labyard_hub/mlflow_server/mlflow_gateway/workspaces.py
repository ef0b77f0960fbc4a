"""Makes a person's workspace when they are first seen."""

from __future__ import annotations

import anyio
from mlflow.entities import Workspace
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.server.handlers import _get_tracking_store
from mlflow.server.workspace_helpers import _get_workspace_store
from mlflow.utils.workspace_context import ServerWorkspaceContext

__all__ = ["Workspaces"]

DEFAULT_EXPERIMENT = "Default"
"""As in an MLflow without workspaces; runs that are started in a home folder itself go there."""


class Workspaces:
    """Knows which workspaces exist."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._lock = anyio.Lock()

    async def ensure(self, name: str) -> None:
        """Make the workspace `name` where it is missing.

        Raises
        ------
        MlflowException
            If the database does not let us.
        """
        if name in self._known:
            return
        async with self._lock:
            if name not in self._known:
                await anyio.to_thread.run_sync(_make, name)
                self._known.add(name)


def _make(name: str) -> None:
    try:
        _get_workspace_store().get_workspace(name)
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            raise
        _unless_there(lambda: _get_workspace_store().create_workspace(Workspace(name=name)))
    with ServerWorkspaceContext(name):
        store = _get_tracking_store()
        if store.get_experiment_by_name(DEFAULT_EXPERIMENT) is None:
            _unless_there(lambda: store.create_experiment(DEFAULT_EXPERIMENT))


def _unless_there(make: object) -> None:
    try:
        make()  # type: ignore[operator]
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):  # another worker was first
            raise
