"""Shows as organisers put them on: made with all their terms, changed, blocked, on record; nothing of another's."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from importlib import import_module
from uuid import UUID, uuid4

import pytest
from box_office import problem_of, until

from edge.operation import BODY_LIMIT_BYTES
from tests.edge.house import House, make_house


@pytest.fixture
async def house(rows, buyers) -> House:
    return await make_house(rows, buyers)


async def test_a_show_is_made_with_all_its_terms_and_its_seats_are_there_when_it_answers(house, buyers, rows):
    await house.ask(
        "PATCH", "/v1/organiser/settings", json={"fees": {"per_ticket": 100}, "tax": {"basis_points": 1800}}
    )
    made = await house.put_on(
        hold_seconds=60, max_seats_per_booking=4, max_seats_per_buyer=6, max_live_holds=3, single_seats="refuse",
        accessible_release_hours=2, refund_until_hours=None, refund_percent=80, resale={"max_percent": 110},
        ticket_types=[{"name": "child", "percent": 50}],
        presales=[{"name": "Fans", "opens_at": "2026-01-01T00:00:00Z", "access_codes": ["LOVE"]}],
        allocations=[{"name": "Bank", "access_code": "CARD", "section_id": house.stalls, "seats": ["A-1", "A-2"]}],
    )  # fmt: skip
    for name, value in {
        "hold_seconds": 60, "max_seats_per_booking": 4, "max_seats_per_buyer": 6, "max_live_holds": 3,
        "single_seats": "refuse", "accessible_release_hours": 2, "refund_until_hours": None, "refund_percent": 80,
        "resale": {"max_percent": 110, "fee_percent": 0, "until_hours": 2}, "status": "on_sale",
    }.items():  # fmt: skip
        assert made[name] == value
    assert [section["total"] for section in made["sections"]] == [12, 5]
    assert made["ticket_types"] == [{"id": "child", "name": "child", "percent": 50}]
    starts, ends = (datetime.fromisoformat(made[name]) for name in ("starts_at", "ends_at"))
    assert ends - starts == timedelta(minutes=120)
    assert datetime.fromisoformat(made["local_starts_at"]) == (starts + timedelta(hours=5.5)).replace(tzinfo=None)
    assert await rows.fetchval("SELECT count(*) FROM seat WHERE show_id = $1", made["id"]) == 17
    buyer, seats = await buyers.make(), await house.seats(made)
    assert (await buyer.ask("GET", f"/v1/shows/{made['id']}")).json() == made
    problem_of(await buyer.wish(made["id"], {"seats": [seats[0]]}), 409, "seat-taken")
    held = await buyer.wish(made["id"], {"seats": [seats[0], seats[1]], "access_code": "CARD"})
    assert held.json()["amounts"]["fees"]["amount"] == 200
    assert held.json()["amounts"]["tax"]["amount"] == 18_036
    assert "LOVE" not in str(made)
    assert "CARD" not in str(made)


def public_view(found):
    """The states of the seats by label, and what is left by section."""
    states = {line["label"] + seat["label"]: seat["state"] for part in found["sections"] for line in part["rows"]
              for seat in line["seats"]}  # fmt: skip
    return states, [section["left"] for section in found["sections"]]


async def test_what_a_partner_keeps_is_not_free_to_the_public_until_it_is_released(house, buyers):
    kept = [
        {"name": "Bank", "access_code": "CARD", "section_id": house.stalls, "seats": ["A-1", "A-2", "A-3"]},
        {"name": "Club", "access_code": "CLUB", "section_id": house.floor, "quantity": 2},
    ]
    show, buyer, partners = await house.put_on(allocations=kept), await buyers.make(), await buyers.make()
    path, seats = f"/v1/shows/{show['id']}", await house.seats(show)
    assert [section["left"] for section in show["sections"]] == [9, 3]

    async def public_map():
        answer = await buyer.ask("GET", f"{path}/seats")
        return answer, *public_view(answer.json())

    before, states, left = await public_map()
    assert [label for label, state in states.items() if state == "blocked"] == ["A1", "A2", "A3"]
    assert left == [9, 3]
    event = (await buyer.ask("GET", f"/v1/events/{show['event']['id']}")).json()
    assert event["shows"][0]["left"] == 12
    wish = {"seats": seats[:1], "standing": [{"section_id": house.floor, "quantity": 5}], "access_code": "CLUB"}
    problem_of(await partners.wish(show["id"], wish), 409, "seat-taken")
    assert (await partners.wish(show["id"], {"seats": seats[:1], "access_code": "CARD"})).status_code == 201
    quantity = {"quantity": 4, "section_id": house.floor, "access_code": "CLUB"}
    assert (await partners.wish(show["id"], quantity)).status_code == 201

    async def shows(first, left):
        _, states, counted = await public_map()
        return (states["A1"], states["A2"], counted) == (*first, left)

    await until("what the partner sold is held", lambda: shows(("held", "blocked"), [9, 0]))
    # released a moment ago: nothing changes hands, but the map, its name and the counts do
    released = [part | {"release_at": datetime.now(UTC).isoformat()} for part in kept]
    held, _, _ = await public_map()
    assert (await house.ask("PATCH", path, json={"allocations": released})).status_code == 200
    await until("the rest is free", lambda: shows(("held", "free"), [11, 1]))
    again = await buyer.ask("GET", f"{path}/seats", headers={"If-None-Match": held.headers["etag"]})
    assert again.status_code == 200
    assert again.json()["version"] == held.json()["version"] > before.json()["version"]
    assert "kept" not in again.json()


async def test_what_a_partner_keeps_is_left_neither_on_the_pages_nor_in_a_quote(house, buyers):
    bank = {"name": "Bank", "access_code": "CARD", "section_id": house.stalls, "rows": ["A", "B"]}
    show, buyer = await house.put_on(allocations=[bank]), await buyers.make()
    page = (await buyer.ask("GET", f"/events/{show['event']['id']}")).text
    assert "only 5 left" in page, page
    wish = {"quantity": 1, "section_id": house.stalls}
    quote = f"/v1/shows/{show['id']}/quote"
    for asked in (buyer.ask("POST", quote, json=wish), buyer.wish(show["id"], wish)):
        problem_of(await asked, 409, "sold-out")
    assert (await buyer.ask("POST", quote, json=wish | {"access_code": "CARD"})).status_code == 200
    kept = [bank, {"name": "Club", "access_code": "CLUB", "section_id": house.floor, "quantity": 5}]
    assert (await house.ask("PATCH", f"/v1/shows/{show['id']}", json={"allocations": kept})).status_code == 200
    page = (await buyer.ask("GET", f"/events/{show['event']['id']}")).text
    assert "left" not in page and "Sold out" in page, page
    found = {"q": show["event"]["title"], "status": "on_sale"}
    assert (await buyer.ask("GET", "/v1/events", params=found)).json()["items"] == []
    assert (await buyer.ask("GET", "/v1/search", params={"q": found["q"]})).json()["items"] == []
    assert (await house.ask("PATCH", f"/v1/shows/{show['id']}", json={"allocations": [bank]})).status_code == 200
    assert len((await buyer.ask("GET", "/v1/events", params=found)).json()["items"]) == 1


async def test_a_show_of_before_gets_what_its_lane_would_say_of_its_partners_places(house, buyers, rows):
    kept = [
        {
            "name": "Bank",
            "access_code": "CARD",
            "section_id": house.stalls,
            "rows": ["A"],
            "release_at": "2040-01-01T00:00:00Z",
        },
        {"name": "Club", "access_code": "CLUB", "section_id": house.floor, "quantity": 4},
        {"name": "Team", "access_code": "TEAM", "section_id": house.stalls, "seats": ["B-2", "B-5", "B-6"]},
    ]
    show, partner, other = await house.put_on(allocations=kept), await buyers.make(), await buyers.make()
    seats = await house.seats(show)
    wish = {"seats": [seats[1], seats[8]], "access_code": "CARD"}
    assert (await partner.wish(show["id"], wish)).status_code == 201
    wish = {"quantity": 3, "section_id": house.floor, "access_code": "CLUB"}
    assert (await partner.wish(show["id"], wish)).status_code == 201
    assert (await other.wish(show["id"], {"seats": [seats[10]], "access_code": "TEAM"})).status_code == 201
    said = "SELECT kept FROM show WHERE id = $1"
    by_the_lane = await rows.fetchval(said, UUID(show["id"]))
    assert by_the_lane is not None
    await rows.execute("UPDATE show SET kept = NULL WHERE id = $1", UUID(show["id"]))
    await rows.execute(import_module("store.migrations.0032_kept_places").OF_BEFORE)
    assert await rows.fetchval(said, UUID(show["id"])) == by_the_lane


async def test_a_map_with_other_prices_is_another_map(house, buyers):
    show, buyer = await house.put_on(), await buyers.make()
    path = f"/v1/shows/{show['id']}"
    before = await buyer.ask("GET", f"{path}/seats")
    known = {"If-None-Match": before.headers["etag"]}
    assert (await buyer.ask("GET", f"{path}/seats", headers=known)).status_code == 304
    prices = [{"section_id": house.stalls, "amount": 700}, {"section_id": house.floor, "amount": 800}]
    assert (await house.ask("PATCH", path, json={"prices": prices})).status_code == 200

    async def fetched():
        answer = await buyer.ask("GET", f"{path}/seats", headers=known)
        return answer if answer.status_code == 200 else None

    now = (await until("the map is another one", fetched)).json()
    assert now["version"] == before.json()["version"], "no seat has moved"
    assert [section["price"]["amount"] for section in now["sections"]] == [700, 800]


async def test_an_accessible_place_is_recognised_on_the_map_and_so_is_its_companions(house):
    found = (await house.ask("GET", f"/v1/shows/{(await house.put_on())['id']}/seats")).json()
    seats = {line["label"] + seat["label"]: seat for line in found["sections"][0]["rows"] for seat in line["seats"]}
    assert seats["B1"]["accessible"] is True
    assert seats["B1"]["state"] == "free", "whoever asks for an accessible place gets it"
    assert seats["B2"]["companion"] is True
    assert [label for label, seat in seats.items() if "accessible" in seat or "companion" in seat] == ["B1", "B2"]


async def test_several_shows_are_made_at_once_or_none_is(house, rows):
    event, first = await house.event(), datetime.now(UTC) + timedelta(days=60)
    starts = [(first + timedelta(hours=3 * n)).isoformat() for n in range(3)]
    answer = await house.ask("POST", f"/v1/events/{event}/shows", json=house.show(starts_at=starts))
    assert answer.status_code == 201, answer.text
    items = answer.json()["items"]
    assert [datetime.fromisoformat(show["starts_at"]) for show in items] == [*map(datetime.fromisoformat, starts)]
    later = [(first + timedelta(hours=24 + 3 * n)).isoformat() for n in (0, 1)]
    refused = await house.ask("POST", f"/v1/events/{event}/shows", json=house.show(starts_at=[*later, starts[1]]))
    assert problem_of(refused, 409, "hall-taken")["index"] == 2
    assert await rows.fetchval("SELECT count(*) FROM show WHERE event_id = $1", event) == 3


async def test_no_two_shows_overlap_in_a_hall_and_the_other_one_is_named(house):
    event = await house.event()
    made = await house.put_on(event)
    inside = (datetime.fromisoformat(made["starts_at"]) + timedelta(minutes=119)).isoformat()
    answer = await house.ask("POST", f"/v1/events/{event}/shows", json=house.show(starts_at=inside))
    assert problem_of(answer, 409, "hall-taken")["show"]["id"] == made["id"]
    await house.put_on(event, starts_at=made["ends_at"])


async def test_of_many_who_want_a_hall_at_once_one_gets_it(house):
    event, body = await house.event(), house.show()
    asked = [house.ask("POST", f"/v1/events/{event}/shows", json=body) for _ in range(8)]
    answers = await asyncio.gather(*asked)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7


async def test_times_are_of_the_venues_wall_and_within_its_hours(rows, buyers):
    house = await make_house(rows, buyers, "Europe/Berlin", "10:00", "02:00")
    event = await house.event()
    made = await house.put_on(event, starts_at="2027-03-27T20:00:00")
    assert made["starts_at"] == "2027-03-27T19:00:00Z"
    made = await house.put_on(event, starts_at="2027-03-28T20:00:00")
    assert made["starts_at"] == "2027-03-28T18:00:00Z", "clocks were put forward that morning"
    for starts, why in {
        "2027-03-28T02:30:00": "does not exist",
        "2027-10-31T02:30:00": "comes twice",
        "2027-06-01T09:59:00": "open from",
        "2027-06-02T00:30:00": "open from",
        "2027-06-01T09:59:00+02:00": "open from",
        "2020-01-01T12:00:00Z": "in the future",
    }.items():
        answer = await house.ask("POST", f"/v1/events/{event}/shows", json=house.show(starts_at=starts))
        problem = problem_of(answer, 422, "invalid")
        assert problem["errors"][0]["pointer"] == "/starts_at"
        assert why in problem["errors"][0]["detail"]
    await house.put_on(event, starts_at="2027-06-02T00:00:00")


def wrong_bodies(house: House):
    price = {"section_id": house.stalls, "amount": 100}
    other = {"section_id": house.floor, "amount": 100}
    presale = {"name": "Fans", "opens_at": "2090-01-01T00:00:00Z", "access_codes": ["A"]}
    allocation = {"name": "Bank", "access_code": "CARD", "section_id": house.stalls}
    return [
        ({"hall_id": str(uuid4())}, "/hall_id"),
        *(({"currency": wrong}, "/currency") for wrong in ("XXQ", "XXX", "XTS", "XAU", "DEM", "ZWL", "KPW")),
        ({"prices": [price, other | {"amount": 10**12}]}, "/prices/1/amount"),
        ({"prices": [price, other | {"amount": 50_000_001}]}, "/prices/1/amount"),
        ({"prices": [price, other | {"amount": 5_000_001}], "max_seats_per_booking": 100}, "/prices/1/amount"),
        ({"ticket_types": [{"name": "box", "amount": 50_000_001}]}, "/ticket_types/0"),
        (
            {
                "ticket_types": [{"name": "one", "percent": 100}, {"name": "two", "percent": 1000}],
                "prices": [price, other | {"amount": 5_000_001}],
            },
            "/ticket_types/1",
        ),
        ({"prices": [price, other | {"amount": 99}]}, "/prices/1/amount"),
        ({"prices": [price | {"amount": 1}, other]}, "/prices/0/amount"),
        ({"ticket_types": [{"name": "free", "amount": 0}, {"name": "child", "amount": 99}]}, "/ticket_types/1"),
        (
            {"ticket_types": [{"name": "child", "percent": 50}], "prices": [price | {"amount": 0}, other]},
            "/ticket_types/0",
        ),
        ({"prices": [price]}, "/prices"),
        ({"prices": [price, other, price]}, "/prices/2/section_id"),
        ({"prices": [price, other | {"section_id": "roof"}]}, "/prices/1/section_id"),
        ({"prices": [price, other | {"amount": -1}]}, "/prices/1/amount"),
        ({"prices": [price, other | {"amount": 1.5}]}, "/prices/1/amount"),
        ({"hold_seconds": 4}, "/hold_seconds"),
        ({"hold_seconds": 3601}, "/hold_seconds"),
        ({"ticket_types": [{"name": "child"}]}, "/ticket_types/0"),
        ({"ticket_types": [{"name": "child", "percent": 5, "amount": 1}]}, "/ticket_types/0"),
        ({"ticket_types": [{"name": "c", "percent": 5, "section_id": "x"}]}, "/ticket_types/0/section_id"),
        ({"ticket_types": [{"name": "c", "percent": 5}, {"name": "c", "amount": 5}]}, "/ticket_types/1/name"),
        ({"allocations": [allocation]}, "/allocations/0"),
        ({"allocations": [allocation | {"seats": ["A-7"]}]}, "/allocations/0/seats/0"),
        ({"allocations": [allocation | {"rows": ["A"]}, allocation | {"seats": ["A-1"]}]}, "/allocations/1"),
        ({"allocations": [allocation | {"quantity": 3}]}, "/allocations/0/quantity"),
        ({"allocations": [allocation | {"section_id": house.floor, "quantity": 6}]}, "/allocations/0/quantity"),
        ({"presales": [presale]}, "/presales/0/opens_at"),
        ({"sale_opens_at": "2190-01-01T00:00:00Z"}, "/sale_closes_at"),
        ({"sale_closes_at": "2190-01-01T00:00:00Z"}, "/sale_closes_at"),
        ({"ends_at": "2026-01-01T00:00:00Z"}, "/ends_at"),
        ({"refund_percent": 101}, "/refund_percent"),
        ({"price": 1}, "/price"),
    ]


async def test_bad_input_names_its_field_and_makes_nothing(house, rows):
    event = await house.event()
    for wrong, pointer in wrong_bodies(house):
        answer = await house.ask("POST", f"/v1/events/{event}/shows", json=house.show(**wrong))
        assert problem_of(answer, 422, "invalid")["errors"][0]["pointer"] == pointer, wrong
    assert await rows.fetchval("SELECT count(*) FROM show WHERE event_id = $1", event) == 0


async def test_a_place_is_free_or_costs_what_can_be_paid_at_least(house):
    """Its fee counts, for it is paid with it; what changes later is looked at then."""
    cheap = [{"section_id": house.stalls, "amount": 0}, {"section_id": house.floor, "amount": 100}]
    show = await house.put_on(prices=cheap)
    path = f"/v1/shows/{show['id']}"
    for change, pointer in (
        ({"prices": [cheap[0], cheap[1] | {"amount": 99}]}, "/prices/1/amount"),
        ({"ticket_types": [{"name": "child", "percent": 99}]}, "/ticket_types/0"),
    ):
        problem = problem_of(await house.ask("PATCH", path, json=change), 422, "invalid")["errors"][0]
        assert problem["pointer"] == pointer
        assert "₹1.00 at least" in problem["detail"]
    await house.ask("PATCH", "/v1/organiser/settings", json={"fees": {"per_booking": 60}})
    change = {"prices": [cheap[0], cheap[1] | {"amount": 40}], "charges": "current"}
    assert (await house.ask("PATCH", path, json=change)).status_code == 200
    await house.ask("PATCH", "/v1/organiser/settings", json={"fees": None})
    refused = await house.ask("PATCH", path, json={"charges": "current"})
    assert problem_of(refused, 422, "invalid")["errors"][0]["pointer"] == "/charges"


async def test_what_a_coupon_leaves_is_let_off_where_it_is_too_little_to_be_paid(house, buyers):
    show, buyer = await house.put_on(), await buyers.make()
    path, seats = f"/v1/shows/{show['id']}", await house.seats(show)
    for code, off in (("NEARLY", 49_901), ("LESS", 49_900)):
        assert (await house.ask("POST", f"{path}/coupons", json={"code": code, "amount": off})).status_code == 201
    for seat, code, total, method in ((0, "nearly", 0, "none"), (1, "less", 100, "razorpay")):
        wish = {"seats": [seats[seat]], "coupon": code}
        quoted = (await buyer.ask("POST", f"{path}/quote", json=wish)).json()["amounts"]
        held = (await buyer.wish(show["id"], wish)).json()
        assert held["amounts"] == quoted
        assert (quoted["total"]["amount"], held["payment"]["method"]) == (total, method)
        assert quoted["discount"]["amount"] == 50_000 - total
        if not total:
            await buyer.until_status(held["id"], "confirmed")


async def test_what_a_show_sells_can_be_paid_at_once_with_fees_and_tax(house):
    """The dearest booking that a show allows is at most what the provider takes, to the paisa."""
    dear = [{"section_id": house.stalls, "amount": 50_000_000}, {"section_id": house.floor, "amount": 100}]
    show = await house.put_on(prices=dear)
    path = f"/v1/shows/{show['id']}"
    for change, pointer in (
        ({"max_seats_per_booking": 11}, "/max_seats_per_booking"),
        ({"prices": [dear[0] | {"amount": 50_000_001}, dear[1]]}, "/prices/0/amount"),
        ({"ticket_types": [{"name": "patron", "percent": 101}]}, "/ticket_types/0"),
    ):
        refused = await house.ask("PATCH", path, json=change)
        problem = problem_of(refused, 422, "invalid")["errors"][0]
        assert problem["pointer"] == pointer
        assert "at most ₹50,00,000.00" in problem["detail"]
    taxed = await house.ask("PATCH", "/v1/organiser/settings", json={"tax": {"basis_points": 1}})
    assert taxed.status_code == 200
    answer = await house.ask("POST", f"/v1/events/{await house.event()}/shows", json=house.show(prices=dear))
    assert problem_of(answer, 422, "invalid")["errors"][0]["pointer"] == "/prices/0/amount"
    refused = await house.ask("PATCH", path, json={"charges": "current"})
    assert problem_of(refused, 422, "invalid")["errors"][0]["pointer"] == "/charges"
    assert (await house.ask("PATCH", path, json={"hold_seconds": 60})).status_code == 200
    for wrong in ({"per_ticket": 10**9}, {"per_booking": 10_000_001}):
        refused = await house.ask("PATCH", "/v1/organiser/settings", json={"fees": wrong})
        assert problem_of(refused, 422, "invalid")["errors"][0]["pointer"] == f"/fees/{next(iter(wrong))}"
    refused = await house.ask("POST", f"{path}/coupons", json={"code": "ALL", "amount": 10**12})
    assert problem_of(refused, 422, "invalid")["errors"][0]["pointer"] == "/amount"


async def test_a_change_counts_for_bookings_to_come_and_what_buyers_relied_on_stays(house, buyers):
    show, buyer = await house.put_on(), await buyers.make()
    path = f"/v1/shows/{show['id']}"
    moved = (datetime.fromisoformat(show["starts_at"]) + timedelta(days=365)).isoformat()
    changed = await house.ask("PATCH", path, json={"starts_at": moved, "refund_percent": 50})
    assert changed.status_code == 200, changed.text
    assert datetime.fromisoformat(changed.json()["starts_at"]) == datetime.fromisoformat(moved)
    held = await buyer.wish(show["id"], {"quantity": 1})
    refused = await house.ask("PATCH", path, json={"starts_at": show["starts_at"], "hold_seconds": 9})
    assert set(problem_of(refused, 409, "change-refused")["fields"]) == {"starts_at", "ends_at"}
    assert (await house.ask("GET", path)).json()["hold_seconds"] == 300, "nothing is half done"
    problem_of(await house.ask("PATCH", path, json={"refund_percent": 100}), 409, "change-refused")
    prices = [{"section_id": house.stalls, "amount": 700}, {"section_id": house.floor, "amount": 700}]
    assert (await house.ask("PATCH", path, json={"prices": prices, "hold_seconds": 9})).status_code == 200
    assert (await buyer.booking(held.json()["id"]))["amounts"]["total"]["amount"] == 50_000
    assert (await buyer.wish(show["id"], {"quantity": 1})).json()["amounts"]["total"]["amount"] == 700


async def test_a_show_is_not_moved_to_where_another_one_is(house):
    event = await house.event()
    one, two = await house.put_on(event), await house.put_on(event)
    answer = await house.ask("PATCH", f"/v1/shows/{one['id']}", json={"starts_at": two["starts_at"]})
    assert problem_of(answer, 409, "hall-taken")["show"]["id"] == two["id"]
    free = (datetime.fromisoformat(one["starts_at"]) + timedelta(days=700)).isoformat()
    assert (await house.ask("PATCH", f"/v1/shows/{one['id']}", json={"starts_at": free})).status_code == 200
    await house.put_on(event, starts_at=one["starts_at"])


async def test_of_two_who_move_to_one_time_at_once_the_second_is_told_who_was_first(house, rows):
    event = await house.event()
    shows = [await house.put_on(event) for _ in range(3)]
    for days in (300, 400, 500, 600):
        starts = (datetime.fromisoformat(shows[0]["starts_at"]) + timedelta(days=days)).isoformat()
        new = house.show(starts_at=starts) | {"ends_at": None}
        moves = [house.ask("PATCH", f"/v1/shows/{show['id']}", json={"starts_at": starts}) for show in shows]
        moves.append(house.ask("POST", f"/v1/events/{event}/shows", json=new))
        answers = await asyncio.gather(*moves)
        [first] = [answer for answer in answers if answer.status_code in (200, 201)]
        assert first.json()["starts_at"] == starts.replace("+00:00", "Z")
        for answer in answers:
            if answer is not first:
                other = problem_of(answer, 409, "hall-taken")["show"]
                assert (other["id"], other["starts_at"]) == (first.json()["id"], first.json()["starts_at"])
    kept = await rows.fetch("SELECT wanted_by FROM hall_time WHERE hall_id = $1", house.hall)
    assert {row["wanted_by"] for row in kept} == {None}, "nothing is kept for a move that is decided"


async def test_a_hall_is_not_kept_for_a_move_that_was_refused(house, buyers):
    one, two, buyer = await house.put_on(), await house.put_on(), await buyers.make()
    await buyer.wish(one["id"], {"quantity": 1})
    starts = (datetime.fromisoformat(one["starts_at"]) + timedelta(days=300)).isoformat()
    problem_of(await house.ask("PATCH", f"/v1/shows/{one['id']}", json={"starts_at": starts}), 409, "change-refused")
    assert (await house.ask("PATCH", f"/v1/shows/{two['id']}", json={"starts_at": starts})).status_code == 200
    back = await house.ask("PATCH", f"/v1/shows/{two['id']}", json={"starts_at": one["starts_at"]})
    assert problem_of(back, 409, "hall-taken")["show"]["id"] == one["id"], "the time it has stays its own"


async def test_a_hall_is_not_kept_for_a_move_that_says_more_than_a_lane_takes(house, rows):
    show = await house.put_on()
    starts = (datetime.fromisoformat(show["starts_at"]) + timedelta(days=300)).isoformat()
    opened = {"opens_at": "2026-01-01T00:00:00Z"}
    fans = [opened | {"name": f"Fans {of}", "access_codes": [f"FIRST{of}"]} for of in range(10)]
    moved = {"starts_at": starts, "presales": fans}
    # as much as a request may say; the lane is told the ids and the other times beside it
    for code in range((BODY_LIMIT_BYTES - len(json.dumps(moved, separators=(",", ":")))) // 43):
        fans[code % 10]["access_codes"].append(f"{code:040}")
    problem_of(await house.ask("PATCH", f"/v1/shows/{show['id']}", json=moved), 413)
    assert await rows.fetchval("SELECT count(*) FROM hall_time WHERE hall_id = $1", house.hall) == 1
    await house.put_on(starts_at=starts)


async def test_who_would_have_time_of_a_hall_waits_for_who_is_about_to(house, rows):
    """Else two whose times exclude each other could wait each for the other."""
    show, body = await house.put_on(), house.show()
    moved = {"starts_at": (datetime.fromisoformat(show["starts_at"]) + timedelta(days=300)).isoformat()}
    async with rows.acquire() as other:
        await other.execute("SELECT pg_advisory_lock(hashtextextended('hall ' || $1, 0))", f"{house.hall}")
        asked = [
            asyncio.create_task(house.ask("POST", f"/v1/events/{await house.event()}/shows", json=body)),
            asyncio.create_task(house.ask("PATCH", f"/v1/shows/{show['id']}", json=moved)),
        ]
        waiting = "SELECT count(*) = 2 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        try:
            await until("both wait", lambda: rows.fetchval(waiting))
        finally:
            await other.execute("SELECT pg_advisory_unlock(hashtextextended('hall ' || $1, 0))", f"{house.hall}")
    assert [answer.status_code for answer in await asyncio.gather(*asked)] == [201, 200]


async def test_admins_put_on_shows_for_any_body_that_is_not_closed(house, buyers, rows):
    admin, event = await buyers.make(role="admin"), await house.event()
    show = await house.put_on(event)
    named = {"Frontrow-Organiser": str(house.id)}
    shows, path = f"/v1/events/{event}/shows", f"/v1/shows/{show['id']}"
    for status, code in (("applied", 201), ("suspended", 201), ("closed", 403)):
        await rows.execute("UPDATE organiser SET status = $2 WHERE id = $1", house.id, status)
        answer = await admin.ask("POST", shows, json=house.show(), headers=named)
        assert answer.status_code == code, answer.text
        problem_of(await house.ask("POST", shows, json=house.show()), 403)
    problem_of(await admin.ask("PATCH", path, json={"hold_seconds": 60}, headers=named), 403, "organiser-not-approved")
    assert (await admin.ask("GET", f"{path}/bookings", headers=named)).status_code == 200, "what was is read"


async def test_an_event_that_sells_out_is_on_sale_again_when_places_come_free(house, buyers):
    show, buyer = await house.put_on(hold_seconds=5), await buyers.make()
    seats = await house.seats(show)
    path = f"/v1/shows/{show['id']}"
    blocked = await house.ask("POST", f"{path}/seats/block", json={"seats": seats[2:]})
    assert blocked.status_code == 200, blocked.text
    wish = {"seats": seats[:2], "standing": [{"section_id": house.floor, "quantity": 5}]}
    held = await buyer.wish(show["id"], wish)
    assert held.status_code == 201, held.text
    shown = await house.ask("POST", f"{path}/seats/block", json={"seats": seats[2:]})
    assert shown.json()["status"] == "sold_out"
    await buyer.until_status(held.json()["id"], "expired")
    shown = await house.ask("POST", f"{path}/seats/unblock", json={"seats": [seats[2]]})
    assert shown.json()["status"] == "on_sale"
    assert [section["left"] for section in shown.json()["sections"]] == [3, 5]


async def test_held_seats_are_not_blocked_and_then_none_is(house, buyers):
    show, buyer = await house.put_on(), await buyers.make()
    seats = await house.seats(show)
    await buyer.wish(show["id"], {"seats": [seats[0]]})
    answer = await house.ask("POST", f"/v1/shows/{show['id']}/seats/block", json={"seats": seats[:3]})
    assert problem_of(answer, 409, "seat-taken")["taken"] == [seats[0]]
    assert (await buyer.wish(show["id"], {"seats": [seats[1]]})).status_code == 201
    for wrong in (["0-0"], [seats[4], seats[4]]):
        answer = await house.ask("POST", f"/v1/shows/{show['id']}/seats/block", json={"seats": wrong})
        problem_of(answer, 422, "invalid")


async def test_coupons_are_made_changed_counted_and_ended(house, buyers):
    show, buyer = await house.put_on(), await buyers.make()
    path = f"/v1/shows/{show['id']}/coupons"
    made = await house.ask("POST", path, json={"code": "ten", "percent": 10, "max_uses": 1})
    assert made.status_code == 201, made.text
    assert (made.json()["code"], made.json()["uses"]) == ("TEN", 0)
    problem_of(await house.ask("POST", path, json={"code": "TEN", "percent": 10}), 409)
    for wrong in ({"code": "X"}, {"code": "X", "percent": 1, "amount": 1}, {"code": "a b", "percent": 1}):
        problem_of(await house.ask("POST", path, json=wrong), 422, "invalid")
    held = await buyer.wish(show["id"], {"quantity": 1, "coupon": "Ten"})
    assert held.json()["amounts"]["discount"]["amount"] == 5_000
    problem_of(await buyer.wish(show["id"], {"quantity": 1, "coupon": "TEN"}), 409, "coupon-refused")
    changed = await house.ask("PATCH", f"{path}/ten", json={"amount": 100, "max_uses": None})
    assert (changed.json()["percent"], changed.json()["amount"]["amount"], changed.json()["uses"]) == (None, 100, 1)
    assert (await house.ask("GET", path)).json()["items"] == [changed.json()]
    assert (await house.ask("DELETE", f"{path}/TEN")).status_code == 204
    assert (await house.ask("GET", path)).json()["items"] == []
    problem_of(await house.ask("DELETE", f"{path}/TEN"), 404)
    assert (await buyer.booking(held.json()["id"]))["amounts"]["discount"]["amount"] == 5_000


async def test_what_is_on_record_is_for_the_organiser_and_the_journals_head_for_everybody(house, buyers, rows):
    show, buyer = await house.put_on(), await buyers.make()
    path, ids = f"/v1/shows/{show['id']}", []
    for _ in range(2):
        ids.append((await buyer.wish(show["id"], {"quantity": 1})).json()["id"])
    pages = [(await house.ask("GET", f"{path}/bookings", params={"limit": 1})).json()]
    pages.append((await house.ask("GET", f"{path}/bookings", params={"cursor": pages[0]["next_cursor"]})).json())
    found = [item for page in pages for item in page["items"]]
    assert [item["booking"]["id"] for item in found] == ids[::-1]
    assert {item["buyer"]["email"] for item in found} == {buyer.email}
    journal = (await house.ask("GET", f"{path}/journal", params={"limit": 1})).json()
    rest = (await house.ask("GET", f"{path}/journal", params={"cursor": journal["next_cursor"]})).json()
    items = journal["items"] + rest["items"]
    assert [(item["command"], item["outcome"], item["place"]) for item in items] == [
        ("open_show", "opened", None), ("hold_seats", "held", 1), ("hold_seats", "held", 2),
    ]  # fmt: skip
    head = (await buyers.nobody().ask("GET", f"{path}/journal/head")).json()
    assert (head["place"], head["hash"]) == (2, items[-1]["hash"])
    assert head["decided_at"] == items[-1]["decided_at"]


async def test_nothing_of_another_organiser_is_seen_or_changed(house, rows, buyers):
    other, show = await make_house(rows, buyers), await house.put_on()
    path = f"/v1/shows/{show['id']}"
    for method, call, body in (
        ("POST", f"/v1/events/{await house.event()}/shows", other.show()),
        ("PATCH", path, {"hold_seconds": 9}),
        ("POST", f"{path}/seats/block", {"seats": await house.seats(show)}),
        ("POST", f"{path}/seats/unblock", {"seats": await house.seats(show)}),
        ("POST", f"{path}/coupons", {"code": "TEN", "percent": 10}),
        ("PATCH", f"{path}/coupons/TEN", {"percent": 10}),
        ("DELETE", f"{path}/coupons/TEN", None),
        ("GET", f"{path}/coupons", None),
        ("GET", f"{path}/bookings", None),
        ("GET", f"{path}/journal", None),
    ):
        problem_of(await other.ask(method, call, **({"json": body} if body else {})), 404, "not-found")
        answer = await (await buyers.make()).ask(method, call, **({"json": body} if body else {}))
        assert answer.status_code in (403, 404)
    foreign = await other.ask("POST", f"/v1/events/{await other.event()}/shows", json=house.show())
    assert problem_of(foreign, 422, "invalid")["errors"][0]["pointer"] == "/hall_id"


async def test_drafts_cancelled_events_and_past_shows_are_not_bookable(house, buyers, rows):
    buyer = await buyers.make()
    draft = await house.put_on(await house.event("draft"))
    problem_of(await buyer.wish(draft["id"], {"quantity": 1}), 404)
    problem_of(await buyer.ask("GET", f"/v1/shows/{draft['id']}/journal/head"), 404)
    over = await house.event("over")
    problem_of(await house.ask("POST", f"/v1/events/{over}/shows", json=house.show()), 409)
    closed = datetime.now(UTC) + timedelta(seconds=2)
    past = await house.put_on(sale_closes_at=closed.isoformat())
    await until("the sale has closed", lambda: has_status(house, past, "over"))
    assert problem_of(await buyer.wish(past["id"], {"quantity": 1}), 409, "show-closed")["reason"] == "over"


async def cancel(house, show):
    answer = await house.ask("POST", f"/v1/shows/{show['id']}/cancel", json={"reason": "a flood"})
    assert answer.status_code == 202, answer.text


async def event_status(asking, show, event, listed_as="published"):
    """The status of an event by itself, and in the list of those of a status at its show's time; or nothing there."""
    own = (await asking.ask("GET", f"/v1/events/{event}")).json()["status"]
    ends = (datetime.fromisoformat(show["starts_at"]) + timedelta(seconds=1)).isoformat()
    then = {"status": listed_as, "from": show["starts_at"], "to": ends, "limit": 100}
    listed = (await asking.ask("GET", "/v1/events", params=then)).json()["items"]
    return own, {item["id"]: item["status"] for item in listed}.get(str(event))


