"""Paying when it is not simple: twice, a wrong amount, failed first, authorized only, another way, the provider ill."""

import asyncio
import uuid

import pytest
from box_office import PRICE, let_time_pass, new_key, problem_of, until


async def payable(buyer, show, *seats):
    held = await buyer.hold(show, *(seats or show.seats[:1]))
    return held["id"], await buyer.until_payable(held["id"])


async def test_paid_twice_is_one_ticket_and_one_refund(show, buyer, emulator):
    booking_id, order = await payable(buyer, show)
    paid = await asyncio.gather(emulator.pay(order, force=True), emulator.pay(order, force=True))
    await buyer.until_ticketed(booking_id)
    booking = await buyer.until_refunded(booking_id, 1)
    assert booking["status"] == "confirmed" and len(booking["tickets"]) == 1
    ledger = [await emulator.payment(payment["razorpay_payment_id"]) for payment in paid]
    assert sorted((payment["refunded"], len(payment["refunds"])) for payment in ledger) == [(0, 0), (PRICE, 1)]


async def test_a_second_payment_after_the_ticket_goes_back_too(show, buyer, emulator, mailbox):
    booking_id, order = await payable(buyer, show)
    first = await emulator.pay(order)
    await buyer.until_ticketed(booking_id)
    await mailbox.until_letter(buyer.email)
    second = await emulator.pay(order, force=True)
    booking = await buyer.until_refunded(booking_id, 1)
    assert booking["status"] == "confirmed"
    assert (await emulator.payment(first["razorpay_payment_id"]))["refunded"] == 0
    assert (await emulator.payment(second["razorpay_payment_id"]))["refunded"] == PRICE


@pytest.mark.parametrize("amount", [100, PRICE - 1, PRICE + 1], ids=["far too little", "a paisa short", "a paisa over"])
async def test_the_wrong_amount_goes_back_and_confirms_nothing(show, buyer, emulator, amount):
    booking_id, order = await payable(buyer, show)
    wrong = await emulator.pay(order, amount=amount)
    booking = await buyer.until_refunded(booking_id, 1)
    assert (booking["status"], booking["tickets"]) == ("held", [])
    assert booking["refunds"][0]["amount"]["amount"] == amount
    assert (await emulator.payment(wrong["razorpay_payment_id"]))["refunded"] == amount

    right = await emulator.pay(order, force=True)
    await buyer.until_ticketed(booking_id)
    assert (await emulator.payment(right["razorpay_payment_id"]))["refunded"] == 0


async def test_a_failed_attempt_may_be_followed_by_a_good_one(show, buyer, emulator):
    booking_id, order = await payable(buyer, show)
    await emulator.pay(order, "failed")
    await buyer.until_told(booking_id, "attempt_failed")
    assert (await buyer.booking(booking_id))["status"] == "held"
    await emulator.pay(order)
    confirmed = await buyer.until_ticketed(booking_id)
    assert confirmed["payment"]["status"] == "captured" and confirmed["refunds"] == []


async def test_an_authorized_payment_is_captured_once(show, buyer, emulator):
    booking_id, order = await payable(buyer, show)
    paid = await emulator.pay(order, "authorized", webhooks={"copies": 3})
    await buyer.until_ticketed(booking_id)
    ledger = await emulator.payment(paid["razorpay_payment_id"])
    assert (ledger["status"], ledger["captured"], ledger["refunded"]) == ("captured", True, 0)


async def test_a_payment_that_failed_first_and_succeeded_late_is_believed(show, buyer, emulator):
    """The bank said no, then yes: the provider allows that, so do we."""
    booking_id, order = await payable(buyer, show)
    paid = await emulator.pay(order, "failed")
    await emulator.settle(paid["razorpay_payment_id"], "captured", force=True)
    await buyer.until_ticketed(booking_id)


