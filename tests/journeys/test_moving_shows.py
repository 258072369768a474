"""A show moves to another lane while buyers hold and pay for its seats: nobody loses a seat, nobody is overtaken."""

import asyncio
import uuid

import pytest
from box_office import problem_of, until


@pytest.fixture
async def admin(buyers):
    return await buyers.make(role="admin")


async def move(admin, show, lane, **more):
    return await admin.ask("POST", f"/v1/admin/shows/{show.id}/move", json={"lane": lane, **more})


async def another_lane(rows, show):
    return await rows.fetchval(
        "SELECT min(lane) FROM lane WHERE lane LIKE 'show.%' AND lane <> $1 AND leased_until > now()", show.lane
    )


async def back_on_sale(rows, show):
    """The seconds off sale are over, as far as the show's lane knows when it loads the show anew."""
    await until(
        "the show is on sale again",
        lambda: rows.fetchval("SELECT off_sale_until < clock_timestamp() FROM show WHERE id = $1", uuid.UUID(show.id)),
        within=30,
    )


async def test_holds_and_payments_go_on_while_their_show_moves(admin, buyers, shows, emulator, rows, product):
    show = await shows.make(max_live_holds=10)
    there = await another_lane(rows, show)
    paying, walleted, lapsing = await buyers.make(), await buyers.make(wallet=10**9), await buyers.make()
    held = await paying.hold(show, *show.seats[:2])
    order = await paying.until_payable(held["id"])
    expiring = await lapsing.hold(show, show.seats[3])

    answer = await move(admin, show, there)
    assert answer.status_code == 200, answer.text
    place = answer.json()
    assert (place["show_id"], place["lane"], place["alone"]) == (show.id, there, False)
    assert place["moved_at"] < place["off_sale_until"]
    again = await move(admin, show, there)
    assert again.status_code == 200 and again.json() == place, "it is there already"

    refused = await walleted.wish(show, {"seats": [show.seats[4]], "payment": {"method": "wallet"}})
    assert problem_of(refused, 409, "show-closed")["reason"] == "moving"
    await emulator.pay(order)
    ticketed = await paying.until_ticketed(held["id"])
    assert (ticketed["lane"], ticketed["place"]) == (show.lane, 1), "a place in line is where it was given"
    await rows.execute(
        "UPDATE booking SET held_until = now() - interval '1 s' WHERE id = $1", uuid.UUID(expiring["id"])
    )
    await back_on_sale(rows, show)
    bought = await walleted.hold(show, show.seats[4], wallet=True)
    assert bought["lane"] == there
    await walleted.until_ticketed(bought["id"])
    journal = await rows.fetch(
        "SELECT lane, command, outcome FROM journal WHERE show_id = $1 AND decided ORDER BY decided_at",
        uuid.UUID(show.id),
    )
    told = [(row["lane"], row["command"], row["outcome"]) for row in journal]
    assert (show.lane, "move_show", "moved") in told and (there, "confirm_seats", "confirmed") in told
    assert product.logged("edge", "show_move_asked") >= 1
    by = await rows.fetchval(
        "SELECT body::json -> 'kwargs' -> 'message' ->> 'by' FROM journal WHERE show_id = $1 AND command = 'move_show'",
        uuid.UUID(show.id),
    )
    assert by == str(admin.id), "who moved it is in the journal"


async def test_a_wish_that_nobody_waited_for_gets_its_answer_all_the_same(admin, buyers, shows, rows):
    """Published to the old lane by an edge that had not heard yet: refused as moving, on the new lane."""
    show = await shows.make()
    buyer, there = await buyers.make(), await another_lane(rows, show)
    moved, wished = await asyncio.gather(move(admin, show, there), buyer.wish(show, {"quantity": 1}, wait=0))
    late = await buyer.wish(show, {"quantity": 2}, wait=0)
    assert (moved.status_code, wished.status_code, late.status_code) == (200, 202, 202)
    booking = await buyer.until_status(late.json()["id"], "refused")
    assert booking["refusal"]["type"] == "/problems/show-closed" and booking["refusal"]["reason"] == "moving"
    assert booking["lane"] == there
    first = await buyer.until(wished.json()["id"], "it is decided", lambda b: b["status"] != "queued")
    assert first["status"] in ("held", "refused")


async def test_what_cannot_be_moved_is_refused(admin, buyers, show, rows):
    problem = problem_of(await move(admin, show, "show.99"), 422)
    assert problem["errors"][0]["pointer"] == "/lane"
    for lane in ("saga.00", "show", "show.1", "", 7):
        problem_of(await move(admin, show, lane), 422)
    there = await another_lane(rows, show)
    problem_of(await move(admin, show, there, off_sale_seconds=0), 422)
    problem_of(await admin.ask("POST", f"/v1/admin/shows/{uuid.uuid4()}/move", json={"lane": there}), 404)
    for role in ("buyer", "organiser", "scanner"):
        problem_of(await move(await buyers.make(role=role), show, there), 403)
    assert await rows.fetchval("SELECT lane FROM show WHERE id = $1", uuid.UUID(show.id)) == show.lane


async def test_shows_made_later_keep_off_a_lane_that_a_show_has_for_itself(admin, shows, rows):
    from store.sql import query

    show = await shows.make()
    there = await another_lane(rows, show)
    assert there in [row["lane"] for row in await rows.fetch(query("lanes_for_shows"))]
    answer = await move(admin, show, there, alone=True)
    assert answer.status_code == 200 and answer.json()["alone"] is True
    assert there not in [row["lane"] for row in await rows.fetch(query("lanes_for_shows"))]
    await rows.execute("UPDATE show SET alone = false WHERE id = $1", uuid.UUID(show.id))
