"""Money given back out of goodwill: the tickets stay good, the organiser bears it, and no rupee goes back twice."""

import asyncio
import uuid

from box_office import PRICE, new_key, problem_of, until

from loadtest.checks.tables import TABLE_CHECKS
from store.sql import query

WHY = "A column stood before your seats"
#: What the books are asked, and may not say of the booking.
BOOKS = [query("verify_money"), query("verify_ledger"), query("verify_wallets")]
BOOKS += [check.wrong for check in TABLE_CHECKS if "$1" not in check.wrong]


async def payments(organiser, show, booking):
    """What was paid for the booking, by way to pay, as its organiser is told."""
    found = (await organiser.ask("GET", f"/v1/shows/{show.id}/bookings")).json()["items"]
    [mine] = [item for item in found if item["booking"]["id"] == booking["id"]]
    return {payment["method"]: payment["id"] for payment in mine["payments"]}


async def give(organiser, payment, key="", to="source", reason=WHY, **body):
    headers = {"Idempotency-Key": key or new_key()}
    body = {"to": to, "reason": reason} | body
    return await organiser.ask("POST", f"/v1/payments/{payment}/refunds", json=body, headers=headers)


async def borne(rows, booking):
    """What organisers have borne out of goodwill for the booking."""
    look = """SELECT coalesce(sum(e.amount), 0)::bigint FROM ledger_entry e
        JOIN ledger_transaction t ON t.id = e.transaction_id
        WHERE t.kind = 'goodwill' AND e.account = 'organiser' AND t.booking_id = $1"""
    return await rows.fetchval(look, uuid.UUID(booking["id"]))


async def check_books(rows, booking):
    """Nothing that the books' checks find wrong is about this booking."""
    known = await rows.fetch(
        """SELECT id::text FROM refund WHERE booking_id = $1 UNION ALL SELECT provider_payment_id FROM capture
        WHERE booking_id = $1 UNION ALL SELECT id::text FROM cancellation WHERE booking_id = $1""",
        uuid.UUID(booking["id"]),
    )
    names = [booking["id"], *(row["id"] for row in known)]
    for asked in BOOKS:
        wrong = [" ".join(map(str, row.values())) for row in await rows.fetch(asked)]
        assert not [line for line in wrong if any(name in line for name in names)], asked


