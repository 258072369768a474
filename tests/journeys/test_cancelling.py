"""Seats given back, shows cancelled and postponed: every rupee goes back once, to whom it belongs, and each is told."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

from box_office import PRICE, new_key, problem_of, until

from sagas.terms import Fees, Rules, Tax

#: A show so soon that nobody gives seats back any more.
SOON = timedelta(hours=2)


async def cancel(buyer, booking_id, key="", **body):
    headers = {"Idempotency-Key": key or new_key()}
    return await buyer.ask("POST", f"/v1/bookings/{booking_id}/cancellations", json=body, headers=headers)


async def test_a_booking_given_back_is_refunded_whole_to_its_source_and_its_seats_are_free_again(
    show, buyer, buyers, emulator, mailbox, rows, paid, balance
):
    booking = await paid(buyer, show, *show.seats[:2])
    answer = await cancel(buyer, booking["id"])
    assert answer.status_code == 202, answer.text
    assert sorted(answer.json()["seats"]) == sorted(show.seats[:2])
    assert (answer.json()["amount"]["amount"], answer.json()["retained"]["amount"]) == (2 * PRICE, 0)
    refunded = await buyer.until_status(booking["id"], "refunded")
    assert [(r["amount"]["amount"], r["to"], r["status"]) for r in refunded["refunds"]] == [
        (2 * PRICE, "source", "processed")
    ]
    assert {seat["status"] for seat in refunded["seats"]} == {"cancelled"}
    statuses = await rows.fetch("SELECT DISTINCT status FROM ticket WHERE booking_id = $1", uuid.UUID(booking["id"]))
    assert [row["status"] for row in statuses] == ["cancelled"]
    problem_of(await buyer.ask("GET", f"/v1/bookings/{booking['id']}/tickets.pdf"), 404)
    [captured] = await rows.fetch("SELECT * FROM capture WHERE booking_id = $1", uuid.UUID(booking["id"]))
    payment = await emulator.payment(captured["provider_payment_id"])
    assert payment["refunded"] == payment["amount"] == 2 * PRICE
    assert await balance("booking", booking["id"]) == 0

    async def told():
        return {letter["subject"].strip().split(":")[0] for letter in await mailbox.letters(buyer.email)}

    await until("both letters have come", lambda: _equal(told, {"Your tickets", "Cancelled", "Your money is back"}))
    other = await buyers.make(wallet=2 * PRICE)
    again = await other.hold(show, *show.seats[:2], wallet=True)
    await other.until_ticketed(again["id"])


async def _equal(look, wanted):
    return await look() == wanted


async def test_some_seats_given_back_leave_the_others_their_tickets(show, buyer, rows, paid, balance):
    booking = await paid(buyer, show, *show.seats[:3])
    answer = await cancel(buyer, booking["id"], seats=[show.seats[1]], refund_to="wallet")
    assert answer.status_code == 202, answer.text
    left = await buyer.until_refunded(booking["id"])
    assert left["status"] == "confirmed"
    assert [seat["status"] for seat in left["seats"]] == ["sold", "cancelled", "sold"]
    assert await balance("wallet", buyer.id) == PRICE
    look = "SELECT count(*) FROM ticket WHERE booking_id = $1 AND status = 'valid'"
    assert await rows.fetchval(look, uuid.UUID(booking["id"])) == 2

    async def printed():
        return (await buyer.ask("GET", f"/v1/bookings/{booking['id']}/tickets.pdf")).status_code == 200

    await until("the tickets that are left are printed", printed)
    rest = await cancel(buyer, booking["id"])
    assert sorted(rest.json()["seats"]) == sorted([show.seats[0], show.seats[2]])
    done = await buyer.until_refunded(booking["id"], 2)
    assert done["status"] == "refunded"
    items = (await buyer.ask("GET", f"/v1/bookings/{booking['id']}/cancellations")).json()["items"]
    assert [(item["amount"]["amount"], item["status"]) for item in items] == [(PRICE, "done"), (2 * PRICE, "done")]


async def test_fees_and_their_tax_stay_when_a_buyer_cancels_and_shares_sum_up_exactly(shows, buyer, paid, balance):
    rules = Rules(
        fees=Fees(per_ticket=1_000, per_booking=777, basis_points=150), tax=Tax(basis_points=1_800), refund_percent=90
    )
    show = await shows.make(rules=rules)
    booking = await paid(buyer, show, *show.seats[:3])
    path = f"/v1/bookings/{booking['id']}/cancellations/quote"
    quote = (await buyer.ask("GET", path, params={"seats": f"{show.seats[0]},{show.seats[2]}"})).json()
    one = 0.9 * (PRICE + 0.18 * PRICE)
    assert all(abs(seat["back"]["amount"] - one) <= 1 for seat in quote["seats"])
    answer = await cancel(buyer, booking["id"], seats=[show.seats[0], show.seats[2]])
    assert (answer.json()["amount"], answer.json()["retained"]) == (quote["amount"], quote["retained"])
    last = await cancel(buyer, booking["id"])
    total = sum(each.json()[name]["amount"] for each in (answer, last) for name in ("amount", "retained"))
    assert total == booking["amounts"]["total"]["amount"]
    await buyer.until_refunded(booking["id"], 2)
    assert await balance("booking", booking["id"]) == 0


async def test_after_the_policy_s_time_nothing_comes_back_and_nothing_is_done(shows, buyer, paid):
    show = await shows.make(closes_in=SOON)
    booking = await paid(buyer, show, show.seats[0])
    problem_of(await cancel(buyer, booking["id"]), 409, "too-late")
    problem_of(await buyer.ask("GET", f"/v1/bookings/{booking['id']}/cancellations/quote"), 409, "too-late")
    problem_of(await buyer.ask("DELETE", f"/v1/bookings/{booking['id']}"), 409, "too-late")
    assert (await buyer.booking(booking["id"]))["status"] == "confirmed"


async def test_twenty_cancellations_of_one_booking_at_once_are_one_refund(show, buyer, paid):
    booking = await paid(buyer, show, show.seats[0])
    key = new_key()
    answers = await asyncio.gather(
        *(cancel(buyer, booking["id"]) for _ in range(10)), *(cancel(buyer, booking["id"], key) for _ in range(10))
    )
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 202}) == 1
    for answer in answers:
        if answer.status_code == 409:
            problem_of(answer, 409, "nothing-to-cancel")
    refunded = await buyer.until_status(booking["id"], "refunded")
    assert len(refunded["refunds"]) == 1


async def test_a_key_used_for_other_seats_is_refused_and_cancels_nothing_more(show, buyer, paid):
    booking = await paid(buyer, show, *show.seats[:2])
    key = new_key()
    assert (await cancel(buyer, booking["id"], key, seats=[show.seats[0]])).status_code == 202
    problem_of(await cancel(buyer, booking["id"], key, seats=[show.seats[1]]), 422, "key-reused")
    assert (await cancel(buyer, booking["id"], key, seats=[show.seats[0]])).status_code == 202
    kept = await buyer.until_refunded(booking["id"])
    assert [seat["status"] for seat in kept["seats"]] == ["cancelled", "sold"]


async def test_nobody_cancels_anothers_booking_and_no_seat_twice(show, buyer, buyers, paid):
    booking = await paid(buyer, show, *show.seats[:2])
    stranger = await buyers.make()
    problem_of(await cancel(stranger, booking["id"]), 404)
    problem_of(await stranger.ask("DELETE", f"/v1/bookings/{booking['id']}"), 404)
    problem_of(await cancel(buyer, booking["id"], seats=[show.seats[5]]), 422)
    await cancel(buyer, booking["id"], seats=[show.seats[0]])
    problem_of(await cancel(buyer, booking["id"], seats=[show.seats[0]]), 409, "nothing-to-cancel")


async def test_a_held_booking_that_is_given_up_is_free_at_once_and_its_late_money_goes_back(
    show, buyer, buyers, emulator
):
    held = await buyer.hold(show, show.seats[0])
    order = await buyer.until_payable(held["id"])
    assert (await buyer.ask("DELETE", f"/v1/bookings/{held['id']}")).status_code == 202
    await buyer.until_status(held["id"], "cancelled")
    other = await buyers.make(wallet=PRICE)
    await other.hold(show, show.seats[0], wallet=True)
    await emulator.pay(order)
    await buyer.until_status(held["id"], "refunded")


async def test_a_cancelled_show_gives_everybody_all_their_money_back_and_tells_each_once(
    shows, buyers, organiser, emulator, mailbox, paid, balance
):
    show = await shows.make(rules=Rules(fees=Fees(per_ticket=500), refund_until_hours=None))
    card, wallet, holder = await buyers.make(), await buyers.make(wallet=10 * PRICE), await buyers.make()
    by_card = await paid(card, show, *show.seats[:2])
    by_wallet = await wallet.hold(show, show.seats[3], wallet=True)
    await wallet.until_ticketed(by_wallet["id"])
    held = await holder.hold(show, show.seats[5])
    order = await holder.until_payable(held["id"])
    answers = [
        await organiser.ask("POST", f"/v1/shows/{show.id}/cancel", json={"reason": "The singer is ill"})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202], answers[0].text
    cancellation = answers[0].json()["id"]
    assert answers[1].json()["id"] == cancellation

    async def done():
        told = (await organiser.ask("GET", f"/v1/cancellations/{cancellation}")).json()
        return told if told["status"] == "done" else None

    told = (await until("the show's bookings are cancelled", done, within=40))["shows"][0]
    assert (told["cancelled"], told["left"], told["refunds_done"], told["refunds_failed"]) == (2, 0, 2, 0)
    for buyer, booking in ((card, by_card), (wallet, by_wallet)):
        back = await buyer.until_status(booking["id"], "refunded")
        assert sum(r["amount"]["amount"] for r in back["refunds"]) == back["amounts"]["total"]["amount"]
    assert (await holder.until_status(held["id"], "cancelled"))["refunds"] == []
    await emulator.pay(order)
    await holder.until_status(held["id"], "refunded")
    assert await balance("wallet", wallet.id) == 10 * PRICE
    for buyer in (card, wallet):

        async def cancelled(buyer=buyer):
            return [one for one in await mailbox.letters(buyer.email) if one["subject"].strip().startswith("Cancelled")]

        [letter] = await until("the letter has come", cancelled)
        assert "this show has been cancelled" in letter["text"].lower()
    shown = (await organiser.ask("GET", f"/v1/shows/{show.id}")).json()
    assert shown["status"] == "cancelled"
    late = await buyers.make()
    refused = problem_of(await late.wish(show, {"seats": [show.seats[9]]}), 409, "show-closed")
    assert refused["reason"] == "cancelled"


async def test_another_organiser_cancels_nothing_and_sees_no_progress(shows, show, organiser, buyers):
    stranger = await buyers.make()
    await stranger.ask("POST", "/v1/organisers", json={"legal_name": "Others Ltd", "support_email": "a@example.com"})
    problem_of(await stranger.ask("POST", f"/v1/shows/{show.id}/cancel", json={"reason": "envy"}), 404)
    cancelled = await organiser.ask("POST", f"/v1/shows/{show.id}/cancel", json={"reason": "rain"})
    problem_of(await stranger.ask("GET", f"/v1/cancellations/{cancelled.json()['id']}"), 404)


async def test_a_cascade_goes_on_where_it_was_when_the_sweeps_and_the_saga_worker_die(
    shows, buyers, organiser, product, rows, balance
):
    show = await shows.make(60, per_row=20)
    crowd = [await buyers.make(wallet=PRICE) for _ in range(30)]
    held = await asyncio.gather(
        *(one.hold(show, seat, wallet=True) for one, seat in zip(crowd, show.seats, strict=False))
    )
    for one, booking in zip(crowd, held, strict=True):
        await one.until_ticketed(booking["id"], within=30)
    asked = await organiser.ask("POST", f"/v1/shows/{show.id}/cancel", json={"reason": "a flood"})
    for kind in ("sweeps", "saga"):
        product.kill(kind).start()
    product.wait_until_ready()

    async def done():
        told = (await organiser.ask("GET", f"/v1/cancellations/{asked.json()['id']}")).json()
        return told["status"] == "done"

    await until("the cascade is done", done, within=60)
    assert await rows.fetchval(
        "SELECT count(*) FROM booking WHERE show_id = $1 AND state <> 'cancelled'", uuid.UUID(show.id)
    ) == 0  # fmt: skip
    for one in crowd:
        assert await balance("wallet", one.id) == PRICE


async def test_a_postponed_show_keeps_its_tickets_and_gives_all_money_back_until_the_time_that_was_told(
    shows, buyers, organiser, mailbox, paid
):
    rules = Rules(fees=Fees(per_ticket=500), refund_until_hours=None)
    show = await shows.make(rules=rules)
    stays, goes = await buyers.make(), await buyers.make()
    kept = await paid(stays, show, show.seats[0])
    given = await paid(goes, show, show.seats[1])
    problem_of(await cancel(goes, given["id"]), 409, "too-late")
    begins = (datetime.now(UTC) + timedelta(days=20)).replace(hour=12, minute=0, second=0, microsecond=0)
    until_when = datetime.now(UTC) + timedelta(days=5)
    body = {"starts_at": begins.isoformat(), "refund_until": until_when.isoformat()}
    moved = await organiser.ask("POST", f"/v1/shows/{show.id}/postpone", json=body)
    assert moved.status_code == 200, moved.text
    assert moved.json()["status"] == "postponed"
    assert datetime.fromisoformat(moved.json()["starts_at"]) == begins
    for buyer in (stays, goes):

        async def told(buyer=buyer):
            return [
                one for one in await mailbox.letters(buyer.email) if one["subject"].strip().startswith("A new time")
            ]

        assert len(await until("the letter has come", told)) == 1
    quote = (await goes.ask("GET", f"/v1/bookings/{given['id']}/cancellations/quote")).json()
    assert quote["whole"] and quote["amount"] == given["amounts"]["total"]
    assert (await cancel(goes, given["id"])).status_code == 202
    await goes.until_status(given["id"], "refunded")
    assert (await stays.booking(kept["id"]))["status"] == "confirmed"


async def test_a_venue_that_is_given_up_cancels_all_its_coming_shows(buyers):
    from test_organiser import FLOOR, a_body, made

    organiser = await a_body(buyers)
    venue = await made(organiser, "/v1/venues", {
        "name": "Old Mill", "city": "Pune", "country": "IN", "address": "1 Road", "time_zone": "Asia/Kolkata",
        "opens": "00:00", "closes": "00:00"})  # fmt: skip
    hall = await made(organiser, f"/v1/venues/{venue['id']}/halls", {"name": "Main", "sections": [FLOOR]})
    event = await made(organiser, "/v1/events", {"title": "Last Dance", "kind": "concert"})
    starts = [(datetime.now(UTC) + timedelta(days=days)).isoformat() for days in (5, 6)]
    shows = (await made(organiser, f"/v1/events/{event['id']}/shows", {
        "hall_id": hall["id"], "starts_at": starts, "currency": "INR",
        "prices": [{"section_id": hall["sections"][0]["id"], "amount": PRICE}]}))["items"]  # fmt: skip
    await made(organiser, f"/v1/events/{event['id']}/publish", None, 200)
    buyer = await buyers.make(wallet=PRICE)
    wish = {"quantity": 1, "payment": {"method": "wallet"}}
    booked = (await buyer.wish(shows[1]["id"], wish)).json()
    await buyer.until_ticketed(booked["id"])
    asked = await made(organiser, f"/v1/venues/{venue['id']}/deactivate", {"reason": "The mill is sold"}, 202)
    assert {show["show_id"] for show in asked["shows"]} == {show["id"] for show in shows}

    async def done():
        return (await organiser.ask("GET", f"/v1/cancellations/{asked['id']}")).json()["status"] == "done"

    await until("all shows are cancelled", done, within=40)
    await buyer.until_status(booked["id"], "refunded")
    refused = await organiser.ask("POST", f"/v1/events/{event['id']}/shows", json={
        "hall_id": hall["id"], "starts_at": starts[0], "currency": "INR",
        "prices": [{"section_id": hall["sections"][0]["id"], "amount": PRICE}]})  # fmt: skip
    problem_of(refused, 409)


async def test_late_money_for_a_standing_area_gets_another_place_there(shows, buyers, emulator):
    show = await shows.make(2, standing=2, hold_seconds=5, closes_in=timedelta(days=2))
    late, other = await buyers.make(), await buyers.make(wallet=PRICE)
    area = (await late.ask("GET", f"/v1/shows/{show.id}")).json()["sections"][1]["id"]
    held = await late.hold(show, quantity=1, section_id=area)
    order = await late.until_payable(held["id"])
    await late.until_status(held["id"], "expired")
    taken = await other.hold(show, quantity=1, section_id=area, wallet=True)
    await other.until_ticketed(taken["id"])
    assert taken["seats"][0]["id"] == held["seats"][0]["id"]
    await emulator.pay(order)
    seated = await late.until_ticketed(held["id"])
    assert seated["seats"][0]["id"] != taken["seats"][0]["id"]
