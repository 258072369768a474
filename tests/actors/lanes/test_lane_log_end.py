"""Where a log begins and ends, looked up from outside without writing to it."""

import asyncio
from datetime import timedelta

from actors.lanes.log_end import NO_LOG, look
from loadtest.chaos.worker import until
from sagas.clock import now

LANE = "show.00"


async def test_a_lane_that_nobody_serves_has_the_backlog_that_was_published(stage):
    worker = stage.worker()
    await worker.said("lane_open", lane=LANE)
    show = await stage.show(4)
    await worker.end()
    begun = now()
    sealed = await stage.send(LANE, *(show.hold(0) for _ in range(700)))
    next_offset = await stage.value("SELECT next_offset FROM lane WHERE lane = $1", LANE)
    seen = (await asyncio.to_thread(look, stage.broker.url, {LANE: next_offset}))[LANE]
    assert seen.backlog(next_offset) == len(sealed) and seen.first_offset == 0 and seen.reason == ""
    assert seen.undecided_since is not None and abs(seen.undecided_since - begun) < timedelta(seconds=5)
    await stage.worker().said("lane_open", lane=LANE)

    async def decided():
        place = await stage.value("SELECT next_offset FROM lane WHERE lane = $1", LANE)
        seen = (await asyncio.to_thread(look, stage.broker.url, {LANE: place}))[LANE]
        return seen.backlog(place) == 0 and place >= next_offset + len(sealed) and seen

    seen = await until("all of it decided", decided)
    assert seen.undecided_since is None
    log = await stage.broker.log(LANE)
    assert [offset for offset, _, _ in log][-1] == seen.last_offset, "looking wrote nothing"


async def test_a_lane_without_a_log_is_null_with_the_reason_and_the_others_are_told(stage):
    worker = stage.worker()
    await worker.said("lane_open", lane=LANE)
    seen = await asyncio.to_thread(look, stage.broker.url, {LANE: 0, "show.77": 5})
    assert seen["show.77"].reason == NO_LOG and seen["show.77"].backlog(5) is None
    assert seen[LANE].reason == "" and seen[LANE].last_offset is not None


async def test_an_end_is_found_over_many_segments(stage):
    worker = stage.worker(LANE_SEGMENT_BYTES="20000")
    await worker.said("lane_open", lane=LANE)
    show = await stage.show(4)
    sealed = await stage.send(LANE, *(show.hold(0) for _ in range(300)))
    last = await stage.row_of(sealed[-1])
    seen = (await asyncio.to_thread(look, stage.broker.url, {LANE: last["offset"] + 1}))[LANE]
    assert seen.last_offset == last["offset"] and seen.backlog(last["offset"] + 1) == 0
    assert last["offset"] > len(await stage.journal()) - 1, "offsets were skipped at the rolls"
