"""The provider's bad days: unknown is not failed, and nothing is charged or given back twice."""

import asyncio
import uuid

from box_office import let_time_pass, until


async def test_while_the_provider_is_down_seats_are_kept_and_it_is_left_alone(product, show, buyers, emulator, rows):
    """Eight buyers at once; the provider turns every call away until it is well again."""
    turned_away, before = 1_000, product.logged("payments", "provider_away")
    await emulator.fault("429", turned_away, only="POST /v1/orders")
    them = [await buyers.make() for _ in range(8)]
    held = await asyncio.gather(*(buyer.hold(show, seat) for buyer, seat in zip(them, show.seats, strict=False)))

    async def is_left_alone():
        return product.logged("payments", "provider_away") > before

    await until("the breaker opens", is_left_alone)
    [fault] = await emulator.faults()
    assert turned_away - fault["left"] < 20, "a provider that is down is not asked again and again"
    for buyer, booking in zip(them, held, strict=True):
        assert (await buyer.booking(booking["id"]))["status"] == "held"
    await emulator.clear_faults()
    for booking in held:
        await let_time_pass(rows, booking["id"])
    orders = [await buyer.until_payable(one["id"], within=60) for buyer, one in zip(them, held, strict=True)]
    assert len(set(orders)) == len(orders)
    await emulator.pay(orders[0])
    await them[0].until_ticketed(held[0]["id"])


async def test_an_attempt_that_is_pending_at_the_bank_is_known_before_the_hold_ends(shows, buyer, emulator):
    """No webhook tells of it: the provider is asked shortly before the end."""
    show = await shows.make(hold_seconds=8)
    held = await buyer.hold(show, show.seats[0])
    order = await buyer.until_payable(held["id"])
    await emulator.pay(order, "pending")
    told = await buyer.until_told(held["id"], "attempt_pending")
    assert "hold_expired" not in told


async def test_a_pending_refund_is_asked_about_until_it_has_ended(show, buyer, emulator, rows):
    """It ends at the provider, and no webhook ever says so."""
    held = await buyer.hold(show, show.seats[0])
    order = await buyer.until_payable(held["id"])
    await emulator.fault("refund-pending")
    wrong = await emulator.pay(order, amount=100)

    async def is_pending():
        return (await emulator.payment(wrong["razorpay_payment_id"]))["refunds"]

    [refund] = await until("the provider has the refund", is_pending)
    await rows.execute("UPDATE saga SET next_send_at = 'infinity' WHERE id = $1", uuid.UUID(held["id"]))
    await emulator.settle_refund(refund["id"], "processed", webhooks={"drop": True})
    await rows.execute("UPDATE refund SET next_check_at = now() WHERE booking_id = $1", uuid.UUID(held["id"]))
    await buyer.until_refunded(held["id"], 1)
    assert len((await emulator.payment(wrong["razorpay_payment_id"]))["refunds"]) == 1
