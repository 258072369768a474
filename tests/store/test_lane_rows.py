"""Lanes as rows: the guarded offset, the batch's time, leases shared fairly, and new generations."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from store import lanes, workers
from store.connection import transaction
from store.settings import settings

LANE, LEASE_SECONDS = "show.00", 5.0
MANY = 100


async def share(kind: str, owner: str, alive: int, seconds: float) -> list[str]:
    """Share with so many workers that can serve every lane, the owner included."""
    return await lanes.share(kind, owner, MANY, [MANY] * alive, seconds)


async def move(start: int, last: int, generation: int = 0, owner: str = "ann", publish_id: str = "p") -> Any:
    async with transaction() as rows:
        return await lanes.move(rows, LANE, generation, start, last, publish_id, owner, LEASE_SECONDS)


async def test_a_lane_moves_from_where_it_is_behind_the_last_message(empty: Any):
    await move(0, 4, publish_id="p4")
    assert tuple(await lanes.place(LANE)) == (0, 5, 4, "p4")
    await move(5, 9)
    assert (await lanes.place(LANE))["next_offset"] == 10


@pytest.mark.parametrize(("start", "generation"), [(0, 0), (4, 0), (6, 0), (5, 1)])
async def test_who_starts_anywhere_else_has_lost_the_lane(empty: Any, start: int, generation: int):
    await move(0, 4)
    with pytest.raises(lanes.LaneLost):
        await move(start, 9, generation)
    assert (await lanes.place(LANE))["next_offset"] == 5


async def test_of_two_owners_that_both_believe_in_themselves_one_moves_the_lane(empty: Any):
    outcomes = await asyncio.gather(*(move(0, last, owner=str(last)) for last in range(8)), return_exceptions=True)
    assert sum(isinstance(outcome, lanes.LaneLost) for outcome in outcomes) == 7


async def test_the_batches_time_never_goes_back_even_when_the_clock_does(empty: Any):
    ahead = await empty.fetchval(
        "UPDATE lane SET decided_at = now() + interval '1 hour' WHERE lane = $1 RETURNING decided_at", LANE
    )
    assert await move(0, 0) == ahead
    assert await move(1, 1) == ahead


async def test_a_batch_renews_its_owners_lease_and_nobody_elses(empty: Any):
    [mine] = (await share("show", "ann", 1, 0.5))[:1]
    assert mine == LANE
    await move(0, 0, owner="bob")
    short = await empty.fetchval("SELECT leased_until - now() FROM lane WHERE lane = $1", LANE)
    assert short < timedelta(seconds=1)
    await move(1, 1, owner="ann")
    renewed = await empty.fetchval("SELECT leased_until - now() FROM lane WHERE lane = $1", LANE)
    assert renewed > timedelta(seconds=LEASE_SECONDS - 2)


async def settle(*owners: str, kind: str = "show", seconds: float = LEASE_SECONDS) -> dict[str, set[str]]:
    """Let the owners share until nothing changes any more, within a bound."""
    shares: dict[str, set[str]] = {}
    for _ in range(4):
        shares = {owner: set(await share(kind, owner, len(owners), seconds)) for owner in owners}
    return shares


@pytest.mark.parametrize("alive", [1, 2, 3])
async def test_lanes_are_shared_fairly_and_each_has_one_owner(empty: Any, alive: int):
    total = await empty.fetchval("SELECT count(*) FROM lane WHERE lane LIKE 'show.%'")
    shares = await settle(*(f"worker-{number}" for number in range(alive)))
    owned = [lane for share in shares.values() for lane in share]
    assert len(owned) == len(set(owned)) == total
    assert max(map(len, shares.values())) <= -(-total // alive)
    assert all(shares.values())
    assert await lanes.unowned() == [f"saga.{index:02d}" for index in range(settings().saga_lanes)]


async def test_who_comes_later_gets_a_share_and_who_is_alone_again_gets_all(empty: Any):
    alone = await settle("ann")
    both = await settle("ann", "bob")
    assert len(both["ann"]) < len(alone["ann"])
    assert both["ann"] | both["bob"] == alone["ann"]
    await lanes.release("bob")
    assert (await settle("ann"))["ann"] == alone["ann"]


async def test_nobody_ever_has_more_than_a_fair_share_not_even_for_a_moment(empty: Any):
    alone = await share("show", "ann", 1, LEASE_SECONDS)
    fair = -(-len(alone) // 2)
    assert len(await share("show", "ann", 2, LEASE_SECONDS)) == fair
    assert len([lane for lane in await lanes.unowned() if lane in alone]) == len(alone) - fair
    owned = await empty.fetchval("SELECT count(*) FROM lane WHERE owner = 'ann'")
    assert owned == fair
    await empty.execute("UPDATE lane SET owner = NULL, leased_until = '-infinity' WHERE lane > 'show.01'")
    assert len(await share("show", "ann", 2, LEASE_SECONDS)) == fair


async def test_a_worker_that_vanished_loses_its_lanes_when_their_lease_lapses_and_not_before(empty: Any):
    gone = await settle("ann", seconds=0.4)
    assert await share("show", "bob", 2, LEASE_SECONDS) == []
    taken: set[str] = set()
    for _ in range(60):
        taken = taken or set(await share("show", "bob", 1, LEASE_SECONDS))
        await asyncio.sleep(0 if taken else 0.05)
    assert taken == gone["ann"]
    assert await share("show", "ann", 2, LEASE_SECONDS) == []


async def test_two_workers_that_take_at_once_never_take_the_same_lane(empty: Any):
    shares = await asyncio.gather(*(share("show", f"worker-{number}", 3, LEASE_SECONDS) for number in range(3)))
    owned = [lane for share in shares for lane in share]
    assert len(owned) == len(set(owned))


def rows_of(total: int, mine: set[int], lapsed: set[int]) -> list[Any]:
    return [{"lane": f"show.{index:02d}", "mine": index in mine, "lapsed": index in lapsed} for index in range(total)]


def test_while_lanes_are_added_who_can_serve_the_new_ones_takes_those_first():
    """One worker still serves two lanes, the other four: it leaves one of the old ones to the first."""
    assert lanes.fair_share(rows_of(4, {0, 1}, {2, 3}), 4, [2, 4]) == ["show.02", "show.03", "show.00"]
    assert lanes.fair_share(rows_of(4, set(), {1}), 2, [2, 4]) == ["show.01"]


def test_a_worker_never_takes_a_lane_that_it_cannot_serve():
    assert lanes.fair_share(rows_of(4, set(), {0, 1, 2, 3}), 2, [2]) == ["show.00", "show.01"]


def test_nothing_changes_hands_for_nothing():
    """A third worker's lanes lapse: the others take them, and keep what they have."""
    assert lanes.fair_share(rows_of(6, {2, 3}, {0, 1}), 6, [6, 6]) == ["show.02", "show.03", "show.00"]


