"""Models of other projects that a caller may load: what is asked for, and whether they may.

Their clients ask for ``labyard/shared-models/PROJECT/MODEL/VERSION`` (or ``@ALIAS``), which tells the version's number, for ``.../list[/PATH]`` and for
``.../files/PATH``. MLflow's own routes for files then answer in the project's workspace; nothing but the files of that one version is in reach.
"""

from __future__ import annotations

from dataclasses import dataclass

from .authority import Caller, RefusedError

__all__ = ["PREFIX", "FoundVersion", "ModelRequest", "parse", "permitted_workspace"]

PREFIX = "labyard/shared-models/"
_NOT_FOUND = "There is no such model, or it is not shared with you: {what}. Ask somebody of the project to share it."


@dataclass(frozen=True)
class ModelRequest:
    """What is asked for.

    Attributes
    ----------
    source
        Name or workspace of the project.
    model
        Name of the registered model.
    version
        Number of a version, or ``@`` and an alias.
    what
        ``version``, ``list`` or ``files``.
    path
        Below the version's folder.
    """

    source: str
    model: str
    version: str
    what: str
    path: str

    def refusal(self) -> RefusedError:
        """Return the one answer for what does not exist and what may not be seen, so that nobody learns which."""
        mark = "" if self.version.startswith("@") else "/"
        return RefusedError(404, _NOT_FOUND.format(what=f"{self.source}/{self.model}{mark}{self.version}"), "RESOURCE_DOES_NOT_EXIST")


@dataclass(frozen=True)
class FoundVersion:
    """A version of a model.

    Attributes
    ----------
    version
        Its number.
    folder
        Where its files are, below the root of all artifacts.
    """

    version: str
    folder: str


def parse(method: str, path: str) -> ModelRequest:
    """Return what a request for `path`, which is relative to the static prefix and decoded, is for.

    Raises
    ------
    RefusedError
        If it is for nothing that is here.
    """
    source, model, version, what, *rest = (*path.removeprefix(PREFIX).split("/"), "", "", "")
    inner = "/".join(rest).strip("/")
    known = {"": not inner, "list": True, "files": bool(inner)}
    if method not in ("GET", "HEAD") or not (source and model and version) or not known.get(what, False):
        raise RefusedError(404, "There is no such route.")
    return ModelRequest(source, model, version, what or "version", inner)


def permitted_workspace(request: ModelRequest, caller: Caller) -> str:
    """Return the workspace that the model is in, if the caller may load it from there.

    Raises
    ------
    RefusedError
        404 otherwise.
    """
    workspace = caller.projects.get(request.source, request.source)
    if workspace in caller.workspaces or (workspace, request.model) in caller.shared_models:
        return workspace
    raise request.refusal()
