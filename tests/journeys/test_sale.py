"""The main road: hold seats, pay, and have the tickets in the mailbox; by Razorpay, by wallet, and for nothing."""

import asyncio

from box_office import problem_of

PAID_BY_RAZORPAY = [
    "seats_held", "payment_ready", "money_captured", "seats_confirmed", "tickets_issued", "pdf_made", "letter_sent",
]  # fmt: skip


async def test_a_buyer_books_pays_and_has_tickets_and_a_letter(show, buyer, emulator, mailbox, rows):
    seats = show.seats[3:5]
    held = await buyer.hold(show, *seats)
    assert held["status"] == "held" and held["place"] == 1 and held["ahead"] is None
    assert (held["lane"], [seat["id"] for seat in held["seats"]]) == (show.lane, list(seats))
    assert held["amounts"]["total"] == {"amount": 100_000, "currency": "INR"}
    assert {seat["status"] for seat in held["seats"]} == {"held"}

    order = await buyer.until_payable(held["id"])
    assert (await emulator.order(order))["amount"] == 100_000
    paid = await emulator.pay(order)
    confirmed = await buyer.until_ticketed(held["id"])
    assert confirmed["payment"]["status"] == "captured" and confirmed["refunds"] == []
    assert {seat["status"] for seat in confirmed["seats"]} == {"sold"}
    assert (await emulator.payment(paid["razorpay_payment_id"]))["refunded"] == 0

    letter = await mailbox.until_letter(buyer.email)
    assert held["code"] in f"{letter['subject']} {letter['text']}"
    [ticket] = [file for file in letter["attachments"] if file["content_type"] == "application/pdf"]
    pdf = await mailbox.attachment(letter, ticket["name"])
    assert pdf.startswith(b"%PDF-")
    downloaded = await buyer.ask("GET", f"/v1/bookings/{held['id']}/tickets.pdf")
    assert downloaded.content == pdf and downloaded.headers["content-type"] == "application/pdf"

    states = await rows.fetch(
        "SELECT id, state, booking_id::text FROM seat WHERE show_id = $1 AND state <> 'free'", show.id
    )
    assert {tuple(row) for row in states} == {(seat, "sold", held["id"]) for seat in seats}


async def test_the_timeline_tells_the_sale_in_order(show, buyer, emulator):
    held = await buyer.hold(show, show.seats[0])
    await emulator.pay(await buyer.until_payable(held["id"]), "captured")
    await buyer.until_told(held["id"], "letter_sent")
    items = (await buyer.ask("GET", f"/v1/bookings/{held['id']}/timeline")).json()["items"]
    assert [item["n"] for item in items] == list(range(1, len(items) + 1))
    assert [item["at"] for item in items] == sorted(item["at"] for item in items)
    told = [item["event"] for item in items]
    assert [event for event in told if event in PAID_BY_RAZORPAY and event != "money_captured"] == [
        event for event in PAID_BY_RAZORPAY if event != "money_captured"
    ]
    assert told.index("payment_ready") < told.index("money_captured") < told.index("seats_confirmed")
    assert items[-1]["step"] == "ended"


async def test_a_wallet_pays_at_once_and_only_once(show, buyers, mailbox, rows):
    buyer = await buyers.make(wallet=120_000)
    held = await buyer.hold(show, *show.seats[:2], wallet=True)
    confirmed = await buyer.until_ticketed(held["id"])
    assert confirmed["payment"] == {"method": "wallet", "status": "captured"}
    await mailbox.until_letter(buyer.email)
    entries = await rows.fetch(
        "SELECT -amount, balance_after FROM ledger_entry WHERE account = 'wallet' AND owner = $1 AND amount > 0",
        buyer.id,
    )
    assert [tuple(entry) for entry in entries] == [(-100_000, 20_000)]


async def test_a_wallet_that_holds_too_little_frees_the_seats(show, buyers, rows):
    """Whoever waits is told so at once; the booking keeps the very same problem."""
    buyer, other = await buyers.make(wallet=49_999), await buyers.make(wallet=50_000)
    wish = {"seats": [show.seats[0]], "payment": {"method": "wallet"}}
    problem = problem_of(await buyer.wish(show, wish), 409, "wallet-too-low")
    assert (problem["balance"], problem["place"]) == (49_999, 1)
    failed = await buyer.until_status(problem["booking_id"], "failed")
    assert failed["refusal"] == {name: value for name, value in problem.items() if name != "request_id"}
    assert [seat["status"] for seat in failed["seats"]] == ["released"] and failed["tickets"] == []
    assert await rows.fetchval("SELECT balance FROM wallet WHERE user_id = $1", buyer.id) == 49_999

    seated = await other.hold(show, show.seats[0], wallet=True)
    await other.until_ticketed(seated["id"])


async def test_a_free_show_needs_no_payment(shows, buyer, mailbox):
    show = await shows.make(price=0)
    held = await buyer.hold(show, show.seats[0])
    confirmed = await buyer.until_ticketed(held["id"])
    assert confirmed["amounts"]["total"]["amount"] == 0
    assert confirmed["payment"]["method"] == "none"
    await mailbox.until_letter(buyer.email)


async def test_everybody_of_a_small_crowd_gets_what_is_due_in_order(shows, buyers, rows):
    """Twelve buyers for eight seats: the first eight of the log have them, whoever answered first."""
    show = await shows.make(8, per_row=8)
    crowd = [await buyers.make() for _ in range(12)]
    answers = await asyncio.gather(*(buyer.wish(show, {"quantity": 1}) for buyer in crowd))
    bodies = sorted((answer.json() for answer in answers), key=lambda body: body["place"])
    assert [body["place"] for body in bodies] == list(range(1, 13))
    assert [body["status"] for body in bodies] == ["held"] * 8 + [409] * 4
    offsets = [body["offset"] for body in bodies[:8]]
    assert offsets == sorted(offsets)
    assert {seat["id"] for body in bodies[:8] for seat in body["seats"]} == set(show.seats)
    assert await rows.fetchval("SELECT count(*) FROM seat WHERE show_id = $1 AND state = 'held'", show.id) == 8
