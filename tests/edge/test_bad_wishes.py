"""Wishes that are wrong by themselves: refused at once, in words that say where, and nothing of them is written."""

import json
import os
import uuid

import pytest
import redis.asyncio
from box_office import new_key, problem_of

from sagas.identity import booking_id_for


@pytest.fixture
async def other_show(shows):
    return await shows.make(4)


async def nothing_was_written(rows, show, buyer, key=""):
    """No command reached the lane, no row tells of it, no note was left, and nobody waits behind it."""
    assert (
        await rows.fetchval("SELECT count(*) FROM journal WHERE show_id = $1 AND command <> 'open_show'", show.id) == 0
    )
    assert await rows.fetchval("SELECT count(*) FROM booking WHERE buyer_id = $1", buyer.id) == 0
    assert await rows.fetchval("SELECT count(*) FROM buyer_holds WHERE buyer_id = $1", buyer.id) == 0
    async with redis.asyncio.Redis.from_url(os.environ["REDIS_URL"]) as live:
        assert await live.get(f"accepted_count:{show.id}") is None
        if key:
            booking_id = booking_id_for(uuid.UUID(os.environ["BOOKING_NAMESPACE"]), buyer.id, key)
            assert await live.get(f"accepted:{booking_id}") is None


async def send(buyer, show, content, **headers):
    usual = {"Idempotency-Key": new_key(), "Prefer": "wait=10", "Content-Type": "application/json"}
    return await buyer.ask("POST", f"/v1/shows/{show.id}/bookings", content=content, headers=usual | headers)


NOT_JSON = {
    "nothing": b"",
    "half an object": b'{"seats": ["',
    "a single quote": b"{'quantity': 1}",
    "two objects": b'{"quantity": 1}{"quantity": 1}',
    "not UTF-8": b'{"section_id": "\xff\xfe", "quantity": 1}',
    "a NUL": b'{"quantity": 1}\x00',
    "NaN": b'{"quantity": NaN}',
}


@pytest.mark.parametrize("content", NOT_JSON.values(), ids=NOT_JSON.keys())
async def test_what_is_no_json_is_400(show, buyer, rows, content):
    problem_of(await send(buyer, show, content), 400, "malformed")
    await nothing_was_written(rows, show, buyer)


@pytest.mark.parametrize("content", [b"[" * 60_000, b'{"payment":' * 5_000, b'{"seats":' + b"[" * 50_000])
async def test_a_body_as_deep_as_a_well_is_refused(show, buyer, rows, content):
    answer = await send(buyer, show, content)
    problem_of(answer, 400 if answer.status_code == 400 else 422)
    await nothing_was_written(rows, show, buyer)


MISFITS = {
    "a list": ([], ""),
    "a text": ("two seats, please", ""),
    "null": (None, ""),
    "an empty object": ({}, ""),
    "seats as a text": ({"seats": "A-1"}, "/seats"),
    "a number for a seat": ({"seats": [7]}, "/seats/"),
    "null for a seat": ({"seats": [None]}, "/seats/"),
    "no seat": ({"seats": []}, "/seats"),
    "an empty seat id": ({"seats": [""]}, "/seats/"),
    "a seat id that is too long": ({"seats": ["A" * 17]}, "/seats/"),
    "a quantity as text": ({"quantity": "2"}, "/quantity"),
    "half a place": ({"quantity": 1.5}, "/quantity"),
    "a true quantity": ({"quantity": True}, "/quantity"),
    "no place": ({"quantity": 0}, "/quantity"),
    "less than none": ({"quantity": -1}, "/quantity"),
    "101 places": ({"quantity": 101}, "/quantity"),
    "1,000 places": ({"quantity": 1_000}, "/quantity"),
    "more than any machine counts": ({"quantity": 10**30}, "/quantity"),
    "1,000 seats": ({"seats": [f"A-{n}" for n in range(1_000)]}, "/seats"),
    "an unknown field": ({"quantity": 1, "colour": "red"}, "/colour"),
    "an unknown field within": ({"quantity": 1, "payment": {"method": "wallet", "pin": "1234"}}, "/payment/pin"),
    "an unknown way to pay": ({"quantity": 1, "payment": {"method": "cash"}}, "/payment/method"),
    "a section that is not the show's": ({"quantity": 1, "section_id": str(uuid.UUID(int=7))}, "/section_id"),
    "a section of 65 letters": ({"quantity": 1, "section_id": "s" * 65}, "/section_id"),
    "together as a number": ({"quantity": 2, "together": 1}, "/together"),
}


@pytest.mark.parametrize("body, pointer", MISFITS.values(), ids=MISFITS.keys())
async def test_what_does_not_fit_is_422_and_says_where(show, buyer, rows, body, pointer):
    problem = problem_of(await send(buyer, show, json.dumps(body).encode()), 422)
    assert problem["errors"][0]["pointer"].startswith(pointer), problem
    await nothing_was_written(rows, show, buyer)