async def test_a_payment_given_back_in_parts_leaves_the_tickets_good_and_ends_when_nothing_is_left(
    show, buyer, organiser, emulator, mailbox, rows, paid, balance
):
    booking = await paid(buyer, show, *show.seats[:2])
    payment, key = (await payments(organiser, show, booking))["razorpay"], new_key()
    answers = await asyncio.gather(*(give(organiser, payment, key, amount=300) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {202}, answers[0].text
    [refund] = {answer.json()["id"] for answer in answers}
    told = answers[0].json()
    assert (told["amount"], told["to"], told["reason"]) == ({"amount": 300, "currency": "INR"}, "source", WHY)
    seen = await buyer.until_refunded(booking["id"])
    assert seen["status"] == "confirmed" and [r["id"] for r in seen["refunds"]] == [refund]
    again = await give(organiser, payment, key, amount=300)
    assert (again.status_code, again.json()["id"], again.json()["status"]) == (202, refund, "processed")
    for other in ({"amount": 301}, {"amount": 300, "reason": "Another"}, {"amount": 300, "to": "wallet"}):
        problem_of(await give(organiser, payment, key, **other), 422, "key-reused")
    problem = problem_of(await give(organiser, payment, amount=2 * PRICE), 409, "nothing-left")
    assert problem["left"]["amount"] == 2 * PRICE - 300
    await check_books(rows, booking)

    rest = await give(organiser, payment)
    assert (rest.status_code, rest.json()["amount"]["amount"]) == (202, 2 * PRICE - 300), rest.text
    seen = await buyer.until_refunded(booking["id"], 2)
    assert seen["status"] == "confirmed" and {seat["status"] for seat in seen["seats"]} == {"sold"}
    problem_of(await give(organiser, payment), 409, "nothing-left")
    problem_of(await give(organiser, payment, amount=1), 409, "nothing-left")
    look = "SELECT count(*) FROM ticket WHERE booking_id = $1 AND status = 'valid'"
    assert await rows.fetchval(look, uuid.UUID(booking["id"])) == 2
    [captured] = await rows.fetch("SELECT * FROM capture WHERE booking_id = $1", uuid.UUID(booking["id"]))
    assert (await emulator.payment(captured["provider_payment_id"]))["refunded"] == 2 * PRICE
    assert await borne(rows, booking) == 2 * PRICE
    assert await balance("booking", booking["id"]) == 0

    async def written():
        return [x for x in await mailbox.letters(buyer.email) if x["subject"].strip().startswith("Your money is back")]

    async def both():
        return len(await written()) == 2

    await until("both letters have come", both)
    for letter in await written():
        text = " ".join(letter["text"].split())
        assert f"Their reason: {WHY}" in text and "every ticket of it that was good is good still" in text
    await check_books(rows, booking)

    cancelled = await buyer.ask(
        "POST", f"/v1/bookings/{booking['id']}/cancellations", json={}, headers={"Idempotency-Key": new_key()}
    )
    assert cancelled.status_code == 202, cancelled.text
    await buyer.until_told(booking["id"], "seats_cancelled")
    seen = await buyer.booking(booking["id"])
    assert seen["status"] == "cancelled" and len(seen["refunds"]) == 2
    assert await balance("booking", booking["id"]) == 0
    await check_books(rows, booking)


async def test_a_cancellation_after_goodwill_gives_back_only_what_is_left(
    show, buyer, organiser, mailbox, rows, paid, balance
):
    booking = await paid(buyer, show, *show.seats[:2])
    payment = (await payments(organiser, show, booking))["razorpay"]
    assert (await give(organiser, payment, to="wallet", amount=PRICE + 700)).status_code == 202
    await buyer.until_refunded(booking["id"])
    assert await balance("wallet", buyer.id) == PRICE + 700
    quote = (await buyer.ask("GET", f"/v1/bookings/{booking['id']}/cancellations/quote")).json()
    assert (quote["amount"]["amount"], quote["retained"]["amount"]) == (PRICE - 700, 0)
    headers = {"Idempotency-Key": new_key()}
    await buyer.ask("POST", f"/v1/bookings/{booking['id']}/cancellations", json={}, headers=headers)
    seen = await buyer.until_status(booking["id"], "refunded")
    assert sorted(r["amount"]["amount"] for r in seen["refunds"]) == [PRICE - 700, PRICE + 700]
    problem_of(await give(organiser, payment, amount=1), 409, "conflict")
    look = """SELECT -sum(e.amount)::bigint FROM ledger_entry e JOIN ledger_transaction t ON t.id = e.transaction_id
        WHERE t.booking_id = $1 AND e.account = 'organiser'"""
    assert await rows.fetchval(look, uuid.UUID(booking["id"])) == 0, "what came for the sale has gone back, once"
    await check_books(rows, booking)

    async def told():
        letters = [x for x in await mailbox.letters(buyer.email) if x["subject"].strip().startswith("Cancelled")]
        return letters and "of it back to you before" in " ".join(letters[0]["text"].split())

    await until("the letter says what was given back before", told)


async def test_each_part_of_a_split_payment_is_given_back_by_itself(show, buyers, organiser, rows, paid, balance):
    buyer = await buyers.make(wallet=200)
    booking = await paid(buyer, show, show.seats[0], payment={"method": "razorpay", "from_wallet": 200})
    by = await payments(organiser, show, booking)
    problem_of(await give(organiser, by["wallet"], amount=201), 409, "nothing-left")
    key = new_key()
    for _ in range(2):
        assert (await give(organiser, by["wallet"], key)).json()["amount"]["amount"] == 200
    assert (await give(organiser, by["razorpay"])).json()["amount"]["amount"] == PRICE - 200
    await buyer.until_refunded(booking["id"], 2)
    assert await balance("wallet", buyer.id) == 200
    await check_books(rows, booking)


async def test_many_who_give_at_once_give_no_more_than_came_in(show, buyer, organiser, rows, paid, balance):
    booking = await paid(buyer, show, show.seats[0])
    payment = (await payments(organiser, show, booking))["razorpay"]
    part = PRICE // 3
    answers = await asyncio.gather(*(give(organiser, payment, to="wallet", amount=part) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [202] * 3 + [409] * 5
    await buyer.until_refunded(booking["id"], 3)
    assert await balance("wallet", buyer.id) == 3 * part == await borne(rows, booking)
    await check_books(rows, booking)


async def test_nothing_is_given_for_what_is_not_confirmed_or_was_sold_at_the_counter(show, buyer, organiser, rows):
    held = await buyer.hold(show, show.seats[0])
    await buyer.until_payable(held["id"])
    look = "SELECT id FROM payment WHERE booking_id = $1"
    problem_of(await give(organiser, await rows.fetchval(look, uuid.UUID(held["id"]))), 409, "conflict")
    sale = await organiser.ask(
        "POST", f"/v1/shows/{show.id}/sales", headers={"Idempotency-Key": new_key(), "Prefer": "wait=10"},
        json={"seats": [show.seats[5]], "method": "terminal", "customer": {"name": "Walk In"}},
    )  # fmt: skip
    assert sale.status_code == 201, sale.text
    payment = await rows.fetchval(look, uuid.UUID(sale.json()["id"]))
    problem_of(await give(organiser, payment), 409, "box-office-sale")


async def test_what_makes_no_sense_is_refused_and_others_payments_are_not_there(
    show, buyer, buyers, organiser, shows, rows, paid
):
    booking = await paid(buyer, show, show.seats[0])
    payment = (await payments(organiser, show, booking))["razorpay"]
    for body in ({"amount": 0}, {"amount": -1}, {"amount": 1.5}, {"amount": "1"}, {"amount": True}, {"reason": ""},
                 {"reason": "x" * 201}, {"to": "me"}, {"more": 1}):  # fmt: skip
        problem_of(await give(organiser, payment, **body), 422)
    problem_of(
        await organiser.ask("POST", f"/v1/payments/{payment}/refunds", json={"to": "source", "reason": WHY}), 400
    )
    absent = problem_of(await give(organiser, uuid.uuid4(), amount=1), 404)
    top_up = await buyer.ask(
        "POST", "/v1/wallet/topups", json={"amount": 10_000, "currency": "INR"}, headers={"Idempotency-Key": new_key()}
    )
    look = "SELECT payment_id FROM top_up WHERE id = $1"
    of_nobody = await rows.fetchval(look, uuid.UUID(top_up.json()["id"]))
    assert problem_of(await give(organiser, of_nobody), 404) | {"request_id": ""} == absent | {"request_id": ""}
    for person in (buyer, await shows.staffed_by(await buyers.make(), "box-office")):
        problem_of(await give(person, payment, amount=1), 403)
    assert (await buyer.booking(booking["id"]))["refunds"] == []


async def test_the_organiser_s_statement_and_record_say_what_was_given_and_why(show, buyer, organiser, rows, paid):
    booking = await paid(buyer, show, show.seats[0])
    payment = (await payments(organiser, show, booking))["razorpay"]
    given = (await give(organiser, payment, amount=400)).json()
    look = """SELECT c.detail FROM change_record c
        WHERE c.action = 'payment.refund' AND c.object_id = $1 AND c.actor_id = $2"""
    [noted] = await rows.fetch(look, payment, organiser.id)
    assert given["id"] in noted["detail"] and WHY in noted["detail"]
    lines, cursor = [], None
    while cursor is not None or not lines:
        params = {"limit": 100} | ({"cursor": cursor} if cursor else {})
        page = (await organiser.ask("GET", "/v1/organiser/statement", params=params)).json()
        lines, cursor = lines + page["lines"], page["next_cursor"]
    mine = [(line["amount"]["amount"], line["note"]) for line in lines
            if line["kind"] == "goodwill" and line["booking_id"] == booking["id"]]  # fmt: skip
    assert mine == [(-400, WHY)]


async def test_goodwill_that_the_provider_refuses_waits_for_an_operator(show, buyer, organiser, emulator, rows, paid):
    booking = await paid(buyer, show, show.seats[0])
    payment = (await payments(organiser, show, booking))["razorpay"]
    await emulator.fault("refund-fails", 1)
    assert (await give(organiser, payment, amount=400)).status_code == 202
    seen = await buyer.until(
        booking["id"], "the refund has failed", lambda b: [r["status"] for r in b["refunds"]] == ["failed"]
    )
    assert seen["status"] == "confirmed"
    problem_of(await give(organiser, payment, amount=PRICE), 409, "nothing-left")
    await check_books(rows, booking)
