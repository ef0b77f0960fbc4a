"""Tells the front end on a project's server which project it is, and what the visitor may do there."""

from __future__ import annotations

import json
import os

from labyard_lab.access.visit import is_viewer, visit_of
from labyard_lab.exceptions import NoProjectError
from labyard_lab.handlers.base import ApiHandler, route
from labyard_lab.proxy.base import browser_origin
from labyard_lab.running_tools.ahead import Ahead

__all__ = ["ProjectHandler"]


class ProjectHandler(ApiHandler):
    """The project that this server belongs to.

    Parameters
    ----------
    ahead
        Starts slow tools once a person who may use them has opened the project.
    """

    def initialize(self, ahead: Ahead) -> None:
        """Take what the route was registered with."""
        self.ahead = ahead

    @route("read")
    async def get(self) -> None:
        """Describe it."""
        project, visit = os.environ.get("LABYARD_PROJECT"), visit_of(self)
        if not project or visit is None:
            raise NoProjectError
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps({"id": project, "name": project.rpartition("--")[0], "works": visit.acts, "user": visit.ask.user}))
        if not is_viewer(self):
            self.ahead.begin(browser_origin(self.request))
