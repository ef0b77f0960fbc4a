"""The labyard service's records: one transaction at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from labyard_hub.storage.database import Database
from labyard_hub.storage.events import EventRepository
from labyard_hub.storage.links import LinkRepository
from labyard_hub.storage.projects import MemberRepository, ProjectRepository
from labyard_hub.storage.shares import ModelShareRepository, ToolShareRepository

__all__ = ["Store", "Transaction"]


class Transaction:
    """All records, as one transaction sees and changes them.

    Parameters
    ----------
    connection
        The transaction.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self.projects = ProjectRepository(connection)
        self.members = MemberRepository(connection)
        self.links = LinkRepository(connection)
        self.events = EventRepository(connection)
        self.tool_shares = ToolShareRepository(connection)
        self.model_shares = ModelShareRepository(connection)


class Store:
    """Opens transactions.

    Parameters
    ----------
    database
        Where the records are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """See one state of all records."""
        async with self._database.read() as connection:
            yield Transaction(connection)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """Change records: all changes are kept if the block ends without an error, and none otherwise."""
        async with self._database.write() as connection:
            yield Transaction(connection)
