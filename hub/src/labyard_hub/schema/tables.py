"""The tables as they are now; `migrations` says how they came to be."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text, text

from labyard.permissions import ROLES
from labyard_hub.schema.types import UtcDateTime

__all__ = ["events", "links", "members", "metadata", "model_shares", "projects", "tool_shares"]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ID = String(64)
_NAME = String(64)
# Hub users' names come from outside sign-ins too, and are longer there.
_USER = String(255)
_ROLES = f"role IN ({', '.join(repr(role.value) for role in ROLES)})"
# SQLite counts by itself only in a column that is an INTEGER to the letter.
_SERIAL = BigInteger().with_variant(Integer, "sqlite")

projects = Table(
    "projects",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", _NAME, nullable=False),
    Column("display_name", String(100), nullable=False),
    Column("description", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", _USER, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("archived_at", UtcDateTime),
    Column("deleted_at", UtcDateTime),
    # When its folder and server were taken away: a crash in between is made good by the next start.
    Column("discarded_at", UtcDateTime),
    # The name of a deleted project is free again.
    Index("uq_projects_name", "name", unique=True, sqlite_where=text("deleted_at IS NULL"), postgresql_where=text("deleted_at IS NULL")),
)

members = Table(
    "members",
    metadata,
    Column("project_id", _ID, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("user_name", _USER, primary_key=True),
    # How many people had the name before: the next user with this name is no member.
    Column("generation", Integer, nullable=False),
    Column("role", String(10), CheckConstraint(_ROLES, name="role"), nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    Column("added_by", _USER, nullable=False),
    Index(None, "user_name"),
)

links = Table(
    "links",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("project_id", _ID, ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    Column("role", String(10), CheckConstraint(_ROLES, name="role"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", _USER, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("max_uses", Integer),
    Column("uses", Integer, nullable=False),
    Column("revoked_at", UtcDateTime),
    Index(None, "project_id"),
)

events = Table(
    "events",
    metadata,
    Column("id", _SERIAL, primary_key=True, autoincrement=True),
    # No foreign key: what happened stays when the project is gone.
    Column("project_id", _ID, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", _USER, nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(300)),
    Column("details", JSON, nullable=False),
    Column("audit_only", Integer, nullable=False),
    Index(None, "project_id", "id"),
)

tool_shares = Table(
    "tool_shares",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("project_id", _ID, ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    Column("owner", _USER, nullable=False),
    Column("server", String(64), nullable=False),
    Column("instance", String(64), nullable=False),
    Column("title", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("uq_tool_shares_instance", "project_id", "owner", "server", "instance", unique=True),
    Index(None, "owner"),
)

model_shares = Table(
    "model_shares",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("project_id", _ID, ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    Column("model", String(256), nullable=False),
    Column("target_project_id", _ID, ForeignKey("projects.id", ondelete="CASCADE")),
    Column("target_user", _USER),
    Column("target_generation", Integer),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", _USER, nullable=False),
    CheckConstraint("(target_project_id IS NULL) <> (target_user IS NULL)", name="one_target"),
    Index(None, "project_id"),
    Index(None, "target_project_id"),
    Index(None, "target_user"),
)
