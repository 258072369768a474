"""Brings the database to the newest schema: ``python -m store.migrate``.  Several may start it; one at a time works."""

import asyncio
import sys

import asyncpg
from redis.exceptions import RedisError
from tortoise import Tortoise
from tortoise.migrations.executor import MigrationExecutor

from sagas.identity import show_lane
from store.acceptance import begin_notes
from store.connection import close_database, open_database, open_redis, pool, tortoise_config
from store.settings import SettingsError, settings

#: Any number, so long as nobody else uses it: the advisory lock that migrators share.
LOCK = 7_226_981


async def migrate() -> None:
    await open_database(pool_size=4)
    try:
        async with pool().acquire() as guard:
            await guard.execute("SELECT pg_advisory_lock($1)", LOCK)
            try:
                connection = Tortoise.get_connection("default")
                await MigrationExecutor(connection, tortoise_config()["apps"]).migrate(
                    direction="forward", progress=_say
                )
                await _make_lanes(guard)
                await _begin_notes(guard)
            finally:
                await guard.execute("SELECT pg_advisory_unlock($1)", LOCK)
    finally:
        await close_database()


def _say(event: str, _app: str, name: str) -> None:
    if event == "apply_done":
        print(f"migrated {name}", flush=True)


async def _make_lanes(connection: asyncpg.Connection) -> None:
    """Show lanes only grow; saga lanes stay as many as they were at first, since a saga keeps its lane for ever."""
    sagas = await connection.fetchval("SELECT count(*) FROM lane WHERE lane LIKE 'saga.%'")
    if sagas and sagas != settings().saga_lanes:
        raise SettingsError(f"settings: SAGA_LANES is {settings().saga_lanes}, but this database was made with {sagas}")
    names = [show_lane(index) for index in range(settings().show_lanes)]
    names += [f"saga.{index:02d}" for index in range(settings().saga_lanes)]
    await connection.executemany("INSERT INTO lane (lane) VALUES ($1) ON CONFLICT DO NOTHING", [(n,) for n in names])


async def _begin_notes(connection: asyncpg.Connection) -> None:
    """With a database that has no booking yet, an empty Redis has lost nothing."""
    if await connection.fetchval("SELECT NOT EXISTS (SELECT FROM booking)"):
        redis = open_redis()
        try:
            await begin_notes(redis)
        except (RedisError, OSError) as error:
            print(f"Redis is out of reach ({error}); unknown bookings answer 503 for its first minutes", flush=True)
        finally:
            await redis.aclose()


if __name__ == "__main__":
    try:
        asyncio.run(migrate())
    except (SettingsError, OSError, asyncpg.PostgresError) as error:
        sys.exit(f"migrating failed: {error}")
