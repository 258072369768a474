"""Sales under a show's rules, on the whole product: what is kept, what it costs, coupons, sales that cost nothing."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from box_office import problem_of, until
from test_killed_workers import owner_of

from sagas.messages import AmendShow, BlockSeats, Changes, SetCoupon, UnblockSeats
from sagas.terms import CouponTerms, Fees, Presale, Rules, Tax, TicketType

TYPES = (TicketType("adult", percent=100), TicketType("child", percent=50))
PRICED = Rules(ticket_types=TYPES, fees=Fees(per_ticket=1_000), tax=Tax(basis_points=1_800))


def amounts(shown: dict) -> dict[str, int]:
    parts = ("seats", "discount", "fees", "tax", "total")
    return {name: shown["amounts"][name]["amount"] for name in parts}


async def test_a_quote_is_what_the_booking_then_costs_and_keeps_nothing(shows, buyer, rows):
    show = await shows.make(rules=PRICED)
    assert await shows.tell(show, SetCoupon, code="TEN", terms=CouponTerms(percent=10)) == "coupon-set"
    wish = {"quantity": 3, "ticket_types": {"adult": 2, "child": 1}, "coupon": "ten"}
    quoted = await buyer.ask("POST", f"/v1/shows/{show.id}/quote", json=wish)
    assert quoted.status_code == 200, quoted.text
    quote = quoted.json()
    assert amounts(quote) == {"seats": 125_000, "discount": 12_500, "fees": 3_000, "tax": 20_790, "total": 136_290}
    assert await rows.fetchval("SELECT count(*) FROM seat WHERE show_id = $1 AND state <> 'free'", show.id) == 0
    held = await buyer.hold(show, **wish)
    assert amounts(held) == amounts(quote)
    assert held["amounts"]["coupon"] == "TEN"
    assert sorted(seat["ticket_type"] for seat in held["seats"]) == ["adult", "adult", "child"]
    for part in ("discount", "fees", "tax", "total"):
        assert sum(seat[part]["amount"] for seat in held["seats"]) == amounts(held)[part]
    assert [s["total"]["amount"] for s in held["seats"]] == [s["total"]["amount"] for s in quote["seats"]]


async def test_the_price_comes_from_the_show_and_never_from_the_client(shows, buyer):
    show = await shows.make(rules=PRICED)
    for body in (
        {"quantity": 1, "price": 1},
        {"seats": [{"id": show.seats[0], "price": 1}]},
        {"quantity": 1, "total": 0},
    ):
        problem_of(await buyer.wish(show, body), 422, "invalid")


async def test_each_ticket_type_is_on_its_ticket(shows, buyer, rows):
    show = await shows.make(rules=Rules(ticket_types=(TicketType("child", amount=0),)))
    held = await buyer.hold(show, seats=[{"id": show.seats[0], "ticket_type": "child"}])
    await buyer.until_ticketed(held["id"])
    assert await rows.fetchval("SELECT ticket_type FROM ticket WHERE booking_id = $1", held["id"]) == "child"


@pytest.mark.parametrize("free", ["show", "coupon"])
async def test_what_costs_nothing_is_confirmed_at_once_without_a_payment(shows, buyer, free):
    show = await shows.make(price=0 if free == "show" else 50_000, rules=Rules(fees=Fees(per_ticket=500)))
    await shows.tell(show, SetCoupon, code="ALL", terms=CouponTerms(percent=100))
    held = await buyer.wish(show, {"quantity": 2} | ({"coupon": "ALL"} if free == "coupon" else {}))
    booking = await buyer.until_ticketed(held.json()["id"])
    assert booking["payment"]["method"] == "none"
    assert booking["amounts"]["total"]["amount"] == 0


async def test_of_two_hundred_who_use_a_coupon_at_once_one_gets_it(shows, buyers):
    show = await shows.make(200, rules=Rules())
    await shows.tell(show, SetCoupon, code="ONCE", terms=CouponTerms(percent=50, max_uses=1))
    crowd = [await buyers.make() for _ in range(200)]
    answers = await asyncio.gather(*(buyer.wish(show, {"quantity": 1, "coupon": "ONCE"}) for buyer in crowd))
    held = [answer for answer in answers if answer.status_code == 201]
    assert len(held) == 1
    for answer in answers:
        if answer is not held[0]:
            assert problem_of(answer, 409, "coupon-refused")["reason"] == "used-up"
    [buyer] = [buyer for buyer, answer in zip(crowd, answers, strict=True) if answer is held[0]]
    refused = await buyer.ask("POST", f"/v1/shows/{show.id}/quote", json={"quantity": 1, "coupon": "ONCE"})
    assert problem_of(refused, 409, "coupon-refused")["reason"] == "used-up"


async def test_a_coupon_is_given_back_when_the_hold_lapses(shows, buyers):
    show = await shows.make(rules=Rules(), hold_seconds=1)
    await shows.tell(show, SetCoupon, code="ONCE", terms=CouponTerms(amount=1, max_uses=1))
    first, second = await buyers.make(), await buyers.make()
    held = await first.hold(show, quantity=1, coupon="ONCE")
    problem_of(await second.wish(show, {"quantity": 1, "coupon": "ONCE"}), 409, "coupon-refused")
    await first.until_status(held["id"], "expired")
    assert (await second.wish(show, {"quantity": 1, "coupon": "ONCE"})).status_code == 201


async def test_refusals_of_a_choice_say_which_seats_and_what_else_there_is(shows, buyer):
    show = await shows.make(rules=Rules(single_seats="refuse"), accessible=(9,))
    alone = problem_of(await buyer.wish(show, {"seats": [show.seats[1]]}), 409, "orphan-seat")
    assert alone["seats"] == [show.seats[0]]
    assert alone["alternatives"] == [show.seats[0]]
    kept = problem_of(await buyer.wish(show, {"seats": [show.seats[9]]}), 409, "accessible-only")
    assert kept["seats"] == [show.seats[9]]
    held = await buyer.hold(show, quantity=2, accessible=True)
    assert show.seats[9] in [seat["id"] for seat in held["seats"]]


async def test_seats_and_standing_places_are_one_booking(shows, buyer):
    show = await shows.make(standing=3)
    shown = (await buyer.ask("GET", f"/v1/shows/{show.id}")).json()
    [floor] = [section["id"] for section in shown["sections"] if section["kind"] == "standing"]
    held = await buyer.hold(show, show.seats[0], standing=[{"section_id": floor, "quantity": 2}])
    assert [seat["section"] for seat in held["seats"]] == ["Stalls", "Floor", "Floor"]
    wish = {"quantity": 1, "standing": [{"section_id": floor, "quantity": 2}]}
    assert problem_of(await buyer.wish(show, wish), 409, "sold-out")["left"] == 1
    wrong = {"quantity": 1, "standing": [{"section_id": show.section_id, "quantity": 2}]}
    problem_of(await buyer.wish(show, wrong), 422, "invalid")


async def test_a_quantity_is_never_silently_reduced(shows, buyer):
    show = await shows.make(3)
    assert problem_of(await buyer.wish(show, {"quantity": 4}), 409, "sold-out")["left"] == 3
    bad = {"quantity": 3, "ticket_types": {"adult": 2}}
    problem_of(await buyer.wish(show, bad), 422, "invalid")


async def test_ids_of_another_show_are_refused_and_never_silently_dropped(shows, buyer, rows):
    show, other = await shows.make(rules=Rules()), await shows.make(rules=Rules())
    problem_of(await buyer.wish(show, {"seats": [show.seats[0], other.seats[0]]}), 422, "invalid")
    assert await rows.fetchval("SELECT count(*) FROM booking WHERE buyer_id = $1", buyer.id) == 0


async def test_a_presale_is_for_those_with_its_code(shows, buyer):
    now = datetime.now(UTC)
    presale = Presale("Fans", now - timedelta(hours=1), now + timedelta(hours=1), ("LOVE",))
    show = await shows.make(rules=Rules(presales=(presale,)), opens_in=timedelta(hours=1))
    assert problem_of(await buyer.wish(show, {"quantity": 1}), 409, "show-closed")["reason"] == "not-open"
    assert (await buyer.wish(show, {"quantity": 1, "access_code": "LOVE"})).status_code == 201
    shown = (await buyer.ask("GET", f"/v1/shows/{show.id}")).json()
    assert shown["presales"][0]["name"] == "Fans"
    assert "LOVE" not in str(shown)


async def test_what_a_lane_was_told_stands_when_another_worker_takes_it_over(shows, buyers, rows, product):
    """Blocks, coupons with their uses and amended terms are read back from the tables."""
    show = await shows.make(rules=Rules())
    await shows.tell(show, BlockSeats, seats=(show.seats[0],))
    await shows.tell(show, SetCoupon, code="ONCE", terms=CouponTerms(percent=50, max_uses=1))
    await shows.tell(show, AmendShow, changes=Changes(max_seats_per_booking=2, single_seats="refuse"))
    buyer = await buyers.make()
    await buyer.hold(show, quantity=1, coupon="ONCE")
    name = await owner_of(rows, product, show.lane)
    begun = product.logged(name, "worker_ready")
    product.kill(name).start()
    product.wait_until_ready()
    other = await buyers.make()
    assert problem_of(await other.wish(show, {"quantity": 3}), 409, "limit-reached")["limit"] == 2
    problem_of(await other.wish(show, {"quantity": 1, "coupon": "ONCE"}), 409, "coupon-refused")
    problem_of(await other.wish(show, {"seats": [show.seats[0]]}), 409, "seat-taken")
    problem_of(await other.wish(show, {"seats": [show.seats[18]]}), 409, "orphan-seat")
    assert await shows.tell(show, UnblockSeats, seats=(show.seats[0],)) == "unblocked"
    await until("the worker is at work again", lambda: has_logged(product, name, begun))


async def has_logged(product, name, before):
    return product.logged(name, "worker_ready") > before
