"""Closes two ways between workspaces that MLflow 3.17 leaves open to a person who knows another's identifiers.

Files: MLflow builds a repository for whatever location its database names, and some of those come from clients: a trace's tag ``mlflow.artifactLocation``
can be set to another workspace's folder or to any folder of this machine, and a model version's source to another store. Here every
location is looked at before a repository is made.

Assessments: a trace that is sent for the second time may carry assessments, whose identifiers the client chooses. One with the identifier of another
workspace's assessment is moved from there; here it is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, RESOURCE_ALREADY_EXISTS
from mlflow.store.artifact.artifact_repository_registry import ArtifactRepositoryRegistry
from mlflow.store.tracking.dbmodels.models import SqlAssessments
from mlflow.store.tracking.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.uri import is_local_uri
from mlflow.utils.workspace_context import get_request_workspace

__all__ = ["check_location", "install"]


def check_location(location: str, root: Path, workspace: str | None) -> None:
    """Refuse `location` unless it is the root that MLflow's own path rules apply to, or lies in the workspace's folder under it.

    Raises
    ------
    MlflowException
        With `PERMISSION_DENIED`.
    """
    if is_local_uri(location):
        path = Path(local_file_uri_to_path(location)).resolve()
        if path == root or (workspace and path.is_relative_to(root / "workspaces" / workspace)):
            return
    raise MlflowException("The location of these files is not in this workspace.", PERMISSION_DENIED)


def install(root: Path) -> None:
    """Look at every location and every trace from now on.

    Parameters
    ----------
    root
        The folder that artifacts are kept in.
    """
    _guard_files(root.resolve())
    _guard_assessments()


def _guard_files(root: Path) -> None:
    make = ArtifactRepositoryRegistry.get_artifact_repository

    def get_artifact_repository(self: Any, artifact_uri: str, *args: Any, **kwargs: Any) -> Any:
        check_location(artifact_uri, root, get_request_workspace())
        return make(self, artifact_uri, *args, **kwargs)

    ArtifactRepositoryRegistry.get_artifact_repository = get_artifact_repository


def _guard_assessments() -> None:
    start = WorkspaceAwareSqlAlchemyStore.start_trace

    def start_trace(self: Any, trace_info: Any) -> Any:
        chosen = [assessment.assessment_id for assessment in trace_info.assessments if assessment.assessment_id]
        if chosen:
            with self.ManagedSessionMaker() as session:
                elsewhere = SqlAssessments.assessment_id.in_(chosen), SqlAssessments.trace_id != trace_info.trace_id
                taken = session.query(SqlAssessments.assessment_id).filter(*elsewhere).first()
            if taken is not None:
                raise MlflowException("An assessment with one of these identifiers is on another trace.", RESOURCE_ALREADY_EXISTS)
        return start(self, trace_info)

    WorkspaceAwareSqlAlchemyStore.start_trace = start_trace
