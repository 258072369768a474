"""Tickets that buyers offer to others: seat, a fresh ticket and the money change hands together, or not at all."""

import asyncio
import uuid
from datetime import timedelta

from box_office import PRICE, new_key, problem_of, until

from sagas.terms import Resale, Rules

RULES = Rules(resale=Resale(max_percent=100, fee_percent=10, until_hours=2))


async def resold_show(shows, **more):
    return await shows.make(closes_in=timedelta(days=3), rules=RULES, **more)


async def ticketed(buyers, show, *seats):
    """A buyer who has tickets for these seats."""
    buyer = await buyers.make(wallet=PRICE * len(seats))
    held = await buyer.hold(show, *seats, wallet=True)
    return buyer, await buyer.until_ticketed(held["id"])


async def offer(seller, ticket_id, price=40_000, key=""):
    return await seller.ask(
        "POST", "/v1/listings", json={"ticket_id": ticket_id, "price": price},
        headers={"Idempotency-Key": key or new_key()},
    )  # fmt: skip


async def listed(seller, booking, price=40_000):
    answer = await offer(seller, booking["tickets"][0], price)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def buy(buyer, listing, method="wallet", key="", wait=10):
    headers = {"Idempotency-Key": key or new_key()} | ({"Prefer": f"wait={wait}"} if wait else {})
    body = {"payment": {"method": method}}
    return await buyer.ask("POST", f"/v1/listings/{listing['id']}/bookings", json=body, headers=headers)


async def as_it_stands(buyer, listing):
    return (await buyer.ask("GET", f"/v1/listings/{listing['id']}")).json()


async def balance(rows, buyer):
    return await rows.fetchval("SELECT coalesce(sum(balance), 0) FROM wallet WHERE user_id = $1", buyer.id)


async def live_tickets(rows, show):
    found = await rows.fetch(
        "SELECT seat_id, holder_id FROM ticket WHERE show_id = $1 AND status <> 'cancelled'", uuid.UUID(show.id)
    )
    return {row["seat_id"]: row["holder_id"] for row in found}


async def until_sold(rows, listing):
    """The seller's saga knows of it too."""

    async def is_told():
        return await rows.fetchval("SELECT taken_up_at FROM listing WHERE id = $1", uuid.UUID(listing["id"]))

    await until("the seller's saga knows that the ticket is sold", is_told, within=30)


async def told(mailbox, buyer, subject):
    return [letter for letter in await mailbox.letters(buyer.email) if letter["subject"].strip().startswith(subject)]


async def test_a_ticket_changes_hands_with_a_new_code_and_its_seller_is_credited_less_the_fee(
    shows, buyers, rows, mailbox
):
    show = await resold_show(shows)
    seller, booking = await ticketed(buyers, show, *show.seats[:2])
    old = (await seller.ask("GET", f"/v1/tickets/{booking['tickets'][0]}")).json()
    listing = await listed(seller, booking)
    assert (listing["status"], listing["price"]["amount"], listing["face_price"]["amount"]) == ("open", 40_000, PRICE)
    assert "seller" not in str(listing) and str(seller.id) not in str(listing)
    assert (await seller.ask("GET", f"/v1/tickets/{old['id']}")).json()["status"] == "listed"

    [letter] = await until("the seller is told that it is offered", lambda: told(mailbox, seller, "For sale: "))
    assert "offered for ₹400.00" in letter["text"] and "₹360.00 comes into" in letter["text"]
    assert "fee of ₹40.00" in letter["html"]

    buyer = await buyers.make(wallet=40_000)
    there = (await buyer.ask("GET", f"/v1/listings?show_id={show.id}")).json()["items"]
    assert [item["id"] for item in there] == [listing["id"]]
    bought = await buy(buyer, listing)
    assert bought.status_code == 201, bought.text
    new = await buyer.until_ticketed(bought.json()["id"])
    await until_sold(rows, listing)

    assert [seat["id"] for seat in new["seats"]] == [show.seats[0]] and new["amounts"]["total"]["amount"] == 40_000
    [ticket] = (await buyer.ask("GET", "/v1/tickets")).json()["items"]
    assert ticket["status"] == "valid" and ticket["code"] != old["code"]
    assert (await seller.ask("GET", f"/v1/tickets/{old['id']}")).json()["status"] == "cancelled"
    assert (await buyer.ask("GET", f"/v1/tickets/{old['id']}")).status_code == 404
    assert await live_tickets(rows, show) == {show.seats[0]: buyer.id, show.seats[1]: seller.id}
    assert (await balance(rows, seller), await balance(rows, buyer)) == (36_000, 0)
    before = await seller.booking(booking["id"])
    assert (before["status"], [seat["status"] for seat in before["seats"]]) == ("confirmed", ["resold", "sold"])
    assert (await as_it_stands(buyer, listing))["status"] == "sold"

    [letter] = await until("the seller is told that it is sold", lambda: told(mailbox, seller, "Sold: "))
    assert "360" in letter["text"] and "opens no door" in letter["text"]
    assert len(await told(mailbox, seller, "For sale: ")) == 1


