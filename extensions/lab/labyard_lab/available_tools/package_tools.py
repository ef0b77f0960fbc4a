"""Tools that come with installed packages, and with the server's configuration, in jupyter-server-proxy's way.

A package offers a web program by the entry point ``jupyter_serverproxy_servers``: jupyter-rsession-proxy, jupyter-vscode-proxy and many more. The package may be installed
in the server's own environment or in that of notebooks and terminals; its functions run there (`labyard_lab/environment_programs/package_tool.py`). ``c.ServerProxy.servers`` of
``jupyter_server_config.py`` is the configuration.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from logging import Logger
from pathlib import Path
from typing import Any

from jupyter_server_proxy.utils import call_with_asked_args
from pydantic import ValidationError

from labyard.models.tool import Tool
from labyard_lab.package_tool import PackageTool
from labyard_lab.running_tools.environment import tool_environment

__all__ = ["PackageTools"]

GROUP = "jupyter_serverproxy_servers"
LIST_SECONDS = 30
"""How long an environment's Python may take to tell its programs."""
START_SECONDS = 120.0
RESERVED = frozenset({
    "", "api", "custom", "doc", "edit", "files", "hub", "kernelspecs", "lab", "labyard", "login", "logout", "lsp", "metrics", "nbconvert", "nbextensions", "notebooks",
    "oauth_callback", "proxy", "server-proxy", "static", "terminals", "tree", "user", "view",
})  # fmt: skip
"""First parts of the server's own paths, which no package may take."""

_PROGRAM = Path(__file__).parent.parent / "environment_programs" / "package_tool.py"

# They stand for what is known at the start only, and cannot be in a command.
_PORT, _SOCKET = "\0port\0", "\0socket\0"


