"""A buyer's wallet: money put in by Razorpay, each payment once, and what its owner is shown of it."""

import asyncio

import pytest
from box_office import PRICE, new_key, problem_of, until

from sagas.identity import new_id
from store import top_ups

AMOUNT = 75_000


async def top_up(buyer, amount=AMOUNT, key="", **more):
    body = {"amount": amount, "currency": "INR"} | more
    return await buyer.ask("POST", "/v1/wallet/topups", json=body, headers={"Idempotency-Key": key or new_key()})


async def payable(buyer, amount=AMOUNT):
    answer = await top_up(buyer, amount)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/v1/wallet/topups/{answer.json()['id']}"
    made = await until_top_up(buyer, answer.json()["id"], "ready")
    return made["id"], made["razorpay_order_id"]


def handed_back(order, paid):
    """What Checkout hands back to the shop."""
    names = ("razorpay_payment_id", "razorpay_signature")
    return {"razorpay_order_id": order} | {name: paid[name] for name in names}


async def until_top_up(buyer, top_up_id, status):
    async def look():
        seen = (await buyer.ask("GET", f"/v1/wallet/topups/{top_up_id}")).json()
        return seen if seen["status"] == status else None

    return await until(f"the top-up is {status}", look)


async def balance(buyer):
    found = (await buyer.ask("GET", "/v1/wallet")).json()["balances"]
    return {money["currency"]: money["amount"] for money in found}


async def until_balance(buyer, amount):
    async def look():
        return (await balance(buyer)).get("INR", 0) == amount

    await until(f"the wallet holds {amount}", look)