async def test_a_seller_is_not_told_of_an_offer_that_is_over(shows, buyers, rows, mailbox):
    show = await resold_show(shows)
    seller, booking = await ticketed(buyers, show, show.seats[0])
    listing = await listed(seller, booking)
    await until("the seller is told that it is offered", lambda: told(mailbox, seller, "For sale: "))
    assert (await seller.ask("DELETE", f"/v1/listings/{listing['id']}")).status_code < 300

    async def is_withdrawn():
        return (await as_it_stands(seller, listing))["status"] == "withdrawn"

    await until("it is withdrawn", is_withdrawn)
    letter = await rows.fetchval(  # as if the mail server had not taken it until now
        """UPDATE letter SET status = 'waiting', sent_at = NULL, claimed_until = NULL, next_try_at = now()
        WHERE template = 'listed' AND about = $1 RETURNING id""",
        uuid.UUID(listing["id"]),
    )

    async def is_over():
        row = await rows.fetchrow("SELECT status, last_error FROM letter WHERE id = $1", letter)
        return row["status"] in ("sent", "refused") and tuple(row)

    assert await until("its letter is done with", is_over) == ("refused", "the ticket is offered no longer")
    assert len(await told(mailbox, seller, "For sale: ")) == 1


async def test_an_offered_ticket_is_paid_by_razorpay_and_a_payment_that_fails_has_it_offered_again(
    shows, buyers, rows, emulator
):
    show = await resold_show(shows)
    seller, booking = await ticketed(buyers, show, show.seats[0])
    listing = await listed(seller, booking)
    poor = await buyers.make(wallet=1)
    refused = await buy(poor, listing)
    problem_of(refused, 409, "wallet-too-low")

    async def is_open():
        return (await as_it_stands(poor, listing))["status"] == "open"

    await until("the ticket is offered again", is_open)
    assert (await seller.booking(booking["id"]))["status"] == "confirmed"

    buyer = await buyers.make()
    held = (await buy(buyer, listing, "razorpay")).json()
    assert held["status"] == "held" and held["seats"][0]["status"] == "offered"
    assert await live_tickets(rows, show) == {show.seats[0]: seller.id}
    await emulator.pay(await buyer.until_payable(held["id"]))
    await buyer.until_ticketed(held["id"])
    await until_sold(rows, listing)
    assert (await seller.booking(booking["id"]))["status"] == "cancelled"
    assert await balance(rows, seller) == 36_000
    assert await live_tickets(rows, show) == {show.seats[0]: buyer.id}


async def test_two_buyers_at_once_are_one_sale(shows, buyers, rows):
    show = await resold_show(shows)
    seller, booking = await ticketed(buyers, show, show.seats[0])
    listing = await listed(seller, booking)
    crowd = [await buyers.make(wallet=40_000) for _ in range(2)]
    answers = await asyncio.gather(*(buy(buyer, listing) for buyer in crowd))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    [lost] = [answer for answer in answers if answer.status_code == 409]
    assert lost.json()["type"] in ("/problems/being-bought", "/problems/not-offered")
    await until_sold(rows, listing)
    assert sorted([await balance(rows, buyer) for buyer in crowd]) == [0, 40_000]
    assert await balance(rows, seller) == 36_000


async def test_nothing_is_changed_or_given_back_while_somebody_is_buying(shows, buyers):
    show = await resold_show(shows)
    seller, booking = await ticketed(buyers, show, show.seats[0])
    listing = await listed(seller, booking)
    buyer = await buyers.make()
    assert (await buy(buyer, listing, "razorpay")).status_code == 201
    path = f"/v1/listings/{listing['id']}"
    problem_of(await seller.ask("DELETE", path), 409, "being-bought")
    problem_of(await seller.ask("PATCH", path, json={"price": 1_000}), 409, "being-bought")
    key = {"Idempotency-Key": new_key()}
    back = await seller.ask("POST", f"/v1/bookings/{booking['id']}/cancellations", headers=key)
    problem_of(back, 409, "being-bought")
    assert (await seller.booking(booking["id"]))["status"] == "confirmed"


