"""Spares a single-user server the imports that cost most of its start and that it never uses.

With JupyterHub 6.1 and Jupyter Server 2 a server spends 2.2 s of CPU on imports, more than half of it on what is named here. Each is an ordinary dependency of what imports it, and
none has a switch, so this stands between. ``docs/dev/upstream.md`` says what would make it needless.

* ``rfc3987_syntax``, see `labyard.late_imports`.
* ``jupyterhub.log`` imports the hub's own pages, and with them its database, to recognise a health check that only the hub serves.
* ``jupyterhub.orm``, ``jupyterhub.roles`` and SQLAlchemy are imported by modules that a server shares with the hub; it opens no database.
* httpx brings its command line along, which draws with colours.
* JupyterLab's application runs Node when it is imported, where there is one, to ask yarn for a registry: only those who build JupyterLab need it.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Mapping
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

from labyard.late_imports import forwarder, put_off_address_grammar

__all__ = ["import_jupyterlab", "lighten_imports"]

_NOT_AT_START = ("orm", "roles")
"""Modules of JupyterHub that others import as a whole, and use in functions alone."""

_loading = threading.RLock()


def lighten_imports() -> None:
    """Put the stand-ins in place: call this before JupyterHub or Jupyter Server is imported. What is imported already stays as it is."""
    put_off_address_grammar()
    _import_without("httpx", {"httpx._main": None})
    if "jupyterhub.utils" in sys.modules or find_spec("jupyterhub") is None:
        return
    _import_without("jupyterhub.utils", {"sqlalchemy": _empty("sqlalchemy"), "sqlalchemy.exc": _empty("sqlalchemy.exc", "SQLAlchemyError")})
    for name in _NOT_AT_START:
        _put_off("jupyterhub", name)
    pages = "jupyterhub.handlers.pages"
    _import_without("jupyterhub.log", {"jupyterhub.handlers": _empty("jupyterhub.handlers"), pages: _empty(pages, "HealthCheckHandler")})
    _import_without("jupyterhub.scopes", {"sqlalchemy": forwarder("sqlalchemy")})


def import_jupyterlab() -> None:
    """Import JupyterLab's application, where it is installed, without running Node: 0.3 s of CPU."""
    if "jupyterlab.labapp" in sys.modules or find_spec("jupyterlab") is None:
        return
    commands: Any = importlib.import_module("jupyterlab.commands")
    ask_yarn = getattr(commands, "_yarn_config", None)
    if ask_yarn is None:
        return
    # What it answers where there is no Node.
    commands._yarn_config = lambda _logger: {"yarn config": {}, "npm config": {}}  # noqa: SLF001  # there is no other way
    try:
        importlib.import_module("jupyterlab.labapp")
    finally:
        commands._yarn_config = ask_yarn  # noqa: SLF001


def _put_off(package: str, child: str) -> None:
    """Let a module be executed when something of it is first used."""
    name = f"{package}.{child}"
    parent = importlib.import_module(package)
    spec = PathFinder.find_spec(name, parent.__path__)
    if name in sys.modules or spec is None or spec.loader is None:
        return
    loader = spec.loader
    module = module_from_spec(spec)

    def load(attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        with _loading:
            if module.__dict__.pop("__getattr__", None) is not None:
                loader.exec_module(module)
        return getattr(module, attribute)

    module.__getattr__ = load  # type: ignore[method-assign]
    sys.modules[name] = module
    setattr(parent, child, module)


def _empty(name: str, wanted: str | None = None) -> ModuleType:
    """Return a package of that name with nothing in it but an empty class `wanted`, by which its importer would recognise what a server never meets."""
    stand_in = ModuleType(name, "A stand-in.")
    stand_in.__path__ = []
    if wanted is not None:
        setattr(stand_in, wanted, type(wanted, (Exception,), {}))
    return stand_in


def _import_without(module: str, stand_ins: Mapping[str, ModuleType | None]) -> None:
    """Import `module` while other modules stand in for some that it imports, which are taken away again; None stands for one that is not there."""
    if module in sys.modules or any(name in sys.modules for name in stand_ins) or find_spec(module) is None:
        return
    sys.modules.update(stand_ins)  # type: ignore[arg-type]  # None is how Python's import system marks what cannot be imported
    try:
        importlib.import_module(module)
    except (ImportError, AttributeError):
        # Another version, which wants more of it: the next import gets all of it.
        sys.modules.pop(module, None)
    finally:
        for name in stand_ins:
            sys.modules.pop(name, None)
