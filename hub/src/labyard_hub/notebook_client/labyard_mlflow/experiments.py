"""Gives MLflow's client the experiment of the folder that a notebook or script runs in.

An experiment that is chosen, by ``mlflow.set_experiment`` or ``MLFLOW_EXPERIMENT_NAME``, comes first: MLflow asks here only without one.
"""

from __future__ import annotations

from pathlib import Path

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient, get_tracking_uri
from mlflow.tracking.default_experiment.abstract_context import DefaultExperimentProvider

from labyard_mlflow.folders import project_of, talks_to_platform
from labyard_mlflow.workspaces import follow_folder

__all__ = ["FolderExperiment", "experiment_name"]

HOME_EXPERIMENT = "Default"
MAX_NAME_LENGTH = 250
"""MLflow's database takes 256 characters."""


class FolderExperiment(DefaultExperimentProvider):
    """The experiment that is called like the current folder."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str | None, str], str] = {}

    def in_context(self) -> bool:
        """Whether MLflow talks to the platform's server; another one is not ours to make experiments in."""
        return talks_to_platform()

    def get_experiment_id(self) -> str:
        """Return the identifier of the experiment, which is made where it is missing."""
        folder = Path.cwd()
        project = project_of(folder)
        name = experiment_name(folder.resolve(), project.path) if project else experiment_name(folder, Path.home())
        key = (str(get_tracking_uri()), follow_folder(), name)
        if key not in self._found:
            self._found[key] = _find_or_make(name)
        return self._found[key]


def experiment_name(folder: Path, home: Path) -> str:
    """Return what the experiment of `folder` is called: its path under `home`, which may be a project's folder, or its whole path outside."""
    if folder == home:
        return HOME_EXPERIMENT
    name = str(folder.relative_to(home) if folder.is_relative_to(home) else folder)
    return name if len(name) <= MAX_NAME_LENGTH else f"…{name[1 - MAX_NAME_LENGTH :]}"


def _find_or_make(name: str) -> str:
    client = MlflowClient()
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException:  # another process was first
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    return str(found.experiment_id)
