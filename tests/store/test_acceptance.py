"""Accepting wishes: tokens, notes and the number ahead in real Redis, and the bound that stands in when it is gone."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from sagas.clock import unix_seconds
from sagas.identity import new_id
from store import live
from store.acceptance import Acceptance, Accepting, Bucket, LocalBuckets, NotesLost, begin_notes, note_of
from store.live import Announcement

SHOW, BUYER = UUID(int=7), UUID(int=8)
BUCKET = Bucket("bookings", burst=3, refill_seconds=0.2)
NO_LIMIT = Bucket("bookings", burst=0, refill_seconds=1)


class Door:
    """The edge's door: asks for wishes, each of a booking of its own unless one is named."""

    def __init__(self, client: Any, bucket: Bucket = NO_LIMIT, backlog: int = 0) -> None:
        self.accepting = Accepting(client, lambda _name: bucket, backlog)

    async def ask(
        self, booking: UUID | None = None, body: str = "h", buyer: UUID = BUYER, show: UUID = SHOW
    ) -> Acceptance:
        return await self.accepting.ask(booking or new_id(), buyer, show, "show.03", body, "wallet")


async def decided(client: Any, count: int, show: UUID = SHOW) -> None:
    await live.announce(client, Announcement({}, {}, {show: count}, []))


async def test_a_buyer_has_a_burst_of_tokens_and_then_waits_for_the_next(cache: Any):
    door = Door(cache, BUCKET)
    taken = [await door.ask() for _ in range(4)]
    assert [answer.status for answer in taken] == ["accepted", "accepted", "accepted", "limited"]
    assert [answer.remaining for answer in taken[:3]] == [2, 1, 0]
    assert 0 < taken[3].wait <= BUCKET.refill_seconds
    assert (await door.ask(buyer=UUID(int=9))).status == "accepted"
    await asyncio.sleep(taken[3].wait + 0.05)
    assert (await door.ask()).status == "accepted"


async def test_parallel_wishes_get_no_more_tokens_than_there_are(cache: Any):
    one, two = Door(cache, Bucket("bookings", 3, 60)), Door(cache, Bucket("bookings", 3, 60))
    answers = await asyncio.gather(*((one if number % 2 else two).ask() for number in range(40)))
    assert [answer.status for answer in answers].count("accepted") == 3


async def test_asking_again_takes_no_token_and_keeps_the_place(cache: Any):
    door, booking = Door(cache, Bucket("bookings", 1, 60)), new_id()
    first = await door.ask(booking)
    again = [await door.ask(booking) for _ in range(5)]
    assert {(answer.status, answer.number) for answer in again} == {("again", first.number)}
    assert (await door.ask()).status == "limited"


async def test_a_key_used_for_something_else_is_told_at_once_and_the_first_note_stays(cache: Any):
    door, booking = Door(cache), new_id()
    await door.ask(booking, "one body")
    assert (await door.ask(booking, "another body")).status == "reused"
    assert (await door.ask(booking, "one body")).status == "again"


async def test_one_key_twenty_times_at_once_is_accepted_once(cache: Any):
    one, two, booking = Door(cache), Door(cache), new_id()
    answers = await asyncio.gather(*((one if number % 2 else two).ask(booking) for number in range(20)))
    assert sorted(answer.status for answer in answers) == ["accepted"] + ["again"] * 19


async def test_the_number_ahead_is_what_was_accepted_before_and_is_not_decided_yet(cache: Any):
    door, bookings = Door(cache), [new_id() for _ in range(4)]
    for booking in bookings:
        await door.ask(booking)
    await door.ask(show=UUID(int=99))
    noted = [await note_of(cache, booking) for booking in bookings]
    assert [found[1] for found in noted if found] == [0, 1, 2, 3]
    await decided(cache, 2)
    noted = [await note_of(cache, booking) for booking in bookings]
    assert [found[1] for found in noted if found] == [0, 0, 0, 1]
    assert noted[0] is not None
    note = noted[0][0]
    found = (note.buyer, note.show, note.lane, note.hash, note.method)
    assert found == (str(BUYER), str(SHOW), "show.03", "h", "wallet")


async def test_a_show_with_too_many_undecided_wishes_takes_no_more_until_some_are_decided(cache: Any):
    door = Door(cache, backlog=2)
    assert [(await door.ask()).status for _ in range(3)] == ["accepted", "accepted", "crowded"]
    assert (await door.ask(show=UUID(int=99))).status == "accepted"
    await decided(cache, 1)
    assert [(await door.ask()).status for _ in range(2)] == ["accepted", "crowded"]