async def test_only_the_holder_offers_within_the_cap_and_once(shows, buyers):
    show = await resold_show(shows)
    seller, booking = await ticketed(buyers, show, show.seats[0])
    [ticket_id] = booking["tickets"]
    other = await buyers.make()
    problem_of(await offer(other, ticket_id), 404)
    refused = problem_of(await offer(seller, ticket_id, PRICE + 1), 409, "resale-refused")
    assert refused["max_price"] == PRICE
    problem_of(await offer(seller, ticket_id, 99), 422)
    key = new_key()
    first, again = await offer(seller, ticket_id, PRICE, key), await offer(seller, ticket_id, PRICE, key)
    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    problem_of(await offer(seller, ticket_id), 409, "resale-refused")
    problem_of(await buy(seller, first.json()), 409)

    path = f"/v1/listings/{first.json()['id']}"
    problem_of(await other.ask("PATCH", path, json={"price": 100}), 404)
    problem_of(await other.ask("DELETE", path), 404)
    changed = await seller.ask("PATCH", path, json={"price": 20_000})
    assert changed.json()["price"]["amount"] == 20_000, changed.text
    assert [(await seller.ask("DELETE", path)).status_code for _ in range(2)] == [204, 204]
    problem_of(await buy(other, first.json(), "razorpay"), 409, "not-offered")
    assert (await offer(seller, ticket_id)).status_code == 201


async def test_of_a_cancelled_show_whoever_holds_the_ticket_gets_what_they_paid(shows, buyers, rows):
    """The seller was paid by the buyer; the show gives back to the buyer, and nobody twice."""
    show = await resold_show(shows)
    seller, booking = await ticketed(buyers, show, *show.seats[:2])
    listing = await listed(seller, booking)
    buyer = await buyers.make(wallet=40_000)
    bought = (await buy(buyer, listing)).json()
    await buyer.until_ticketed(bought["id"])
    await until_sold(rows, listing)
    ticket = next(t for t in (await seller.ask("GET", "/v1/tickets")).json()["items"] if t["status"] == "valid")
    second = await listed(seller, {"tickets": [ticket["id"]]})

    organiser = await rows.fetchval(
        "SELECT e.organiser_id FROM show w JOIN event e ON e.id = w.event_id WHERE w.id = $1", uuid.UUID(show.id)
    )
    asked = uuid.uuid4()
    await rows.execute(
        "INSERT INTO show_cancellation (id, show_id, organiser_id, reason, asked_by) VALUES ($1, $2, $3, 'rain', $4)",
        asked, uuid.UUID(show.id), organiser, seller.id,
    )  # fmt: skip
    await buyer.until_refunded(bought["id"], 1, within=30)
    await seller.until_refunded(booking["id"], 1, within=30)
    assert (await balance(rows, buyer), await balance(rows, seller)) == (40_000, 36_000 + PRICE)
    assert (await as_it_stands(buyer, second))["status"] == "ended"
    problem_of(await buy(buyer, second), 409, "show-closed")
    assert await live_tickets(rows, show) == {}


async def test_lanes_and_sagas_killed_in_the_middle_hand_over_once(shows, buyers, rows, product):
    show = await resold_show(shows)
    seller, booking = await ticketed(buyers, show, show.seats[0])
    listing = await listed(seller, booking)
    buyer = await buyers.make(wallet=40_000)
    workers = [name for name in product.processes if "lane" in name or "saga" in name]
    killed = [product.kill(name) for name in workers]
    key = new_key()
    assert (await buy(buyer, listing, key=key, wait=0)).status_code == 202
    for worker in killed:
        worker.start()
    product.wait_until_ready()
    bought = (await buy(buyer, listing, key=key)).json()
    await buyer.until_ticketed(bought["id"], within=60)
    await until_sold(rows, listing)
    assert (await balance(rows, seller), await balance(rows, buyer)) == (36_000, 0)
    assert await live_tickets(rows, show) == {show.seats[0]: buyer.id}
