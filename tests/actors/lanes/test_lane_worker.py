"""Workers killed, paused, cut off and doubled: each command once, in the log's order, winners as in the naive model."""

import asyncio
import ctypes
import os
import signal
import time

import pytest

from loadtest.chaos.cable import Cable
from loadtest.chaos.worker import until
from tests.actors.lanes.stage import SHOW_LANES, Stage, StagedShow, assert_as_in_the_log, assert_unbroken, some_wishes

LANE = "show.00"
WISHES = 2000
#: Wishes sent at once, so that a fault always finds some decided, some in flight and some to come.
SENT_AT_ONCE = 20
TAKE_OVER_LIMIT_SECONDS = 5.0


async def owner(stage: Stage, lane: str = LANE) -> str:
    return str(await stage.value("SELECT owner FROM lane WHERE lane = $1 AND leased_until > now()", lane) or "")


async def two_workers(stage: Stage, **settings: str) -> None:
    """Two workers, each with its fair share of the lanes, and at work on them."""
    for _ in range(2):
        stage.worker(**settings)
    await until(
        "the lanes shared",
        lambda: stage.value(
            "SELECT count(DISTINCT owner) = 2 AND count(*) = $1 FROM lane"
            " WHERE lane LIKE 'show.%' AND leased_until > now()",
            SHOW_LANES,
        ),
    )


async def owning_worker(stage: Stage, lane: str = LANE):
    """The worker process that owns the lane now."""
    name = await until("an owner", lambda: owner(stage, lane))
    return next(worker for worker in stage.workers if f"-{worker.pid}-" in name)


async def decided(stage: Stage, lane: str = LANE) -> int:
    return int(await stage.value("SELECT count(*) FROM journal WHERE lane = $1 AND decided", lane))


async def more_decided(stage: Stage, count: int = 50) -> None:
    """Wait until so many more commands are decided than now."""
    goal = await decided(stage) + count

    async def reached() -> bool:
        return await decided(stage) >= goal

    await until(f"{count} more decided", reached)


async def publish_amid(stage: Stage, show: StagedShow, faults) -> list:
    """Publish all wishes in small lots while the faults happen; they have all been decided when this returns."""
    wishes = some_wishes(show, WISHES, len(await stage.rows("SELECT 1 FROM seat WHERE show_id = $1", show.id)))
    happening = asyncio.create_task(faults())
    for first in range(0, WISHES, SENT_AT_ONCE):
        await stage.send(show.lane, *wishes[first : first + SENT_AT_ONCE])
        if not happening.done():
            await asyncio.sleep(0.02)
    await happening
    await stage.all_decided(wishes)
    return wishes


async def in_publish_order(stage: Stage, wishes: list) -> bool:
    rows = await stage.rows(
        'SELECT command_id FROM journal WHERE lane = $1 AND decided AND command = $2 ORDER BY generation, "offset"',
        LANE, "hold_seats",
    )  # fmt: skip
    return [row["command_id"] for row in rows] == [wish.command_id for wish in wishes]


async def test_workers_killed_amid_2000_wishes_lose_double_and_reorder_nothing(stage):
    await two_workers(stage)
    show = await stage.show(400)
    kills = 0

    async def kill_three_owners() -> None:
        nonlocal kills
        for _ in range(3):
            await more_decided(stage)
            victim = await owning_worker(stage)
            victim.kill()
            kills += 1
            stage.workers.remove(victim)
            stage.worker()

    wishes = await publish_amid(stage, show, kill_three_owners)
    assert kills == 3
    assert await in_publish_order(stage, wishes)
    await assert_as_in_the_log(stage, show)


async def test_a_worker_paused_beyond_its_lease_changes_nothing_when_it_wakes(stage):
    await two_workers(stage)
    show = await stage.show(400)

    async def pause_the_owner() -> None:
        await more_decided(stage)
        sleeper = await owning_worker(stage)
        sleeper.pause()
        before = await owner(stage)
        await until("another owner", lambda: _other_owner(stage, before))
        await more_decided(stage)
        sleeper.go_on()

    wishes = await publish_amid(stage, show, pause_the_owner)
    assert await in_publish_order(stage, wishes)
    await assert_as_in_the_log(stage, show)


async def _other_owner(stage: Stage, before: str) -> bool:
    return await owner(stage) not in ("", before)


async def test_workers_cut_off_from_the_broker_lose_double_and_reorder_nothing(stage):
    async with Cable(stage.broker.url) as cable:
        await two_workers(stage, RABBITMQ_URL=cable.url)
        show = await stage.show(400)

        async def cut_five_times() -> None:
            for _ in range(5):
                await more_decided(stage)
                cable.cut()

        wishes = await publish_amid(stage, show, cut_five_times)
        assert cable.cuts == 5
        assert await in_publish_order(stage, wishes)
        await assert_as_in_the_log(stage, show)
        for worker in stage.workers:
            await worker.end()


async def test_workers_whose_connections_the_broker_closes_under_the_publisher_too_lose_nothing(stage):
    """Here the publisher is cut as well, so wishes are sent again: the log may hold some twice, the tables never."""
    await two_workers(stage)
    show = await stage.show(400)

    async def close_all() -> None:
        for _ in range(3):
            await more_decided(stage)
            await stage.broker.cut_connections()

    await publish_amid(stage, show, close_all)
    await assert_as_in_the_log(stage, show)


