"""The service on both databases."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.service import Postgres, Service, open_service, postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A PostgreSQL for all tests of this run."""
    with postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'labyard.db'}"
    server: Postgres = request.getfixturevalue("postgres_server")
    return await server.create(f"test_{secrets.token_hex(6)}")


@pytest.fixture
async def service(database_url: str) -> AsyncIterator[Service]:
    """The service's application, on either database."""
    async with open_service(database_url) as found:
        yield found
