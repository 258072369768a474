"""Bookings as rows: read by the edge and the workers; written only by the show's lane (``store.decisions``)."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from store.connection import pool
from store.sql import query


class BookingRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A booking as its show's lane decided it.  ``seats``, ``amounts`` and ``refusal`` are JSON texts."""

    id: UUID
    show_id: UUID
    buyer_id: UUID
    lane: str
    generation: int
    offset: int
    place: int
    state: str
    seats: str
    amounts: str
    currency: str
    method: str
    held_until: datetime | None = None
    refusal: str | None = None
    body_hash: str
    decided_at: datetime


_COLUMNS = tuple(field.name for field in msgspec.structs.fields(BookingRow))


def from_row(row: Any) -> BookingRow:
    return BookingRow(**{name: row[name] for name in _COLUMNS})


async def find(booking_id: UUID) -> Any | None:
    """The booking with its saga, payment, tickets and refunds, or None."""
    return await pool().fetchrow(query("booking_whole"), booking_id)


async def of_buyer(buyer_id: UUID, before: tuple[datetime, UUID] | None, limit: int) -> list[Any]:
    """A buyer's bookings, newest first, those after the cursor."""
    at, last = before or (None, None)
    return list(await pool().fetch(query("bookings_of_buyer"), buyer_id, at, last, limit))


async def is_paid_or_over(booking_id: UUID) -> bool:
    """Whether the booking's saga has come past money and confirmation, or has turned round."""
    return bool(
        await pool().fetchval(
            "SELECT course <> 'forward' OR step NOT IN ('seats', 'payment', 'money', 'confirm') FROM saga "
            "WHERE id = $1",
            booking_id,
        )
    )


async def timeline(booking_id: UUID) -> list[Any]:
    return list(await pool().fetch(query("saga_timeline"), booking_id))
