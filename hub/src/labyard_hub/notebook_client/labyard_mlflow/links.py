"""Lets MLflow print the address that browsers open, where programs reach the platform's MLflow by another one.

MLflow has no setting for it. It prints the address of requests, unless it knows one of a Databricks workspace: that function answers for our server too.
"""

from __future__ import annotations

import functools
import os
import sys
from contextvars import ContextVar
from typing import Any

from labyard_mlflow.credentials import is_ours

__all__ = ["PUBLIC", "show_public_links"]

MODULE = "mlflow.tracking._tracking_service.client"
PUBLIC = "MLFLOW_NOTEBOOK_TRACE_RENDERER_BASE_URL"
"""MLflow's own variable for the address in browsers, which the platform sets. MLflow reads it for traces alone."""

_SHOWN: ContextVar[str | None] = ContextVar("shown", default=None)


def show_public_links() -> None:
    """Change MLflow's client in this process, once it is imported. A version without what is changed prints what it did before."""
    module: Any = sys.modules.get(MODULE)
    client = getattr(module, "TrackingServiceClient", None)
    log, workspace = getattr(client, "_log_url", None), getattr(module, "get_workspace_url", None)
    if log is None or workspace is None or hasattr(log, "__wrapped__"):
        return

    @functools.wraps(log)
    def log_url(self: Any, run_id: str) -> None:
        public = os.environ.get(PUBLIC) if is_ours(str(self.tracking_uri)) else None
        before = _SHOWN.set(public.rstrip("/") if public else None)
        try:
            log(self, run_id)
        finally:
            _SHOWN.reset(before)

    client._log_url = log_url  # type: ignore[union-attr]  # noqa: SLF001  # MLflow's, by no other way
    module.get_workspace_url = lambda: _SHOWN.get() or workspace()