async def test_with_the_last_of_its_coming_shows_an_event_is_cancelled_and_a_new_one_brings_it_back(house, buyers):
    event, buyer = await house.event(), await buyers.make()
    first, second = await house.put_on(event), await house.put_on(event)
    await cancel(house, first)
    assert await event_status(buyer, second, event) == ("published", "published")
    await cancel(house, second)
    assert await event_status(buyer, second, event) == ("cancelled", None)
    assert await event_status(buyer, second, event, "on_sale") == ("cancelled", None)
    assert await event_status(buyer, second, event, "cancelled") == ("cancelled", "cancelled")
    own = (await house.ask("GET", "/v1/organiser/events", params={"status": "cancelled"})).json()["items"]
    assert [item["id"] for item in own] == [str(event)]
    found = (await buyer.ask("GET", "/v1/search", params={"q": f"Evening {event}"})).json()["items"]
    assert str(event) not in [item["id"] for item in found]
    problem_of(await house.ask("PATCH", f"/v1/events/{event}", json={"title": "Another"}), 409)

    third = await house.put_on(event)
    assert await event_status(buyer, third, event) == ("published", "published")
    await cancel(house, first)
    assert await event_status(buyer, third, event) == ("published", "published"), "told twice, it has a show to come"


async def test_an_event_is_cancelled_behind_an_edge_that_died_before_it_said_so(house, rows):
    event = await house.event()
    show = await house.put_on(event)
    await rows.execute(
        "INSERT INTO show_cancellation (id, show_id, organiser_id, reason, asked_by) VALUES ($1, $2, $3, 'rain', $3)",
        uuid4(), UUID(show["id"]), house.id,
    )  # fmt: skip

    async def is_cancelled():
        return await rows.fetchval("SELECT status FROM event WHERE id = $1", event) == "cancelled"

    await until("the event is cancelled", is_cancelled)


