"""Postgres lost in the middle of a batch: the offset tells what had been committed, and nothing is lost or doubled."""

import asyncio
import time

import pytest

from loadtest.chaos.cable import Cable
from loadtest.chaos.worker import until
from store.connection import CONNECT_SECONDS
from tests.actors.lanes.stage import Stage, assert_as_in_the_log, assert_unbroken, some_wishes

LANE = "show.00"
#: What asyncpg sends to end a transaction.
COMMIT = b"COMMIT;"
#: "A few seconds" for a worker that has to end without a word from its database.
END_WITHOUT_POSTGRES_SECONDS = 10.0


async def end_backends(stage: Stage) -> int:
    """End every connection to the stage's database but the tests' own."""
    return int(
        await stage.value(
            """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = current_database() AND NOT pid = ANY($1)""",
            [
                row["pid"]
                for row in await stage.rows("SELECT pid FROM pg_stat_activity WHERE application_name = 'stage'")
            ],
        )
    )


async def test_connections_ended_by_postgres_again_and_again_lose_and_double_nothing(stage):
    worker = stage.worker()
    show = await stage.show(300)
    wishes, ended = some_wishes(show, 1000, 300), 0
    for first in range(0, 1000, 20):
        await stage.send(LANE, *wishes[first : first + 20])
        if first % 100 == 0:
            ended += await until("connections to end", lambda: end_backends(stage))
    await stage.all_decided(wishes)
    assert ended >= 10
    assert worker.is_running()
    await assert_as_in_the_log(stage, show)


@pytest.mark.parametrize("moment", ["cut before", "cut after"])
async def test_a_connection_lost_at_a_commit_leaves_no_doubt_what_was_decided(stage, moment):
    """``cut after``: the commit happened, and nobody was told.  ``cut before``: it did not."""
    async with Cable(stage.database_url) as cable:
        worker = stage.worker(DATABASE_URL=cable.url)
        show = await stage.show(100)
        wishes = some_wishes(show, 200, 100)
        cuts = 0

        def at_a_commit(data: bytes) -> str:
            nonlocal cuts
            if COMMIT not in data or cuts >= 5:
                return "pass"
            cuts += 1
            return moment

        cable.on_word = at_a_commit
        for first in range(0, 200, 10):
            lot = wishes[first : first + 10]
            await stage.send(LANE, *lot)
            await stage.all_decided(lot)
        assert cuts == 5
        if moment == "cut after":
            await worker.said("lane_closed", reason="the commit's outcome was unknown; it had happened")
        else:
            await worker.said("batch_again")
        await assert_as_in_the_log(stage, show)
        await worker.end()


async def test_a_database_out_of_reach_for_a_while_only_delays(stage):
    async with Cable(stage.database_url) as cable:
        worker = stage.worker(DATABASE_URL=cable.url)
        show = await stage.show(100)
        wishes = some_wishes(show, 100, 100)
        await stage.send(LANE, *wishes[:50])
        cable.hold()
        await stage.send(LANE, *wishes[50:])
        cable.cut()
        await asyncio.sleep(1.5)  # new connections stand still too
        cable.release()
        await stage.all_decided(wishes)
        assert not [row for row in await stage.journal() if row["outcome"] == "failed"]
        await assert_as_in_the_log(stage, show)
        await worker.end()


async def test_a_worker_that_stops_inside_its_transaction_does_not_keep_the_lane_from_the_others(stage):
    """Paused or cut off between its first statement and its commit, it holds the lane's row locked."""
    async with Cable(stage.database_url) as cable:
        first = stage.worker(DATABASE_URL=cable.url)
        await first.said("lane_open", lane=LANE)
        show = await stage.show(20)
        held = asyncio.Event()

        def at_a_commit(data: bytes) -> str:
            if COMMIT not in data:
                return "pass"
            held.set()
            return "hold"

        cable.on_word = at_a_commit
        wish = show.hold(0)
        await stage.send(LANE, wish)
        await asyncio.wait_for(held.wait(), 10)
        first.pause()
        second = stage.worker()
        try:
            await second.said("lane_open", seconds=12, lane=LANE)
            await stage.all_decided([wish], seconds=5)
        finally:
            cable.on_word = lambda _data: "pass"
            cable.release()
            first.go_on()
        more = show.hold(1)
        await stage.send(LANE, more)
        await stage.all_decided([more])
        assert_unbroken(await stage.journal())
        await assert_as_in_the_log(stage, show)
        await first.end()


