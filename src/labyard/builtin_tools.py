"""The tools that come with Labyard, as data.

The platform picks those whose environments it has and hands them to the single-user servers; the server extension starts them.
The definitions stand here because both sides read them and neither imports the other.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from labyard.models.tool import Tool

__all__ = ["BUILT_IN_TOOLS", "builtin_tool"]

# Marks of our own drawing, on JupyterLab's 24-unit grid and in its icon weight. `jp-icon3` lets the theme choose the colour;
# `fill` is what shows where no theme does.
_CHART_ICON = """<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24">
<g class="jp-icon3" fill="#616161">
<path d="M3 3h2v16h16v2H3z"/>
<path d="M7.2 15.6 6 14l4.3-4.6 3.4 2.7L19.4 5 21 6.3l-7 8.6-3.5-2.8z"/>
<circle cx="10.4" cy="10.7" r="1.9"/><circle cx="13.9" cy="13.4" r="1.9"/>
</g></svg>"""
_TRACKING_ICON = """<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24">
<g class="jp-icon3" fill="#616161">
<path d="M5 6h6.5a4 4 0 0 1 4 4v.6h3V13h-3v.6a4 4 0 0 1-4 4H5v-2h6.5a2 2 0 0 0 2-2V10a2 2 0 0 0-2-2H5z"/>
<circle cx="5" cy="7" r="2.6"/><circle cx="5" cy="16.6" r="2.6"/><circle cx="19.4" cy="11.8" r="2.6"/>
</g></svg>"""
_LABEL_ICON = """<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24">
<g class="jp-icon3" fill="#616161">
<path d="M3 3h5v2H5v3H3zM16 3h5v5h-2V5h-3zM3 16h2v3h3v2H3zM19 16h2v5h-5v-2h3z"/>
<path fill-rule="evenodd" d="M7 8h6.600L18 12l-4.4 4H7zM10 10.7a1.3 1.3 0 1 0 0 2.6 1.3 1.3 0 0 0 0-2.600z"/>
</g></svg>"""


def _tensorboard(python: str | None) -> dict[str, Any]:
    return {
        "title": "TensorBoard",
        "description": "Curves, images and histograms from the event files in a folder.",
        "icon": _CHART_ICON,
        "command": (
            "{python}", "{programs}/tensorboard_socket.py",
            "--socket", "{socket}", "--path_prefix", "{base_url}", "--logdir", "{folder}",
        ),
        "python": python,
        "opens_folder": True,
        "expected_start_seconds": 4,
    }  # fmt: skip


def _label_studio(python: str | None) -> dict[str, Any]:
    return {
        "title": "Label Studio",
        "description": "Label images, text, audio and more. The data stays with you, or in the project.",
        "icon": _LABEL_ICON,
        "command": (
            "{python}", "{programs}/label_studio_app.py",
            "--socket", "{socket}", "--base-url", "{base_url}", "--origin", "{origin}", "--data-dir", "{data_dir}",
        ),
        "python": python,
        "forward_user": True,
        "ready_path": "/health/",
        # A first start without a template runs a minute of migrations, on a busy machine more.
        "start_timeout_seconds": 300,
        "idle_timeout_seconds": 2 * 3600,
        "expected_start_seconds": 10,
    }  # fmt: skip


def _mlflow(python: str | None) -> dict[str, Any]:  # noqa: ARG001  one signature for all
    return {
        "title": "MLflow",
        "description": "Runs, metrics, models and artifacts, tracked on this platform.",
        "icon": _TRACKING_ICON,
        "url": "services/mlflow/",
        "expected_start_seconds": 1,
    }


_BUILDERS: dict[str, Callable[[str | None], dict[str, Any]]] = {
    "tensorboard": _tensorboard,
    "mlflow": _mlflow,
    "label-studio": _label_studio,
}

BUILT_IN_TOOLS = tuple(_BUILDERS)


def builtin_tool(name: str, *, python: Path | str | None = None, **changes: Any) -> Tool:
    """Return the definition of a tool that comes with Labyard.

    Parameters
    ----------
    name
        One of `BUILT_IN_TOOLS`.
    python
        Interpreter of the tool's environment; for MLflow, which the platform runs, None.
    changes
        Fields of `Tool` to set differently.

    Raises
    ------
    KeyError
        If no tool of that name comes with Labyard.
    """
    if name not in _BUILDERS:
        raise KeyError(f"no tool named {name!r} comes with Labyard; there are {', '.join(BUILT_IN_TOOLS)}")
    fields = _BUILDERS[name](str(python) if python is not None else None)
    return Tool(name=name, origin="built-in", **{**fields, **changes})
