"""Puts the files that Jupyter looks for outside the package into the wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LABEXTENSION = "labyard_lab/labextension"


class SharedDataHook(BuildHookInterface[Any]):
    """Adds the built front end and the file that enables the server extension."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files; a wheel without a front end is refused instead of made.

        Parameters
        ----------
        version
            ``editable`` for a development install, where ``scripts/build_lab.py`` links the front end instead.
        build_data
            What hatchling puts into the wheel.

        Raises
        ------
        FileNotFoundError
            If the front end was not built.
        """
        if self.target_name != "wheel":
            return
        shared: dict[str, str] = build_data["shared_data"]
        shared["jupyter-config/labyard-lab.json"] = "etc/jupyter/jupyter_server_config.d/labyard-lab.json"
        if version == "editable":
            return
        if not (Path(self.root) / LABEXTENSION / "package.json").is_file():
            raise FileNotFoundError(
                f"{LABEXTENSION} is not built. Run `python scripts/build_lab.py` in the repository, then build the wheel again."
            )
        shared[LABEXTENSION] = "share/jupyter/labextensions/labyard-lab"
        shared["install.json"] = "share/jupyter/labextensions/labyard-lab/install.json"