@pytest.mark.parametrize("fault", ["killed", "paused"])
async def test_a_lane_whose_worker_is_gone_is_taken_over_within_5_seconds(stage, fault):
    await two_workers(stage)
    show = await stage.show(20)
    gone = await owning_worker(stage)
    began = time.monotonic()
    if fault == "killed":
        gone.kill()
        stage.workers.remove(gone)
    else:
        gone.pause()
    [sealed] = await stage.send(LANE, show.hold(0))
    row = await stage.row_of(sealed)
    assert time.monotonic() - began < TAKE_OVER_LIMIT_SECONDS
    assert row["outcome"] == "held"


async def test_a_worker_that_ends_gives_its_lanes_back_at_once(stage):
    await two_workers(stage)
    show = await stage.show(20)
    leaving = await owning_worker(stage)
    began = time.monotonic()
    code = await leaving.end()
    assert code == 0
    assert time.monotonic() - began < 5.0
    began = time.monotonic()
    [sealed] = await stage.send(LANE, show.hold(0))
    await stage.row_of(sealed)
    assert time.monotonic() - began < 2.0, "the others waited for the lease to lapse"


async def test_of_two_workers_that_both_believe_they_own_a_lane_one_writes_and_the_other_is_refused(stage):
    believer = stage.worker(LEASE_SECONDS="600")  # shares lanes every 100 s, so it goes on believing
    await believer.said("lane_open", lane=LANE)
    show = await stage.show(400)
    await stage.value("UPDATE lane SET owner = NULL, leased_until = '-infinity' RETURNING 1")
    thief = stage.worker()
    await thief.said("lane_open", lane=LANE)
    wishes = []
    limit = time.monotonic() + 20
    while not (believer.lines("late_write_refused", lane=LANE) and thief.lines("late_write_refused", lane=LANE)):
        lot = [show.hold(*wish) for wish in [(len(wishes) % 400,), (len(wishes) % 150,)]]
        wishes += lot
        await stage.send(LANE, *lot)
        if time.monotonic() > limit:
            break
    assert believer.lines("late_write_refused") or thief.lines("late_write_refused")
    await stage.all_decided(wishes)
    assert await in_publish_order(stage, wishes)
    await assert_as_in_the_log(stage, show)


async def test_a_stream_deleted_under_a_running_worker_goes_on_in_a_new_generation_and_says_so(stage):
    worker = stage.worker()
    show = await stage.show(100)
    before = some_wishes(show, 60, 100, seed=1)
    await stage.send(LANE, *before)
    await stage.all_decided(before)
    next_offset = await stage.value("SELECT next_offset FROM lane WHERE lane = $1", LANE)
    await stage.broker.delete(LANE)
    after = some_wishes(show, 60, 100, seed=2)
    await stage.send(LANE, before[0], *after)  # the first once more: it was decided in the log that is gone
    await stage.all_decided(after)
    [line] = await worker.said("lane_new_generation", lane=LANE)
    assert (line["generation"], line["level"]) == (1, "error")
    [lost] = await stage.rows("SELECT * FROM lost_command")
    assert (lost["lane"], lost["generation"], lost["from_offset"]) == (LANE, 1, next_offset)
    assert not await stage.value("SELECT last_offset IS NULL FROM lane WHERE lane = $1", LANE)
    journal = await stage.journal()
    assert_unbroken(journal)
    repeats = [row for row in journal if row["command_id"] == before[0].command_id]
    assert [(row["generation"], row["decided"]) for row in repeats] == [(0, True), (1, False)]
    assert {row["generation"] for row in journal} == {0, 1}
    assert await in_publish_order(stage, before + after)


async def test_segments_that_roll_under_a_working_lane_skip_offsets_and_nothing_else(stage):
    stage.worker(LANE_SEGMENT_BYTES="50000")
    show = await stage.show(200)
    wishes = some_wishes(show, 400, 200)
    for first in range(0, 400, SENT_AT_ONCE):
        await stage.send(LANE, *wishes[first : first + SENT_AT_ONCE])
    await stage.all_decided(wishes)
    offsets = [row["offset"] for row in await stage.journal()]
    assert offsets != list(range(len(offsets))), "no segment rolled"
    assert await in_publish_order(stage, wishes)
    await assert_as_in_the_log(stage, show)
    assert await stage.rows("SELECT 1 FROM lost_command") == []


async def test_lanes_of_a_worker_that_starts_alone_are_shared_when_another_comes(stage):
    alone = stage.worker()
    await until("both lanes owned", lambda: _owned(stage, [alone], SHOW_LANES))
    other = stage.worker()
    await until("one lane each", lambda: _owned(stage, [alone, other], 1), 10)


async def _owned(stage: Stage, workers: list, each: int) -> bool:
    rows = await stage.rows("SELECT owner FROM lane WHERE lane LIKE 'show.%' AND leased_until > now()")
    return all(sum(f"-{worker.pid}-" in (row["owner"] or "") for row in rows) == each for worker in workers)


async def test_a_worker_ends_on_sigterm_whichever_thread_the_kernel_hands_it_to(stage):
    """A process just continued often gets it in another thread than the main one, which alone runs handlers."""
    worker = stage.worker()
    await worker.said("lane_open", lane=LANE)
    threads = sorted(int(name) for name in os.listdir(f"/proc/{worker.pid}/task"))
    assert threads[0] == worker.pid
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.tgkill(worker.pid, threads[-1], int(signal.SIGTERM)) == 0
    await until("its end", lambda: not worker.is_running(), 8)
