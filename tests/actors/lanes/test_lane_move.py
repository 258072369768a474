"""A show that moves to another lane, and lanes that are added while others are sold: order and journal hold."""

import asyncio
import os
import random
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from loadtest.chaos.worker import until
from loadtest.stack import ROOT
from sagas.identity import new_id
from sagas.messages import MoveShow
from tests.actors.lanes.stage import Stage, StagedShow, assert_unbroken, some_wishes

HERE, THERE = "show.00", "show.01"
VERIFY_LIMIT_SECONDS = 60


def move(show: StagedShow, to: str = THERE, off_sale_seconds: int = 0) -> MoveShow:
    return MoveShow(command_id=new_id(), show_id=show.id, to=to, by=new_id(), off_sale_seconds=off_sale_seconds)


async def lane_of(stage: Stage, show: StagedShow) -> str:
    return str(await stage.value("SELECT lane FROM show WHERE id = $1", show.id))


async def come_to(stage: Stage, lane: str, *messages: Any) -> list[str]:
    """What each came to on this lane, sent one after the other in one go."""
    sealed = await stage.send(lane, *messages)
    return [str((await stage.row_of(one))["outcome"]) for one in sealed]


async def decided(stage: Stage, command_id: UUID) -> Any:
    return await until(
        f"{command_id} decided",
        lambda: stage.pool.fetchrow("SELECT * FROM journal WHERE command_id = $1 AND decided", command_id),
    )


