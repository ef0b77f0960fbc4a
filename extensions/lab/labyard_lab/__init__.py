"""The JupyterLab side of Labyard: tools in tabs."""

from __future__ import annotations

from typing import Any

__all__: list[str] = []


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell JupyterLab where the built front end lies."""
    return [{"src": "labextension", "dest": "labyard-lab"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell Jupyter Server what to load."""
    from labyard_lab.extension import LabyardLab  # noqa: PLC0415  a plain import of the package stays cheap

    return [{"module": "labyard_lab", "app": LabyardLab}]