async def test_a_crowded_or_limited_wish_leaves_no_note_and_takes_no_token(cache: Any):
    booking = new_id()
    crowded = Door(cache, Bucket("bookings", 2, 60), backlog=1)
    await crowded.ask()
    assert (await crowded.ask(booking)).status == "crowded"
    await begin_notes(cache)
    await cache.set("notes:since", 0)
    assert await note_of(cache, booking) is None
    await decided(cache, 1)
    assert (await crowded.ask(booking)).status == "accepted"


async def test_a_wish_that_was_not_accepted_after_all_is_forgotten(cache: Any):
    door, booking = Door(cache, backlog=1), new_id()
    await door.ask(booking)
    await door.accepting.withdraw(booking, SHOW)
    await cache.set("notes:since", 0)
    assert await note_of(cache, booking) is None
    assert (await door.ask(booking)).status == "accepted"


async def test_notes_and_counts_are_forgotten_after_a_quarter_of_an_hour(cache: Any):
    booking = new_id()
    await Door(cache, BUCKET).ask(booking)
    await decided(cache, 1)
    for key in (f"accepted:{booking}", f"accepted_count:{SHOW}", f"decided:{SHOW}"):
        assert 890 < await cache.ttl(key) <= 900
    assert 0 < await cache.ttl(f"limit:bookings:{BUYER}") <= 2


async def test_the_time_told_is_that_of_redis(cache: Any):
    seconds, microseconds = await cache.time()
    answer = await Door(cache).ask()
    assert 0 <= answer.now - (seconds + microseconds / 1e6) < 5


async def test_a_script_that_redis_forgot_is_loaded_again(cache: Any):
    door = Door(cache, Bucket("bookings", 3, 60))
    assert (await door.ask()).remaining == 2
    await cache.script_flush()
    assert (await door.ask()).remaining == 1


async def test_notes_that_may_have_been_lost_are_told_from_wishes_that_never_came(cache: Any, gone: Any):
    with pytest.raises(NotesLost):
        await note_of(cache, new_id())
    await Door(cache).ask()
    with pytest.raises(NotesLost):
        await note_of(cache, new_id())
    await cache.set("notes:since", unix_seconds() - 901)
    assert await note_of(cache, new_id()) is None
    with pytest.raises(NotesLost):
        await note_of(gone, new_id())


async def test_with_a_new_database_no_note_can_have_been_lost(cache: Any):
    await begin_notes(cache)
    assert await note_of(cache, new_id()) is None


async def test_without_redis_a_local_bound_stands_in_and_nobody_waits_long(gone: Any):
    door = Door(gone, Bucket("bookings", 3, 60))
    async with asyncio.timeout(2):
        answers = [await door.ask() for _ in range(5)]
    assert [answer.status for answer in answers] == ["accepted"] * 3 + ["limited"] * 2
    assert all(answer.number is None and abs(answer.now - unix_seconds()) < 5 for answer in answers)
    assert (await door.ask(buyer=UUID(int=9))).status == "accepted"
    await door.accepting.withdraw(new_id(), SHOW)


async def test_when_redis_is_back_it_is_asked_again(cache: Any, gone: Any):
    door = Door(gone)
    assert (await door.ask()).number is None
    door.accepting._redis = cache
    for _ in range(40):
        answer = await door.ask()
        if answer.number is not None:
            break
        await asyncio.sleep(0.05)
    assert answer.number == 1


async def test_a_caller_that_went_away_does_not_harm_the_others(cache: Any):
    door = Door(cache)
    callers = [asyncio.create_task(door.ask()) for _ in range(6)]
    await asyncio.sleep(0)
    for caller in callers[::2]:
        caller.cancel()
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*callers, return_exceptions=True)
    assert [isinstance(answer, Acceptance) for answer in answers] == [False, True] * 3
    assert (await door.ask()).status == "accepted"


def test_the_local_bound_remembers_a_bounded_number_of_buyers_and_refills():
    buckets, bucket = LocalBuckets(), Bucket("bookings", 2, 0.001)
    buckets.LIMIT_BUYERS = 10
    for number in range(50):
        assert buckets.take(str(number), bucket).status == "accepted"
    assert len(buckets._tokens) == 10


async def test_seat_changes_are_caught_up_with_in_order_and_not_when_some_are_missing(cache: Any):
    def change(version: int) -> Announcement:
        return Announcement({}, {SHOW: live.SeatsChanged(version, version - 1, {f"S-{version}": "held"}, {})}, {}, [])

    for version in (3, 4, 5):
        await live.announce(cache, change(version))
    found = await live.changes_since(cache, SHOW, 3)
    assert found is not None
    assert [one.version for one in found] == [4, 5]
    assert await live.changes_since(cache, SHOW, 5) == []
    assert await live.changes_since(cache, SHOW, 1) is None
