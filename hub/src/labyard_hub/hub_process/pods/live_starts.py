"""Profiles, quotas and images as the mounted configuration has them now: Kubernetes keeps it up to date while the hub runs."""

from __future__ import annotations

from pathlib import Path

from tornado.log import app_log

from labyard.exceptions import LabyardError
from labyard_hub.config.loader import load_configuration
from labyard_hub.config.settings import Settings
from labyard_hub.hub_process.starting.grants import Starts

__all__ = ["LIVE_SECTIONS", "LiveStarts"]

LIVE_SECTIONS = ("profiles", "quotas", "images", "currency")
"""What is taken up without a restart. The chart leaves it out of the hub's digest."""


class LiveStarts(Starts):
    """What there is to start, read again when the mounted file has changed. A mistake in it is logged, and what was known before goes on."""

    _settings: Settings
    _source: Path | None = None
    _stamp: tuple[int, int] | None = None

    def follow(self, source: Path) -> None:
        """Take changes up from `source`, from now on."""
        self._source = source

    @property
    def settings(self) -> Settings:
        """The settings of now."""
        stamp = _stamp(self._source)
        if self._source is not None and stamp is not None and stamp != self._stamp:
            self._stamp = stamp
            try:
                found = load_configuration(self._source).settings
            except LabyardError as error:
                app_log.error("the changed configuration is not taken up: %s", error.message)
            else:
                self._settings = self._settings.model_copy(update={name: getattr(found, name) for name in LIVE_SECTIONS})
                app_log.info("taken up from the changed configuration: %s", ", ".join(LIVE_SECTIONS))
        return self._settings

    @settings.setter
    def settings(self, value: Settings) -> None:
        self._settings = value


def _stamp(source: Path | None) -> tuple[int, int] | None:
    try:
        found = source.stat() if source is not None else None
    except OSError:  # it is being replaced
        return None
    return (found.st_mtime_ns, found.st_ino) if found is not None else None
