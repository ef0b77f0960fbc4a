"""Spares the hub's start an import that costs a third of it: ``rfc3987_syntax`` compiles the grammar of international addresses.

jsonschema imports it for a format that no schema of JupyterHub's events uses. It has no switch, so a stand-in imports it when it is first asked.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any

__all__ = ["put_off_grammar"]

NAME = "rfc3987_syntax"


class _StandIn(ModuleType):
    def is_valid_syntax(self, *args: Any, **kwargs: Any) -> Any:
        """Ask the real one."""
        return getattr(_real(self), "is_valid_syntax")(*args, **kwargs)  # noqa: B009  # mypy knows no such attribute

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_real(self), name)


def _real(stand_in: ModuleType) -> ModuleType:
    if sys.modules.get(NAME) is stand_in:
        del sys.modules[NAME]
    return importlib.import_module(NAME)


def put_off_grammar() -> None:
    """Put the stand-in in place: call this before JupyterHub is imported."""
    if NAME not in sys.modules and find_spec(NAME) is not None:
        sys.modules[NAME] = _StandIn(NAME)
