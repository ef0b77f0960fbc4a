"""What a browser is told to load: the platform's shared assets instead of this server's own, and nothing that is switched off.

The platform serves JupyterLab's files once for all users, compressed and kept by browsers for good. It names them in the file ``LABYARD_PAGE_FILE``, in a pod in the variable ``LABYARD_PAGE``. A file that is not the
very one named there, such as that of an extension which the user installed, comes from this server as ever.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any, TypeGuard

from labyard_lab.hub import platform_origin

__all__ = ["PageConfig", "share_assets"]


class PageConfig:
    """Changes the configuration that pages of JupyterLab and Notebook are made with.

    Parameters
    ----------
    shared
        The platform's file: ``url``, ``extensions``, ``mains``.
    former
        Jupyter Server's hook that stood there before; None where there was none.
    """

    def __init__(self, shared: dict[str, Any], former: Any = None) -> None:
        self._url = str(shared["url"])
        self._extensions: dict[str, str] = dict(shared["extensions"])
        self._mains: dict[str, str] = dict(shared["mains"])
        self._former = former

    def __call__(self, handler: Any, page_config: dict[str, Any]) -> dict[str, Any]:
        """Return the configuration for one page; the signature is that of ``page_config_hook``."""
        if self._former is not None:
            page_config = self._former(handler, page_config)
        changed = dict(page_config)
        application = handler.extensionapp
        if self._mains.get(application.name) in _main_scripts(application.static_dir):
            changed["fullStaticUrl"] = f"{platform_origin()}{self._url}{application.name}"
        extensions = [one for one in page_config.get("federated_extensions", []) if not _is_off(one, page_config)]
        shared = [self._extensions.get(one["name"]) == one["load"] for one in extensions]
        base = str(page_config.get("fullLabextensionsUrl", ""))
        changed["federated_extensions"] = [
            {**one, "load": self._load(one, base)} if is_shared else one for one, is_shared in zip(extensions, shared, strict=True)
        ]
        if all(shared):  # there is one address for all themes, and an extension may bring one
            changed["themesUrl"] = _from(str(handler.base_url), f"{self._url}themes")
            if origin := platform_origin():  # a way of dots leads to no other name; what was loaded ahead has the platform's
                changed["fullLabextensionsUrl"] = f"{origin}{self._url}labextensions"
                changed["federated_extensions"] = extensions
        return changed

    def _load(self, extension: dict[str, Any], base: str) -> str:
        """Return the path of an extension's first file, from where JupyterLab looks for it."""
        return _from(f"{base}/{extension['name']}", f"{self._url}labextensions/{extension['name']}/{extension['load']}")


def share_assets(settings: dict[str, Any]) -> None:
    """Put the hook into the settings of tornado's application, before the one that is there."""
    shared = _read(os.environ.get("LABYARD_PAGE_FILE"), os.environ.get("LABYARD_PAGE"))
    if shared is not None:
        settings["page_config_hook"] = PageConfig(shared, settings.get("page_config_hook"))


def _read(file: str | None, text: str | None) -> dict[str, Any] | None:
    try:
        data = json.loads(Path(file).read_text() if file else text or "null")
    except (OSError, ValueError):
        return None
    return data if _is_whole(data) else None


def _is_whole(data: Any) -> TypeGuard[dict[str, Any]]:
    kinds = {"url": str, "extensions": dict, "mains": dict}
    return isinstance(data, dict) and all(isinstance(data.get(name), kind) for name, kind in kinds.items())


def _from(base: str, path: str) -> str:
    """Return the way from `base` to `path`, both absolute: JupyterLab puts one behind the other, and browsers follow the dots."""
    return "../" * len([part for part in base.split("/") if part]) + path.removeprefix("/")


def _is_off(extension: dict[str, Any], page_config: dict[str, Any]) -> bool:
    """Whether a whole extension is disabled: JupyterLab would load all its files, then use none."""
    return extension["name"] in page_config.get("disabledExtensions", [])


@cache
def _main_scripts(folder: str) -> frozenset[str]:
    """Return the names of an application's first script; one of another version than the platform's is none that it serves."""
    return frozenset(path.name for path in Path(folder).glob("main.*.js"))
