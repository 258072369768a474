"""While nobody decides: queued, with the number ahead; then in the order of asking, or honestly too late."""

import asyncio
import contextlib
import os
import signal
import time

import pytest

#: Longer than a wish is valid (10 s).
TOO_LONG_SECONDS = 10.5


@pytest.fixture
def lanes_pause(product):
    """Both lane workers stand still while the block runs."""

    @contextlib.contextmanager
    def pause():
        pids = [running.pid for name, running in product.processes.items() if name.startswith("lane")]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    return pause


async def test_without_prefer_a_wish_is_queued_and_then_held(show, buyer):
    answer = await buyer.wish(show, {"seats": [show.seats[0]]}, wait=0)
    queued = answer.json()
    assert answer.status_code == 202 and queued["status"] == "queued"
    assert answer.headers["location"] == f"/v1/bookings/{queued['id']}"
    assert "preference-applied" not in answer.headers
    for nothing_yet in ("place", "lane", "generation", "offset", "held_until", "refusal"):
        assert queued[nothing_yet] is None
    held = await buyer.until_status(queued["id"], "held")
    assert (held["place"], held["ahead"], held["lane"]) == (1, None, show.lane)


async def test_the_queue_tells_how_many_are_ahead_and_is_served_in_order(show, buyers, lanes_pause):
    crowd = [await buyers.make() for _ in range(4)]
    await crowd[3].hold(show, show.seats[9])  # the edge and the lane know the show; one wish is decided
    with lanes_pause():
        queued = []
        for buyer, seat in zip(crowd, [show.seats[0]] * 2 + [show.seats[1]], strict=False):
            answer = await buyer.wish(show, {"seats": [seat]}, wait=0)
            assert answer.status_code == 202
            queued.append(answer.json())
        assert [booking["ahead"] for booking in queued] == [0, 1, 2]
        assert [(await buyer.booking(b["id"]))["ahead"] for buyer, b in zip(crowd, queued, strict=False)] == [0, 1, 2]
    first = await crowd[0].until_status(queued[0]["id"], "held")
    second = await crowd[1].until_status(queued[1]["id"], "refused")
    third = await crowd[2].until_status(queued[2]["id"], "held")
    assert [booking["place"] for booking in (first, second, third)] == [2, 3, 4]
    assert first["offset"] < second["offset"] < third["offset"]
    assert [booking["ahead"] for booking in (first, second, third)] == [None] * 3


async def test_a_wait_that_ends_before_the_decision_says_queued(show, buyer, lanes_pause):
    await buyer.ask("GET", f"/v1/shows/{show.id}")
    with lanes_pause():
        began = time.monotonic()
        answer = await buyer.wish(show, {"quantity": 1}, wait=1)
        seconds = time.monotonic() - began
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert answer.headers["preference-applied"] == "wait=1"
    assert 0.9 < seconds < 2.5
    await buyer.until_status(answer.json()["id"], "held")


async def test_a_wait_above_ten_seconds_counts_as_ten(show, buyer):
    answer = await buyer.wish(show, {"quantity": 1}, wait=3600)
    assert answer.status_code == 201 and answer.headers["preference-applied"] == "wait=10"


async def test_a_wish_that_comes_to_its_turn_too_late_is_no_ghost_hold(show, buyer, lanes_pause, rows):
    await buyer.ask("GET", f"/v1/shows/{show.id}")
    with lanes_pause():
        queued = (await buyer.wish(show, {"quantity": 1}, wait=0)).json()
        await asyncio.sleep(TOO_LONG_SECONDS)
    refused = await buyer.until_status(queued["id"], "refused")
    assert refused["refusal"]["type"] == "/problems/not-in-time"
    assert await rows.fetchval("SELECT count(*) FROM seat WHERE show_id = $1 AND state <> 'free'", show.id) == 0