async def test_the_shares_of_workers_old_and_new_cover_every_lane(empty: Any):
    total = await empty.fetchval("SELECT count(*) FROM lane WHERE lane LIKE 'show.%'")
    serves = {"old": total - 3, "new": total}
    shares: dict[str, set[str]] = {}
    for order in (("old", "new"), ("new", "old")):
        await empty.execute("UPDATE lane SET owner = NULL, leased_until = '-infinity'")
        for _ in range(4):
            alive = list(serves.values())
            for owner in order:
                shares[owner] = set(await lanes.share("show", owner, serves[owner], alive, LEASE_SECONDS))
        assert shares["old"] and len(shares["old"] | shares["new"]) == total
        assert max(shares["old"]) < f"show.{total - 3:02d}"
    assert not shares["old"] & shares["new"]


async def test_a_lane_that_was_just_added_is_missed_by_nobody_until_it_is_used(empty: Any):
    await share("show", "ann", 1, LEASE_SECONDS)
    await empty.execute("INSERT INTO lane (lane) VALUES ('show.95')")
    try:
        assert "show.95" in await lanes.unowned(), "nothing has begun yet"
        await move(0, 4)
        assert "show.95" not in await lanes.unowned()
        await empty.execute("UPDATE lane SET next_offset = 1 WHERE lane = 'show.95'")
        assert "show.95" in await lanes.unowned()
    finally:
        await empty.execute("DELETE FROM lane WHERE lane = 'show.95'")


async def test_show_lanes_and_saga_lanes_are_shared_apart(empty: Any):
    assert {lane[:5] for lane in await share("saga", "ann", 1, LEASE_SECONDS)} == {"saga."}


async def test_a_new_generation_goes_on_elsewhere_and_what_may_be_lost_is_noted(empty: Any):
    await move(0, 9)
    async with transaction() as rows:
        place = await lanes.begin_generation(rows, LANE, 0, 10, 4, "the log was cut", (4, 9))
    assert tuple(place) == (1, 4, None, None)
    noted = await empty.fetchrow("SELECT lane, generation, from_offset, to_offset, note FROM lost_command")
    assert tuple(noted) == (LANE, 1, 4, 9, "the log was cut")
    with pytest.raises(lanes.LaneLost):
        await move(10, 11, generation=0)
    await move(4, 4, generation=1)
    with pytest.raises(lanes.LaneLost):
        async with transaction() as rows:
            await lanes.begin_generation(rows, LANE, 0, 10, 4, "late", (4, 9))
    assert await empty.fetchval("SELECT count(*) FROM lost_command") == 1


async def test_messages_that_were_decided_are_known_by_offset_and_publish_id(empty: Any):
    await empty.execute(
        'INSERT INTO journal (lane, generation, "offset", command, publish_id, body, outcome, decided, decided_at)'
        " VALUES ($1, 0, 7, 'fence', 'p7', '', 'fence', false, now())",
        LANE,
    )
    assert await lanes.known(LANE, [(7, "p7"), (7, "p8"), (8, "p7")]) == {(7, "p7")}
    assert await lanes.known(LANE, [(7, "p8")]) == set()
    assert await lanes.known("show.01", [(7, "p7")]) == set()


async def test_a_lane_that_is_not_in_the_database_is_named(empty: Any):
    with pytest.raises(lanes.LaneLost, match=r"show\.99 is not in the database"):
        await lanes.place("show.99")


async def test_who_is_alive_is_known_by_heartbeats(empty: Any):
    await workers.appear("a", "lane")
    await workers.appear("b", "lane")
    await workers.appear("c", "saga")
    assert await workers.serving("lane", 5) == [0, 0]
    await empty.execute("UPDATE worker SET seen_at = now() - interval '6 s' WHERE id = 'a'")
    assert await workers.at_work(5) == {"lane": 1, "saga": 1}
    await workers.leave("b")
    assert await workers.serving("lane", 5) == []
    await workers.appear("a", "lane")
    assert await workers.serving("lane", 5) == [0]
