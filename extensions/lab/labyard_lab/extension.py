"""The server extension: puts the parts together inside a Jupyter server."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any

import aiohttp
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.log import log_request
from jupyter_server.utils import url_path_join
from jupyter_server_proxy.config import ServerProxy
from tornado.routing import Rule
from traitlets import Bool, Int, Unicode, default

from labyard_lab.access.gate import Gate
from labyard_lab.access.grants import Grants
from labyard_lab.access.hub_absence import HubAbsence
from labyard_lab.access.servers import PersonalServer, ProjectServer
from labyard_lab.activity import WorkWatch, look_seconds
from labyard_lab.available_tools.available import AvailableTools, default_user_folder
from labyard_lab.available_tools.package_tools import PackageTools
from labyard_lab.compression import CompressedAnswers
from labyard_lab.handlers.api import InstanceHandler, InstancesHandler, NoServersHandler, RestartHandler, ToolsHandler
from labyard_lab.handlers.open import PAGES, OpenToolHandler
from labyard_lab.handlers.platform import PlatformHandler
from labyard_lab.handlers.project import ProjectHandler
from labyard_lab.hub import tell_ready
from labyard_lab.kernels.fork_servers import KernelForkServers
from labyard_lab.page import share_assets
from labyard_lab.platform_service import PlatformService
from labyard_lab.project_links import make_project_links
from labyard_lab.proxy.paths import ToolPath, ToolPaths
from labyard_lab.proxy.ports import PORT_PATH, PortHttpHandler, Ports, PortWebsocketHandler
from labyard_lab.proxy.tools import ToolHttpHandler, ToolWebsocketHandler
from labyard_lab.proxy.websocket import MAX_MESSAGE_BYTES, WebsocketPath
from labyard_lab.running_tools.ahead import Ahead
from labyard_lab.running_tools.manager import InstanceManager
from labyard_lab.running_tools.runtime import RuntimeFolder
from labyard_lab.safe_start import note_started, safe_start_reason

__all__ = ["LabyardLab"]

_ID = r"([a-z][a-z0-9-]{0,60})"


class LabyardLab(ExtensionApp):
    """Tools in tabs.

    The platform says by environment variables what it wants: ``LABYARD_TOOLS_FILE`` names the JSON list of its tools,
    ``LABYARD_USER_TOOLS=0`` forbids users their own, ``LABYARD_TOOL_DATA_DIR`` names the folder that tools keep their data in.
    """

    name = "labyard_lab"
    load_other_extensions = True

    max_instances = Int(20, min=1, help="How many tools may run at once in one server.").tag(config=True)
    start_ahead_limit = Int(
        4,
        min=0,
        help="Label Studio is started when a project is opened that used it before, while fewer than so many run on this machine; 0: never.",
    ).tag(config=True)
    max_log_bytes = Int(2**20, min=4096, help="Size that each tool's log is kept below.").tag(config=True)
    runtime_dir = Unicode(
        "", help="Folder for the tools' sockets and logs; empty: $XDG_RUNTIME_DIR, or the system's folder for temporary files."
    ).tag(config=True)

    offer_packages = Bool(
        True, help="Offer what installed packages and c.ServerProxy.servers define for jupyter-server-proxy as tools."
    ).tag(config=True)

    manager: InstanceManager | None = None
    platform: PlatformService | None = None
    gate: Gate | None = None
    ports: Ports | None = None
    _ahead: Ahead | None = None
    _grants: Grants | None = None
    _available: AvailableTools | None = None
    _tasks: tuple[asyncio.Task[None], ...] = ()

    @default("static_paths")
    def _own_pages(self) -> list[str]:
        return [str(PAGES)]

    def initialize_handlers(self) -> None:
        """Register the routes."""
        app = self.serverapp
        assert app is not None  # noqa: S101  Jupyter Server sets it before it calls this
        base_url: str = app.base_url
        api = url_path_join(base_url, "labyard", "api", "v1")
        platform_file = os.environ.get("LABYARD_TOOLS_FILE")
        user_folder = None if os.environ.get("LABYARD_USER_TOOLS") == "0" else default_user_folder()
        data_folder = os.environ.get("LABYARD_TOOL_DATA_DIR")
        upstream = ServerProxy(parent=app)
        packages = PackageTools(base_url, os.environ, upstream.servers, self.log) if self.offer_packages else None
        available = self._available = AvailableTools(Path(platform_file) if platform_file else None, user_folder, packages)
        paths = ToolPaths(base_url, available.mounted)
        self.manager = InstanceManager(
            root=Path(app.root_dir).expanduser(),
            base_path=paths.tools,
            runtime=RuntimeFolder(Path(self.runtime_dir) if self.runtime_dir else None),
            logger=self.log,
            limit=self.max_instances,
            log_bytes=self.max_log_bytes,
            data_folder=Path(data_folder) if data_folder else None,
        )
        self._ahead = Ahead(lambda: available.read().tools, self.manager, self.log, self.start_ahead_limit)
        parts = {"available": available, "manager": self.manager}
        proxied = {"manager": self.manager, "paths": paths}
        opening = {**parts, "api": api + "/", "assets": self.static_url_prefix.rstrip("/") + "/"}
        self._guard_visits(app.web_app, paths)
        self._outlast_the_hub(app.identity_provider)
        app.web_app.add_handlers(  # type: ignore[no-untyped-call]
            ".*",
            [
                (url_path_join(api, "project"), ProjectHandler, {"ahead": self._ahead}),
                (url_path_join(api, "tools"), ToolsHandler, parts),
                (url_path_join(api, "instances"), InstancesHandler, parts),
                (url_path_join(api, "instances", _ID), InstanceHandler, parts),
                (url_path_join(api, "instances", _ID, "restart"), RestartHandler, parts),
                (url_path_join(base_url, "labyard", "open", _ID), OpenToolHandler, opening),
            ],
        )
        self.ports = Ports(upstream.host_allowlist)
        port_pattern = base_url + PORT_PATH
        self._put_first(
            app.web_app,
            [
                Rule(ToolPath(paths, websocket=True), ToolWebsocketHandler, proxied),
                Rule(ToolPath(paths, websocket=False), ToolHttpHandler, proxied),
                Rule(WebsocketPath(port_pattern), PortWebsocketHandler, {"ports": self.ports}),
                (port_pattern, PortHttpHandler, {"ports": self.ports}),
                (url_path_join(base_url, "server-proxy", "servers-info"), NoServersHandler),
            ],
        )
        # TensorBoard's magic in a notebook frames this address.
        os.environ.setdefault("TENSORBOARD_PROXY_URL", url_path_join(base_url, "proxy", "%PORT%") + "/")
        # Tornado would close a page's connection to its kernel at 10 MiB.
        app.web_app.settings.setdefault("websocket_max_message_size", MAX_MESSAGE_BYTES)
        self._reach_platform(app.web_app, url_path_join(api, "platform") + "/")
        try:
            make_project_links(os.environ)
        except OSError as error:  # a full home must not keep anybody from tidying it up
            self.log.warning("labyard: ~/projects cannot be written: %s", error.strerror)
        if os.environ.get("JUPYTERHUB_PUBLIC_URL", "").startswith("https:"):
            # The hub's own cookies are for HTTPS alone then; this one of the server's would go out on plain HTTP too.
            app.web_app.settings.setdefault("xsrf_cookie_kwargs", {})["secure"] = True

    @staticmethod
    def _put_first(web_app: Any, rules: list[Any]) -> None:
        """Register routes before all others: no other extension's are to be tried for each request, and none takes their place."""
        web_app.add_handlers(".*", rules)
        routes = web_app.default_router.rules
        routes.insert(0, routes.pop(-2))  # tornado has put them before the last

    def _reach_platform(self, web_app: Any, base_path: str) -> None:
        """On somebody's own server, pass requests on to the labyard service; tell the front end what kind of server this is."""
        service_url, project = os.environ.get("LABYARD_SERVICE_URL"), os.environ.get("LABYARD_PROJECT")
        kind = "project" if project else "personal" if service_url else ""
        page = web_app.settings.setdefault("page_config_data", {})
        page["labyardServer"] = kind
        page["labyardSafeStart"] = safe_start_reason()
        page["labyardSessionEndsAt"] = os.environ.get("LABYARD_SESSION_ENDS_AT", "")
        self.platform = PlatformService(service_url) if service_url and not project else None
        web_app.add_handlers(".*", [(base_path + "(.*)", PlatformHandler, {"service": self.platform, "base_path": base_path})])

    def _guard_visits(self, web_app: Any, paths: ToolPaths) -> None:
        """On a server of the platform, ask the labyard service who may do what, before any handler runs."""
        service_url, owner = os.environ.get("LABYARD_SERVICE_URL"), os.environ.get("JUPYTERHUB_USER")
        if not service_url or not owner:
            return
        self._grants = Grants(service_url, os.environ.get("JUPYTERHUB_API_TOKEN", ""), os.environ.get("JUPYTERHUB_SERVER_NAME", ""))
        access = (ProjectServer if os.environ.get("LABYARD_PROJECT") else PersonalServer)(owner, self._grants)
        self.gate = Gate(access, paths.instance)
        self.gate.install(web_app)

    def _outlast_the_hub(self, identity_provider: Any) -> None:
        """On a server of a hub, let the owner work on while the hub is away."""
        hub_auth, owner = getattr(identity_provider, "hub_auth", None), os.environ.get("JUPYTERHUB_USER")
        seconds = float(os.environ.get("LABYARD_HUB_AWAY_SECONDS") or 0)
        if hub_auth is not None and owner and seconds > 0:
            HubAbsence(owner, seconds).install(hub_auth)

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Begin to look for work that is to keep the server from being stopped as idle, and for visitors who may not stay."""
        note_started()
        CompressedAnswers.install(serverapp.web_app, serverapp.base_url)
        # JupyterHub's part of the server puts its own there when it is initialized. Its log has all headers of requests that fail.
        share_assets(serverapp.web_app.settings)
        serverapp.web_app.settings["log_function"] = log_request
        watch = [self._tell_ready(), self._watch_work(serverapp.web_app.settings), *([self.gate.watch()] if self.gate is not None else [])]
        # Their paths are known before anybody has opened a page.
        watch.append(self._read_available())
        self._tasks = tuple(asyncio.create_task(one) for one in watch)
        KernelForkServers.instance(parent=self).open(serverapp.kernel_spec_manager, serverapp.kernel_manager.default_kernel_name)

    async def _tell_ready(self) -> None:
        try:
            await tell_ready()
        except (aiohttp.ClientError, TimeoutError) as error:
            self.log.info("labyard: the hub did not hear that this server is ready, and finds out by itself: %s", error)

    async def _read_available(self) -> None:
        if self._available is not None:
            await asyncio.to_thread(self._available.read)

    async def _watch_work(self, settings: dict[str, Any]) -> None:
        watch = WorkWatch(settings, lambda: [*(self.manager.list() if self.manager is not None else ()), *filter(None, (self.ports,))])
        while True:
            await asyncio.sleep(look_seconds())
            try:
                await watch.look()
            except Exception:
                self.log.exception("labyard: could not see whether something works in this server")

    async def stop_extension(self) -> None:
        """End all tools with the server."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._ahead is not None:
            await self._ahead.close()
        if KernelForkServers.initialized():
            KernelForkServers.instance().close()
            KernelForkServers.clear_instance()
        if self._grants is not None:
            await self._grants.close()
        if self.ports is not None:
            await self.ports.close()
        if self.platform is not None:
            await self.platform.close()
        if self.manager is not None:
            await self.manager.close()
