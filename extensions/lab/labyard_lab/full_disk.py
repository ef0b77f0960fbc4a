"""Says so where an answer fails because the disk is full: status 507 and a sentence, in place of the program's inside."""

from __future__ import annotations

import errno
from typing import Any

from tornado.web import HTTPError

__all__ = ["FullDiskAnswers", "is_for_room"]

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
FULL = "The disk is full, so nothing was saved. Delete files that you no longer need, such as those in the trash or old checkpoints, and try again."


def is_for_room(error: BaseException | None) -> bool:
    """Return whether `error`, or one that it comes from, is a write for which there is no space."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            return True
        if "disk is full" in str(error):  # SQLite's words
            return True
        error = error.__cause__ or error.__context__
    return False


class FullDiskAnswers:
    """Part of every handler."""

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Answer with an error."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if status_code >= 500 and is_for_room(error):
            status_code = 507
            full = HTTPError(507, FULL)
            kwargs["exc_info"] = (HTTPError, full, error.__traceback__)
        upstream: Any = super()
        upstream.send_error(status_code, **kwargs)
