"""The schema: what the migrations make of an empty database is what the models and the named queries count on."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from store.settings import settings
from store.sql import _queries
from tests.store.conftest import ROOT, migrate

MAKE_LIMIT_SECONDS = 60


async def test_migrating_again_and_several_at_once_changes_nothing(database_url: str, pool: Any):
    before = await pool.fetch("SELECT lane, next_offset FROM lane ORDER BY lane")
    printed = await asyncio.gather(*(asyncio.to_thread(migrate, database_url) for _ in range(2)))
    assert not any("migrated" in text for text in printed)
    assert await pool.fetch("SELECT lane, next_offset FROM lane ORDER BY lane") == before


async def test_there_is_a_row_for_each_lane_and_show_lanes_may_grow(database_url: str, pool: Any):
    lanes = settings().show_lanes
    assert await pool.fetchval("SELECT count(*) FROM lane WHERE lane LIKE 'show.%'") >= lanes
    migrate(database_url, SHOW_LANES=str(lanes + 2))
    assert await pool.fetchval("SELECT count(*) FROM lane WHERE lane LIKE 'show.%'") == lanes + 2


async def test_the_number_of_saga_lanes_cannot_change(database_url: str):
    with pytest.raises(AssertionError, match="SAGA_LANES is 16, but this database was made with"):
        migrate(database_url, SAGA_LANES="16")


def test_the_models_say_nothing_that_the_migrations_do_not_make(database_url: str, tmp_path: Path):
    folder = tmp_path / "store"
    copied = subprocess.run(["cp", "-r", ROOT / "store", ROOT / "sagas", tmp_path], check=False, timeout=20)
    assert copied.returncode == 0
    there = {path.name for path in (folder / "migrations").glob("0*.py")}
    done = subprocess.run(
        [sys.executable, "-m", "tortoise", "-c", "store.connection.TORTOISE", "makemigrations"], cwd=tmp_path,
        env=os.environ | {"DATABASE_URL": database_url, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True,
        timeout=MAKE_LIMIT_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "No changes" in done.stdout
    assert {path.name for path in (folder / "migrations").glob("0*.py")} == there


@pytest.mark.parametrize("name", sorted(_queries()))
async def test_every_named_query_fits_the_schema(pool: Any, name: str):
    async with pool.acquire() as rows:
        await rows.prepare(_queries()[name])


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("INSERT INTO seat (show_id, id, state) SELECT id, 'X', 'held' FROM show", asyncpg.CheckViolationError),
        ("INSERT INTO seat (show_id, id, booking_id) SELECT id, 'X', id FROM show", asyncpg.CheckViolationError),
        ("INSERT INTO seat (show_id, id, state) SELECT id, 'X', 'lost' FROM show", asyncpg.CheckViolationError),
        ("INSERT INTO seat (show_id, id) SELECT id, 'S-0' FROM show", asyncpg.UniqueViolationError),
        ("INSERT INTO seat (show_id, id) VALUES (gen_random_uuid(), 'X')", asyncpg.ForeignKeyViolationError),
        ("INSERT INTO buyer_holds VALUES (gen_random_uuid(), -1)", asyncpg.CheckViolationError),
        (
            'INSERT INTO "user" (id, email, name, password_hash, role, email_verified, created_at)'
            " VALUES (gen_random_uuid(), 'Upper@example.com', 'U', '', 'buyer', false, now())",
            asyncpg.CheckViolationError,
        ),
        (
            "INSERT INTO organiser (id, legal_name, support_email, status, operator, created_at)"
            " VALUES (gen_random_uuid(), 'Another operator', '', 'approved', true, now())",
            asyncpg.UniqueViolationError,
        ),
    ],
)
async def test_the_database_itself_refuses_what_must_never_be(
    show: Any, pool: Any, statement: str, error: type[Exception]
):
    with pytest.raises(error):
        await pool.execute(statement)


@pytest.mark.parametrize(
    "statement", ["UPDATE change_record SET actor_id = gen_random_uuid()", "DELETE FROM change_record"]
)
async def test_what_was_changed_stays_on_record(show: Any, pool: Any, statement: str):
    await pool.execute(
        "INSERT INTO change_record (id, actor_id, action, object_kind, object_id, detail, at)"
        " VALUES (gen_random_uuid(), gen_random_uuid(), 'event.publish', 'event', '1', '{}', now())"
    )
    with pytest.raises(asyncpg.CheckViolationError):
        await pool.execute(statement)
