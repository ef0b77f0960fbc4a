"""Looks after the folders of projects again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from labyard.exceptions import LabyardError
from labyard_hub.backends.local.project_files import LocalProjectFiles
from labyard_hub.domain.loops import repeat
from labyard_hub.domain.projects import DesiredProject

__all__ = ["keep_project_files"]

PERIOD_SECONDS = 2.0

_log = structlog.get_logger("labyard.files")


async def keep_project_files(
    files: LocalProjectFiles,
    desired: Callable[[], Awaitable[Sequence[DesiredProject]]],
    stop: asyncio.Event,
    *,
    period_seconds: float = PERIOD_SECONDS,
) -> None:
    """Mend what differs, until `stop` is set; then stop what goes on in the background.

    Parameters
    ----------
    desired
        Reads what all folders shall be.
    period_seconds
        How often to look. A large folder is walked through more rarely, see `project_walks`.
    """

    async def look() -> None:
        stamp = files.stamp()
        try:
            await files.look(await desired(), stamp)
        except LabyardError as error:  # the database: the next time
            _log.warning("the folders of projects could not be looked after", problem=error.message)
        except Exception:  # noqa: BLE001  # whatever it is, roles must be enforced again in the next round
            _log.exception("the folders of projects could not be looked after")

    try:
        await repeat(look, stop, every_seconds=period_seconds)
    finally:
        await files.close()
