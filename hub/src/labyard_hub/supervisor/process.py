"""What one process of the platform is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["ProcessSpec"]


@dataclass(frozen=True)
class ProcessSpec:
    """One process that the supervisor keeps alive.

    Attributes
    ----------
    name
        Identifier; also the name of its log and of its record in ``run/private``.
    argv
        Program and arguments.
    env
        Its whole environment; nothing is inherited.
    cwd
        Its current folder; None: a private one of the platform's.
    ready_url
        URL that answers with a status below 500 once it is ready; None: it is ready once it runs.
    start_timeout_seconds
        How long that may take.
    essential
        Whether ``labyard up`` waits for it and fails without it.
    adopt
        Whether one that a former supervisor left behind is taken over if it was started in the same way; otherwise it is started again.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    ready_url: str | None = None
    start_timeout_seconds: float = 60
    essential: bool = True
    adopt: bool = True
