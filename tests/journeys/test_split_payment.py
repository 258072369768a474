"""Part by wallet, the rest by Razorpay: both or neither; and a wallet that many want to spend at once."""

import asyncio

import pytest
from box_office import PRICE, new_key, problem_of, until

PART = 20_000
REST = PRICE - PART


async def hold_in_parts(buyer, show, part=PART):
    held = await buyer.hold(show, show.seats[0], payment={"method": "razorpay", "from_wallet": part})
    if part < PRICE:
        assert held["payment"]["from_wallet"]["amount"] == part
    return held["id"]


async def balance_of(rows, buyer):
    return await rows.fetchval("SELECT balance FROM wallet WHERE user_id = $1", buyer.id)


async def spend(buyers, shows, buyer):
    """The wallet is spent on another seat."""
    other = await shows.make(2, price=PART)
    bought = await buyer.hold(other, other.seats[0], wallet=True)
    await buyer.until_ticketed(bought["id"])


async def test_the_wallet_pays_its_part_once_the_rest_is_there(show, buyers, emulator, rows):
    buyer = await buyers.make(wallet=PART + 1)
    booking_id = await hold_in_parts(buyer, show)
    order = await buyer.until_payable(booking_id)
    assert (await emulator.order(order))["amount"] == REST
    payment = (await buyer.booking(booking_id))["payment"]
    assert (payment["method"], payment["from_wallet"]["amount"]) == ("razorpay", PART)
    assert await balance_of(rows, buyer) == PART + 1

    paid = await emulator.pay(order)
    confirmed = await buyer.until_ticketed(booking_id)
    assert confirmed["payment"]["status"] == "captured" and confirmed["payment"]["method"] == "razorpay"
    assert confirmed["payment"]["from_wallet"]["amount"] == PART
    assert await balance_of(rows, buyer) == 1
    assert (await emulator.payment(paid["razorpay_payment_id"]))["refunded"] == 0


async def test_the_wallet_leaves_the_provider_what_it_takes_at_least(show, buyers, emulator, rows):
    buyer = await buyers.make(wallet=PRICE)
    payment = {"method": "razorpay", "from_wallet": PRICE - 1}
    held = await buyer.hold(show, show.seats[0], payment=payment)
    assert held["payment"]["from_wallet"]["amount"] == PRICE - 100
    order = await buyer.until_payable(held["id"])
    assert (await emulator.order(order))["amount"] == 100
    await emulator.pay(order)
    await buyer.until_ticketed(held["id"])
    assert await balance_of(rows, buyer) == 100


async def test_a_wallet_that_was_spent_meanwhile_undoes_the_other_half(shows, show, buyers, emulator, rows):
    buyer = await buyers.make(wallet=PART)
    booking_id = await hold_in_parts(buyer, show)
    order = await buyer.until_payable(booking_id)
    await spend(buyers, shows, buyer)
    paid = await emulator.pay(order)
    booking = await buyer.until_refunded(booking_id, 1)
    assert (booking["status"], booking["tickets"]) == ("refunded", [])
    assert booking["refusal"]["type"] == "/problems/wallet-too-low"
    assert (await emulator.payment(paid["razorpay_payment_id"]))["refunded"] == REST
    assert await balance_of(rows, buyer) == 0


async def test_a_half_that_the_provider_never_gets_leaves_the_wallet_alone(shows, buyers, emulator, rows):
    show = await shows.make(4, hold_seconds=5)
    buyer = await buyers.make(wallet=PART)
    booking_id = await hold_in_parts(buyer, show)
    await emulator.pay(await buyer.until_payable(booking_id), "failed")
    await buyer.until(booking_id, "the hold has ended", lambda b: b["status"] == "expired")
    assert await balance_of(rows, buyer) == PART


async def test_late_money_for_a_half_takes_the_other_half_if_the_seats_are_free(shows, buyers, emulator, rows):
    show = await shows.make(4, hold_seconds=5)
    buyer = await buyers.make(wallet=PART)
    booking_id = await hold_in_parts(buyer, show)
    order = await buyer.until_payable(booking_id)
    await buyer.until(booking_id, "the hold has ended", lambda b: b["status"] == "expired")
    await emulator.pay(order, force=True)
    await buyer.until_ticketed(booking_id)
    assert await balance_of(rows, buyer) == 0


async def test_late_money_for_a_half_goes_back_when_the_seats_are_gone(shows, buyers, emulator, rows):
    show = await shows.make(1, hold_seconds=5)
    buyer, other = await buyers.make(wallet=PART), await buyers.make(wallet=PRICE)
    booking_id = await hold_in_parts(buyer, show)
    order = await buyer.until_payable(booking_id)
    await buyer.until(booking_id, "the hold has ended", lambda b: b["status"] == "expired")
    await other.until_ticketed((await other.hold(show, show.seats[0], wallet=True))["id"])
    paid = await emulator.pay(order, force=True)
    booking = await buyer.until_refunded(booking_id, 2)
    assert booking["status"] == "refunded"
    assert sorted((r["to"], r["amount"]["amount"]) for r in booking["refunds"]) == [("source", REST), ("wallet", PART)]
    assert (await emulator.payment(paid["razorpay_payment_id"]))["refunded"] == REST
    assert await balance_of(rows, buyer) == PART