class PackageTools:
    """Finds them.

    Parameters
    ----------
    base_url
        URL path of the server, with a trailing slash.
    environment
        Environment variables of the server.
    configured
        The processes of ``c.ServerProxy.servers``, by name.
    """

    def __init__(self, base_url: str, environment: Mapping[str, str], configured: Mapping[str, Any], logger: Logger) -> None:
        self._base_url, self._environment, self._configured, self._logger = base_url, environment, configured, logger
        other = shutil.which("python3", path=environment.get("PATH"))
        self._pythons = list(dict.fromkeys([sys.executable, *([other] if other else [])]))

    def watched(self) -> list[Path]:
        """Return the folders that change when a package is installed or removed."""
        return [folder for python in self._pythons for folder in _package_folders(python)]

    def read(self) -> list[Tool]:
        """Return the tools. It may run the environments' Pythons: call it in a thread."""
        found: dict[str, Tool] = {}
        for name, process in self._configured.items():
            self._put(found, name, lambda name=name, process=process: self._of_configuration(name, process))
        for python in self._pythons:
            if not _offers(_package_folders(python)):
                continue
            for one in self._ask(python):
                if "problem" in one:
                    self._logger.info("labyard: %s is not offered: %s", one["name"], one["problem"])
                elif one["shown"]:
                    self._put(found, one["name"], lambda one=one, python=python: self._of_package(one, python))
        return list(found.values())

    def _put(self, found: dict[str, Tool], name: str, make: Any) -> None:
        if name in RESERVED or name in found:
            self._logger.warning("labyard: %s is not offered: the name is taken", name)
            return
        try:
            found[name] = make()
        except (ValidationError, ValueError, TypeError, KeyError, IndexError) as error:
            self._logger.warning("labyard: %s is not offered: %s", name, error)

    def _ask(self, python: str) -> list[dict[str, Any]]:
        asking = Tool(name="package-tool", title="-", command=("{port}",), python=python)
        try:
            done = subprocess.run(
                [python, str(_PROGRAM), "list"],
                env=tool_environment(asking, self._environment, {}), capture_output=True, timeout=LIST_SECONDS, check=True,
            )  # fmt: skip
            answer: list[dict[str, Any]] = json.loads(done.stdout)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            self._logger.warning("labyard: %s did not tell which tools its packages offer: %s", python, error)
            return []
        return answer

    def _of_package(self, one: dict[str, Any], python: str) -> Tool:
        name = one["name"]
        if one["needs"]:
            if python != sys.executable:
                raise ValueError(f"it needs {one['needs'][0]}, for which it has to be installed in the server's own environment")
            return self._left_to_upstream(name, one["title"], one["icon"], one["path_info"])
        where = ("--socket", "{socket}") if one["by_socket"] else ("--port", "{port}")
        return self._tool(
            name, one["title"], one["icon"], one["path_info"], one["timeout"],
            command=("{python}", "{programs}/package_tool.py", "run", name, "--base-url", _literal(self._base_url), *where),
            python=python,
            writes_headers=True,
            strip_prefix=not one["absolute_url"],
            fixed_port=None if one["by_socket"] else one["port"] or None,
        )  # fmt: skip

    def _of_configuration(self, name: str, process: Any) -> Tool:
        entry = process.launcher_entry
        if not process.command or process.raw_socket_proxy or process.mappath:
            return self._left_to_upstream(name, entry.title, entry.icon_path, entry.path_info)
        values = {
            "port": 0 if process.unix_socket else _PORT,
            "unix_socket": _SOCKET if process.unix_socket else "",
            "base_url": self._base_url,
        }
        environment = _rendered(process.environment, values)
        fixed = None if process.unix_socket else process.port or None
        if fixed:
            environment["LABYARD_TOOL_PORT"] = "{port}"  # its own command may say the number itself
        return self._tool(
            name, entry.title, entry.icon_path, entry.path_info, process.timeout,
            command=tuple(_rendered(process.command, values)),
            environment=environment,
            strip_prefix=not process.absolute_url,
            fixed_port=fixed,
            headers=_rendered(process.request_headers_override, values),
        )  # fmt: skip

    def _tool(self, name: str, title: str, icon: str, path_info: str, timeout: float, **fields: Any) -> Tool:
        served_at = f"{self._base_url}{name}/"
        return PackageTool(
            name=_tool_name(name), title=title[:60], icon=_svg(icon), path=name, served_at=served_at,
            opens_at=self._base_url + path_info.lstrip("/") if path_info else served_at,
            start_timeout_seconds=min(max(timeout, START_SECONDS), 3600), description=f"{title}, by a package of this server."[:300], **fields,
        )  # fmt: skip

    def _left_to_upstream(self, name: str, title: str, icon: str, path_info: str) -> Tool:
        """Return a tool whose tab leads to jupyter-server-proxy's own handlers."""
        hub = self._environment.get("JUPYTERHUB_BASE_URL", "/")
        url = (self._base_url + (path_info.lstrip("/") or f"{name}/")).removeprefix(hub)
        return Tool(name=_tool_name(name), title=title[:60], icon=_svg(icon), url=url)


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _rendered(value: Any, values: Mapping[str, Any]) -> Any:
    """Return what jupyter-server-proxy makes of a value, with our placeholders for what is known at the start only."""
    if callable(value):
        value = call_with_asked_args(value, values)
    if isinstance(value, str):
        return _literal(value.format(**values)).replace(_PORT, "{port}").replace(_SOCKET, "{socket}")
    if isinstance(value, Mapping):
        return {_rendered(key, values): _rendered(one, values) for key, one in value.items()}
    return [_rendered(one, values) for one in value]


def _tool_name(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]


def _svg(icon: str) -> str | None:
    return icon if icon.endswith(".svg") and Path(icon).is_file() else None


def _package_folders(python: str) -> list[Path]:
    """Return where the packages of an interpreter are, as far as its path tells. The interpreter itself is not asked: that takes a tenth of a second."""
    prefix = Path(python).parent.parent
    return [
        folder
        for pattern in ("lib/python3*/site-packages", "lib/python3*/dist-packages", "local/lib/python3*/dist-packages")
        for folder in prefix.glob(pattern)
    ]


def _offers(folders: Iterable[Path]) -> bool:
    return any(f"[{GROUP}]" in text for folder in folders for text in _entry_points(folder))


def _entry_points(folder: Path) -> Iterator[str]:
    for path in folder.glob("*.dist-info/entry_points.txt"):
        try:
            yield path.read_text(errors="replace")
        except OSError:
            continue
