"""Makes the tools' environments and writes the list of tools that servers offer."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from labyard.builtin_tools import builtin_tool
from labyard.models.tool import Tool
from labyard_hub.backends.local.environments import EnvironmentStore, label_studio_template
from labyard_hub.config.loader import Configuration
from labyard_hub.config.state import StateFolder, write_atomically
from labyard_hub.exceptions import EnvironmentSetupError

__all__ = ["environment_store", "install_environments", "make_label_studio_template", "prepare_tools", "wanted_environments"]


TEMPLATE_TIMEOUT_SECONDS = 600
TORCH = "PyTorch is not among them. Each user adds it for the CPU: UV_TORCH_BACKEND=cpu labyard env create torch torch"


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
    report(TORCH)
    if "label-studio" in wanted_environments(configuration):
        make_label_studio_template(store, report)


def make_label_studio_template(store: EnvironmentStore, report: Callable[[str], None]) -> None:
    """Make the empty, migrated database that each person's Label Studio starts from: it saves their first start half a minute.

    The program that makes it belongs to labyard-lab, which is found and not imported. Where it is missing, or fails, first starts take longer.
    """
    template = label_studio_template(store)
    lab = find_spec("labyard_lab")
    if template.exists() or lab is None or lab.origin is None:
        return
    report("making the template of label-studio")
    program = Path(lab.origin).parent / "environment_programs" / "label_studio_template.py"
    command = [str(store.python("label-studio")), str(program), str(template)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TEMPLATE_TIMEOUT_SECONDS, check=False)
    if done.returncode != 0:
        report(f"the template of label-studio could not be made: {done.stderr.strip()[-400:]}")


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
    if "label-studio" in ready:
        make_label_studio_template(store, lambda sentence: report("environments", sentence))
    tools = [builtin_tool(name, python=store.python(name)) for name in configuration.settings.tools.enabled if name in ready]
    tools.extend(configuration.tools)
    write_atomically(state.tools_file, json.dumps([tool.model_dump(mode="json") for tool in tools]), mode=0o644)
    return tools
