"""Says in words what is wrong with the hub's database: JupyterHub's pages and API would say "Internal Server Error"."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

__all__ = ["explain_database_errors"]

# What SQLite says, and what that means to a person.
_PROBLEMS = {
    "disk is full": "the disk is full",
    "readonly database": "it is read-only",
    "disk i/o error": "the disk fails or is full",
    "unable to open database file": "the file cannot be opened",
    "database is locked": "another program keeps it locked",
}


def explain_database_errors() -> None:
    """Give every error of a database the sentence that JupyterHub shows. Calling it again changes nothing."""
    if not event.contains(Engine, "handle_error", _explain):
        event.listen(Engine, "handle_error", _explain)


def _explain(context: Any) -> None:
    words = str(context.original_exception).lower()
    problem = next((problem for part, problem in _PROBLEMS.items() if part in words), None)
    if problem is not None and context.sqlalchemy_exception is not None:
        context.sqlalchemy_exception.jupyterhub_message = f"Labyard cannot write its database at the moment: {problem}. Nothing was changed. Tell an administrator; it works again as soon as that is mended."
