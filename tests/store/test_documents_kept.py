"""Documents of bookings: none is kept whose buyer was erased, also not one that was being printed then."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sagas.identity import new_id
from store import connection, files

PRINTED = b"%PDF-1.7 made out to Kiran & Co"
ERASE = """UPDATE "user" SET erased_at = now() WHERE id = $1"""


@pytest.fixture
async def buyer(pool: Any) -> UUID:
    buyer_id = new_id()
    await pool.execute(
        """INSERT INTO "user" (id, email, name, password_hash, role, email_verified, created_at)
        VALUES ($1, $2, 'Kiran', '', 'buyer', true, now())""",
        buyer_id, f"{buyer_id}@people.example",
    )  # fmt: skip
    return buyer_id


async def book(pool: Any, show: UUID, buyer: UUID) -> UUID:
    booking_id = new_id()
    await pool.execute(
        """INSERT INTO booking (id, show_id, buyer_id, lane, generation, "offset", place, state, seats, amounts,
            currency, method, body_hash, decided_at, changed_at)
        VALUES ($1, $2, $3, 'show.00', 0, 1, 1, 'confirmed', '[]', '{}', 'INR', 'wallet', '', now(), now())""",
        booking_id, show, buyer,
    )  # fmt: skip
    return booking_id


def on_the_disk(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_document_is_kept_until_its_buyer_is_erased(folder: Path, pool: Any, show: UUID, buyer: UUID):
    booking = await book(pool, show, buyer)
    path = await files.keep(booking, "INV-2026-000001", PRINTED)
    assert await files.path_of(booking, "INV-2026-000001") == path
    await pool.execute(ERASE, buyer)
    assert await files.keep(booking, "INV-2026-000002", PRINTED + b" again") == ""
    assert await files.path_of(booking, "INV-2026-000002") is None
    assert on_the_disk(folder) == [folder / path]


async def test_what_is_printed_while_its_buyer_is_erased_is_not_kept(folder: Path, pool: Any, show: UUID, buyer: UUID):
    booking = await book(pool, show, buyer)
    async with connection.transaction() as rows:
        await rows.execute(ERASE, buyer)
        keeping = asyncio.create_task(files.keep(booking, "INV-2026-000001", PRINTED))
        done, _ = await asyncio.wait({keeping}, timeout=0.3)
        assert not done, "it waits for what becomes of the buyer"
    assert await keeping == ""
    assert await files.find(booking, "INV-2026-000001") is None
    assert on_the_disk(folder) == []


async def test_a_customer_of_the_box_office_has_no_account_to_erase(folder: Path, pool: Any, show: UUID):
    booking = await book(pool, show, new_id())
    assert await files.keep(booking, "tickets.pdf", PRINTED) == str(on_the_disk(folder)[0].relative_to(folder))
