"""Puts off imports that cost a start much, until something of them is used."""

from __future__ import annotations

import importlib
import sys
import threading
from importlib.util import find_spec
from types import ModuleType
from typing import Any

__all__ = ["forwarder", "put_off_address_grammar"]

_loading = threading.RLock()
_ADDRESSES = "rfc3987_syntax"


def put_off_address_grammar() -> None:
    """Let ``rfc3987_syntax`` be imported by the first check of an address: call this before Jupyter is imported.

    It compiles the grammar of international addresses when it is imported, a second of CPU. jsonschema imports it, with no switch, for a format that no schema of Jupyter's or JupyterHub's
    events uses.
    """
    if _ADDRESSES not in sys.modules and find_spec(_ADDRESSES) is not None:
        sys.modules[_ADDRESSES] = forwarder(_ADDRESSES, "is_valid_syntax")


def forwarder(name: str, function: str | None = None) -> ModuleType:
    """Return a stand-in that imports the module `name` when something of it is first used.

    Parameters
    ----------
    function
        A function that others import by name: it is there from the start, and the import waits for its first call.
    """
    stand_in = ModuleType(name, "Imports the real module when it is first used.")

    def real() -> ModuleType:
        with _loading:
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]
            return importlib.import_module(name)

    def load(attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return getattr(real(), attribute)

    stand_in.__getattr__ = load  # type: ignore[method-assign]
    if function is not None:

        def call(*args: Any, **kwargs: Any) -> Any:
            return getattr(real(), function)(*args, **kwargs)

        setattr(stand_in, function, call)
    return stand_in
