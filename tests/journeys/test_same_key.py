"""The same Idempotency-Key is the same booking: asked twice, twenty times at once, with another body, or much later."""

import asyncio
import uuid

from box_office import PRICE, forget_the_note, new_key


def is_key_reused(answer):
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    return problem["type"] == "/problems/key-reused" and isinstance(problem["errors"], list)


async def test_asking_twice_is_one_booking(show, buyer, rows):
    key = new_key()
    first = await buyer.wish(show, {"seats": [show.seats[0]]}, key=key)
    again = await buyer.wish(show, {"seats": [show.seats[0]]}, key=key)
    assert (first.status_code, again.status_code) == (201, 201)
    one, other = first.json(), again.json()
    for same in ("id", "place", "offset", "held_until", "seats"):
        assert one[same] == other[same]
    assert await rows.fetchval("SELECT count(*) FROM booking WHERE buyer_id = $1", buyer.id) == 1
    assert await rows.fetchval("SELECT live FROM buyer_holds WHERE buyer_id = $1", buyer.id) == 1


async def test_a_refusal_is_answered_again_as_the_same_refusal(show, buyers):
    await (await buyers.make()).hold(show, show.seats[0])
    buyer, key = await buyers.make(), new_key()
    first, again = [await buyer.wish(show, {"seats": [show.seats[0]]}, key=key) for _ in range(2)]
    assert (first.status_code, again.status_code) == (409, 409)
    assert {**first.json(), "request_id": ""} == {**again.json(), "request_id": ""}


async def test_twenty_at_once_are_one_booking(show, buyer, rows):
    key, body = new_key(), {"quantity": 2}
    answers = await asyncio.gather(*(buyer.wish(show, body, key=key) for _ in range(20)))
    assert [answer.status_code for answer in answers] == [201] * 20
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len({answer.json()["offset"] for answer in answers}) == 1
    booking_id = uuid.UUID(answers[0].json()["id"])
    assert await rows.fetchval("SELECT count(*) FROM journal WHERE booking_id = $1 AND decided", booking_id) == 1
    assert await rows.fetchval("SELECT count(*) FROM seat WHERE show_id = $1 AND state = 'held'", show.id) == 2
    assert await rows.fetchval("SELECT count(*) FROM saga WHERE id = $1", booking_id) == 1


async def test_another_body_under_the_same_key_is_refused_at_once(show, buyer, rows):
    key = new_key()
    first = await buyer.wish(show, {"seats": [show.seats[0]]}, key=key)
    other = await buyer.wish(show, {"seats": [show.seats[1]]}, key=key, wait=0)
    assert is_key_reused(other)
    assert (await buyer.booking(first.json()["id"]))["seats"][0]["id"] == show.seats[0]
    assert (
        await rows.fetchval("SELECT count(*) FROM journal WHERE show_id = $1 AND command = 'hold_seats'", show.id) == 1
    )


async def test_the_first_body_stands_when_the_note_of_it_is_lost(show, buyer, rows):
    key = new_key()
    first = (await buyer.wish(show, {"seats": [show.seats[0]]}, key=key)).json()
    await forget_the_note(first["id"])
    assert is_key_reused(await buyer.wish(show, {"seats": [show.seats[1]]}, key=key))
    booking = await buyer.booking(first["id"])
    assert (booking["status"], [seat["id"] for seat in booking["seats"]]) == ("held", [show.seats[0]])
    assert await rows.fetchval("SELECT count(*) FROM seat WHERE show_id = $1 AND state = 'held'", show.id) == 1


async def test_a_key_serves_one_show_only(shows, buyer):
    one, other = await shows.make(), await shows.make()
    key = new_key()
    first = (await buyer.wish(one, {"quantity": 1}, key=key)).json()
    assert is_key_reused(await buyer.wish(other, {"quantity": 1}, key=key))
    await forget_the_note(first["id"])
    assert is_key_reused(await buyer.wish(other, {"quantity": 1}, key=key)), "its lane finds it"
    assert (await buyer.booking(first["id"]))["show_id"] == one.id


