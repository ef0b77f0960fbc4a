"""Imports MLflow's server without what a tracking server behind this gateway never runs: half of its start and a third of its memory.

The routers below are of MLflow's AI gateway, its assistant and its jobs, which the gateway refuses (see `routes`). pandas and pyarrow are for clients; MLflow's
server works without them, and whatever asks for them later gets them: only while the server is imported they are out of sight.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow_gateway.gateway import Gateway

__all__ = ["create", "imported_lightly"]

ROUTERS = {
    "mlflow.server.assistant.api": "assistant_router",
    "mlflow.server.gateway_api": "gateway_router",
    "mlflow.server.job_api": "job_api_router",
}
UNSEEN = ("pandas", "pyarrow")
OBJECTS_BETWEEN_COLLECTIONS = 20_000
"""A page of a hundred runs is some thousand objects; Python's own 700 would look for garbage many times in each request."""


@contextmanager
def imported_lightly() -> Iterator[None]:
    """Import MLflow's server inside."""
    from fastapi import APIRouter  # noqa: PLC0415  only a process that serves needs it

    for name, router in ROUTERS.items():
        module = ModuleType(name)
        setattr(module, router, APIRouter())
        sys.modules.setdefault(name, module)
    unseen = [name for name in UNSEEN if name not in sys.modules]
    sys.modules.update(dict.fromkeys(unseen))  # type: ignore[arg-type]  # None: it cannot be imported
    # What is imported stays. To look through it for garbage again and again takes a quarter of the import.
    gc.disable()
    try:
        yield
    finally:
        for name in unseen:
            del sys.modules[name]
        gc.freeze()
        gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, 10, 10)
        gc.enable()


def create() -> Gateway:
    """Return the application: what each worker calls."""
    with imported_lightly():
        from mlflow_gateway.application import create as make  # noqa: PLC0415  that is the point
    return make()
