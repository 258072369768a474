"""One frozen view of everything, for checking it: a read-only snapshot, and the named queries that look into it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from store.connection import pool
from store.sql import query


class Snapshot:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def all(self, name: str, *arguments: Any) -> list[Any]:
        return list(await self._connection.fetch(query(name), *arguments))

    async def each(self, name: str, *arguments: Any) -> AsyncIterator[Any]:
        """Row by row, for tables that do not fit in memory."""
        async for row in self._connection.cursor(query(name), *arguments, prefetch=2000):
            yield row


@asynccontextmanager
async def snapshot() -> AsyncIterator[Snapshot]:
    async with (
        pool().acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield Snapshot(connection)
