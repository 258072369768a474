"""The main road: hold seats, pay, and have the tickets in the mailbox; by Razorpay, by wallet, and for nothing."""

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

    states = await rows.fetch("SELECT id, state, booking_id::text FROM seat WHERE show_id = $1 AND state <> 'free'", show.id)
    assert {tuple(row) for row in states} == {(seat, "sold", held["id"]) for seat in seats}


async def test_the_timeline_tells_the_sale_in_order(show, buyer, emulator, mailbox):
    held = await buyer.hold(show, show.seats[0])
    await emulator.pay(await buyer.until_payable(held["id"]))
    await mailbox.until_letter(buyer.email)

    await buyer.until_ticketed(held["id"])
    answer = await buyer.ask("GET", f"/v1/bookings/{held['id']}/timeline")
    items = answer.json()["items"]
    assert [item["n"] for item in items] == list(range(1, len(items) + 1))
    assert [item["at"] for item in items] == sorted(item["at"] for item in items)
    events = [item["event"] for item in items]
    assert [event for event in events if event in PAID_BY_RAZORPAY] == PAID_BY_RAZORPAY[: len(events)]
