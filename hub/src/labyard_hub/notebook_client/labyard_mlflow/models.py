"""Loads models that other projects share: ``mlflow.pyfunc.load_model("labyard:/vision/iris@champion")``."""

from __future__ import annotations

import os
import posixpath
from typing import Any
from urllib.parse import quote

from mlflow.entities import FileInfo
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repo import ArtifactRepository

__all__ = ["SharedModelRepository", "split"]

SCHEME = "labyard:/"


class SharedModelRepository(ArtifactRepository):  # type: ignore[misc]  # MLflow is not installed where types are checked
    """The files of registered models of projects, to be read.

    A path is ``PROJECT/MODEL/VERSION/...`` or ``PROJECT/MODEL@ALIAS/...``. MLflow cuts a model's address in two at its last slash, so a part of the path is in
    the repository's own address.
    """

    def __init__(self, artifact_uri: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(artifact_uri, *args, **kwargs)
        self._root = artifact_uri.removeprefix(SCHEME).strip("/")
        self._versions: dict[tuple[str, str, str], str] = {}

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        """Return what is directly under a folder; nothing for a file."""
        base, rest = self._locate(path or "")
        files = _get(posixpath.join(base, "list", *rest)).json().get("files", [])
        return [
            FileInfo(posixpath.join(path or "", one["path"]), one["is_dir"], int(one["file_size"]) if "file_size" in one else None)
            for one in sorted(files, key=lambda one: str(one["path"]))
        ]

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        base, rest = self._locate(remote_file_path)
        with _get(posixpath.join(base, "files", *rest), stream=True) as answer, open(local_path, "wb") as file:  # noqa: PTH123  # as MLflow hands it over
            for chunk in answer.iter_content(chunk_size=2**20):
                file.write(chunk)

    def log_artifact(self, *_: Any, **__: Any) -> None:
        """Refuse: a shared model is read."""
        raise MlflowException("A model that is shared is for reading: log to a run or a model of your own.")

    log_artifacts = log_artifact

    def _locate(self, path: str) -> tuple[str, list[str]]:
        """Return where the server has a version, and the path below it.

        An alias is looked up once: it may move to another version while this one is being read.
        """
        source, model, wanted, rest = split(posixpath.join(self._root, path))
        key = (source, model, wanted)
        if key not in self._versions:
            self._versions[key] = str(_get(posixpath.join(source, model, wanted)).json()["version"])
        return posixpath.join(source, model, self._versions[key]), rest


def split(path: str) -> tuple[str, str, str, list[str]]:
    """Return project, model, version (``1`` or ``@ALIAS``) and the path below it, each part quoted for a URL.

    Raises
    ------
    MlflowException
        If the path names no version of a model.
    """
    source, *parts = path.strip("/").split("/")
    name, mark, alias = parts[0].rpartition("@") if parts else ("", "", "")
    if mark:
        parts[:1] = [name, f"@{alias}"]
    if len(parts) < 2 or not all((source, *parts)):
        raise MlflowException(f"{SCHEME}{path} names no model. Write {SCHEME}PROJECT/MODEL/VERSION or {SCHEME}PROJECT/MODEL@ALIAS.")
    source, model, wanted, *rest = (quote(part, safe="@") for part in (source, *parts))
    return source, model, wanted, rest


def _get(path: str, **options: Any) -> Any:
    from mlflow.utils.credentials import get_default_host_creds  # noqa: PLC0415  # MLflow loads its plug-ins while it is being imported itself
    from mlflow.utils.rest_utils import augmented_raise_for_status, http_request  # noqa: PLC0415

    url = os.environ.get("LABYARD_MLFLOW_URL", "").rstrip("/")
    if not url:
        raise MlflowException("Models can be loaded by labyard:/ in servers of the platform only: LABYARD_MLFLOW_URL is not set.")
    answer = http_request(get_default_host_creds(url), f"/labyard/shared-models/{path}", "GET", **options)
    if answer.status_code in (403, 404):
        raise MlflowException(str(answer.json().get("message", "There is no such model, or it is not shared with you.")))
    augmented_raise_for_status(answer)
    return answer
