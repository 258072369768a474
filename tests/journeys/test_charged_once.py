"""Charged once, given back once: double clicks, parallel deliveries, late words, and amounts as they were promised."""

import asyncio
import hashlib
import hmac
import json
import os
import uuid

import pytest
from box_office import PRICE, new_key, until

from actors.lanes.publisher import Publisher
from actors.lanes.routes import PAYMENTS
from actors.lanes.wire import Options, seal
from sagas.messages import CapturePayment, RefundMoney


async def payable(buyer, show, **more):
    held = await buyer.hold(show, show.seats[0], **more)
    return held["id"], await buyer.until_payable(held["id"])


@pytest.fixture
async def publisher(product):
    made = Publisher(os.environ["RABBITMQ_URL"])
    yield made
    await made.close()


async def test_each_way_to_pay_opens_one_checkout_however_often_it_is_asked_for(show, buyer, emulator, rows):
    booking_id, order = await payable(buyer, show)
    for _ in range(3):
        answer = await buyer.ask(
            "POST", f"/v1/bookings/{booking_id}/payment", json={"method": "razorpay"},
            headers={"Idempotency-Key": new_key()},
        )  # fmt: skip
        assert answer.status_code in (200, 202, 409), answer.text
    await emulator.pay(order)
    confirmed = await buyer.until_ticketed(booking_id)
    assert confirmed["payment"]["razorpay_order_id"] == order
    payments = await rows.fetch("SELECT id FROM payment WHERE booking_id = $1", uuid.UUID(booking_id))
    assert [len(await emulator.orders(row["id"].hex)) for row in payments] == [1]


async def test_a_double_click_is_not_a_double_charge(show, buyer, emulator):
    """The same order in two windows: the provider takes the second only by force, and that one goes back."""
    booking_id, order = await payable(buyer, show)
    first, second = await asyncio.gather(emulator.pay(order), emulator.pay(order, force=True))
    await buyer.until_ticketed(booking_id)
    booking = await buyer.until_refunded(booking_id, 1)
    assert booking["refunds"][0]["amount"]["amount"] == PRICE
    both = [await emulator.payment(paid["razorpay_payment_id"]) for paid in (first, second)]
    assert sum(payment["amount"] - payment["refunded"] for payment in both) == PRICE


async def test_parallel_captures_of_one_payment_take_it_once(show, buyer, emulator, rows, publisher):
    """The same command delivered five times at once, beside the webhook."""
    booking_id, order = await payable(buyer, show)
    paid = await emulator.pay(order, "authorized", webhooks={"drop": True})
    payment = await rows.fetchrow("SELECT id FROM payment WHERE booking_id = $1", uuid.UUID(booking_id))
    command = CapturePayment(
        command_id=uuid.uuid4(), booking_id=uuid.UUID(booking_id), payment_id=payment["id"], buyer_id=buyer.id,
        method="razorpay", amount=PRICE, currency="INR", provider_payment_id=paid["razorpay_payment_id"],
    )  # fmt: skip
    await asyncio.gather(*(publisher.publish(seal(PAYMENTS, command, Options())) for _ in range(5)))
    confirmed = await buyer.until_ticketed(booking_id)
    assert confirmed["refunds"] == [] and (await buyer.timeline(booking_id)).count("money_captured") == 1
    assert (await emulator.payment(paid["razorpay_payment_id"]))["refunded"] == 0


async def test_parallel_refunds_of_one_payment_give_it_back_once(show, buyer, emulator, rows, publisher):
    booking_id, order = await payable(buyer, show)
    wrong = await emulator.pay(order, amount=700)
    await buyer.until_refunded(booking_id, 1)
    refund = await rows.fetchrow("SELECT * FROM refund WHERE booking_id = $1", uuid.UUID(booking_id))
    command = RefundMoney(
        command_id=refund["command_id"], booking_id=refund["booking_id"], payment_id=refund["payment_id"],
        buyer_id=buyer.id, method="razorpay", provider_payment_id=refund["provider_payment_id"], refund_id=refund["id"],
        amount=refund["amount"], currency="INR", reason=refund["reason"],
    )  # fmt: skip
    await rows.execute("UPDATE refund SET provider_refund_id = NULL WHERE id = $1", refund["id"])
    await asyncio.gather(*(publisher.publish(seal(PAYMENTS, command, Options())) for _ in range(5)))

    async def is_known_again():
        return await rows.fetchval("SELECT provider_refund_id FROM refund WHERE id = $1", refund["id"])

    assert await until("a worker asked", is_known_again) == refund["provider_refund_id"]
    assert len((await emulator.payment(wrong["razorpay_payment_id"]))["refunds"]) == 1
    assert (await buyer.timeline(booking_id)).count("money_refunded") == 1


async def test_a_late_word_of_failure_does_not_undo_a_success(show, buyer, emulator, rows, http, edge_url):
    """The provider's word of an earlier moment comes last, signed and true when it was written."""
    booking_id, order = await payable(buyer, show)
    paid = (await emulator.pay(order))["razorpay_payment_id"]
    await buyer.until_ticketed(booking_id)
    for status in ("failed", "created", "authorized"):
        entity = {"id": paid, "status": status, "amount": PRICE, "currency": "INR", "order_id": order}
        body = json.dumps({"event": "payment.failed", "payload": {"payment": {"entity": entity}}, "n": status}).encode()
        secret = os.environ["RAZORPAY_WEBHOOK_SECRET"].encode()
        event_id = f"late-{uuid.uuid4()}"
        headers = {
            "X-Razorpay-Signature": hmac.new(secret, body, hashlib.sha256).hexdigest(), "x-razorpay-event-id": event_id,
        }  # fmt: skip
        assert (await http.post(f"{edge_url}/v1/webhooks/razorpay", content=body, headers=headers)).status_code == 200

        async def is_taken(event_id=event_id):
            return await rows.fetchval("SELECT forwarded_at FROM webhook_event WHERE event_id = $1", event_id)

        await until("the late word is taken", is_taken)
    told = {"failed": "attempt_failed", "created": "attempt_pending", "authorized": "money_authorized"}
    for event in told.values():
        await buyer.until_told(booking_id, event)
    booking = await buyer.booking(booking_id)
    assert (booking["status"], booking["payment"]["status"], booking["refunds"]) == ("confirmed", "captured", [])
    assert len(booking["tickets"]) == 1


@pytest.mark.parametrize(("currency", "price"), [("INR", 123_456), ("JPY", 4_500), ("KWD", 12_345)])
async def test_the_provider_is_asked_for_minor_units_exactly_as_promised(shows, buyer, emulator, currency, price):
    """No major units sent as minor ones, no hundredths of a yen."""
    show = await shows.make(price=price, currency=currency)
    booking_id, order = await payable(buyer, show)
    made = await emulator.order(order)
    assert (made["amount"], made["currency"]) == (price, currency)
    paid = await emulator.pay(order)
    confirmed = await buyer.until_ticketed(booking_id)
    assert confirmed["amounts"]["total"] == {"amount": price, "currency": currency}
    ledger = await emulator.payment(paid["razorpay_payment_id"])
    assert (ledger["amount"], ledger["currency"]) == (price, currency)
