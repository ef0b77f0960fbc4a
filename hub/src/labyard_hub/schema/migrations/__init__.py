"""Alembic's environment; the versions are in ``versions``."""
