"""The payer's bank wants the money back: the booking hears of it once for each turn that it takes."""

import pytest
from box_office import until


async def turns(rows, booking_id):
    """Where the booking's dispute stood, turn by turn, as its saga was told."""
    found = await rows.fetch(
        "SELECT detail::jsonb->>'status' AS status FROM saga_event WHERE saga_id = $1 AND event = 'dispute_changed'"
        " ORDER BY n",
        booking_id,
    )
    return [row["status"] for row in found]


async def until_turns(rows, booking_id, *expected):
    async def are_told():
        return await turns(rows, booking_id) == list(expected)

    await until(f"the dispute went {expected}", are_told)


@pytest.mark.parametrize("outcome", ["won", "lost"])
async def test_a_dispute_is_told_to_its_booking_once_for_each_turn(show, buyer, emulator, rows, outcome):
    held = await buyer.hold(show, show.seats[0])
    order = await buyer.until_payable(held["id"])
    paid = await emulator.pay(order)
    await buyer.until_ticketed(held["id"])
    dispute = await emulator.dispute(paid["razorpay_payment_id"])
    await until_turns(rows, held["id"], "open")
    await emulator.settle_dispute(dispute["id"], "under_review")
    await emulator.settle_dispute(dispute["id"], outcome)
    await until_turns(rows, held["id"], "open", outcome)


async def test_a_dispute_that_overtakes_its_payment_is_told_after_it(show, buyer, emulator, rows):
    """The payment's own webhooks never come: the dispute's tells of the payment too."""
    held = await buyer.hold(show, show.seats[0])
    order = await buyer.until_payable(held["id"])
    paid = await emulator.pay(order, webhooks={"drop": True})
    await emulator.dispute(paid["razorpay_payment_id"])
    await buyer.until_ticketed(held["id"])
    await until_turns(rows, held["id"], "open")
    told = await buyer.timeline(held["id"])
    assert told.index("money_captured") < told.index("dispute_changed")
