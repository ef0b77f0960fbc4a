"""What a tool's process sees of the server's environment variables."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from labyard.models.tool import Tool

__all__ = ["is_secret", "tool_environment", "tool_python"]

# Variables of the platform that let their holder act as the user, or as the server, towards the hub and its services. The user's own
# secrets, such as those of a storage, stay: the tool runs as that user and may need them.
_SECRET = re.compile(
    r"^(JUPYTERHUB|JUPYTER|JPY|LABYARD|MLFLOW|CONFIGPROXY)_(.*_)?(TOKEN|TOKENS|SECRET|PASSWORD|KEY|KEYFILE|COOKIE_SECRET)(_.*)?$"
)

# PYTHONPATH leads to the platform's plug-in for MLflow's client, which only finds a token in tools that get credentials.
_TRACKING = frozenset({"PYTHONPATH", "MLFLOW_TRACKING_AUTH"})

# They belong to the server's interpreter and would disturb the tool's.
_FOREIGN = frozenset({"PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "CONDA_PREFIX", "__PYVENV_LAUNCHER__"})


def is_secret(name: str) -> bool:
    """Return whether a variable of this name holds a credential of the platform."""
    return _SECRET.match(name) is not None


def tool_python(tool: Tool, environment: Mapping[str, str]) -> str:
    """Return the interpreter that ``{python}`` stands for: the tool's own, or else the one that a terminal would find."""
    if tool.python is not None:
        return tool.python
    return shutil.which("python3", path=environment.get("PATH")) or sys.executable


def tool_environment(tool: Tool, server: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a tool's process.

    Parameters
    ----------
    tool
        What is started.
    server
        Environment of the server.
    added
        The tool's own variables, placeholders filled in.
    """
    environment = {
        name: value
        for name, value in server.items()
        if name not in _FOREIGN and (tool.forward_credentials or not (is_secret(name) or name in _TRACKING))
    }
    if tool.python is not None:
        # What comes with the tool's environment is found first, as in an activated one.
        programs = str(Path(tool.python).parent)
        environment["PATH"] = f"{programs}:{environment['PATH']}" if environment.get("PATH") else programs
    # Otherwise the last words of a failing Python program stay in its buffer.
    environment["PYTHONUNBUFFERED"] = "1"
    return {**environment, **added}
