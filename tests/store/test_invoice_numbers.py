"""Numbers of invoices: no gaps and no doubles, whatever is rolled back and however many number at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from sagas.identity import derived, new_id
from sagas.ledger import sold
from store import invoices
from store.connection import transaction
from store.ledger import Books

SALES = 50
AT = datetime(2026, 12, 31, 23, 59, 30, tzinfo=UTC)


@pytest.fixture
async def sales(show: UUID, empty: Any) -> list[UUID]:
    """Fifty sales, a second apart, over the turn of a year; noted in another order than they happened."""
    organiser = await empty.fetchval(
        "SELECT e.organiser_id FROM show w JOIN event e ON e.id = w.event_id WHERE w.id = $1", show
    )
    seats = msgspec.json.encode(
        [{"id": "S-0", "label": "1", "row": "", "section": "Floor", "section_id": "x", "price": 500}]
    ).decode()
    made = [new_id() for _ in range(SALES)]
    for n in reversed(range(SALES)):
        async with transaction() as rows:
            await rows.execute(
                """INSERT INTO booking (id, show_id, buyer_id, lane, generation, "offset", place, state, seats, amounts,
                    currency, method, body_hash, decided_at, changed_at)
                VALUES ($1, $2, $3, 'show.00', 0, $4, 1, 'confirmed', $5, '{"seats": 500}', 'INR', 'wallet', '', $6,
                    $6)""",
                made[n], show, derived(made[n], "buyer"), n, seats, AT,
            )  # fmt: skip
            books = Books()
            books.add(sold(made[n], organiser, 500, "INR"))
            await books.write(rows, AT + timedelta(seconds=n))
    return made


class Dies(Exception):
    """The process ends before it commits."""


async def number_one(dies: bool) -> None:
    async with transaction() as rows:
        await invoices.number(rows, 1)
        if dies:
            raise Dies


async def test_numbers_have_no_gaps_and_no_doubles_whatever_is_rolled_back(sales: list[UUID], empty: Any):
    done = await asyncio.gather(*(number_one(n % 3 == 0) for n in range(2 * SALES)), return_exceptions=True)
    assert {type(one) for one in done} == {type(None), Dies}
    found = await empty.fetch("SELECT booking_id, year, number, amount FROM invoice ORDER BY year, number")
    assert [row["booking_id"] for row in found] == sales, "in the order of the sales"
    assert [(row["year"], row["number"]) for row in found] == [
        *((2026, n) for n in range(1, 31)), *((2027, n) for n in range(1, 21)),
    ]  # fmt: skip
    assert {row["amount"] for row in found} == {500}
    assert await empty.fetchval("SELECT count(*) FROM invoice_due") == 0


async def test_a_round_numbers_each_sale_once(sales: list[UUID], empty: Any):
    for count in (SALES, 0):
        async with transaction() as rows:
            assert await invoices.number(rows, 500) == count
    assert await empty.fetchval("SELECT count(*) FROM invoice") == SALES