async def test_a_wallet_too_low_for_its_part_is_said_before_anybody_pays(show, buyers, rows):
    buyer = await buyers.make(wallet=PART - 1)
    booking_id = await hold_in_parts(buyer, show)
    booking = await buyer.until(booking_id, "the booking has failed", lambda b: b["status"] == "failed")
    assert booking["refusal"]["type"] == "/problems/wallet-too-low" and booking["refusal"]["balance"] == PART - 1
    assert await balance_of(rows, buyer) == PART - 1


async def test_a_wallet_that_pays_all_needs_no_provider(show, buyers, rows):
    buyer = await buyers.make(wallet=PRICE)
    booking_id = await hold_in_parts(buyer, show, PRICE + 5)
    confirmed = await buyer.until_ticketed(booking_id)
    assert confirmed["payment"]["method"] == "wallet" and "from_wallet" not in confirmed["payment"]
    assert await balance_of(rows, buyer) == 0


async def choose(buyer, booking_id, body):
    path = f"/v1/bookings/{booking_id}/payment"
    return await buyer.ask("POST", path, json=body, headers={"Idempotency-Key": new_key()})


async def test_parts_may_be_chosen_while_the_seats_are_held(show, buyers, emulator, rows):
    buyer = await buyers.make(wallet=PART)
    booking_id = (await buyer.hold(show, show.seats[0]))["id"]
    whole = await buyer.until_payable(booking_id)
    assert (await choose(buyer, booking_id, {"method": "razorpay", "from_wallet": PART})).status_code == 202

    async def another_order():
        payment = (await buyer.booking(booking_id))["payment"]
        return payment.get("razorpay_order_id") not in (None, whole) and payment

    payment = await until("there is an order for the rest", another_order)
    assert payment["from_wallet"] == {"amount": PART, "currency": "INR"}
    await emulator.pay(payment["razorpay_order_id"])
    await buyer.until_ticketed(booking_id)
    assert await balance_of(rows, buyer) == 0

    second = await emulator.pay(whole, force=True)  # in the tab that was still open
    await buyer.until_refunded(booking_id, 1)
    assert (await emulator.payment(second["razorpay_payment_id"]))["refunded"] == PRICE


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"method": "razorpay", "from_wallet": PRICE}, 422),
        ({"method": "razorpay", "from_wallet": PRICE - 99}, 422),
        ({"method": "razorpay", "from_wallet": 0}, 422),
        ({"method": "razorpay", "from_wallet": -1}, 422),
        ({"method": "razorpay", "from_wallet": 1.5}, 422),
        ({"method": "wallet", "from_wallet": 1}, 422),
        ({"method": "razorpay", "from_wallet": PART + 1}, 409),
    ],
    ids=[
        "all of it", "less left than the provider takes", "nothing", "less than nothing", "half a paisa",
        "wallet beside wallet", "more than there is",
    ],
)  # fmt: skip
async def test_parts_that_cannot_be_are_refused_and_change_nothing(show, buyers, emulator, body, status):
    buyer = await buyers.make(wallet=PART)
    booking_id = (await buyer.hold(show, show.seats[0]))["id"]
    order = await buyer.until_payable(booking_id)
    problem_of(await choose(buyer, booking_id, body), status, "wallet-too-low" if status == 409 else "")
    await emulator.pay(order)
    await buyer.until_ticketed(booking_id)


async def test_two_hundred_debits_of_the_full_balance_are_one(shows, buyers, rows):
    """Lost update: 200 bookings, each for all that the wallet holds, as many at once as one buyer may hold."""
    show = await shows.make(200, max_live_holds=200)
    buyer = await buyers.make(wallet=PRICE)
    at_once = asyncio.Semaphore(6)

    async def buy():
        async with at_once:
            while True:
                answer = await buyer.wish(show, {"quantity": 1, "payment": {"method": "wallet"}})
                if answer.status_code == 201 or answer.json()["type"] != "/problems/limit-reached":
                    return answer

    answers = await asyncio.gather(*(buy() for _ in range(200)))
    bought = [answer for answer in answers if answer.status_code == 201]
    assert len(bought) == 1
    for answer in answers:
        if answer is not bought[0]:
            assert problem_of(answer, 409, "wallet-too-low")["balance"] == 0
    await buyer.until_ticketed(bought[0].json()["id"])
    assert await balance_of(rows, buyer) == 0
    debits = await rows.fetch("SELECT amount FROM ledger_entry WHERE owner = $1 AND amount > 0", buyer.id)
    assert [row["amount"] for row in debits] == [PRICE]