async def has_status(house, show, status):
    return (await house.ask("GET", f"/v1/shows/{show['id']}")).json()["status"] == status


async def test_a_draft_is_seen_and_prepared_by_its_organiser_only(house, buyers):
    show = await house.put_on(await house.event("draft"))
    path = f"/v1/shows/{show['id']}"
    assert (await house.ask("GET", path)).json() == show
    seats = await house.seats(show)
    blocked = await house.ask("POST", f"{path}/seats/block", json={"seats": seats[:1]})
    assert [section["left"] for section in blocked.json()["sections"]] == [11, 5]
    for call in (path, f"{path}/seats"):
        problem_of(await buyers.nobody().ask("GET", call), 404, "not-found")
        problem_of(await (await buyers.make()).ask("GET", call), 404, "not-found")


async def test_the_same_hall_at_two_times_is_two_sales(house, buyers):
    """A seat that is taken at one show is free at the other: what is locked is a seat of a show, not of the hall."""
    event = await house.event()
    early, late = await house.put_on(event), await house.put_on(event)
    one, two = await buyers.make(), await buyers.make()
    first, second = (await house.seats(early))[0], (await house.seats(late))[0]
    assert first != second
    assert (await one.wish(early["id"], {"seats": [first]})).status_code == 201
    assert (await two.wish(late["id"], {"seats": [second]})).status_code == 201
