"""The service's database, both kinds."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, select, text

from labyard.exceptions import ProjectExistsError
from labyard_hub.domain.records import ProjectRecord
from labyard_hub.exceptions import DatabaseNewerError, DatabaseUnavailableError
from labyard_hub.schema.tables import events, metadata
from labyard_hub.storage.database import Database
from labyard_hub.storage.store import Store

NOW = datetime(2026, 11, 24, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture
async def database(database_url: str) -> Any:
    found = Database(database_url)
    yield found
    await found.close()


def project(name: str, identifier: str | None = None) -> ProjectRecord:
    return ProjectRecord(identifier or f"{name}--p0123456789", name, name, "", NOW, "ada", NOW)


async def test_migrations_lead_to_the_tables_that_the_code_uses(database: Database) -> None:
    assert await database.migrate() == await database.migrate()

    def differences(connection: Connection) -> list[Any]:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)

    async with database.read() as connection:
        assert await connection.run_sync(differences) == []


async def test_two_processes_that_migrate_at_once(database_url: str) -> None:
    databases = [Database(database_url) for _ in range(3)]
    try:
        results = await asyncio.gather(*(one.migrate() for one in databases), return_exceptions=True)
        assert len({str(result) for result in results}) == 1, results
    finally:
        for one in databases:
            await one.close()


async def test_a_database_of_a_newer_labyard_is_left_alone(database: Database) -> None:
    await database.migrate()
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseNewerError, match="9999"):
        await database.migrate()


async def test_a_transaction_is_kept_whole_or_not_at_all(database: Database) -> None:
    await database.migrate()
    store = Store(database)

    async def fail() -> None:
        async with store.write() as tx:
            await tx.projects.add(project("vision"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with store.read() as tx:
        assert await tx.projects.find("vision") is None
    async with store.write() as tx:
        await tx.projects.add(project("vision"))
    with pytest.raises(ProjectExistsError):
        async with store.write() as tx:
            await tx.projects.add(project("vision", "vision--p1111111111"))


async def test_many_writers_wait_for_one_another(database: Database) -> None:
    await database.migrate()
    store = Store(database)
    async with store.write() as tx:
        await tx.projects.add(project("vision"))

    async def count() -> None:
        async with store.write() as tx:
            found = await tx.projects.find("vision", lock=True)
            assert found is not None
            await asyncio.sleep(0)
            await tx.projects.update(found.id, NOW, {"description": str(int(found.description or 0) + 1)})

    await asyncio.gather(*(count() for _ in range(20)))
    async with store.read() as tx:
        found = await tx.projects.find("vision")
        assert found is not None
        assert found.description == "20"


async def test_instants_stay_the_same_instants(database: Database) -> None:
    await database.migrate()
    local = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    row = {"project_id": "p", "actor": "a", "action": "b", "details": {}, "audit_only": 0}
    async with database.write() as connection:
        await connection.execute(insert(events).values(at=local, **row))
        found = (await connection.execute(select(events.c.at))).scalar_one()
    assert (found, found.tzinfo) == (NOW, UTC)
    with pytest.raises(DatabaseUnavailableError):
        async with database.write() as connection:
            await connection.execute(insert(events).values(at=NOW.replace(tzinfo=None), **row))


# aiosqlite's thread tells of its failure to open after the test, whose event loop is closed then.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_database_that_cannot_be_reached(tmp_path: Any) -> None:
    for url in (
        f"sqlite+aiosqlite:///{tmp_path / 'nowhere' / 'x.db'}",
        f"postgresql+asyncpg://labyard@/x?host={tmp_path}",
        "postgresql+asyncpg://u:secret@127.0.0.1:1/x",
    ):
        database = Database(url)
        with pytest.raises(DatabaseUnavailableError) as caught:
            await database.migrate()
        assert "secret" not in caught.value.message
        await database.close()