async def test_a_guard_that_another_lane_broke_is_tried_again_not_failed(stage):
    """Another transaction counts a hold of the same buyer between this batch's look and its write."""
    worker = stage.worker()
    show = await stage.show(4)
    first = show.hold(0)
    await stage.send(LANE, first)
    await stage.all_decided([first])
    async with stage.pool.acquire() as other:
        transaction = other.transaction()
        await transaction.start()
        await other.execute("UPDATE buyer_holds SET live = live + 1 WHERE buyer_id = $1", first.buyer_id)
        second = show.hold(1, buyer=first.buyer_id)
        await stage.send(LANE, second)
        await until(
            "the batch waiting for the row",
            lambda: stage.value(
                """SELECT count(*) > 0 FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'"""
            ),
        )
        await transaction.commit()
    await stage.all_decided([second])
    [again] = await worker.said("batch_again")
    assert "live holds" in again["error"]
    assert (await stage.bookings(show))[second.booking_id] == "held"
    assert await stage.value("SELECT live FROM buyer_holds WHERE buyer_id = $1", first.buyer_id) == 3


async def test_a_buyers_live_holds_are_counted_right_by_two_lanes_at_once(stage):
    for _ in range(2):
        stage.worker()
    one, other = await asyncio.gather(
        stage.show(300, max_live_holds=300), stage.show(300, "show.01", max_live_holds=300)
    )
    buyers = [one.hold(0).buyer_id for _ in range(3)]
    wishes = []
    for seat in range(120):
        pair = [one.hold(seat, buyer=buyers[seat % 3]), other.hold(seat, buyer=buyers[seat % 3])]
        wishes += pair
        await asyncio.gather(stage.send(one.lane, pair[0]), stage.send(other.lane, pair[1]))
    await stage.all_decided(wishes)
    states = await stage.bookings(one) | await stage.bookings(other)
    assert sorted(states.values()) == ["held"] * 18 + ["refused"] * 222
    rows = await stage.rows("SELECT buyer_id, live FROM buyer_holds")
    assert {row["buyer_id"]: row["live"] for row in rows} == dict.fromkeys(buyers, 6)
    await until("both lanes at their end", lambda: stage.value("SELECT count(*) >= 240 FROM journal WHERE decided"))
    for lane in ("show.00", "show.01"):
        assert_unbroken(await stage.journal(lane))


async def test_a_worker_that_cannot_begin_ends_and_does_not_stay_as_one_that_does_nothing(stage):
    async with Cable(stage.database_url) as cable:
        cable.refuse()
        worker = stage.worker(DATABASE_URL=cable.url)
        await until("its end", lambda: not worker.is_running(), END_WITHOUT_POSTGRES_SECONDS)
        [line] = worker.lines("worker_cannot_begin")
        assert line["level"] == "critical"
        assert await worker.end() == 1
        cable.mend()
        worker.start()
        await worker.said("lane_open", lane=LANE)
        await worker.end()


async def test_a_server_that_takes_a_connection_and_says_nothing_is_given_up_in_seconds(stage):
    async with Cable(stage.database_url) as cable:
        cable.hold()
        worker = stage.worker(DATABASE_URL=cable.url)
        await until("its end", lambda: not worker.is_running(), CONNECT_SECONDS + END_WITHOUT_POSTGRES_SECONDS)
        assert worker.lines("worker_cannot_begin")


async def test_a_worker_ends_in_time_though_postgres_answers_nothing(stage):
    async with Cable(stage.database_url) as cable:
        worker = stage.worker(DATABASE_URL=cable.url)
        await worker.said("lane_open", lane=LANE)
        cable.hold()
        began = time.monotonic()
        await worker.end()
        assert time.monotonic() - began < END_WITHOUT_POSTGRES_SECONDS