async def entries(buyer, **query):
    answer = await buyer.ask("GET", "/v1/wallet/entries", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_what_is_paid_for_a_top_up_is_in_the_wallet_once_however_often_it_is_told(buyer, emulator):
    assert await balance(buyer) == {}
    top_up_id, order = await payable(buyer)
    assert (await emulator.order(order))["amount"] == AMOUNT
    paid = await emulator.pay(order, webhooks={"copies": 5, "shuffle": True})
    done = await until_top_up(buyer, top_up_id, "captured")
    assert done["received"] == {"amount": AMOUNT, "currency": "INR"}
    answer = handed_back(order, paid)
    verified = await buyer.ask("POST", f"/v1/wallet/topups/{top_up_id}/verify", json=answer)
    assert verified.status_code == 202, verified.text
    await until_balance(buyer, AMOUNT)
    [entry] = (await entries(buyer))["items"]
    assert entry["amount"]["amount"] == entry["balance_after"]["amount"] == AMOUNT and entry["note"] == "Top-up"


async def test_a_top_up_whose_webhook_never_comes_is_known_by_checkouts_answer(buyer, emulator):
    top_up_id, order = await payable(buyer)
    paid = await emulator.pay(order, webhooks={"drop": True})
    answer = handed_back(order, paid)
    forged = answer | {"razorpay_signature": "0" * 64}
    problem_of(await buyer.ask("POST", f"/v1/wallet/topups/{top_up_id}/verify", json=forged), 422)
    assert await balance(buyer) == {}
    assert (await buyer.ask("POST", f"/v1/wallet/topups/{top_up_id}/verify", json=answer)).status_code == 202
    await until_balance(buyer, AMOUNT)


async def test_two_payments_of_one_top_up_are_both_the_buyers(buyer, emulator):
    top_up_id, order = await payable(buyer)
    await asyncio.gather(emulator.pay(order, force=True), emulator.pay(order, force=True))
    await until_balance(buyer, 2 * AMOUNT)
    assert (await until_top_up(buyer, top_up_id, "captured"))["received"]["amount"] == 2 * AMOUNT
    await emulator.pay(order, amount=100, force=True)  # late, and another amount
    await until_balance(buyer, 2 * AMOUNT + 100)


async def test_an_authorized_top_up_is_captured_and_a_failed_attempt_changes_nothing(buyer, emulator):
    top_up_id, order = await payable(buyer)
    await emulator.pay(order, "failed")
    paid = await emulator.pay(order, "authorized", webhooks={"copies": 2})
    await until_top_up(buyer, top_up_id, "captured")
    await until_balance(buyer, AMOUNT)
    assert (await emulator.payment(paid["razorpay_payment_id"]))["captured"]


async def test_asking_twice_is_one_top_up(buyer, rows):
    key = new_key()
    answers = await asyncio.gather(*(top_up(buyer, key=key) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    [top_up_id] = {answer.json()["id"] for answer in answers}
    problem_of(await top_up(buyer, AMOUNT + 1, key), 422, "key-reused")
    problem_of(await top_up(buyer, key=key, currency="USD"), 422, "key-reused")
    assert await rows.fetchval("SELECT count(*) FROM payment WHERE booking_id = $1::uuid", top_up_id) == 1
    await until_top_up(buyer, top_up_id, "ready")


async def test_an_order_that_was_never_sent_for_is_sent_for_by_the_sweep(buyer, rows):
    """The edge ends between its rows and its message: the saga's outbox has it."""
    top_up_id = new_id()
    async with rows.acquire() as connection, connection.transaction():
        assert await top_ups.begin(connection, top_up_id, buyer.id, AMOUNT, "INR", "") is not None
    await until_top_up(buyer, str(top_up_id), "ready")


async def test_a_key_that_was_used_for_a_top_up_is_good_for_a_booking_still(show, buyer):
    """The two have ids of their own: neither is taken for the other."""
    key = new_key()
    made = (await top_up(buyer, key=key)).json()
    held = await buyer.wish(show, {"seats": [show.seats[0]]}, key=key)
    assert held.status_code == 201 and held.json()["id"] != made["id"]


BAD = {
    "nothing": ({"amount": 0}, "/amount"),
    "less than a rupee": ({"amount": 99}, "/amount"),
    "more than ten lakh": ({"amount": 1_000_000_01}, "/amount"),
    "a float": ({"amount": 100.5}, "/amount"),
    "text": ({"amount": "500"}, "/amount"),
    "below zero": ({"amount": -500}, "/amount"),
    "too much of what has no minor unit": ({"amount": 1_000_001, "currency": "JPY"}, "/amount"),
    "no currency": ({"currency": "QQQ"}, "/currency"),
    "gold": ({"currency": "XAU"}, "/currency"),
    "nobody's": ({"currency": "XXX"}, "/currency"),
    "small letters": ({"currency": "inr"}, "/currency"),
    "whose": ({"user_id": "me"}, "/user_id"),
}


@pytest.mark.parametrize(("body", "pointer"), BAD.values(), ids=BAD.keys())
async def test_what_cannot_be_put_into_a_wallet(buyer, rows, body, pointer):
    problem = problem_of(await top_up(buyer, **body), 422)
    assert problem["errors"][0]["pointer"] == pointer
    assert await rows.fetchval("SELECT count(*) FROM top_up WHERE user_id = $1", buyer.id) == 0


async def test_another_s_top_up_is_told_as_one_that_is_not_there(buyer, buyers):
    top_up_id, order = await payable(buyer)
    other = await buyers.make()
    problem_of(await other.ask("GET", f"/v1/wallet/topups/{top_up_id}"), 404)
    answer = {"razorpay_order_id": order, "razorpay_payment_id": "pay_1", "razorpay_signature": "0" * 64}
    problem_of(await other.ask("POST", f"/v1/wallet/topups/{top_up_id}/verify", json=answer), 404)
    assert (await entries(other))["items"] == [] and await balance(other) == {}


async def test_the_history_tells_each_movement_page_by_page(shows, buyers, emulator):
    buyer = await buyers.make(wallet=3 * PRICE)
    show = await shows.make(4)
    for seat in show.seats[:3]:
        await buyer.until_ticketed((await buyer.hold(show, seat, wallet=True))["id"])
    pages, cursor = [], None
    while True:
        page = await entries(buyer, limit=2, **({"cursor": cursor} if cursor else {}))
        pages.append(page["items"])
        if (cursor := page["next_cursor"]) is None:
            break
    assert [len(page) for page in pages] == [2, 2]
    told = [item for page in pages for item in page]
    assert [item["amount"]["amount"] for item in told] == [-PRICE, -PRICE, -PRICE, 3 * PRICE]
    assert [item["balance_after"]["amount"] for item in told] == [0, PRICE, 2 * PRICE, 3 * PRICE]
    assert all(item["booking_id"] for item in told[:3])
    assert await balance(buyer) == {"INR": 0}
    problem_of(await buyer.ask("GET", "/v1/wallet/entries", params={"cursor": "nonsense"}), 422)
    problem_of(await buyer.ask("GET", "/v1/wallet/entries", params={"limit": 101}), 422)


async def test_payments_are_listed_with_their_refunds(show, buyer, buyers, emulator):
    booking = await buyer.hold(show, show.seats[0])
    order = await buyer.until_payable(booking["id"])
    await emulator.pay(order)
    await buyer.until_ticketed(booking["id"])
    await emulator.pay(order, force=True)
    await buyer.until_refunded(booking["id"], 1)
    top_up_id, _ = await payable(buyer)
    listed = (await buyer.ask("GET", "/v1/payments")).json()["items"]
    assert [(item["top_up_id"], item["booking_id"]) for item in listed] == [(top_up_id, None), (None, booking["id"])]
    assert (listed[1]["method"], listed[1]["status"], listed[1]["amount"]["amount"]) == ("razorpay", "captured", PRICE)
    [refund] = listed[1]["refunds"]
    assert (refund["amount"]["amount"], refund["to"], refund["status"]) == (PRICE, "source", "processed")
    other = await buyers.make()
    assert (await other.ask("GET", "/v1/payments")).json() == {"items": [], "next_cursor": None}
