"""Tells the front end on a project's server which project it is, and what the visitor may do there."""

from __future__ import annotations

import json
import os

from labyard_lab.exceptions import NoProjectError
from labyard_lab.handlers.base import ApiHandler, route
from labyard_lab.visitors.visit import visit_of

__all__ = ["ProjectHandler"]


class ProjectHandler(ApiHandler):
    """The project that this server belongs to."""

    @route("read")
    async def get(self) -> None:
        """Describe it."""
        project, visit = os.environ.get("LABYARD_PROJECT"), visit_of(self)
        if not project or visit is None:
            raise NoProjectError
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps({"id": project, "name": project.rpartition("--")[0], "role": visit.role.value, "user": visit.ask.user}))
