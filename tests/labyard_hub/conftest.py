"""The service on both databases."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.service import Service, open_service, postgres


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[str]:
    """A PostgreSQL for all tests of this run."""
    # Short, since the path of a Unix socket is.
    with tempfile.TemporaryDirectory(prefix="labyard-pg-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        with postgres(Path(name)) as folder:
            yield folder


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'labyard.db'}"
    folder = request.getfixturevalue("postgres_folder")
    name = f"test_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(host=folder, user="labyard", database="postgres")
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    return f"postgresql+asyncpg://labyard@/{name}?host={folder}"


@pytest.fixture
async def service(database_url: str) -> AsyncIterator[Service]:
    """The service's application, on either database."""
    async with open_service(database_url) as found:
        yield found
