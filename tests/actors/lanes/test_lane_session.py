"""A session hands on exactly what follows the last decided message, whatever has become of the log meanwhile."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from pika.exceptions import AMQPError

from actors.lanes import session as session_module
from actors.lanes.publisher import Publisher
from actors.lanes.session import Arrived, LogLost, Place, Session
from actors.lanes.wire import Sealed
from loadtest.chaos.worker import until
from sagas.clock import monotonic_seconds
from store import lanes
from store.lanes import LaneLost
from store.sql import query
from tests.actors.lanes.stage import Stage

LANE = "show.00"
STREAM = {"x-queue-type": "stream", "x-stream-max-segment-size-bytes": 16_000_000}
ANSWER_LIMIT_SECONDS = 10


class TableRecords:
    """What sessions ask for, answered from a stage's tables; called from other threads than the loop's."""

    def __init__(self, stage: Stage, publisher: Publisher) -> None:
        self._stage, self._publisher, self._loop = stage, publisher, asyncio.get_running_loop()

    def _ask(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(ANSWER_LIMIT_SECONDS)

    def place(self, lane: str) -> Place:
        return Place(*self._ask(self._stage.pool.fetchrow(query("lane_place"), lane)))

    def decided(self, lane: str, arrived: list[tuple[int, str]]) -> set[tuple[int, str]]:
        offsets, ids = [offset for offset, _ in arrived], [publish_id for _, publish_id in arrived]
        rows = self._ask(self._stage.pool.fetch(query("journal_known"), lane, offsets, ids))
        return {(row["offset"], row["publish_id"]) for row in rows}

    def begin_generation(self, lane: str, place: Place, next_offset: int, note: str, lost_upto: int | None) -> Place:
        async def begin() -> Place:
            async with self._stage.pool.acquire() as connection, connection.transaction():
                lost = (place.next_offset, lost_upto)
                row = await lanes.begin_generation(
                    connection, lane, place.generation, place.next_offset, next_offset, note, lost
                )
                return Place(*row)

        begun: Place = self._ask(begin())
        return begun

    def publish(self, sealed: Sealed) -> None:
        self._ask(self._publisher.publish(sealed))


class Reader:
    """A lane's owner in this process: opens sessions, takes what arrives, and journals it without deciding anything."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.publisher = Publisher(stage.broker.url)
        self._records = TableRecords(stage, self.publisher)
        self.sessions: list[Session] = []

    async def open(self, kind: type[Session] = Session, batch_limit: int = 512, **arguments: Any) -> Session:
        url, records, declared = self.stage.broker.url, self._records, STREAM | arguments
        opened = await asyncio.to_thread(lambda: kind(LANE, url, declared, batch_limit, records))
        self.sessions.append(opened)
        return opened

    async def take(self, session: Session, seconds: float = 5.0) -> list[Arrived]:
        """All that has arrived, when something has; an empty list when nothing comes."""
        if session.in_flight and (batch := session.take()):
            return batch

        def wait() -> None:
            until_then = monotonic_seconds() + seconds
            while not session.arrived and monotonic_seconds() < until_then:
                session.wait(0.2)

        await asyncio.to_thread(wait)
        return session.take() if session.begin() else []

    async def journal(self, session: Session, batch: list[Arrived]) -> None:
        """Move the lane and write the rows, as a worker's transaction does.  Raises LaneLost."""
        place, last = session.place, batch[-1]
        async with self.stage.pool.acquire() as connection, connection.transaction():
            now = await lanes.move(
                connection, LANE, place.generation, place.next_offset, last.offset, last.publish_id, "reader", 3.0
            )
            previous = place.last_offset
            for arrived in batch:
                await connection.execute(
                    """INSERT INTO journal (lane, generation, "offset", previous_offset, command, publish_id, body,
                        outcome, decided, decided_at) VALUES ($1, $2, $3, $4, 'test', $5, '', 'test', false, $6)""",
                    LANE, place.generation, arrived.offset, previous, arrived.publish_id, now,
                )  # fmt: skip
                previous = arrived.offset
        session.place = place._replace(
            next_offset=last.offset + 1, last_offset=last.offset, last_publish_id=last.publish_id
        )

    async def decide_until(self, session: Session, publish_id: str) -> list[str]:
        """Take and journal until this message is decided; the publish ids that came."""
        came: list[str] = []
        while publish_id not in came:
            batch = await self.take(session)
            assert batch, f"{publish_id} never comes"
            await self.journal(session, batch)
            came += [arrived.publish_id for arrived in batch]
        return came


