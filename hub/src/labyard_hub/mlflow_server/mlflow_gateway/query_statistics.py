"""Tells SQLite how much of what is in MLflow's database, so that it looks for runs the right way round.

Without such statistics SQLite compares each run of an experiment with each value of a metric: ten thousand runs sorted by a metric take seconds instead of
a tenth of one. `ANALYZE` writes a table of SQLite's own and nothing that MLflow could see.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from pathlib import Path

__all__ = ["EVERY_SECONDS", "Statistics"]

EVERY_SECONDS = 600.0
"""Connections are also replaced this often, which is when they read the statistics."""
ROWS_LOOKED_AT = 1000
"""Per index: a tenth of a second for a database of 150 MB."""

_logger = logging.getLogger(__name__)


class Statistics:
    """Keeps the statistics of one database up to date.

    Parameters
    ----------
    database
        The SQLite file.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._ended = threading.Event()

    def gather(self) -> None:
        """Look through the database once.

        Raises
        ------
        sqlite3.Error
            If it cannot be read or written.
        """
        connection = sqlite3.connect(self._database, timeout=20)
        try:
            connection.execute(f"PRAGMA analysis_limit = {ROWS_LOOKED_AT}")
            connection.execute("ANALYZE")
        finally:
            connection.close()

    def keep(self) -> None:
        """Look again from time to time, in a thread, as long as somebody writes."""
        threading.Thread(target=self._keep, args=(self._changed_at(),), name="labyard-statistics", daemon=True).start()

    def end(self) -> None:
        """Look no more."""
        self._ended.set()

    def _keep(self, seen: list[int]) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            if self._changed_at() == seen:
                continue
            try:
                self.gather()
            except sqlite3.Error as error:
                _logger.warning("The statistics of %s could not be brought up to date: %s", self._database, error)
            seen = self._changed_at()

    def _changed_at(self) -> list[int]:
        files = (self._database, Path(f"{self._database}-wal"))
        return [path.stat().st_mtime_ns for path in files if path.exists()]
