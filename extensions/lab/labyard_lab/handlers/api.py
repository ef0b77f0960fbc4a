"""The REST routes that the front end uses."""

from __future__ import annotations

import asyncio
import json

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from labyard.models.tool import Tool
from labyard_lab.available_tools.available import AvailableTools
from labyard_lab.exceptions import InvalidRequestError
from labyard_lab.handlers.base import ApiHandler, route
from labyard_lab.hub import platform_origin, platform_url
from labyard_lab.proxy.base import browser_origin
from labyard_lab.running_tools.instance import Instance
from labyard_lab.running_tools.manager import InstanceManager

__all__ = ["InstanceHandler", "InstancesHandler", "NoServersHandler", "RestartHandler", "ToolsHandler"]


LONGEST_WAIT_SECONDS = 10.0


class OpenRequest(BaseModel):
    """What is to be opened."""

    model_config = ConfigDict(extra="forbid", strict=True)

    tool: str = Field(min_length=1, max_length=100)
    folder: str | None = Field(default=None, max_length=4096)


class LabyardHandler(ApiHandler):
    """Base of the routes.

    Parameters
    ----------
    available, manager
        What the routes show and change.
    """

    def initialize(self, available: AvailableTools, manager: InstanceManager) -> None:
        """Take what the route was registered with."""
        self.available, self.manager = available, manager

    async def write_instance(self, instance: Instance, *, status: int = 200) -> None:
        """Answer with one instance and the end of its log."""
        model = instance.model().model_copy(update={"log_tail": await instance.log_tail()})
        self.set_status(status)
        self.finish(model.model_dump_json())

    async def tool(self, name: str) -> Tool:
        """Return an available tool.

        Raises
        ------
        ToolNotFoundError
            If there is none of that name.
        """
        return (await asyncio.to_thread(self.available.read)).get(name)


class ToolsHandler(LabyardHandler):
    """The tools that can be opened."""

    @route("read")
    async def get(self) -> None:
        """List them, and what is wrong with files that define some."""
        content = await asyncio.to_thread(self.available.read)
        tools = [
            {
                "name": tool.name,
                "title": tool.title,
                "description": tool.description,
                "icon": tool.icon,
                "opens_folder": tool.opens_folder,
                "url": platform_url(tool.url) if tool.url is not None else None,
                "expected_start_seconds": tool.expected_start_seconds,
                "origin": tool.origin,
            }
            for tool in content.tools.values()
        ]
        problems = [{"source": problem.source, "message": problem.message} for problem in content.problems]
        self.finish(json.dumps({"tools": tools, "problems": problems}))


class NoServersHandler(LabyardHandler):
    """In the place of jupyter-server-proxy's list for its own launchers: its programs are tools here, and would be offered twice."""

    def initialize(self) -> None:  # type: ignore[override]
        """Take nothing."""

    @route("read")
    async def get(self) -> None:
        """Answer that there are none."""
        self.finish(json.dumps({"server_processes": []}))


class InstancesHandler(LabyardHandler):
    """The instances of this server."""

    @property
    def _for_hub_page(self) -> bool:
        """Whether a page of the hub asks, which shows them: it has another origin and no token of this server's."""
        origin = self.request.headers.get("Origin", "")
        return self.request.method == "GET" and origin != "" and origin == platform_origin()

    def check_origin(self, origin_to_satisfy_tornado: str = "") -> bool:
        """Let the hub's pages read as well."""
        return self._for_hub_page or super().check_origin(origin_to_satisfy_tornado)

    def check_xsrf_cookie(self) -> None:
        """Ask the hub's pages for no token of this server's."""
        if not self._for_hub_page:
            super().check_xsrf_cookie()

    @route("read")
    async def get(self) -> None:
        """List them."""
        if self._for_hub_page:
            self.set_header("Access-Control-Allow-Origin", platform_origin())
            self.set_header("Access-Control-Allow-Credentials", "true")
            self.set_header("Vary", "Origin")
        self.finish(json.dumps({"instances": [one.model().model_dump(mode="json") for one in self.manager.list()]}))

    @route("execute")
    async def post(self) -> None:
        """Open a tool: 201 for a new instance, 200 for one that was there, which is started if it has ended."""
        try:
            asked = OpenRequest.model_validate_json(self.request.body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            name = ".".join(str(step) for step in first["loc"])
            raise InvalidRequestError(f"cannot open a tool by this request: {f'{name}: ' if name else ''}{first['msg']}") from None
        instance, is_new = await self.manager.open(await self.tool(asked.tool), asked.folder, browser_origin(self.request))
        await self.write_instance(instance, status=201 if is_new else 200)


class InstanceHandler(LabyardHandler):
    """One instance."""

    @route("read")
    async def get(self, wanted: str) -> None:
        """Tell how it is: at once, or for ``wait_seconds`` as soon as it is no longer starting, so that nobody has to ask again and again."""
        instance = self.manager.get(wanted)
        await instance.settled(self.wait_seconds())
        await self.write_instance(instance)

    def wait_seconds(self) -> float:
        """Return for how long the answer may wait."""
        text = self.get_query_argument("wait_seconds", "0")
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1
        if not 0 <= seconds <= LONGEST_WAIT_SECONDS:
            raise InvalidRequestError(f"cannot wait for {text!r} seconds: say a number from 0 to {LONGEST_WAIT_SECONDS:g}")
        return seconds

    @route("execute")
    async def delete(self, wanted: str) -> None:
        """End it and forget it."""
        await self.manager.remove(wanted)
        self.set_status(204)
        self.finish()


class RestartHandler(LabyardHandler):
    """Starts one instance again."""

    @route("execute")
    async def post(self, wanted: str) -> None:
        """End it and start it again."""
        tool = await self.tool(self.manager.get(wanted).tool.name)
        await self.write_instance(await self.manager.restart(wanted, tool, browser_origin(self.request)))