@pytest.fixture
async def reader(stage: Stage) -> AsyncIterator[Reader]:
    reader = Reader(stage)
    yield reader
    for session in reader.sessions:
        session.close()
    await reader.publisher.close()


async def put(stage: Stage, *names: str, body: bytes = b"{}") -> None:
    await stage.broker.put(LANE, [(name, body) for name in names])


def named(first: int, last: int, word: str = "m") -> list[str]:
    return [f"{word}{number}" for number in range(first, last)]


def without_fences(came: list[str]) -> list[str]:
    return [name for name in came if len(name) < 32]


async def lost(stage: Stage) -> list[tuple[Any, ...]]:
    return [
        (row["generation"], row["from_offset"], row["to_offset"])
        for row in await stage.rows("SELECT * FROM lost_command WHERE lane = $1 ORDER BY generation", LANE)
    ]


async def after_deciding(reader: Reader, names: list[str], upto: str, **arguments: Any) -> Place:
    """A lane whose log holds these messages, decided up to one of them; its place."""
    await reader.stage.broker.declare(LANE, **(STREAM | arguments))
    await put(reader.stage, *names)
    session = await reader.open(batch_limit=1, **arguments)
    await reader.decide_until(session, upto)
    session.close()
    return session.place


async def test_the_first_start_on_an_empty_log_meets_only_its_own_fence(stage, reader):
    session = await reader.open()
    [fence] = await reader.take(session)
    assert (fence.offset, session.place) == (0, Place(0, 0, None, None))
    assert await lost(stage) == []


async def test_a_session_goes_on_behind_the_last_decided_message(stage, reader):
    place = await after_deciding(reader, named(0, 20), "m9")
    session = await reader.open()
    assert session.place == place
    assert without_fences(await reader.decide_until(session, "m19")) == named(10, 20)
    assert await lost(stage) == []


async def test_nothing_is_handed_on_before_the_last_decided_message_has_come(stage, reader):
    """What arrives while the session verifies stays out of reach until the very message was met again."""
    await after_deciding(reader, named(0, 20), "m9")
    seen: list[tuple[int, ...]] = []

    class Watched(Session):
        def _await_arrival(self, seconds: float) -> bool:
            came = super()._await_arrival(seconds)
            seen.append(tuple(arrived.offset for arrived in self.arrived)[:1])
            return came

    session = await reader.open(Watched)
    assert seen == [(session.place.last_offset,)]
    assert session.arrived[0].offset == session.place.next_offset if session.arrived else True


async def test_an_id_that_differs_at_the_same_offset_begins_a_new_generation(stage, reader):
    place = await after_deciding(reader, named(0, 20), "m9")
    await stage.broker.delete(LANE)
    await stage.broker.declare(LANE, **STREAM)
    await put(stage, *named(0, 30, "other"))
    session = await reader.open()
    assert session.place == Place(1, 0, None, None)
    assert without_fences(await reader.decide_until(session, "other29")) == named(0, 30, "other")
    assert await lost(stage) == [(1, place.next_offset, None)]


async def test_a_log_that_came_back_shorter_goes_on_where_log_and_journal_still_agree(stage, reader):
    """The tail was lost with a power cut; new messages have taken the lost offsets, beyond the last decided one too."""
    await after_deciding(reader, named(0, 20), "m14")
    await stage.broker.delete(LANE)
    await stage.broker.declare(LANE, **STREAM)
    await put(stage, *named(0, 8), *named(0, 25, "new"))
    session = await reader.open()
    assert session.place.generation == 1
    assert without_fences(await reader.decide_until(session, "new24")) == named(0, 25, "new")
    rows = await stage.journal(LANE)
    assert [row["publish_id"] for row in rows if row["generation"] == 0][:15] == named(0, 15)
    again = await reader.open()
    assert again.place.generation == 1
    assert len(await lost(stage)) == 1


