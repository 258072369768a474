"""Cancellations and postponements as rows: of seats (written by the show's lane), of shows and of venues."""

from datetime import datetime
from typing import Any
from uuid import UUID

from store.connection import pool
from store.sql import query


async def booking(booking_id: UUID) -> Any | None:
    """A booking with the terms under which it can be cancelled."""
    return await pool().fetchrow(query("booking_to_cancel"), booking_id)


async def of_booking(booking_id: UUID, cancellation_id: UUID | None = None) -> list[Any]:
    """A booking's cancellations with their refunds, the first one first."""
    return list(await pool().fetch(query("cancellations_of_booking"), booking_id, cancellation_id))


async def not_taken_up(limit: int) -> list[Any]:
    return list(await pool().fetch(query("cancellations_not_taken_up"), limit))


async def ask(
    rows: Any, cancellation_id: UUID, show_id: UUID, reason: str, asked_by: UUID, of_venue: UUID | None = None
) -> Any:
    """Note that a show is to be cancelled; the first note of it when there is one."""
    return await rows.fetchrow(query("show_cancellation_ask"), cancellation_id, show_id, of_venue, reason, asked_by)


async def drop(cancellation_id: UUID) -> None:
    """The lane refused: the show goes on."""
    await pool().execute(query("show_cancellation_drop"), cancellation_id)


async def ask_for_venue(
    rows: Any, cancellation_id: UUID, venue_id: UUID, organiser_id: UUID, reason: str, by: UUID
) -> Any:
    await rows.execute(query("venue_deactivate"), venue_id)
    return await rows.fetchrow(query("venue_cancellation_note"), cancellation_id, venue_id, organiser_id, reason, by)


async def shows_to_come_at(rows: Any, venue_id: UUID) -> list[Any]:
    """``id`` and ``lane`` of the shows that are to come at a venue, whosever they are."""
    return list(await rows.fetch(query("shows_to_come_at_venue"), venue_id))


async def progress(cancellation_id: UUID, organiser_id: UUID) -> tuple[Any | None, list[Any]]:
    """The venue's cancellation of this id, if it is one, and its shows' (or the show's own), as this organiser may see
    them."""
    venue = await pool().fetchrow(query("venue_cancellation_seen"), cancellation_id, organiser_id)
    return venue, list(await pool().fetch(query("show_cancellations"), cancellation_id, organiser_id))


async def under_way() -> list[Any]:
    return list(await pool().fetch(query("show_cancellations_open")))


async def end_event(rows: Any, show_id: UUID) -> None:
    """In a transaction: with the last of its coming shows an event is cancelled too."""
    event_id = await rows.fetchval(query("event_of_cancelled_show"), show_id)
    if event_id is not None:
        await rows.execute(query("event_cancelled"), event_id)


async def count(cancellation_id: UUID) -> None:
    """How many bookings there were to cancel, once."""
    await pool().execute(query("show_cancellation_count"), cancellation_id)


async def live_bookings(show_id: UUID, after: UUID, limit: int) -> list[Any]:
    return list(await pool().fetch(query("bookings_of_cancelled_show"), show_id, after, limit))


async def end(cancellation_id: UUID) -> bool:
    """Whether it is done, which is noted."""
    return bool(await pool().execute(query("show_cancellation_end"), cancellation_id) == "UPDATE 1")


async def postpone(rows: Any, postponement_id: UUID, show_id: UUID, refund_until: datetime, by: UUID) -> None:
    await rows.execute(query("postponement_note"), postponement_id, show_id, refund_until, by)


async def postponements() -> list[Any]:
    return list(await pool().fetch(query("postponements_open")))


async def tell_postponed(postponement_id: UUID, show_id: UUID, after: UUID, limit: int, mail_domain: str) -> list[UUID]:
    """Note the letters to the next bookings, once each; which those are."""
    found = await pool().fetch(query("postponement_tell"), postponement_id, show_id, after, limit, mail_domain)
    return [row["id"] for row in found]


async def told_postponed(postponement_id: UUID, up_to: UUID, done: bool) -> None:
    await pool().execute(query("postponement_told"), postponement_id, up_to, done)
