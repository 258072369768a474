"""The Dramatiq consumer of a lane: opens sessions while the lane is ours, and hands the worker one batch at a time.

Retrying happens in here, not by Dramatiq's restart delay: ``__next__`` never raises.  The batch is a fresh Dramatiq
message whose only argument is the session, so nothing inside a command can stop the lane; success is reported by the
actor to the session, and an ack means nothing."""

import time
from collections.abc import Iterable
from typing import Any

import structlog
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.message import Message

from actors.lanes.ownership import Ownership
from actors.lanes.publisher import Publisher
from actors.lanes.session import Place, Session
from actors.lanes.wire import Sealed
from sagas.clock import unix_milliseconds
from store import lanes
from store.connection import transaction
from store.settings import settings

log = structlog.get_logger()

#: How long an unowned lane sleeps before it looks again, and the most a failing one waits between attempts.
UNOWNED_SECONDS = 0.1
RETRY_SECONDS = (0.05, 2.0)


def on_loop(coroutine: Any) -> Any:
    """Run a coroutine on the worker's event loop, from one of its threads."""
    thread = get_event_loop_thread()
    assert thread is not None
    return thread.run_coroutine(coroutine)


class LoopRecords:
    """What sessions ask of the database and the broker, asked on the worker's event loop."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def place(self, lane: str) -> Place:
        return Place(*on_loop(lanes.place(lane)))

    def decided(self, lane: str, arrived: list[tuple[int, str]]) -> set[tuple[int, str]]:
        return set(on_loop(lanes.known(lane, arrived)))

    def begin_generation(self, lane: str, place: Place, next_offset: int, note: str, lost_upto: int | None) -> Place:
        async def begin() -> Place:
            async with transaction() as connection:
                row = await lanes.begin_generation(
                    connection,
                    lane,
                    place.generation,
                    place.next_offset,
                    next_offset,
                    note,
                    (place.next_offset, lost_upto),
                )
            return Place(*row)

        begun: Place = on_loop(begin())
        log.error("lane_new_generation", lane=lane, generation=begun.generation, next_offset=next_offset, note=note)
        return begun

    def publish(self, sealed: Sealed) -> None:
        on_loop(self._publisher.publish(sealed))


def stream_arguments() -> dict[str, Any]:
    """How a lane's stream is declared.  They can never change for a name; only a lane's owner declares."""
    return {
        "x-queue-type": "stream",
        "x-max-age": settings().lane_max_age,
        "x-stream-max-segment-size-bytes": settings().lane_segment_bytes,
    }


class LaneConsumer(Consumer):
    def __init__(self, lane: str, actor: str, ownership: Ownership, publisher: Publisher, timeout_ms: int) -> None:
        self._lane, self._actor, self._ownership = lane, actor, ownership
        self._records = LoopRecords(publisher)
        self._timeout_seconds = timeout_ms / 1000
        self._session: Session | None = None
        self._failures = 0

    def __next__(self) -> MessageProxy | None:
        try:
            return self._next()
        except Exception as error:
            self._drop(repr(error))
            self._failures += 1
            delay = min(RETRY_SECONDS[0] * 2**self._failures, RETRY_SECONDS[1])
            log.warning("lane_session_failed", lane=self._lane, error=repr(error), retry_seconds=delay)
            time.sleep(delay)
            return None

    def _next(self) -> MessageProxy | None:
        if self._lane not in self._ownership.owned:
            if self._session is not None and not self._session.in_flight:
                self._drop("given to another worker")
            time.sleep(UNOWNED_SECONDS)
            return None
        session = self._session
        if session is not None and session.ended:
            self._drop(session.ended)
            time.sleep(session.pause_seconds)
            session = None
        if session is None:
            session = self._session = Session(
                self._lane, settings().rabbitmq_url, stream_arguments(), settings().batch_limit, self._records
            )
            self._failures = 0
            log.info("lane_open", lane=self._lane, generation=session.place.generation, at=session.place.next_offset)
        if not session.arrived or session.in_flight:
            session.wait(self._timeout_seconds)
        return self._batch(session) if session.begin() else None

    def _batch(self, session: Session) -> MessageProxy:
        return MessageProxy(
            Message(
                queue_name=self._lane,
                actor_name=self._actor,
                args=(session,),
                kwargs={},
                options={},
                message_id=session.id.hex,
                message_timestamp=unix_milliseconds(),
            )
        )

    def _drop(self, reason: str) -> None:
        session, self._session = self._session, None
        if session is not None:
            log.info("lane_closed", lane=self._lane, reason=reason)
            session.end(reason)
            session.close()

    def ack(self, message: MessageProxy) -> None:
        """Nothing: credit is given when a batch is taken, and success is the offset in Postgres."""

    def nack(self, message: MessageProxy) -> None:
        """Dramatiq could not run the batch at all: read it again in a new session."""
        if self._session is not None:
            self._session.end("the batch did not run")

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Nothing: what was not decided is read again by whoever owns the lane next."""

    def close(self) -> None:
        self._drop("stopping")


class IdleConsumer(Consumer):
    """Dramatiq asks for a consumer of a lane's delay queue; lanes have none, and it needs no connection."""

    def __init__(self, timeout_ms: int) -> None:
        self._timeout_seconds = timeout_ms / 1000

    def __next__(self) -> None:
        time.sleep(self._timeout_seconds)
        return None

    def ack(self, message: MessageProxy) -> None: ...
    def nack(self, message: MessageProxy) -> None: ...
    def requeue(self, messages: Iterable[MessageProxy]) -> None: ...
    def close(self) -> None: ...


__all__ = ["IdleConsumer", "LaneConsumer", "on_loop", "stream_arguments"]