async def test_a_log_that_came_back_shorter_than_the_last_decided_offset_is_noticed_though_silent(stage, reader):
    place = await after_deciding(reader, named(0, 20), "m19")
    await stage.broker.delete(LANE)
    await stage.broker.declare(LANE, **STREAM)
    await put(stage, *named(0, 5), "new")
    session = await reader.open()
    assert session.place == Place(1, 5, None, None)
    assert without_fences(await reader.decide_until(session, "new")) == ["new"]
    assert await lost(stage) == [(1, place.next_offset, None)]


async def test_a_log_replaced_again_before_the_new_generation_decided_anything_loses_none_of_the_new(stage, reader):
    await after_deciding(reader, named(0, 20), "m19")
    await stage.broker.delete(LANE)
    await stage.broker.declare(LANE, **STREAM)
    await put(stage, *named(0, 5))
    session = await reader.open()
    assert session.place == Place(1, 5, None, None)
    session.close()
    await stage.broker.delete(LANE)
    await stage.broker.declare(LANE, **STREAM)
    await put(stage, *named(0, 10, "third"))
    session = await reader.open()
    assert without_fences(await reader.decide_until(session, "third9")) == named(0, 10, "third")


async def test_a_false_alarm_goes_on_in_the_same_generation(stage, reader):
    place = await after_deciding(reader, named(0, 20), "m9")
    alarms: list[float] = []

    class Deaf(Session):
        def _await_arrival(self, seconds: float) -> bool:
            if not alarms:
                alarms.append(seconds)
                return False
            return super()._await_arrival(seconds)

    session = await reader.open(Deaf)
    assert alarms == [session_module.SILENCE_SECONDS]
    assert session.place == place
    assert without_fences(await reader.decide_until(session, "m19")) == named(10, 20)
    assert await lost(stage) == []


async def test_a_false_alarm_far_down_a_long_log_is_seen_through(stage, reader, monkeypatch):
    monkeypatch.setattr(session_module, "WALK_CHUNK", 7)
    place = await after_deciding(reader, named(0, 60), "m39")

    class Deaf(Session):
        deaf = True

        def _await_arrival(self, seconds: float) -> bool:
            if self.deaf:
                self.deaf = False
                return False
            return super()._await_arrival(seconds)

    session = await reader.open(Deaf)
    assert session.place == place
    assert without_fences(await reader.decide_until(session, "m59")) == named(40, 60)


async def test_offsets_that_skip_where_segments_roll_are_nothing_but_skips(stage, reader):
    small = {"x-stream-max-segment-size-bytes": 20_000}
    names, body = named(0, 60), os.urandom(2_000)
    await stage.broker.declare(LANE, **(STREAM | small))
    came: list[str] = []
    for first in range(0, 60, 10):
        await put(stage, *names[first : first + 10], body=body)
        session = await reader.open(batch_limit=3, **small)
        came += await reader.decide_until(session, names[first + 9])
        session.close()
    assert without_fences(came) == names
    rows = await stage.journal(LANE)
    steps = [after["offset"] - before["offset"] for before, after in pairwise(rows)]
    assert set(steps) == {1, 2}, "no segment rolled"
    assert await lost(stage) == []
    assert {row["generation"] for row in rows} == {0}


async def trimmed(stage: Stage, names: list[str]) -> int:
    """Append these to a lane with a byte limit until the broker has trimmed its head; the new head's offset."""
    await put(stage, *names, body=os.urandom(2_000))
    log = await stage.broker.log(LANE)
    assert log[0][0] > 0, "the head was not trimmed"
    return log[0][0]


async def test_a_head_trimmed_past_the_next_offset_is_loud_and_listed(stage, reader):
    limits = {"x-stream-max-segment-size-bytes": 20_000, "x-max-length-bytes": 40_000}
    place = await after_deciding(reader, named(0, 20), "m9", **limits)
    names = named(100, 200)
    await trimmed(stage, names)
    session = await reader.open(**limits)
    assert session.place.generation == 1
    head = session.place.next_offset
    assert head > place.next_offset
    came = without_fences(await reader.decide_until(session, names[-1]))
    assert came[-3:] == names[-3:]
    [(generation, lost_from, lost_to)] = await lost(stage)
    assert (generation, lost_from, lost_to) == (1, place.next_offset, head - 1)