async def verified(stage: Stage) -> None:
    """`python -m actors.verify` decides the whole journal again, and finds nothing that differs; here nobody pays."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "actors.verify", cwd=ROOT, env={**os.environ, "DATABASE_URL": stage.database_url},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), VERIFY_LIMIT_SECONDS)
    lines = out.decode().splitlines()
    assert len(lines) > 8, out.decode()
    assert not [line for line in lines if "DIFFER" in line and "money:" not in line], out.decode()


async def at_work(stage: Stage, *lanes: str, **settings: str) -> None:
    worker = stage.worker(**settings)
    for lane in lanes or (HERE, THERE):
        await worker.said("lane_open", lane=lane)


async def test_a_show_moves_with_its_holds_and_its_chain_of_hashes(stage):
    await at_work(stage)
    show = await stage.show(6)
    sold, left, given_up, late = (show.hold(at) for at in range(4))
    assert await come_to(stage, HERE, sold, left, given_up, late, move(show)) == ["held"] * 4 + ["moved"]
    assert await lane_of(stage, show) == THERE
    before = await stage.value("SELECT hash FROM show WHERE id = $1", show.id)
    expire = show.expire(late, datetime.now(UTC) - timedelta(seconds=1))
    await stage.value(
        "UPDATE booking SET held_until = now() - interval '1 s' WHERE id = $1 RETURNING 1", late.booking_id
    )
    assert await come_to(
        stage, THERE, show.confirm(sold), show.release(given_up), expire, show.hold(0), show.hold(2), show.hold(3, 4)
    ) == ["confirmed", "released", "expired", "seat-taken", "held", "held"]
    assert (await stage.seats(show))[show.seat(1)] == ("held", left.booking_id)
    places = [row["place"] for row in await stage.rows("SELECT place FROM booking ORDER BY place")]
    assert places == [1, 2, 3, 4, 5, 6, 7], "places in line go on counting"
    assert await stage.value("SELECT hash FROM show WHERE id = $1", show.id) != before
    for lane in (HERE, THERE):
        assert_unbroken(await stage.journal(lane))


async def test_the_journal_replays_across_moves_there_and_back_whoever_is_killed(stage):
    await at_work(stage)
    show, other = await stage.show(40), await stage.show(4, THERE)
    draw = random.Random(3)
    for lane, to in ((HERE, THERE), (THERE, HERE), (HERE, THERE)):
        wishes = some_wishes(show, 25, 40, seed=draw.randrange(1000))
        sealed = await stage.send(lane, *wishes[:15], move(show, to), *wishes[15:])
        rows = [await stage.row_of(one) for one in sealed]
        assert rows[15]["outcome"] == "moved"
        assert {row["outcome"] for row in rows[:15]} <= {"held", "seat-taken"}
        assert {row["outcome"] for row in rows[16:]} == {"elsewhere"}
        stage.workers[-1].kill()
        await at_work(stage)
    held = await stage.rows("SELECT * FROM booking WHERE show_id = $1 AND state = 'held'", show.id)
    by_id = {row["id"]: row for row in held}
    confirm = [show.confirm(show.hold(0, booking=at, buyer=by_id[at]["buyer_id"])) for at in list(by_id)[:5]]
    assert await come_to(stage, THERE, *confirm, other.hold(1)) == ["confirmed"] * 5 + ["held"]
    assert await stage.value("SELECT count(*) FROM journal WHERE show_id = $1 AND outcome = 'moved'", show.id) == 3
    await verified(stage)


async def test_a_show_that_came_back_is_read_again(stage):
    """What the first lane remembers of it is no longer so: the other lane has decided meanwhile."""
    await at_work(stage)
    show = await stage.show(3)
    assert await come_to(stage, HERE, show.hold(0), move(show)) == ["held", "moved"]
    assert await come_to(stage, THERE, show.hold(1), move(show, HERE)) == ["held", "moved"]
    # a refusal changes no seat, so no guard would notice what is out of date; its link in the chain of hashes does
    assert await come_to(stage, HERE, show.hold(0)) == ["seat-taken"]
    assert await come_to(stage, HERE, show.hold(1), show.hold(2)) == ["seat-taken", "held"]
    await verified(stage)


async def test_a_show_that_moves_is_off_sale_for_a_moment_and_money_goes_on(stage):
    await at_work(stage)
    show = await stage.show(4)
    wish = show.hold(0)
    assert await come_to(stage, HERE, wish, move(show, off_sale_seconds=3600)) == ["held", "moved"]
    refused = show.hold(1)
    assert await come_to(stage, THERE, refused, show.confirm(wish)) == ["show-closed", "confirmed"]
    told = await stage.value("SELECT refusal FROM booking WHERE id = $1", refused.booking_id)
    assert '"reason":"moving"' in told
    await verified(stage)


async def test_what_comes_to_the_old_lane_is_decided_once_on_the_new_one(stage):
    """The sweep passes it on under the same command id: wishes get their answer, money its seats."""
    await at_work(stage)
    stage.worker("sweeps")
    show = await stage.show(6)
    wish, given_up = show.hold(0), show.hold(1)
    assert await come_to(stage, HERE, wish, given_up, move(show)) == ["held", "held", "moved"]
    late, confirm, release = show.hold(2), show.confirm(wish), show.release(given_up)
    assert await come_to(stage, HERE, late, confirm, release) == ["elsewhere"] * 3
    for command, outcome in ((late, "held"), (confirm, "confirmed"), (release, "released")):
        row = await decided(stage, command.command_id)
        assert (row["lane"], row["outcome"]) == (THERE, outcome)
    await stage.send(THERE, late, confirm, release)  # the sender sends it as well
    assert await come_to(stage, THERE, late, confirm) == ["repeat", "repeat"]
    assert set(await stage.seats(show)) == {show.seat(0), show.seat(2)}
    await verified(stage)


async def test_a_shows_time_does_not_go_back_when_its_new_lanes_batch_began_before_the_move(stage):
    await at_work(stage)
    show = await stage.show(2)
    assert await come_to(stage, HERE, move(show)) == ["moved"]
    moved_at = await stage.value(
        "UPDATE show SET moved_at = clock_timestamp() + interval '1 s' WHERE id = $1 RETURNING moved_at", show.id
    )
    wish = show.hold(0)
    await stage.send(THERE, wish)
    row = await decided(stage, wish.command_id)
    assert row["outcome"] == "held" and row["decided_at"] > moved_at


async def test_a_move_to_a_lane_that_is_none_fails_and_the_show_is_sold_on(stage):
    await at_work(stage)
    show = await stage.show(2)
    assert await come_to(stage, HERE, move(show, "show.77"), move(show, "saga.00")) == ["failed", "failed"]
    assert await come_to(stage, HERE, show.hold(0)) == ["held"]
    assert await lane_of(stage, show) == HERE


async def test_a_show_whose_seats_are_not_made_yet_is_not_moved(stage):
    await at_work(stage)
    show = await stage.show(2, opened=False)
    assert await come_to(stage, HERE, move(show), show.opening) == ["show-closed", "opened"]
    assert await lane_of(stage, show) == HERE


async def test_lanes_are_added_and_a_hot_show_moves_to_one_of_its_own_while_others_are_sold(stage):
    """SHOW_LANES grows from 2 to 4: migrate, then each worker is restarted, old and new numbers side by side."""
    for _ in range(2):
        await at_work(stage, THERE if stage.workers else HERE)
    hot, cold = await stage.show(200), await stage.show(200, THERE)
    selling = [(show, some_wishes(show, 150, 200, seed=at)) for at, show in enumerate((hot, cold))]

    async def sell(part: slice) -> None:
        for show, wishes in selling:
            await stage.send(await lane_of(stage, show), *wishes[part])

    async def served(count: int) -> bool:
        return await stage.value("SELECT count(*) FROM lane WHERE lane LIKE 'show.%' AND leased_until > now()") == count

    try:
        await sell(slice(50))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "store.migrate", cwd=ROOT, stdout=asyncio.subprocess.DEVNULL,
            env={**os.environ, "DATABASE_URL": stage.database_url, "SHOW_LANES": "4", "SAGA_LANES": "1"},
        )  # fmt: skip
        assert await process.wait() == 0
        first, second = stage.workers
        assert await first.end() == 0
        new = stage.worker(SHOW_LANES="4")
        for lane in ("show.02", "show.03"):
            await new.said("lane_open", lane=lane)
        await until("old and new share all lanes", lambda: served(4))
        assert not second.lines("lane_taken", lane="show.02") and not second.lines("lane_taken", lane="show.03")
        made_later = await stage.show(4, "show.03")
        assert await come_to(stage, HERE, move(hot, "show.02", off_sale_seconds=0)) == ["moved"]
        await sell(slice(50, 100))
        assert await second.end() == 0
        await stage.worker(SHOW_LANES="4").said("lane_open")
        await until("all lanes are served again", lambda: served(4))
        await sell(slice(100, 150))
        assert await come_to(stage, "show.03", made_later.hold(0)) == ["held"]
        for show, wishes in selling:
            await stage.all_decided(wishes)
            owners = await stage.rows("SELECT lane, count(*) FROM booking WHERE show_id = $1 GROUP BY lane", show.id)
            assert {row["lane"] for row in owners} == ({HERE, "show.02"} if show is hot else {THERE})
        shared = """SELECT array_agg(lanes) = '{2,2}'
            FROM (SELECT count(*) AS lanes FROM lane WHERE lane LIKE 'show.%' GROUP BY owner) AS owners"""
        await until("each worker has two lanes", lambda: stage.value(shared))
        for lane in (HERE, THERE, "show.02", "show.03"):
            assert_unbroken(await stage.journal(lane))
        await verified(stage)
    finally:
        for worker in stage.workers:
            await worker.end()
        await stage.broker.delete("show.02", "show.03")
