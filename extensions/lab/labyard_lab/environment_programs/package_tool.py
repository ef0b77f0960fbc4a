"""Lists and starts the web programs that installed packages offer by the entry points ``jupyter_serverproxy_servers``. It runs in the environment of those packages.

Usage: ``package_tool.py list`` prints JSON. ``package_tool.py run NAME --base-url URL --headers FILE (--port PORT | --socket PATH)`` becomes the program.

It imports nothing of Labyard's and nothing but the standard library, since an image may have any Python for notebooks.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import sys
from importlib.metadata import entry_points

GROUP = "jupyter_serverproxy_servers"


def servers() -> list:
    """Return the entry points."""
    found = entry_points()
    if hasattr(found, "select"):
        return list(found.select(group=GROUP))
    return list(found.get(GROUP, ()))  # Python 3.9


def rendered(value, values: dict):
    """Return what jupyter-server-proxy makes of a value: functions are called with the arguments that they name, and braces are filled in."""
    if callable(value):
        value = value(**{name: values[name] for name in inspect.signature(value).parameters if name in values})
    if isinstance(value, str):
        return value.format(**values)
    if isinstance(value, dict):
        return {rendered(key, values): rendered(one, values) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [rendered(one, values) for one in value]
    return value


def described(entry) -> dict:
    """Return what a tool is made from; where the package has none to offer, why."""
    try:
        process = entry.load()()
    except Exception as error:  # noqa: BLE001  # it is the package's code
        return {"name": entry.name, "problem": f"{type(error).__name__}: {error}"}
    launcher = process.get("launcher_entry") or {}
    return {
        "name": entry.name,
        "title": str(launcher.get("title") or entry.name),
        "shown": launcher.get("enabled", True) is not False,
        "icon": str(launcher.get("icon_path") or ""),
        "path_info": str(launcher.get("path_info") or ""),
        "absolute_url": bool(process.get("absolute_url")),
        "by_socket": bool(process.get("unix_socket")),
        "port": int(process.get("port") or 0),
        "timeout": float(process.get("timeout") or 0),
        # What a proxy in another process cannot do for it.
        "needs": [name for name in ("raw_socket_proxy", "mappath") if process.get(name)] + ([] if process.get("command") else ["command"]),
    }


def run(arguments: argparse.Namespace) -> None:
    """Become the program."""
    entry = next((one for one in servers() if one.name == arguments.name), None)
    if entry is None:
        sys.exit(f"No installed package offers {arguments.name!r} any more. Install the package again.")
    values = {"port": arguments.port or 0, "unix_socket": arguments.socket or "", "base_url": arguments.base_url}
    try:
        process = entry.load()()
        command = rendered(process["command"], values)
        environment = {**os.environ, **rendered(process.get("environment") or {}, values)}
        headers = rendered(process.get("request_headers_override") or {}, values)
    except Exception as error:  # noqa: BLE001  # it is the package's code
        sys.exit(f"The package cannot start {entry.name!r}: {error}. Install what is missing, then press Retry.")
    with open(arguments.headers, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        json.dump(headers, file)
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606  # no shell is wanted
    except OSError as error:
        sys.exit(f"Cannot run {command[0]}: {error.strerror}. Install it, then press Retry.")


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list")
    start = commands.add_parser("run")
    start.add_argument("name")
    for option in ("--base-url", "--headers"):
        start.add_argument(option, required=True)
    start.add_argument("--port", type=int)
    start.add_argument("--socket")
    arguments = parser.parse_args()
    if arguments.command == "run":
        run(arguments)
        return
    answer, sys.stdout = sys.stdout, sys.stderr  # packages may print
    json.dump([described(one) for one in servers()], answer)


if __name__ == "__main__":
    main()
