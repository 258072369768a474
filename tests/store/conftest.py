"""A database of these tests' own, made from the migrations, on the server that the environment names."""

import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import pytest
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from sagas import clock
from sagas.identity import derived, new_id
from sagas.seat_plan import PlanSection
from store import catalogue, connection, decisions, files
from store.settings import settings
from store.tables import Event, Organiser, Venue

ROOT = Path(__file__).parents[2]
MIGRATE_LIMIT_SECONDS = 60
#: A Redis database that nothing of the product uses.
REDIS_DATABASE = 15


def with_path(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@pytest.fixture(scope="package")
async def database_url() -> AsyncIterator[str]:
    """A migrated database of a name of its own; dropped at the end."""
    server, name = os.environ["DATABASE_URL"], f"store_tests_{new_id().hex}"
    admin = await asyncpg.connect(server)
    await admin.execute(f'CREATE DATABASE "{name}"')
    try:
        url = with_path(server, name)
        migrate(url)
        yield url
    finally:
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await admin.close()


def migrate(url: str, **changed: str) -> str:
    """Run the migrations as people do; what was printed."""
    done = subprocess.run(
        [sys.executable, "-m", "store.migrate"], cwd=ROOT, env=os.environ | {"DATABASE_URL": url} | changed,
        capture_output=True, text=True, timeout=MIGRATE_LIMIT_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="package")
def own_settings(database_url: str) -> Iterator[None]:
    """This process's settings point to the database of these tests, and back again at the end."""
    before = os.environ["DATABASE_URL"]
    os.environ["DATABASE_URL"] = database_url
    settings.cache_clear()
    yield
    os.environ["DATABASE_URL"] = before
    settings.cache_clear()


@pytest.fixture(scope="package")
async def pool(own_settings: None) -> AsyncIterator[Any]:
    """The store's own pool, open to that database."""
    await connection.open_database(pool_size=12)
    yield connection.pool()
    await connection.close_database()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of this test's own for files."""
    monkeypatch.setenv("FILES_DIR", str(tmp_path))
    settings.cache_clear()
    files._store.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    settings.cache_clear()
    files._store.cache_clear()


@pytest.fixture
async def empty(pool: Any) -> Any:
    """The pool, with every table of the lanes and of money emptied."""
    await pool.execute(
        # the ledger says no to everybody else
        "ALTER TABLE ledger_transaction DISABLE TRIGGER USER; ALTER TABLE ledger_entry DISABLE TRIGGER USER;"
        "ALTER TABLE invoice DISABLE TRIGGER USER;"
        "TRUNCATE journal, saga_journal, lost_command, seat, booking, buyer_holds, saga, saga_event, cancellation,"
        " ledger_transaction, ledger_entry, wallet, payment, capture, refund, worker, invoice, invoice_due,"
        " invoice_counter;"
        "ALTER TABLE invoice ENABLE TRIGGER USER;"
        "ALTER TABLE ledger_transaction ENABLE TRIGGER USER; ALTER TABLE ledger_entry ENABLE TRIGGER USER"
    )
    await pool.execute(
        "UPDATE lane SET generation = 0, next_offset = 0, last_offset = NULL, last_publish_id = NULL, owner = NULL,"
        " leased_until = '-infinity', decided_at = '-infinity'"
    )
    return pool


@pytest.fixture
async def cache() -> AsyncIterator[Any]:
    """Redis, in an emptied database that nothing of the product uses."""
    client = redis.asyncio.Redis.from_url(with_path(os.environ["REDIS_URL"], str(REDIS_DATABASE)))
    await client.flushdb()
    yield client
    await client.flushdb()
    await client.aclose()


@pytest.fixture
async def gone() -> AsyncIterator[Any]:
    """A Redis that nobody answers for."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = redis.asyncio.Redis(
            port=unused.getsockname()[1], socket_connect_timeout=0.3, socket_timeout=0.3, retry=Retry(NoBackoff(), 0)
        )
        yield client
        await client.aclose()


@pytest.fixture
async def show(empty: Any) -> UUID:
    """A show of three free seats, S-0 to S-2, as its lane opens it."""
    organiser = await Organiser.create(legal_name="House", support_email="house@example.com", status="approved")
    venue = await Venue.create(
        organiser=organiser, name="Venue", city="Pune", country="IN", address="1 Road", time_zone="Asia/Kolkata",
        opens="00:00", closes="23:59",
    )  # fmt: skip
    hall = await catalogue.make_hall(venue, "Hall", [PlanSection("", "Floor", "standing", "A", capacity=3)])
    event = await Event.create(organiser=organiser, title="Play", kind="theatre", status="published")
    now, later = clock.now(), clock.after(clock.now(), 9_000)
    prices = {str(derived(hall.id, "section", 0)): 500}
    _, command = await catalogue.make_show(
        event, hall, currency="INR", prices=prices, starts_at=later, ends_at=clock.after(later, 900), sale_opens_at=now,
        sale_closes_at=later,
    )  # fmt: skip
    async with connection.transaction() as rows:
        await decisions.open_seats(rows, command.show_id, ["S-0", "S-1", "S-2"])
    return command.show_id
