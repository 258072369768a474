"""Webhooks as the weather brings them: repeated, shuffled, delayed, dropped; the money is told once all the same."""

import hashlib
import hmac
import os
import uuid

import pytest
from box_office import until


@pytest.fixture
async def payable(show, buyer):
    held = await buyer.hold(show, *show.seats[:2])
    return held["id"], await buyer.until_payable(held["id"])


async def everything_happened_once(rows, buyer, mailbox, booking_id):
    await mailbox.until_letter(buyer.email)
    booking = uuid.UUID(booking_id)
    assert await rows.fetchval("SELECT count(*) FROM capture WHERE booking_id = $1", booking) == 1
    assert await rows.fetchval("SELECT count(*) FROM ticket WHERE booking_id = $1", booking) == 2
    assert await rows.fetchval("SELECT count(*) FROM refund WHERE booking_id = $1", booking) == 0
    confirmed = "SELECT count(*) FROM journal WHERE booking_id = $1 AND command = 'confirm_seats' AND decided"
    assert await rows.fetchval(confirmed, booking) == 1
    assert len({letter["message_id"] for letter in await mailbox.letters(buyer.email)}) == 1
    assert (await buyer.timeline(booking_id)).count("money_captured") == 1


@pytest.mark.parametrize(
    "webhooks",
    [{"copies": 5}, {"shuffle": True}, {"copies": 4, "shuffle": True}, {"delay_ms": 1500}],
    ids=["repeated", "reordered", "repeated and reordered", "delayed"],
)
async def test_webhooks_in_any_weather_tell_the_money_once(payable, buyer, emulator, mailbox, rows, webhooks):
    booking_id, order = payable
    await emulator.pay(order, webhooks=webhooks)
    await buyer.until_ticketed(booking_id)
    await everything_happened_once(rows, buyer, mailbox, booking_id)


async def test_a_buyer_back_from_checkout_is_enough_when_the_webhook_never_comes(
    payable, buyer, emulator, mailbox, rows
):
    booking_id, order = payable
    paid = await emulator.pay(order, webhooks={"drop": True})
    answer = await buyer.ask(
        "POST", f"/v1/bookings/{booking_id}/payment/verify",
        json={name: paid[name] for name in ("razorpay_order_id", "razorpay_payment_id", "razorpay_signature")},
    )  # fmt: skip
    assert answer.status_code == 202, answer.text
    assert answer.json()["id"] == booking_id
    await buyer.until_ticketed(booking_id)
    await everything_happened_once(rows, buyer, mailbox, booking_id)


async def test_a_silent_payment_is_asked_about_when_nobody_tells_us(payable, buyer, emulator, mailbox, rows):
    """Neither webhook nor buyer comes back: the sweep asks the provider after some twenty seconds."""
    booking_id, order = payable
    await emulator.pay(order, webhooks={"drop": True})
    await buyer.until_ticketed(booking_id, within=40)
    await everything_happened_once(rows, buyer, mailbox, booking_id)


async def test_a_webhook_and_the_buyer_s_return_at_once_tell_the_money_once(payable, buyer, emulator, mailbox, rows):
    booking_id, order = payable
    paid = await emulator.pay(order, webhooks={"copies": 2})
    body = {name: paid[name] for name in ("razorpay_order_id", "razorpay_payment_id", "razorpay_signature")}
    for _ in range(2):
        answer = await buyer.ask("POST", f"/v1/bookings/{booking_id}/payment/verify", json=body)
        assert answer.status_code == 202
    await buyer.until_ticketed(booking_id)
    await everything_happened_once(rows, buyer, mailbox, booking_id)


async def test_the_same_webhook_much_later_changes_nothing(payable, buyer, emulator, mailbox, rows, http, edge_url):
    """Sent again byte for byte, under its own event id and under a new one."""
    booking_id, order = payable
    paid = await emulator.pay(order)
    await buyer.until_ticketed(booking_id)
    await buyer.until_told(booking_id, "letter_sent")
    row = await rows.fetchrow(
        "SELECT event_id, body FROM webhook_event WHERE kind = 'payment.captured' AND body LIKE $1",
        f"%{paid['razorpay_payment_id']}%",
    )
    before = await buyer.timeline(booking_id)
    for event_id in (row["event_id"], f"later-{uuid.uuid4()}"):
        answer = await http.post(
            f"{edge_url}/v1/webhooks/razorpay", content=row["body"].encode(),
            headers={"X-Razorpay-Signature": signed(row["body"].encode()), "x-razorpay-event-id": event_id},
        )  # fmt: skip
        assert answer.status_code == 200

    async def is_forwarded():
        return await rows.fetchval(
            "SELECT count(*) FROM webhook_event WHERE body = $1 AND forwarded_at IS NOT NULL", row["body"]
        ) == 2  # fmt: skip

    await until("both were taken", is_forwarded)
    await everything_happened_once(rows, buyer, mailbox, booking_id)
    assert await buyer.timeline(booking_id) == before
    assert (await emulator.payment(paid["razorpay_payment_id"]))["refunded"] == 0


def signed(body):
    return hmac.new(os.environ["RAZORPAY_WEBHOOK_SECRET"].encode(), body, hashlib.sha256).hexdigest()
