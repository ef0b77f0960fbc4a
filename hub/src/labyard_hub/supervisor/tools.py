"""Makes the tools' environments and writes the list of tools that servers offer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from labyard.builtin_tools import builtin_tool
from labyard.models.tool import Tool
from labyard_hub.backends.local.environments import EnvironmentStore
from labyard_hub.config.loader import Configuration
from labyard_hub.config.state import StateFolder, write_atomically
from labyard_hub.exceptions import EnvironmentSetupError

__all__ = ["environment_store", "install_environments", "prepare_tools", "wanted_environments"]


def environment_store(configuration: Configuration, root: Path) -> EnvironmentStore:
    """Return where the environments of this configuration and the state folder `root` are."""
    folder = configuration.settings.tools.environments_directory
    return EnvironmentStore(folder) if folder is not None else EnvironmentStore.default(root)


def wanted_environments(configuration: Configuration) -> tuple[str, ...]:
    """Return the names of the environments that the configuration needs."""
    return ("workbench", *configuration.settings.tools.enabled)


def install_environments(configuration: Configuration, store: EnvironmentStore, report: Callable[[str], None]) -> None:
    """Make the environments that are missing. Takes minutes the first time.

    Raises
    ------
    EnvironmentSetupError
        If one cannot be made.
    """
    for name in wanted_environments(configuration):
        store.ensure(name, report=report)


def prepare_tools(configuration: Configuration, state: StateFolder, report: Callable[[str, str], None]) -> list[Tool]:
    """Make what is missing, write the list of tools, and return it. A tool whose environment cannot be made is left out and reported.

    May take minutes the first time: call it off an event loop.
    """
    store = environment_store(configuration, state.root)
    ready: set[str] = set()
    for name in wanted_environments(configuration):
        try:
            store.ensure(name, report=lambda sentence: report("environments", sentence))
            ready.add(name)
        except EnvironmentSetupError as error:
            report("environments", f"{error.message}\n  It is left out; the next start tries again.")
    tools = [builtin_tool(name, python=store.python(name)) for name in configuration.settings.tools.enabled if name in ready]
    tools.extend(configuration.tools)
    write_atomically(state.tools_file, json.dumps([tool.model_dump(mode="json") for tool in tools]), mode=0o644)
    return tools