async def test_the_same_key_of_two_buyers_is_two_bookings(show, buyers):
    key = new_key()
    one, other = [await (await buyers.make()).wish(show, {"quantity": 1}, key=key) for _ in range(2)]
    assert one.json()["id"] != other.json()["id"]
    assert (one.json()["place"], other.json()["place"]) == (1, 2)


async def test_one_key_for_things_of_different_kinds_is_each_of_them_by_itself(show, buyer):
    key = {"Idempotency-Key": new_key(), "Prefer": "wait=10"}
    top_up = {"amount": 75_000, "currency": "INR"}
    answers = [
        await buyer.ask("POST", path, json=body, headers=key)
        for path, body in (
            (f"/v1/shows/{show.id}/bookings", {"quantity": 1}), ("/v1/wallet/topups", top_up),
            (f"/v1/shows/{show.id}/bookings", {"quantity": 1}), ("/v1/wallet/topups", top_up),
        )
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [201] * 4, [answer.text for answer in answers]
    booking, top_up, booking_again, top_up_again = [answer.json()["id"] for answer in answers]
    assert booking != top_up and (booking, top_up) == (booking_again, top_up_again)
    assert is_key_reused(
        await buyer.ask("POST", "/v1/wallet/topups", json={"amount": 1_000, "currency": "INR"}, headers=key)
    )
    paying = await buyer.ask("POST", f"/v1/bookings/{booking}/payment", json={"method": "razorpay"}, headers=key)
    assert (paying.status_code, paying.json()["id"]) == (202, booking)


async def test_the_first_way_to_pay_that_is_chosen_under_a_key_stands(show, buyers, rows):
    buyer, key = await buyers.make(wallet=PRICE), {"Idempotency-Key": new_key()}
    booking_id = (await buyer.hold(show, show.seats[0]))["id"]
    await buyer.until_payable(booking_id)

    async def choose(**body):
        return await buyer.ask("POST", f"/v1/bookings/{booking_id}/payment", json=body, headers=key)

    first = await choose(method="razorpay")
    assert first.status_code == 202, first.text
    for other in ({"method": "wallet"}, {"method": "razorpay", "from_wallet": 1_000}):
        assert is_key_reused(await choose(**other))
    again = await choose(method="razorpay")
    assert (again.status_code, again.json()["payment"]["method"]) == (202, "razorpay")
    assert (await buyer.timeline(booking_id)).count("method_chosen") == 1
    assert await rows.fetchval("SELECT balance FROM wallet WHERE user_id = $1", buyer.id) == PRICE


async def test_of_two_ways_to_pay_under_one_key_at_once_one_is_chosen(show, buyers):
    buyer, key = await buyers.make(wallet=PRICE), {"Idempotency-Key": new_key()}
    booking_id = (await buyer.hold(show, show.seats[0]))["id"]
    await buyer.until_payable(booking_id)
    path, ways = f"/v1/bookings/{booking_id}/payment", ("razorpay", "wallet") * 3
    answers = await asyncio.gather(*(buyer.ask("POST", path, json={"method": way}, headers=key) for way in ways))
    [chosen] = {way for way, answer in zip(ways, answers, strict=True) if answer.status_code == 202}
    assert all(is_key_reused(answer) for way, answer in zip(ways, answers, strict=True) if way != chosen)
    again = await buyer.ask("POST", path, json={"method": chosen}, headers=key)
    assert again.status_code == 202, "also when it is paid by now"
    assert (await buyer.timeline(booking_id)).count("method_chosen") == 1


async def test_the_order_of_a_body_s_fields_does_not_make_it_another(show, buyer):
    key = new_key()
    one, other = [
        await buyer.ask("POST", f"/v1/shows/{show.id}/bookings", content=body,
                        headers={"Idempotency-Key": key, "Prefer": "wait=10", "Content-Type": "application/json"})
        for body in (b'{"quantity":1,"together":true}', b' {"together" : true, "quantity" : 1}')
    ]  # fmt: skip
    assert (one.status_code, other.status_code) == (201, 201)
    assert one.json()["id"] == other.json()["id"]
