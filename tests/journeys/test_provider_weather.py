"""The provider's bad days: unknown is not failed, and nothing is charged or given back twice."""

import asyncio
import sys
import uuid
from datetime import UTC, datetime, timedelta

import pytest
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


async def test_an_attempt_that_is_pending_at_the_bank_keeps_the_seats_once_more(shows, buyer, emulator):
    """No webhook tells of it: the provider is asked shortly before the end, and the bank says yes after it."""
    show = await shows.make(hold_seconds=8)
    held = await buyer.hold(show, show.seats[0])
    order = await buyer.until_payable(held["id"])
    paid = await emulator.pay(order, "pending")
    assert "hold_expired" not in await buyer.until_told(held["id"], "attempt_pending")
    assert "hold_expired" not in await buyer.until_told(held["id"], "hold_extended")
    first_end = datetime.fromisoformat(held["held_until"])
    extended = datetime.fromisoformat((await buyer.booking(held["id"]))["held_until"])
    assert first_end < extended <= first_end + timedelta(seconds=120)

    async def has_passed():
        return datetime.now(UTC) > first_end

    await until("the hold would have ended", has_passed)
    await emulator.settle(paid["razorpay_payment_id"], "captured")
    await buyer.until_ticketed(held["id"])


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


async def payable(buyer, show):
    held = await buyer.hold(show, show.seats[0])
    return held["id"], await buyer.until_payable(held["id"])


async def befallen(product, rows, booking_id):
    """A call for this booking was given up, and whatever waits for its time after that is due now."""

    async def is_given_up():
        return product.logged("payments", "provider_unclear", booking_id)

    await until("a call was given up", is_given_up, within=30)
    await let_time_pass(rows, booking_id)


@pytest.mark.parametrize("kind", ["500-after-success", "timeout", "hang", "429"])
async def test_a_gateway_that_answers_after_our_timeout_has_charged_once(show, buyer, product, emulator, rows, kind):
    """The capture was carried out (or was not), and nobody heard: it is asked for again, and done once."""
    booking_id, order = await payable(buyer, show)
    paid = await emulator.pay(order, "authorized", webhooks={"drop": True})
    await emulator.fault(kind, only=f"POST /v1/payments/{paid['razorpay_payment_id']}/capture")
    await rows.execute("UPDATE payment SET next_check_at = now() WHERE booking_id = $1", uuid.UUID(booking_id))
    await befallen(product, rows, booking_id)
    confirmed = await buyer.until_ticketed(booking_id, within=60)
    assert confirmed["refunds"] == [] and confirmed["payment"]["status"] == "captured"
    ledger = await emulator.payment(paid["razorpay_payment_id"])
    assert (ledger["captured"], ledger["refunded"]) == (True, 0)
    assert await rows.fetchval("SELECT count(*) FROM capture WHERE booking_id = $1", uuid.UUID(booking_id)) == 1


@pytest.mark.parametrize("kind", ["500-after-success", "timeout", "hang", "429"])
async def test_a_refund_whose_answer_is_lost_is_given_once(show, buyer, product, emulator, rows, kind):
    booking_id, order = await payable(buyer, show)
    wrong = await emulator.pay(order, amount=700, webhooks={"drop": True})
    await emulator.fault(kind, only=f"POST /v1/payments/{wrong['razorpay_payment_id']}/refund")
    await rows.execute("UPDATE payment SET next_check_at = now() WHERE booking_id = $1", uuid.UUID(booking_id))
    await befallen(product, rows, booking_id)
    await buyer.until_refunded(booking_id, 1, within=60)
    ledger = await emulator.payment(wrong["razorpay_payment_id"])
    assert [refund["amount"] for refund in ledger["refunds"]] == [700]


async def test_an_order_call_that_hangs_is_asked_for_again(show, buyer, product, emulator, rows):
    """It did nothing and never answered: asked again by its receipt, there is one order."""
    await emulator.fault("hang", only="POST /v1/orders")
    held = await buyer.hold(show, show.seats[0])
    await befallen(product, rows, held["id"])
    order = await buyer.until_payable(held["id"], within=60)
    payment_id = await rows.fetchval("SELECT id FROM payment WHERE booking_id = $1", uuid.UUID(held["id"]))
    assert [found["id"] for found in await emulator.orders(payment_id.hex)] == [order]


async def test_a_refund_that_fails_stays_owed_in_front_of_an_operator(show, buyer, buyers, emulator):
    """Neither given up nor told as done: the money is a row, with what was tried."""
    booking_id, order = await payable(buyer, show)
    await emulator.fault("refund-fails")
    wrong = await emulator.pay(order, amount=700)
    booking = await buyer.until(
        booking_id, "the refund has failed", lambda b: [r["status"] for r in b["refunds"]] == ["failed"]
    )
    assert (await emulator.payment(wrong["razorpay_payment_id"]))["refunded"] == 0
    assert "money_refunded" not in await buyer.timeline(booking_id)
    admin = await buyers.make(role="admin")

    async def look():
        found = (await admin.ask("GET", "/v1/admin/money?limit=100")).json()["items"]
        return [one for one in found if one["subject"] == booking["refunds"][0]["id"]]

    [matter] = await look() or await reconciled(look)
    assert (matter["kind"], matter["amount"]["amount"], len(matter["tried"])) == ("refund-failed", 700, 1)


async def reconciled(look):
    """After a run of the reconciler, which the sweeps make every few minutes."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "actors.reconcile", "--hours", "0.1", "--wait-seconds", "0",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    await asyncio.wait_for(process.wait(), 60)
    return await look()
