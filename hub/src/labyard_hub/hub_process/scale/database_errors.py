"""What a hub does whose database cannot be written: it goes on reading, and refuses changes in words.

JupyterHub notes at each request when its caller was last active. Where that note failed, it took the caller for nobody: nobody could sign in to tidy up a full disk.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import ORMExecuteState, Session
from tornado.log import app_log
from tornado.web import HTTPError

__all__ = ["DatabaseNotWritableError", "PatientSession", "explain_database_errors"]

# What SQLite says, what that means to a person, and the status of the answer.
_PROBLEMS = {
    "disk is full": ("the disk is full", 507),
    "readonly database": ("it is read-only", 503),
    "disk i/o error": ("the disk fails or is full", 507),
    "unable to open database file": ("the file cannot be opened", 503),
    "database is locked": ("another program keeps it locked", 503),
}
_ACTIVITY = "last_activity"
_CHANGES = "labyard_changes"


class DatabaseNotWritableError(OperationalError, HTTPError):
    """A change that could not be written: a database's error for SQLAlchemy and JupyterHub, an answer for the browser.

    Parameters
    ----------
    error
        SQLAlchemy's own.
    problem
        What is wrong, in words.
    """

    def __init__(self, error: Any, problem: str, status_code: int) -> None:
        OperationalError.__init__(self, error.statement, error.params, error.orig)
        HTTPError.__init__(self, status_code, "%s", *self.args, reason=problem.capitalize())
        self.jupyterhub_message = f"Labyard cannot write its database at the moment: {problem}. Nothing was changed. Tell an administrator; it works again as soon as that is mended."

    def __str__(self) -> str:
        """Return what SQLAlchemy would say."""
        return OperationalError.__str__(self)


def explain_database_errors() -> None:
    """Give every error of a database that cannot be written the sentence and the status that JupyterHub shows. Calling it again changes nothing."""
    if not event.contains(Engine, "handle_error", _explain):
        event.listen(Engine, "handle_error", _explain)


def _explain(context: Any) -> DatabaseNotWritableError | None:
    # SQLAlchemy raises what this returns.
    words = str(context.original_exception).lower()
    found = next((found for part, found in _PROBLEMS.items() if part in words), None)
    if found is None or context.sqlalchemy_exception is None:
        return None
    return DatabaseNotWritableError(context.sqlalchemy_exception, *found)


class PatientSession(Session):
    """A session whose commit does not fail if all it had to write was when somebody was last active."""

    def commit(self) -> None:
        """Write the changes."""
        try:
            super().commit()
        except DatabaseNotWritableError as error:
            changed = self.info.get(_CHANGES)
            self.rollback()
            if changed:
                raise
            app_log.warning("the hub's database cannot be written, and requests go on without: %s", error.orig)
        self.info.pop(_CHANGES, None)

    def rollback(self) -> None:
        """Undo the changes."""
        super().rollback()
        self.info.pop(_CHANGES, None)


@event.listens_for(PatientSession, "before_flush")
def _note_flush(session: Session, *_: Any) -> None:
    changed = (attribute.key for row in session.dirty for attribute in inspect(row).attrs if attribute.history.has_changes())
    if session.new or session.deleted or any(name != _ACTIVITY for name in changed):
        session.info[_CHANGES] = True


@event.listens_for(PatientSession, "do_orm_execute")
def _note_statement(state: ORMExecuteState) -> None:
    if not state.is_select:
        state.session.info[_CHANGES] = True
