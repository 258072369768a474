"""What commands that play on a running stack begin and end with: an edge, the database, a client, and an exit code."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, NamedTuple

import asyncpg
import httpx

from loadtest.own_edge import EdgeFailed, edge_without_limits
from loadtest.shows import ShowFailed
from loadtest.stack import Stack, StackUnknown
from store.settings import SettingsError


class Ground(NamedTuple):
    """Where a command plays: an edge without limits, the database, and a client for many requests at once."""

    edge_url: str
    connection: Any
    client: httpx.AsyncClient


@contextlib.asynccontextmanager
async def ground(where: Stack, name: str, connections_max: int = 100) -> AsyncIterator[Ground]:
    """An edge of our own, where the stack's has limits, writes its log into the folder of this name."""
    folder = where.run_dir / name
    folder.mkdir(parents=True, exist_ok=True)
    connection = await asyncpg.connect(where.database_url)
    limits = httpx.Limits(max_connections=connections_max)
    try:
        async with (
            edge_without_limits(where.edge_url, folder / "edge.log") as edge_url,
            httpx.AsyncClient(timeout=60.0, limits=limits, trust_env=False) as client,
        ):
            yield Ground(edge_url, connection, client)
    finally:
        await connection.close()


def exit_code(name: str, play: Callable[[], Coroutine[Any, Any, bool]], *failures: type[Exception]) -> int:
    """Play it; 0 if that ended well.  A failure is told in a sentence, not by a traceback."""
    told: tuple[type[Exception], ...] = (StackUnknown, SettingsError, EdgeFailed, ShowFailed, *failures)
    try:
        return 0 if asyncio.run(play()) else 1
    except told as error:
        print(f"{name}: {error}", file=sys.stderr)
    except (OSError, asyncpg.PostgresError, httpx.HTTPError) as error:
        print(f"{name}: a part of the stack did not answer: {error!r}", file=sys.stderr)
    return 1