async def test_a_head_trimmed_past_what_a_running_session_has_read_is_a_lost_log_not_a_jump(stage, reader):
    """A lane that stands still for long, with its session open: the broker goes on at the new head without a word."""
    limits = {"x-stream-max-segment-size-bytes": 20_000, "x-max-length-bytes": 40_000}
    await after_deciding(reader, named(0, 20), "m9", **limits)
    session = await reader.open(batch_limit=2, **limits)
    await reader.journal(session, await reader.take(session))
    names = named(100, 200)
    head = await trimmed(stage, names)
    with pytest.raises(LogLost, match=f"the head is at {head}"):
        await reader.decide_until(session, names[-1])
    again = await reader.open(**limits)
    assert again.place.generation == 1
    [(generation, lost_from, lost_to)] = await lost(stage)
    assert (generation, lost_from, lost_to) == (1, session.place.next_offset, head - 1)


async def test_a_head_trimmed_before_the_very_first_decision_is_listed_too(stage, reader):
    limits = {"x-stream-max-segment-size-bytes": 20_000, "x-max-length-bytes": 40_000}
    await stage.broker.declare(LANE, **(STREAM | limits))
    head = await trimmed(stage, named(0, 100))
    session = await reader.open(**limits)
    [first] = (await reader.take(session))[:1]
    assert first.offset >= head
    assert [(lost_from, lost_to) for _, lost_from, lost_to in await lost(stage)] == [(0, first.offset - 1)]


async def test_a_stream_deleted_under_a_session_is_a_lost_log_not_silence(stage, reader):
    await after_deciding(reader, named(0, 5), "m4")
    session = await reader.open()
    await reader.take(session)
    await stage.broker.delete(LANE)

    def wait() -> None:
        for _ in range(50):
            session.wait(0.2)

    with pytest.raises(LogLost):
        await asyncio.to_thread(wait)


async def test_an_old_sessions_late_commit_and_end_change_nothing(stage, reader):
    await after_deciding(reader, named(0, 20), "m4")
    old, new = await reader.open(), await reader.open()
    late = await reader.take(old)
    old.memory["shows"] = {"of": "the old session"}
    await reader.decide_until(new, "m19")
    before = await stage.rows("SELECT * FROM lane WHERE lane = $1", LANE)
    with pytest.raises(LaneLost):
        await reader.journal(old, late)
    old.end("another owner has moved the lane on")
    assert (old.take(), old.begin()) == ([], False)
    old.close()
    assert await stage.rows("SELECT * FROM lane WHERE lane = $1", LANE) == before
    assert (new.ended, new.memory, old.memory) == (None, {}, {})
    await put(stage, "after")
    assert without_fences(await reader.decide_until(new, "after")) == ["after"]


async def test_a_session_that_ended_hands_out_nothing_though_messages_have_arrived(stage, reader):
    await after_deciding(reader, named(0, 20), "m4")
    session = await reader.open(batch_limit=2)
    assert await reader.take(session)
    await until("more arrived", lambda: len(session.arrived) > 0)
    session.end("cut")
    assert (session.take(), session.begin(), session.in_flight) == ([], False, False)


async def test_closing_never_raises_and_leaves_no_socket_behind(stage, reader):
    await after_deciding(reader, named(0, 5), "m4")

    def close_by_pika(session: Session) -> None:
        with suppress(AMQPError):  # it nacks what has arrived, which a broker that is quick answers by closing first
            session._connection.close()

    broken: list[Callable[[Session], Any]] = [
        lambda session: None,
        lambda session: session.end("twice"),
        lambda session: session._connection._impl._transport.abort(),
        close_by_pika,
    ]
    for break_it in broken:
        session = await reader.open()
        socket = session._connection._impl._transport._sock
        await asyncio.to_thread(break_it, session)
        session.close()
        session.close()
        session.end("late")
        assert session.take() == []
        assert socket.fileno() == -1, "the socket stays open, and the broker goes on delivering to it"
    session = await reader.open()
    await stage.broker.cut_connections()
    session.close()


async def test_credit_flows_through_more_batches_than_the_prefetch_holds(stage, reader):
    await after_deciding(reader, named(0, 200), "m0")
    session = await reader.open(batch_limit=2)
    assert without_fences(await reader.decide_until(session, "m199")) == named(1, 200)
