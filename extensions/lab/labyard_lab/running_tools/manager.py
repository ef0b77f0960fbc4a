"""All tool instances of this server: opens, finds, restarts and ends them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from logging import Logger
from pathlib import Path

import platformdirs

from labyard.models.tool import Tool, fill_placeholders, placeholders_in
from labyard_lab.exceptions import InstanceNotFoundError, ToolNotStartableError, TooManyInstancesError
from labyard_lab.package_tool import PackageTool
from labyard_lab.running_tools.environment import tool_environment, tool_python
from labyard_lab.running_tools.folders import instance_id, resolve_folder
from labyard_lab.running_tools.instance import Instance, LaunchPlan
from labyard_lab.running_tools.readiness import Address, free_port
from labyard_lab.running_tools.runtime import RuntimeFolder

__all__ = ["PROGRAMS", "InstanceManager"]

PROGRAMS = Path(__file__).parent.parent / "environment_programs"
_KEPT_ENDED = 50


class InstanceManager:
    """All tool instances of this server.

    Parameters
    ----------
    root
        Folder that the server shows; tools open folders inside it only.
    base_path
        URL path that instances are served under, with a trailing slash.
    runtime
        Where sockets and logs go.
    limit
        How many instances may run at once.
    log_bytes
        Size that each instance's log is kept below.
    environment
        The server's environment variables; None: those of this process.
    data_folder
        Parent of the folders that tools keep their data in; None: the user's data folder.
    """

    def __init__(
        self,
        *,
        root: Path,
        base_path: str,
        runtime: RuntimeFolder,
        logger: Logger,
        limit: int = 20,
        log_bytes: int = 2**20,
        environment: Mapping[str, str] | None = None,
        data_folder: Path | None = None,
    ) -> None:
        self._root, self._base_path, self.runtime, self._logger = root, base_path, runtime, logger
        self._limit, self._log_bytes = limit, log_bytes
        self._environment = dict(os.environ if environment is None else environment)
        projects = self._environment.get("LABYARD_PROJECTS_DIR")
        self._projects = Path(projects) if projects else None
        self._data_folder = data_folder or platformdirs.user_data_path("labyard") / "tools"
        self._instances: dict[str, Instance] = {}
        self._opening: dict[str, asyncio.Lock] = {}
        self._closed = False

    def list(self) -> list[Instance]:
        """Return all instances, those that have ended too, oldest first."""
        return list(self._instances.values())

    def get(self, wanted: str) -> Instance:
        """Return an instance by its identifier.

        Raises
        ------
        InstanceNotFoundError
            If there is none.
        """
        if wanted not in self._instances:
            raise InstanceNotFoundError(wanted)
        return self._instances[wanted]

    async def open(self, tool: Tool, folder: str | None, origin: str) -> tuple[Instance, bool]:
        """Return the instance of `tool` on `folder`, started if it does not run, and whether it is a new one.

        Parameters
        ----------
        folder
            Path relative to the root; None: the root. Ignored where the tool takes no folder.
        origin
            Scheme, host and port that the browser uses.

        Raises
        ------
        FolderError
            If the folder cannot be opened.
        ToolNotStartableError
            If the platform runs this tool.
        TooManyInstancesError
            If as many instances run as may.
        """
        if tool.url is not None:
            raise ToolNotStartableError(tool.title, tool.url)
        path, relative = (
            await asyncio.to_thread(resolve_folder, self._root, folder or "", self._projects) if tool.opens_folder else (Path.home(), None)
        )
        name = instance_id(tool.name, relative)
        # Of several requests for one instance the first starts it and the others find it.
        async with self._opening.setdefault(name, asyncio.Lock()):
            instance = self._instances.get(name)
            if instance is not None and instance.is_active:
                instance.tool = tool  # one that was started ahead now lives as long as any other
                return instance, False
            is_new = instance is None
            if instance is None:
                base_path = tool.served_at if isinstance(tool, PackageTool) else f"{self._base_path}{name}/"
                instance = Instance(name, tool, relative, base_path, self._logger)
            await instance.stop()  # what is left of an earlier run ends first: it may hold a lock on its data
            await self._start(instance, tool, path, origin)
            return instance, is_new

    def was_used(self, tool: Tool) -> bool:
        """Return whether `tool` has run here before, so that it has data. It touches the disk."""
        data = self._data_folder / tool.name
        return data.is_dir() and any(data.iterdir())

    async def restart(self, wanted: str, tool: Tool, origin: str) -> Instance:
        """End an instance and start it again, by the definition `tool` as it is now.

        Raises
        ------
        InstanceNotFoundError
            If there is none.
        """
        self.get(wanted)
        async with self._opening.setdefault(wanted, asyncio.Lock()):
            instance = self.get(wanted)
            path, _ = (
                await asyncio.to_thread(resolve_folder, self._root, instance.folder, self._projects)
                if instance.folder is not None
                else (Path.home(), None)
            )
            await instance.stop()
            await self._start(instance, tool, path, origin)
        return instance

    async def remove(self, wanted: str) -> None:
        """End an instance and forget it.

        Raises
        ------
        InstanceNotFoundError
            If there is none.
        """
        self.get(wanted)
        async with self._opening.setdefault(wanted, asyncio.Lock()):
            instance = self.get(wanted)
            await instance.stop()
            self._instances.pop(wanted, None)
            await asyncio.to_thread(self.runtime.log(wanted).unlink, missing_ok=True)

    async def close(self) -> None:
        """End all instances, at once, and remove what they left in the runtime folder."""
        self._closed = True
        await asyncio.gather(*(instance.stop() for instance in self.list()), return_exceptions=True)
        await asyncio.to_thread(self.runtime.remove)

    async def _start(self, instance: Instance, tool: Tool, folder: Path, origin: str) -> None:
        plan = await asyncio.to_thread(self._plan, instance, tool, folder, origin)
        # From here on nothing is awaited, so that the count is right.
        if self._closed or sum(one.is_active for one in self._instances.values()) >= self._limit:
            raise TooManyInstancesError(0 if self._closed else self._limit)
        self._forget_old()
        self._instances[instance.id] = instance
        instance.start(tool, plan)

    def _forget_old(self) -> None:
        ended = [one.id for one in self._instances.values() if not one.is_active]
        for old in ended[: max(0, len(ended) - _KEPT_ENDED)]:
            del self._instances[old]

    def _plan(self, instance: Instance, tool: Tool, folder: Path, origin: str) -> LaunchPlan:
        """Fill in the placeholders. It touches the disk."""
        used = set().union(*(placeholders_in(text) for text in (*tool.command, *tool.environment.values())))
        package = tool if isinstance(tool, PackageTool) else None
        address = Address(path=self.runtime.socket()) if "socket" in used else Address(port=(package and package.fixed_port) or free_port())
        data = self._data_folder / tool.name
        if "data_dir" in used:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
        values = {
            "base_url": instance.base_path,
            "data_dir": str(data),
            "folder": str(folder),
            "programs": str(PROGRAMS),
            "origin": origin,
            "port": str(address.port or ""),
            "python": tool_python(tool, self._environment),
            "socket": str(address.path or ""),
        }
        command = tuple(fill_placeholders(text, values) for text in tool.command)
        headers_file = self.runtime.log(instance.id).with_suffix(".headers") if package is not None else None
        if headers_file is not None:
            headers_file.unlink(missing_ok=True)
        added = {name: fill_placeholders(text, values) for name, text in tool.environment.items()}
        prefix = "" if tool.strip_prefix else instance.base_path.rstrip("/")
        return LaunchPlan(
            command=(*command, "--headers", str(headers_file)) if package is not None and package.writes_headers else command,
            environment=tool_environment(tool, self._environment, added),
            folder=folder,
            address=address,
            ready_target=prefix + tool.ready_path,
            headers={name: fill_placeholders(text, values) for name, text in package.headers.items()} if package is not None else {},
            headers_file=headers_file,
            log=self.runtime.log(instance.id),
            log_bytes=self._log_bytes,
        )