async def choose(buyer, booking_id, method, key=""):
    return await buyer.ask(
        "POST",
        f"/v1/bookings/{booking_id}/payment",
        json={"method": method},
        headers={"Idempotency-Key": key or new_key()},
    )


async def test_a_buyer_may_pay_in_another_way_and_pays_once(show, buyers, emulator, rows):
    buyer = await buyers.make(wallet=PRICE)
    booking_id, order = await payable(buyer, show)
    answer = await choose(buyer, booking_id, "wallet")
    assert answer.status_code == 202, answer.text
    confirmed = await buyer.until_ticketed(booking_id)
    assert (confirmed["payment"]["method"], confirmed["payment"]["status"]) == ("wallet", "captured")
    assert await rows.fetchval("SELECT balance FROM wallet WHERE user_id = $1", buyer.id) == 0

    second = await emulator.pay(order)  # in the tab that was still open
    booking = await buyer.until_refunded(booking_id, 1)
    assert booking["status"] == "confirmed" and booking["refunds"][0]["to"] == "source"
    assert (await emulator.payment(second["razorpay_payment_id"]))["refunded"] == PRICE
    assert await rows.fetchval("SELECT balance FROM wallet WHERE user_id = $1", buyer.id) == 0


async def test_another_way_that_cannot_be_paid_changes_nothing(show, buyers, emulator):
    buyer = await buyers.make(wallet=PRICE - 1)
    booking_id, order = await payable(buyer, show)
    problem = problem_of(await choose(buyer, booking_id, "wallet"), 409, "wallet-too-low")
    assert problem["balance"] == PRICE - 1
    await emulator.pay(order)
    await buyer.until_ticketed(booking_id)
    problem_of(await choose(buyer, booking_id, "wallet"), 409)


async def the_receipt(rows, booking_id):
    payment = await rows.fetchval("SELECT id FROM payment WHERE booking_id = $1", uuid.UUID(booking_id))
    return payment.hex


async def test_an_order_made_without_our_hearing_of_it_is_found_by_its_receipt(show, buyer, emulator, rows):
    """The provider made the order and answered 500: asked again, there is still one."""
    await emulator.fault("500-after-success", only="POST /v1/orders")
    held = await buyer.hold(show, show.seats[0])

    async def befell():
        return not await emulator.faults_waiting()

    await until("the fault has befallen the call", befell)
    order = await buyer.until_payable(held["id"], within=60)
    assert [found["id"] for found in await emulator.orders(await the_receipt(rows, held["id"]))] == [order]
    await emulator.pay(order)
    await buyer.until_ticketed(held["id"])


async def test_an_order_call_that_times_out_is_carried_on(show, buyer, product, emulator, rows):
    """No answer within our patience, though the order was made: asked again, there is still one."""
    await emulator.fault("timeout", only="POST /v1/orders")
    held = await buyer.hold(show, show.seats[0])

    async def is_given_up():
        return product.logged("payments", "provider_unclear", held["id"])

    await until("the call was given up", is_given_up, within=30)
    await let_time_pass(rows, held["id"])
    order = await buyer.until_payable(held["id"], within=30)
    assert [found["id"] for found in await emulator.orders(await the_receipt(rows, held["id"]))] == [order]
    await emulator.pay(order)
    await buyer.until_ticketed(held["id"])


async def test_a_refund_that_the_provider_keeps_pending_ends_once(show, buyer, emulator, rows):
    booking_id, order = await payable(buyer, show)
    await emulator.fault("refund-pending")
    wrong = await emulator.pay(order, amount=100)

    async def is_pending():
        return (await emulator.payment(wrong["razorpay_payment_id"]))["refunds"]

    [refund] = await until("the provider has the refund", is_pending)
    assert refund["status"] == "pending"
    await emulator.settle_refund(refund["id"], "processed")
    await buyer.until_refunded(booking_id, 1)
    assert len((await emulator.payment(wrong["razorpay_payment_id"]))["refunds"]) == 1
