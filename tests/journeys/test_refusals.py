"""Refusals: a reason, a place in line and a booking that says the same afterwards; best available; the caps."""

import asyncio
from datetime import timedelta

import pytest


async def refused(buyer, show, body, kind):
    """The wish is refused so, and the booking keeps the very same problem."""
    answer = await buyer.wish(show, body)
    assert answer.status_code == 409, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == f"/problems/{kind}" and problem["detail"] and problem["title"]
    booking = await buyer.booking(problem["booking_id"])
    assert (booking["status"], booking["place"]) == ("refused", problem["place"])
    assert booking["refusal"] == {name: value for name, value in problem.items() if name != "request_id"}
    assert booking["held_until"] is None and booking["payment"] is None and booking["tickets"] == []
    return problem


def rows_of(booking):
    return [(seat["row"], int(seat["label"])) for seat in booking["seats"]]


async def test_a_taken_seat_is_refused_with_alternatives_that_are_free(show, buyers):
    first, second = await buyers.make(), await buyers.make()
    await first.hold(show, *show.seats[:2])
    problem = await refused(second, show, {"seats": [show.seats[1], show.seats[2]]}, "seat-taken")
    assert problem["taken"] == [show.seats[1]] and problem["place"] == 2
    assert len(problem["alternatives"]) == 2
    held = await second.hold(show, *problem["alternatives"])
    assert {seat["id"] for seat in held["seats"]} == set(problem["alternatives"])


async def test_a_refused_wish_takes_none_of_its_seats(show, buyers, rows):
    first, second = await buyers.make(), await buyers.make()
    await first.hold(show, show.seats[5])
    await refused(second, show, {"seats": list(show.seats[4:7])}, "seat-taken")
    assert await rows.fetchval("SELECT count(*) FROM seat WHERE show_id = $1 AND state <> 'free'", show.id) == 1


async def test_the_best_available_sit_side_by_side_in_the_front_row(show, buyer):
    held = await buyer.hold(show, quantity=3, together=True)
    row, labels = {row for row, _ in rows_of(held)}, sorted(label for _, label in rows_of(held))
    assert row == {"A"} and labels == list(range(labels[0], labels[0] + 3))
    assert abs(labels[1] - 5.5) <= 1, "nearest the middle of ten seats"


async def test_a_party_that_fits_nowhere_together_is_split_unless_it_minds(shows, buyers):
    show = await shows.make(8, per_row=4)
    buyer = await buyers.make()
    problem = await refused(buyer, show, {"quantity": 5, "together": True}, "not-together")
    assert problem["left"] == 8
    held = await buyer.hold(show, quantity=5)
    sizes = sorted([row for row, _ in rows_of(held)].count(row) for row in ("A", "B"))
    assert sizes == [1, 4], "the fewest groups"


async def test_a_sold_out_show_says_how_many_are_left(shows, buyers):
    show = await shows.make(3, per_row=3)
    first, second = await buyers.make(), await buyers.make()
    await first.hold(show, quantity=2)
    assert (await refused(second, show, {"quantity": 2}, "sold-out"))["left"] == 1
    await second.hold(show, quantity=1)
    assert (await refused(first, show, {"quantity": 1}, "sold-out"))["left"] == 0


async def test_standing_places_are_given_by_number(shows, buyer, rows):
    show = await shows.make(4, per_row=4, standing=5)
    floor = await rows.fetchval("SELECT prices -> 1 ->> 'section_id' FROM show WHERE id = $1", show.id)
    held = await buyer.hold(show, quantity=4, section_id=floor)
    assert {seat["section"] for seat in held["seats"]} == {"Floor"} and len({seat["id"] for seat in held["seats"]}) == 4
    assert (await refused(buyer, show, {"quantity": 2, "section_id": floor}, "sold-out"))["left"] == 1


async def test_a_booking_has_at_most_ten_places(show, buyer):
    problem = await refused(buyer, show, {"seats": list(show.seats[:11])}, "limit-reached")
    assert problem["limit"] == 10
    assert (await refused(buyer, show, {"quantity": 100}, "limit-reached"))["limit"] == 10
    assert len((await buyer.hold(show, *show.seats[:10]))["seats"]) == 10


async def test_a_buyer_has_at_most_two_live_holds_for_a_show(show, buyers):
    buyer = await buyers.make(wallet=100_000)
    await buyer.hold(show, show.seats[0])
    second = await buyer.hold(show, show.seats[1])
    assert (await refused(buyer, show, {"seats": [show.seats[2]]}, "limit-reached"))["limit"] == 2
    assert second["status"] == "held"
    await (await buyers.make()).hold(show, show.seats[2])


async def test_a_hold_that_is_paid_for_no_longer_counts(show, buyers):
    buyer = await buyers.make(wallet=50_000)
    await buyer.hold(show, show.seats[0])
    paid = await buyer.hold(show, show.seats[1], wallet=True)
    await buyer.until_status(paid["id"], "confirmed")
    await buyer.hold(show, show.seats[2])


async def test_a_buyer_has_at_most_six_live_holds_over_all_shows(shows, buyer):
    """Asked for all at once, on different lanes: the cap is one row that the lanes share."""
    seven = [await shows.make(4) for _ in range(7)]
    answers = await asyncio.gather(*(buyer.wish(show, {"quantity": 1}) for show in seven))
    assert sorted(answer.status_code for answer in answers) == [201] * 6 + [409]
    [problem] = [answer.json() for answer in answers if answer.status_code == 409]
    assert problem["type"] == "/problems/limit-reached" and problem["limit"] == 6


async def test_a_show_may_limit_the_places_of_a_buyer(shows, buyers):
    show = await shows.make(max_seats_per_buyer=3)
    buyer = await buyers.make(wallet=100_000)
    paid = await buyer.hold(show, *show.seats[:2], wallet=True)
    await buyer.until_status(paid["id"], "confirmed")
    assert (await refused(buyer, show, {"quantity": 2}, "limit-reached"))["limit"] == 3
    await buyer.hold(show, quantity=1)


@pytest.mark.parametrize(
    "terms, reason",
    [({"closes_in": -60}, "over"), ({"opens_in": 3600}, "not-open")],
    ids=["its sale has ended", "its sale has not begun"],
)
async def test_a_show_that_is_not_on_sale_is_closed(shows, buyer, terms, reason):
    show = await shows.make(**{name: timedelta(seconds=seconds) for name, seconds in terms.items()})
    assert (await refused(buyer, show, {"quantity": 1}, "show-closed"))["reason"] == reason


async def test_a_past_show_is_over(shows, buyer, rows):
    show = await shows.make(sent=False)
    await rows.execute(
        """UPDATE show SET starts_at = now() - interval '5 h', ends_at = now() - interval '2 h',
        sale_closes_at = now() - interval '5 h', sale_opens_at = now() - interval '1 day' WHERE id = $1""",
        show.id,
    )
    await shows.open(show)
    assert (await refused(buyer, show, {"quantity": 1}, "show-closed"))["reason"] == "over"
    assert (await buyer.ask("GET", f"/v1/shows/{show.id}")).json()["status"] == "over"
