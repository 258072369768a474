"""Workers killed with -9 in the middle of sales: every sale is carried on, once, in order."""

import asyncio
import uuid

from box_office import PRICE, let_time_pass, until

#: DESIGN: another worker takes the lane in less than five seconds.
TAKE_OVER_SECONDS = 5.0


async def owner_of(rows, product, lane):
    """The name of the process that has the lane now."""
    owner = await rows.fetchval("SELECT owner FROM lane WHERE lane = $1 AND leased_until > now()", lane)
    pids = {f"-{running.pid}-": name for name, running in product.processes.items()}
    [name] = [name for pid, name in pids.items() if owner and pid in owner]
    return name


async def test_a_lane_worker_killed_in_a_rush_loses_and_doubles_nothing(shows, buyers, product, rows):
    show = await shows.make(30)
    crowd = [await buyers.make() for _ in range(40)]
    await crowd[0].ask("GET", f"/v1/shows/{show.id}")
    owner = await owner_of(rows, product, show.lane)

    wishes = [asyncio.create_task(buyer.wish(show, {"quantity": 1})) for buyer in crowd]
    await asyncio.sleep(0.03)  # some are decided, some are not
    killed = product.kill(owner)
    answers = await asyncio.gather(*wishes)
    killed.start()

    assert {answer.status_code for answer in answers} <= {201, 202, 409}
    ids = [answer.json().get("booking_id") or answer.json()["id"] for answer in answers]

    async def all_decided():
        return await rows.fetchval("SELECT count(*) FROM booking WHERE show_id = $1", show.id) == len(crowd)

    await until("every wish is decided", all_decided, within=TAKE_OVER_SECONDS)
    ended = [await buyer.booking(booking_id) for buyer, booking_id in zip(crowd, ids, strict=True)]
    assert sorted(booking["place"] for booking in ended) == list(range(1, 41))
    assert sum(booking["status"] == "held" for booking in ended) == 30
    in_order = sorted(ended, key=lambda booking: booking["offset"])
    assert [booking["place"] for booking in in_order] == list(range(1, 41))
    assert [booking["status"] for booking in in_order] == ["held"] * 30 + ["refused"] * 10
    assert len({seat["id"] for booking in ended for seat in booking["seats"]}) == 30
    await the_chain_is_whole(rows, show.lane)
    product.wait_until_ready()


async def the_chain_is_whole(rows, lane):
    """Every row of the journal names the one before it."""
    broken = await rows.fetchval(
        """SELECT count(*) FROM (SELECT previous_offset, lag("offset") OVER (ORDER BY generation, "offset") AS before
        FROM journal WHERE lane = $1) j WHERE before IS NOT NULL AND previous_offset IS DISTINCT FROM before""",
        lane,
    )
    assert broken == 0


async def test_a_saga_worker_killed_while_money_comes_in_seats_everybody(
    shows, buyers, product, emulator, mailbox, rows
):
    show = await shows.make(8)
    sales = []
    for seat in show.seats:
        buyer = await buyers.make()
        held = await buyer.hold(show, seat)
        sales.append((buyer, held["id"], await buyer.until_payable(held["id"])))

    paying = [asyncio.create_task(emulator.pay(order, webhooks={"copies": 2})) for _, _, order in sales]
    await asyncio.sleep(0.05)
    product.kill("saga").start()
    paid = await asyncio.gather(*paying)

    for buyer, booking_id, _ in sales:
        await buyer.until_ticketed(booking_id, within=20)
        assert (await buyer.timeline(booking_id)).count("money_captured") == 1
    for payment in paid:
        assert (await emulator.payment(payment["razorpay_payment_id"]))["refunded"] == 0
    assert await rows.fetchval("SELECT count(*) FROM ticket WHERE show_id = $1", show.id) == 8
    for buyer, _, _ in sales:
        await mailbox.until_letter(buyer.email)
    product.wait_until_ready()


async def test_a_saga_worker_killed_before_it_has_heard_of_the_hold_carries_on(show, buyers, product):
    buyer = await buyers.make(wallet=PRICE)
    killed = product.kill("saga")
    answer = await buyer.wish(show, {"quantity": 1, "payment": {"method": "wallet"}}, wait=1)
    held = answer.json()
    assert (answer.status_code, held["status"], held["payment"]["status"]) == (201, "held", "preparing")
    killed.start()
    await buyer.until_ticketed(held["id"], within=20)
    product.wait_until_ready()


async def test_a_payments_worker_killed_in_the_order_call_makes_one_order(show, buyer, product, emulator, rows):
    """The provider makes the order and keeps us waiting for the answer; there the worker dies."""
    await emulator.fault("timeout", only="POST /v1/orders")
    held = await buyer.hold(show, show.seats[0])
    booking = uuid.UUID(held["id"])

    async def receipt():
        payment = await rows.fetchval("SELECT id FROM payment WHERE booking_id = $1", booking)
        return payment.hex if payment and await emulator.orders(payment.hex) else None

    ours = await until("the provider has made the order", receipt)
    product.kill("payments").start()
    product.wait_until_ready()
    await let_time_pass(rows, held["id"])
    order = await buyer.until_payable(held["id"], within=40)
    assert [found["id"] for found in await emulator.orders(ours)] == [order]
    await emulator.pay(order)
    await buyer.until_ticketed(held["id"])


async def test_a_webhooks_worker_that_is_away_delays_and_loses_nothing(show, buyer, product, emulator):
    held = await buyer.hold(show, show.seats[0])
    order = await buyer.until_payable(held["id"])
    killed = product.kill("webhooks")
    await emulator.pay(order)
    killed.start()
    await buyer.until_ticketed(held["id"])
    product.wait_until_ready()


async def test_readiness_names_the_worker_that_is_missing(product, http, edge_url):
    killed = product.kill("documents")

    async def is_missed():
        answer = await http.get(f"{edge_url}/health/ready")
        return answer if answer.status_code == 503 else None

    answer = await until("the missing worker is noticed", is_missed, within=10)
    workers = answer.json()["parts"]["workers"]
    assert workers["ready"] is False and "documents" in workers["reason"] and "letters" not in workers["reason"]
    assert answer.json()["ready"] is False and answer.headers["retry-after"]
    assert (await http.get(f"{edge_url}/health/live")).json() == {"alive": True}
    killed.start()
    product.wait_until_ready()
