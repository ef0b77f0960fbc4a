"""Projects, their members, links and events, and what they share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from labyard_hub.schema.types import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROLES = "role IN ('owner', 'editor', 'viewer')"


def _project(column: str, table: str, *, nullable: bool = False) -> tuple[sa.Column[str], sa.ForeignKeyConstraint]:
    constraint = sa.ForeignKeyConstraint([column], ["projects.id"], name=f"fk_{table}_{column}", ondelete="CASCADE")
    return sa.Column(column, sa.String(64), nullable=nullable), constraint


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "projects",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("display_name", sa.String(100), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("archived_at", UtcDateTime()),
        sa.Column("deleted_at", UtcDateTime()),
        sa.Column("discarded_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
    )
    present = sa.text("deleted_at IS NULL")
    op.create_index("uq_projects_name", "projects", ["name"], unique=True, sqlite_where=present, postgresql_where=present)
    op.create_table(
        "members",
        *_project("project_id", "members"),
        sa.Column("user_name", sa.String(255), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(10), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.Column("added_by", sa.String(255), nullable=False),
        sa.CheckConstraint(ROLES, name="ck_members_role"),
        sa.PrimaryKeyConstraint("project_id", "user_name", name="pk_members"),
    )
    op.create_index("ix_members_user_name", "members", ["user_name"])
    op.create_table(
        "links",
        sa.Column("id", sa.String(64), nullable=False),
        *_project("project_id", "links"),
        sa.Column("role", sa.String(10), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("max_uses", sa.Integer()),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("revoked_at", UtcDateTime()),
        sa.CheckConstraint(ROLES, name="ck_links_role"),
        sa.PrimaryKeyConstraint("id", name="pk_links"),
    )
    op.create_index("ix_links_project_id", "links", ["project_id"])
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(300)),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("audit_only", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_index("ix_events_project_id_id", "events", ["project_id", "id"])
    op.create_table(
        "tool_shares",
        sa.Column("id", sa.String(64), nullable=False),
        *_project("project_id", "tool_shares"),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("server", sa.String(64), nullable=False),
        sa.Column("instance", sa.String(64), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tool_shares"),
    )
    op.create_index("ix_tool_shares_owner", "tool_shares", ["owner"])
    op.create_index("uq_tool_shares_instance", "tool_shares", ["project_id", "owner", "server", "instance"], unique=True)
    op.create_table(
        "model_shares",
        sa.Column("id", sa.String(64), nullable=False),
        *_project("project_id", "model_shares"),
        sa.Column("model", sa.String(256), nullable=False),
        *_project("target_project_id", "model_shares", nullable=True),
        sa.Column("target_user", sa.String(255)),
        sa.Column("target_generation", sa.Integer()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.CheckConstraint("(target_project_id IS NULL) <> (target_user IS NULL)", name="ck_model_shares_one_target"),
        sa.PrimaryKeyConstraint("id", name="pk_model_shares"),
    )
    for column in ("project_id", "target_project_id", "target_user"):
        op.create_index(f"ix_model_shares_{column}", "model_shares", [column])


def downgrade() -> None:
    """Remove the tables."""
    for table in ("model_shares", "tool_shares", "events", "links", "members", "projects"):
        op.drop_table(table)
