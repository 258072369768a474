"""Which payments and refunds the provider is asked about, and how often."""

from typing import Any
from uuid import UUID

import pytest

from sagas.identity import new_id
from store import money

LIMIT = 10


@pytest.fixture
async def booked(empty: Any, show: UUID) -> Any:
    """Makes a held booking, its hold begun and ending so many seconds from now, with a way to pay."""

    async def book(ends_in: float, began: float = -300, state: str = "held", **more: Any) -> UUID:
        booking_id, payment = new_id(), {"method": "razorpay", "status": "ready"} | more
        await empty.execute(
            """INSERT INTO booking (id, show_id, buyer_id, state, place, lane, generation, "offset", held_until, seats,
                amounts, currency, method, body_hash, decided_at, changed_at)
            SELECT $1, $2, $3, $4, 1, 'show.00', 0, 1, now() + make_interval(secs => $5), '[]', '{}', 'INR', 'razorpay',
                '', now(), now()""",
            booking_id, show, new_id(), state, float(ends_in),
        )  # fmt: skip
        await empty.execute(
            """INSERT INTO payment (id, booking_id, method, amount, currency, status, checks, created_at)
            VALUES ($1, $1, $2, 500, 'INR', $3, 0, now() + make_interval(secs => $4))""",
            booking_id, payment["method"], payment["status"], float(began),
        )  # fmt: skip
        return booking_id

    return book


async def asked_now() -> set[UUID]:
    return {row["booking_id"] for row in await money.payments_before_the_end(LIMIT)}


async def test_a_payment_is_asked_about_once_shortly_before_its_hold_ends(booked: Any, empty: Any):
    booking_id = await booked(ends_in=10)
    assert await asked_now() == {booking_id}
    assert await asked_now() == set()
    await empty.execute("UPDATE booking SET held_until = held_until + interval '3 s' WHERE id = $1", booking_id)
    assert await asked_now() == {booking_id}, "its hold was extended: once more before the new end"


@pytest.mark.parametrize(
    "what",
    [
        {"ends_in": 30}, {"ends_in": -1}, {"ends_in": 10, "state": "confirmed"}, {"ends_in": 10, "state": "expired"},
        {"ends_in": 10, "status": "captured"}, {"ends_in": 10, "status": "preparing"},
        {"ends_in": 10, "method": "wallet"}, {"ends_in": 4, "began": -1},
    ],
    ids=str,
)  # fmt: skip
async def test_others_are_not_asked_about(booked: Any, what: dict[str, Any]):
    """A hold of five seconds has just begun with four to go: the buyer is still typing."""
    await booked(**what)
    assert await asked_now() == set()


@pytest.fixture
async def refund(empty: Any) -> Any:
    async def refund(age: float, **more: Any) -> UUID:
        row = {"status": "pending", "to": "source"} | more
        refund_id = new_id()
        await empty.execute(
            """INSERT INTO refund (id, booking_id, payment_id, provider_payment_id, amount, currency, "to", reason,
                status, command_id, created_at)
            VALUES ($1, $1, $1, $2, 500, 'INR', $3, 'late', $4, $1, now() - make_interval(secs => $5))""",
            refund_id, f"pay_{refund_id.hex}", row["to"], row["status"], float(age),
        )  # fmt: skip
        return refund_id

    return refund


async def checked() -> set[UUID]:
    return {row["id"] for row in await money.refunds_to_check(LIMIT)}


async def test_a_pending_refund_is_asked_about_again_and_ever_later_up_to_an_hour(refund: Any, empty: Any):
    refund_id, pauses = await refund(age=21), []
    for _ in range(12):
        assert await checked() == {refund_id}
        assert await checked() == set()
        pauses.append(
            await empty.fetchval(
                "SELECT extract(epoch FROM next_check_at - now())::float FROM refund WHERE id = $1", refund_id
            )
        )
        await empty.execute("UPDATE refund SET next_check_at = now() WHERE id = $1", refund_id)
    assert [round(pause / 10) * 10 for pause in pauses] == [min(20 * 2**n, 3_600) for n in range(1, 13)]


@pytest.mark.parametrize("what", [{"status": "processed"}, {"status": "failed"}, {"to": "wallet"}], ids=str)
async def test_refunds_that_have_ended_or_went_to_a_wallet_are_not_asked_about(refund: Any, what: dict[str, str]):
    await refund(age=500, **what)
    assert await checked() == set()


async def test_a_fresh_refund_is_left_to_its_saga(refund: Any):
    await refund(age=1)
    assert await checked() == set()


async def test_how_many_days_a_refund_takes_is_told(refund: Any):
    await refund(age=3 * 86_400 + 5)
    assert [row["days"] for row in await money.refunds_to_check(LIMIT)] == [3]
