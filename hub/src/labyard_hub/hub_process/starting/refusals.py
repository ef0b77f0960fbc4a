"""A start that our rules refuse, as JupyterHub wants to be told of it."""

from __future__ import annotations

from jupyterhub.spawner import SpawnException

from labyard_hub.domain.refusals import StartRefusedError

__all__ = ["StartRefusal"]


class StartRefusal(SpawnException):  # type: ignore[misc]  # jupyterhub carries no types
    """Our rules refuse a start; nothing was made."""

    def __init__(self, error: StartRefusedError) -> None:
        super().__init__(error.message, reason=error.code, status_code=error.status_code)
        self.error = error
