"""What every lane does with a batch, whatever decides it: once, in order, whoever dies meanwhile.

A batch is one transaction that begins by moving the lane's offset.  While something is down it is tried again in
place; when the data is at fault it is halved down to the culprit, which is journalled as failed while the others are
served.  After an unknown outcome the lane's row tells whether the commit happened."""

import asyncio
from collections import Counter
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import structlog

from actors.lanes.publisher import Publisher
from actors.lanes.session import Arrived, Session
from actors.lanes.wire import Sealed
from sagas.clock import monotonic_seconds
from store import lanes
from store.connection import is_operating, transaction
from store.decisions import StateDiffers
from store.lanes import LaneLost
from store.settings import settings

log = structlog.get_logger()

#: Above this many messages a batch is one line in the log, below it each has its own.
LINES_PER_BATCH = 16
RETRY_SECONDS = (0.05, 2.0)
#: A lane that cannot even journal a message is tried again this often, loudly.
STUCK_SECONDS = 2.0
#: A guard that does not hold this often is no race between lanes: the data is at fault.
GUARD_ATTEMPTS = 8
#: How a message that fails by itself is journalled: as failed with what follows from that, then set aside alone.
FAILED, SET_ASIDE = 1, 2


class Line(NamedTuple):
    """What the log says of one message."""

    did: str
    offset: int
    show_id: UUID | None
    booking_id: UUID | None
    trace_id: str | None
    place: int | None = None
    step: str | None = None


ReadT = TypeVar("ReadT", bound=Any)
DecidedT = TypeVar("DecidedT", bound=Any)


class LaneActor(Generic[ReadT, DecidedT]):
    """The lanes of one kind in this worker process; a subclass reads, decides and tells."""

    def __init__(self, publisher: Publisher, owner: str) -> None:
        self._publisher, self._owner = publisher, owner
        self._telling: dict[str, asyncio.Task[None]] = {}

    def read(self, arrived: Arrived) -> ReadT:
        raise NotImplementedError

    async def decide(self, connection: Any, session: Session, now: Any, batch: list[ReadT], poison: int) -> DecidedT:
        raise NotImplementedError

    async def tell(self, decided: DecidedT) -> None:
        raise NotImplementedError

    def weight(self, message: ReadT) -> int:
        """How many messages this one is worth, of those that a batch may have."""
        return 1

    async def run(self, session: Session) -> None:
        """Decide all that has arrived, batch after batch, until nothing more has."""
        while arrived := session.take():
            batch: list[ReadT] = []
            room = session.batch_limit
            for message in map(self.read, arrived):
                if batch and self.weight(message) > room:
                    await self._decide(session, batch, poison=0)
                    batch, room = [], session.batch_limit
                batch.append(message)
                room -= self.weight(message)
            await self._decide(session, batch, poison=0)

    async def _decide(self, session: Session, batch: list[ReadT], poison: int) -> None:
        failures = differed = 0
        while not session.ended:
            started = monotonic_seconds()
            try:
                decided = await self._transact(session, batch, poison)
            except LaneLost:
                log.warning("late_write_refused", lane=session.lane, start=session.place.next_offset)
                return session.end("another owner has moved the lane on")
            except Exception as error:
                session.memory.clear()
                # counted by itself: a long outage before it must not make a guard's first failure the data's fault
                differed += isinstance(error, StateDiffers)
                again = is_operating(error) or (isinstance(error, StateDiffers) and differed <= GUARD_ATTEMPTS)
                if not again:
                    return await self._split(session, batch, poison, error)
                failures += 1
                log.warning("batch_again", lane=session.lane, failures=failures, error=repr(error))
                await asyncio.sleep(min(RETRY_SECONDS[0] * 2**failures, RETRY_SECONDS[1]))
                if await self._was_committed(session, batch):
                    return session.end("the commit's outcome was unknown; it had happened")
                continue
            _say_if_late(session)
            last = batch[-1].at
            session.place = session.place._replace(
                next_offset=last.offset + 1, last_offset=last.offset, last_publish_id=last.publish_id
            )
            self._log(session, batch, decided, monotonic_seconds() - started)
            await self._tell_in_turn(session.lane, decided)
            return

    async def _transact(self, session: Session, batch: list[ReadT], poison: int) -> DecidedT:
        place, last = session.place, batch[-1].at
        async with transaction() as connection:
            now = await lanes.move(
                connection, session.lane, place.generation, place.next_offset, last.offset, last.publish_id,
                self._owner, settings().lease_seconds,
            )  # fmt: skip
            return await self.decide(connection, session, now, batch, poison)

    async def _split(self, session: Session, batch: list[ReadT], poison: int, error: Exception) -> None:
        if len(batch) > 1:
            log.warning("batch_halved", lane=session.lane, messages=len(batch), error=repr(error))
            middle = len(batch) // 2
            await self._decide(session, batch[:middle], poison)
            await self._decide(session, batch[middle:], poison)
        elif poison < SET_ASIDE:
            log.error("message_failed", lane=session.lane, offset=batch[0].at.offset, exc_info=error)
            fault = repr(error).replace("\x00", "\\x00")[:500]
            await self._decide(session, [batch[0]._replace(fault=fault)], poison + 1)
        else:
            log.critical("lane_stuck", lane=session.lane, offset=batch[0].at.offset, exc_info=error)
            session.end("a message could not even be journalled as failed", pause_seconds=STUCK_SECONDS)

    async def _was_committed(self, session: Session, batch: list[ReadT]) -> bool:
        """After an error during COMMIT nobody knows; the lane's row does.  Unknown stays unknown."""
        try:
            place = await lanes.place(session.lane)
        except Exception as error:
            log.warning("lane_place_unknown", lane=session.lane, error=repr(error))
            return False
        last = batch[-1].at
        return (place["last_offset"], place["last_publish_id"]) == (last.offset, last.publish_id)

    async def _tell_in_turn(self, lane: str, decided: DecidedT) -> None:
        """Tell in the order of the batches, beside the next batch's decisions but never more than one behind."""
        before = self._telling.get(lane)
        if before is not None and not before.done():
            await before
        self._telling[lane] = asyncio.get_running_loop().create_task(self.tell(decided))

    async def publish(self, what: str, sealed: list[Sealed]) -> None:
        """Send what follows from a batch; what is not accepted now is sent by the sweep."""
        failed = [error for error in await self._publisher.publish_all(sealed) if error is not None]
        if failed:
            log.warning(
                "not_sent_yet", what=what, messages=len(failed), error=repr(failed[0]), hint="the sweep sends them"
            )

    def _log(self, session: Session, batch: list[ReadT], decided: DecidedT, seconds: float) -> None:
        if len(decided.lines) <= LINES_PER_BATCH:
            for line in decided.lines:
                told = {name: value for name, value in line._asdict().items() if value is not None}
                log.info(told.pop("did"), lane=session.lane, **told)
            return
        counts = Counter(line.did for line in decided.lines)
        log.info(
            "batch_decided", lane=session.lane, first_offset=batch[0].at.offset, last_offset=batch[-1].at.offset,
            milliseconds=round(seconds * 1000, 1), **counts,
        )  # fmt: skip


def _say_if_late(session: Session) -> None:
    """A batch was committed whose session had ended meanwhile: whoever reads the lane now begins behind it."""
    if session.ended:
        log.warning("late_answer", lane=session.lane, ended=session.ended)
