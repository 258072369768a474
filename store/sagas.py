"""Sagas as rows: progress, outbox, timeline and journal.  Only the saga's lane writes them, apart from resends."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from sagas import booking, top_up
from sagas.messages import SagaCommand, SeatsHeld
from sagas.saga import Progress
from store.connection import pool
from store.decisions import StateDiffers, columns
from store.sql import query


class _BookingProgress(Progress, frozen=True):
    facts: booking.Facts


class _TopUpProgress(Progress, frozen=True):
    facts: top_up.Facts


_DECODE = {
    "booking": msgspec.json.Decoder(_BookingProgress).decode,
    "top-up": msgspec.json.Decoder(_TopUpProgress).decode,
}
_decode_outbox = msgspec.json.Decoder(list[SagaCommand | SeatsHeld]).decode
_encode = msgspec.json.Encoder().encode


class SagaRow(NamedTuple):
    """A saga as stored: its progress, how many events its timeline holds, and the trace that began it."""

    id: UUID
    progress: Progress
    events: int
    trace: str
    kind: str = "booking"


class SagaJournalRow(NamedTuple):
    """One message read (part 0), or one event of a message that holds several."""

    offset: int
    part: int
    previous_offset: int | None
    saga_id: UUID | None
    event: str
    event_id: UUID | None
    publish_id: str
    body: str
    outcome: str
    taken: bool


class TimelineRow(NamedTuple):
    saga_id: UUID
    n: int
    event: str
    step: str
    course: str
    detail: str


def restore(progress: str, outbox: str, kind: str = "booking") -> Progress:
    """The progress as it was stored; before the saga was taken up, its outbox holds the event that begins it."""
    awaiting = tuple(command for command in _decode_outbox(outbox) if not isinstance(command, SeatsHeld))
    return msgspec.structs.replace(_DECODE[kind](progress), awaiting=awaiting)


def booking_facts_of(progress: str) -> booking.Facts:
    """What a booking's saga knows, as it is stored."""
    facts: booking.Facts = _DECODE["booking"](progress).facts
    return facts


def outbox_of(text: str) -> list[SagaCommand | SeatsHeld]:
    return _decode_outbox(text)


async def met(connection: Any, event_ids: list[UUID]) -> set[UUID]:
    """Which of these events were taken before."""
    return {row["event_id"] for row in await connection.fetch(query("events_met"), event_ids)}


async def load(connection: Any, saga_ids: list[UUID]) -> dict[UUID, SagaRow]:
    rows = await connection.fetch(query("sagas_load"), saga_ids)
    return {
        row["id"]: SagaRow(
            row["id"], restore(row["progress"], row["outbox"], row["kind"]), row["events"], row["trace"], row["kind"]
        )
        for row in rows
    }


async def write(
    connection: Any,
    lane: str,
    generation: int,
    now: datetime,
    sagas: list[tuple[SagaRow, float | None]],
    timeline: list[TimelineRow],
    journal: list[SagaJournalRow],
) -> None:
    """Write a batch: each saga with the seconds after which its outbox is sent again.  Raises StateDiffers."""
    moved = await connection.fetchval(
        query("sagas_write"),
        lane,
        generation,
        now,
        *columns(
            [
                (row.id, row.progress.step, row.progress.course, row.progress.outcome,
                 _encode(msgspec.structs.replace(row.progress, awaiting=())).decode(),
                 _encode(row.progress.awaiting).decode(), row.events, send_after)
                for row, send_after in sagas
            ],
            8,
        ),
        *columns(timeline, 6),
        *columns(journal, 10),
    )  # fmt: skip
    if moved != len(sagas):
        raise StateDiffers(f"{len(sagas)} sagas were to move, {moved} did")


async def cancellations_taken_up(connection: Any, now: datetime, cancellations: list[UUID]) -> None:
    await connection.execute(query("cancellations_taken_up"), now, cancellations)


async def listings_taken_up(connection: Any, now: datetime, listings: list[UUID]) -> None:
    await connection.execute(query("listings_taken_up"), now, listings)


async def sales_not_taken_up(limit: int) -> list[Any]:
    """Listings that are sold, of which the seller's saga has not heard."""
    return list(await pool().fetch(query("sales_not_taken_up"), limit))


async def overdue(limit: int) -> list[Any]:
    """Sagas whose answers are overdue, claimed for sending again."""
    return list(await pool().fetch(query("outbox_overdue"), limit))


async def holds_to_expire(limit: int) -> list[Any]:
    return list(await pool().fetch(query("holds_to_expire"), limit))


async def expiries_not_taken_up(limit: int) -> list[Any]:
    return list(await pool().fetch(query("expiries_not_taken_up"), limit))


async def booking_facts(booking_id: UUID) -> Any | None:
    """What tickets and letters say about a booking, or None."""
    return await pool().fetchrow(query("booking_facts"), booking_id)
