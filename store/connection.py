"""The connections to Postgres and Redis: opened once for each process, and shared by all that remembers."""

import ssl  # noqa: F401  asyncpg imports it lazily, inside the first connect; here it is paid at start
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from tortoise import Tortoise

from store.settings import settings

#: A server that takes a connection and says nothing is given up after this; asyncpg would wait for a minute.
CONNECT_SECONDS = 5.0

#: SQLSTATE classes of errors that say nothing about the data: connection, rollback, resources, intervention, system.
OPERATING_CLASSES = frozenset({"08", "25", "40", "53", "55", "57", "58"})


def tortoise_config(pool_size: int = 10, idle_in_transaction_seconds: float = 30.0) -> dict[str, Any]:
    """Tortoise's configuration.  A transaction that stays idle for longer ends itself: a paused process must not keep
    rows locked, least of all a lane's."""
    url = urlsplit(settings().database_url)
    given = dict(parse_qsl(url.query))
    credentials = {
        "host": url.hostname,
        "port": url.port or 5432,
        "user": unquote(url.username or ""),
        "password": unquote(url.password or ""),
        "database": url.path.lstrip("/"),
        "minsize": 1,
        "maxsize": pool_size,
        "command_timeout": 30,
        "timeout": CONNECT_SECONDS,
        "ssl": given.get("sslmode") or None,
        "server_settings": {
            "idle_in_transaction_session_timeout": str(int(idle_in_transaction_seconds * 1000)),
            # a peer that is gone without a word is noticed within seconds, on both sides
            "tcp_user_timeout": "10000",
            "tcp_keepalives_idle": "5",
            "tcp_keepalives_interval": "2",
            "tcp_keepalives_count": "3",
        },
    }
    return {
        "connections": {"default": {"engine": "tortoise.backends.asyncpg", "credentials": credentials}},
        "apps": {"frontrow": {"models": ["store.tables"], "migrations": "store.migrations"}},
        "use_tz": True,
        "timezone": "UTC",
    }


def __getattr__(name: str) -> Any:
    """``TORTOISE``, for tortoise's command line: made when asked for, so that importing reads no settings."""
    if name == "TORTOISE":
        return tortoise_config()
    raise AttributeError(name)


async def open_database(pool_size: int = 10, idle_in_transaction_seconds: float = 30.0) -> None:
    config = tortoise_config(pool_size, idle_in_transaction_seconds)
    await Tortoise.init(config=config, _enable_global_fallback=True)
    client = Tortoise.get_connection("default")
    if client._pool is None:
        await client.create_connection(with_db=True)


async def close_database() -> None:
    await Tortoise.close_connections()


def pool() -> Any:
    """The asyncpg pool that tortoise's models use too."""
    return Tortoise.get_connection("default")._pool


@asynccontextmanager
async def transaction() -> AsyncIterator[Any]:
    """A plain asyncpg transaction.  Tortoise's own leaks its connection when the task is cancelled during BEGIN."""
    async with pool().acquire() as connection, connection.transaction():
        yield connection


def is_operating(error: BaseException) -> bool:
    """Whether the error says that something is down, not that the data is wrong: then trying again is right."""
    sqlstate = getattr(error, "sqlstate", None)
    if sqlstate is not None:
        return sqlstate[:2] in OPERATING_CLASSES
    if isinstance(error, OSError):
        return error.filename is None  # the network's, not a file's
    return isinstance(error, TimeoutError | asyncpg.InterfaceError | RedisError)


def open_redis(*, timeout_seconds: float | None = 1.0) -> redis.asyncio.Redis:
    """A client that never repeats a command by itself: a script that timed out may have run."""
    return redis.asyncio.Redis.from_url(
        settings().redis_url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=1.0,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[],
        health_check_interval=0,
    )
