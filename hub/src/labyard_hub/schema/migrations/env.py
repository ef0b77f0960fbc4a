"""Run by Alembic, which is called by `labyard_hub.storage.database` with a connection that is open already."""

from __future__ import annotations

from alembic import context

from labyard_hub.schema.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
