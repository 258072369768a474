"""Holds that end: seats are free again at once, and money that comes later is seated or given back, to the rupee."""

import asyncio
from datetime import UTC, datetime, timedelta

from box_office import PRICE, until

#: The shortest hold that a show may have.
SHORT = 5
FREE_AGAIN_SECONDS = 2.0


async def seat_states(buyer, show):
    answer = await buyer.ask("GET", f"/v1/shows/{show.id}/seats")
    return {
        seat["id"]: seat["state"]
        for section in answer.json()["sections"]
        for row in section["rows"]
        for seat in row["seats"]
    }


async def expire(buyer, booking_id):
    return await buyer.until_status(booking_id, "expired", within=SHORT + 10)


async def test_seats_are_free_again_within_two_seconds_of_the_hold_s_end(shows, buyers):
    show = await shows.make(hold_seconds=SHORT)
    buyer, other = await buyers.make(), await buyers.make()
    held = await buyer.hold(show, *show.seats[:2])
    held_until = datetime.fromisoformat(held["held_until"])
    assert timedelta(seconds=SHORT - 2) < held_until - datetime.now(UTC) <= timedelta(seconds=SHORT)
    assert (await seat_states(buyer, show))[show.seats[0]] == "held"

    async def is_free():
        return (await seat_states(buyer, show))[show.seats[0]] == "free"

    await until("the seats are free again", is_free, within=SHORT + FREE_AGAIN_SECONDS + 5)
    late = datetime.now(UTC) - held_until
    assert timedelta(0) <= late <= timedelta(seconds=FREE_AGAIN_SECONDS), late
    expired = await buyer.booking(held["id"])
    assert expired["status"] == "expired" and expired["tickets"] == []
    assert [seat["status"] for seat in expired["seats"]] == ["released"] * 2
    await other.hold(show, *show.seats[:2])


async def test_an_expired_booking_s_key_stays_spent(shows, buyer):
    show = await shows.make(hold_seconds=SHORT)
    body = {"seats": [show.seats[0]]}
    first = await buyer.wish(show, body, key="the-one-key")
    await expire(buyer, first.json()["id"])
    again = await buyer.wish(show, body, key="the-one-key")
    assert again.status_code == first.status_code == 201
    assert (again.json()["id"], again.json()["status"]) == (first.json()["id"], "expired")
    assert (await seat_states(buyer, show))[show.seats[0]] == "free"


async def test_late_money_is_seated_while_the_seats_are_free(shows, buyer, emulator, mailbox):
    show = await shows.make(hold_seconds=SHORT)
    held = await buyer.hold(show, *show.seats[:2])
    order = await buyer.until_payable(held["id"])
    await expire(buyer, held["id"])
    paid = await emulator.pay(order)
    confirmed = await buyer.until_ticketed(held["id"])
    assert confirmed["refunds"] == [] and {seat["status"] for seat in confirmed["seats"]} == {"sold"}
    assert (await emulator.payment(paid["razorpay_payment_id"]))["refunded"] == 0
    assert (await seat_states(buyer, show))[show.seats[0]] == "sold"
    await mailbox.until_letter(buyer.email)


async def test_late_money_goes_back_when_somebody_else_has_a_seat(shows, buyers, emulator, mailbox):
    show = await shows.make(hold_seconds=SHORT)
    late, other = await buyers.make(), await buyers.make(wallet=PRICE)
    held = await late.hold(show, *show.seats[:2])
    order = await late.until_payable(held["id"])
    await expire(late, held["id"])
    seated = await other.hold(show, show.seats[1], wallet=True)
    await other.until_ticketed(seated["id"])

    paid = await emulator.pay(order)
    await late.until_refunded(held["id"])
    refunded = await late.until_status(held["id"], "refunded")
    assert refunded["refunds"][0]["amount"] == {"amount": 2 * PRICE, "currency": "INR"}
    assert refunded["refunds"][0]["to"] == "source" and refunded["tickets"] == []
    ledger = await emulator.payment(paid["razorpay_payment_id"])
    assert (ledger["amount"], ledger["refunded"], len(ledger["refunds"])) == (2 * PRICE, 2 * PRICE, 1)
    states = await seat_states(late, show)
    assert (states[show.seats[0]], states[show.seats[1]]) == ("free", "sold")
    letter = await mailbox.until_letter(late.email)
    assert letter["subject"].strip().startswith("Your money is on its way back: ")
    assert "had gone to somebody else" in " ".join(letter["text"].split()) and "₹1,000.00" in letter["text"]


async def test_money_authorized_after_the_hold_s_end_is_taken_only_with_the_seats(shows, buyers, emulator):
    """Seats are gone: the provider's authorization is left to lapse, and nothing was ever captured."""
    show = await shows.make(hold_seconds=SHORT)
    late, other = await buyers.make(), await buyers.make()
    held = await late.hold(show, show.seats[0])
    order = await late.until_payable(held["id"])
    await expire(late, held["id"])
    await other.hold(show, show.seats[0])
    paid = await emulator.pay(order, "authorized")
    await late.until_told(held["id"], "money_authorized")
    await asyncio.sleep(1)  # time in which a wrong capture would happen
    assert (await emulator.payment(paid["razorpay_payment_id"]))["captured"] is False
    assert (await late.booking(held["id"]))["status"] == "expired"


async def test_paying_races_with_the_hold_s_end_and_nobody_loses_money(shows, buyers, emulator):
    """Eight buyers pay around the very moment; each is either seated or paid back, and the ledger agrees."""
    show = await shows.make(8, per_row=8, hold_seconds=SHORT)

    async def play(seat, before_seconds):
        buyer = await buyers.make()
        held = await buyer.hold(show, seat)
        order = await buyer.until_payable(held["id"])
        pause = (datetime.fromisoformat(held["held_until"]) - datetime.now(UTC)).total_seconds() - before_seconds
        await asyncio.sleep(max(pause, 0))
        paid = await emulator.pay(order)
        ended = await buyer.until(
            held["id"], "seated or paid back",
            lambda b: (b["status"] == "confirmed" and len(b["tickets"]) == 1)
            or (b["status"] == "refunded" and b["refunds"][0]["status"] == "processed"),
        )  # fmt: skip
        ledger = await emulator.payment(paid["razorpay_payment_id"])
        assert ledger["refunded"] == (0 if ended["status"] == "confirmed" else PRICE), ended
        return ended["status"]

    statuses = await asyncio.gather(*(play(seat, 0.35 - 0.1 * index) for index, seat in enumerate(show.seats)))
    assert set(statuses) == {"confirmed"}, "nobody else wanted the seats, so even late money is seated"