async def test_seats_and_quantity_exclude_each_other(show, buyer, rows):
    problem_of(await buyer.wish(show, {"seats": [show.seats[0]], "quantity": 1}), 422)
    problem_of(await buyer.wish(show, {"seats": [show.seats[0]], "together": True}), 422)
    problem_of(await buyer.wish(show, {"seats": [show.seats[0]], "section_id": show.section_id}), 422)
    await nothing_was_written(rows, show, buyer)


async def test_another_show_s_seat_is_refused_at_once(show, other_show, buyer, rows):
    problem = problem_of(await buyer.wish(show, {"seats": [show.seats[0], other_show.seats[0]]}), 422)
    assert problem["errors"][0]["pointer"] == "/seats/1"
    await nothing_was_written(rows, show, buyer)
    await nothing_was_written(rows, other_show, buyer)


@pytest.mark.parametrize("seat", ["A-1", "nonsense", "-", "0-0-0", "١-٢", "' OR 1=1 --"])
async def test_a_seat_that_is_none_is_refused_at_once(show, buyer, rows, seat):
    problem = problem_of(await buyer.wish(show, {"seats": [seat]}), 422)
    assert problem["errors"][0]["pointer"] == "/seats/0"
    await nothing_was_written(rows, show, buyer)


async def test_other_spellings_of_a_seat_are_no_seat(show, buyer, rows):
    """One seat has one id: the twenty-first of twenty, a leading nought, lower case and a blank name none."""
    prefix = show.seats[0].rpartition("-")[0]
    for seat in (f"{prefix}-M", f"{prefix}-00", f"{prefix}-a", f"{show.seats[0]} ", f"0{show.seats[0]}", f"{prefix}-"):
        problem_of(await buyer.wish(show, {"seats": [seat]}), 422)
    await nothing_was_written(rows, show, buyer)


async def test_the_same_seat_twice_is_refused_at_once(show, buyer, rows):
    seats = [show.seats[0], show.seats[1], show.seats[0]]
    problem = problem_of(await buyer.wish(show, {"seats": seats}), 422)
    assert problem["errors"][0]["pointer"] == "/seats/2"
    await nothing_was_written(rows, show, buyer)


BAD_KEYS = {
    "256 letters": "k" * 256,
    "4,000 letters": "k" * 4_000,
    "empty": "",
    "a blank within": "two words",
    "a tab": "a\tb",
    "beyond ASCII": "schlüssel".encode(),
}


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS.keys())
async def test_a_key_that_is_none_is_400(show, buyer, rows, key):
    problem = problem_of(await send(buyer, show, b'{"quantity": 1}', **{"Idempotency-Key": key}), 400)
    assert "Idempotency-Key" in problem["detail"]
    await nothing_was_written(rows, show, buyer)


async def test_a_missing_key_is_400(show, buyer, rows):
    answer = await buyer.ask("POST", f"/v1/shows/{show.id}/bookings", json={"quantity": 1})
    assert "Idempotency-Key" in problem_of(answer, 400)["detail"]
    await nothing_was_written(rows, show, buyer)


async def test_a_key_of_255_letters_is_one(show, buyer):
    assert (await buyer.wish(show, {"quantity": 1}, key="~" * 255)).status_code == 201


async def test_unknown_and_hidden_shows_are_not_found_in_the_same_words(shows, buyer, rows):
    hidden = await shows.make(4, published=False)
    answers = [await buyer.wish(show_id, {"quantity": 1}) for show_id in (str(uuid.uuid4()), hidden.id)]
    told = [problem_of(answer, 404, "not-found") | {"request_id": ""} for answer in answers]
    assert told[0] == told[1]
    await nothing_was_written(rows, hidden, buyer)


@pytest.mark.parametrize("show_id", ["7", "not-a-uuid", "00000000", "%00", "..%2f..%2fetc", "1' OR '1'='1"])
async def test_a_show_id_that_is_none_is_not_found(buyer, product, show_id):
    problem_of(await buyer.wish(show_id, {"quantity": 1}), 404, "not-found")


async def test_a_bad_wish_takes_no_place_in_line_and_no_key(show, buyer):
    key = new_key()
    problem_of(await buyer.wish(show, {"quantity": 0}, key=key), 422)
    held = await buyer.wish(show, {"quantity": 1}, key=key)
    assert held.status_code == 201 and held.json()["place"] == 1


@pytest.mark.parametrize(
    "prefer", ["wait=soon", "wait=", "wait=-5", "wait=nan", "wait=inf", "respond-async", "wait=1e9"]
)
async def test_a_preference_that_cannot_be_met_is_no_error(show, buyer, prefer):
    answer = await buyer.ask(
        "POST", f"/v1/shows/{show.id}/bookings", json={"quantity": 1},
        headers={"Idempotency-Key": new_key(), "Prefer": prefer},
    )  # fmt: skip
    assert answer.status_code in (201, 202), answer.text
    await buyer.until_status(answer.json()["id"], "held")
