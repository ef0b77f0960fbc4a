"""What all repositories have: the transaction that they work in."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["Repository"]


class Repository:
    """Base of the repositories.

    Parameters
    ----------
    connection
        One transaction.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
