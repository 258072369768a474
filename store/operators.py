"""What operators look into: every saga, every booking, and the refunds that a saga owes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from store.connection import pool
from store.sql import query

Before = tuple[datetime, UUID] | None


async def sagas(before: Before, course: str | None, stuck: bool, limit: int) -> list[Any]:
    """The latest first, those after the cursor."""
    at, last = before or (None, None)
    return list(await pool().fetch(query("sagas_of_all"), at, last, course, stuck, limit))


async def saga(saga_id: UUID) -> Any | None:
    return await pool().fetchrow(query("saga_seen"), saga_id)


async def refunds(saga_id: UUID) -> list[Any]:
    return list(await pool().fetch(query("refunds_of_saga"), saga_id))


async def was_ordered(rows: Any, saga_id: UUID, action: str) -> bool:
    """Whether this was ordered within the last seconds, in which the saga may not have taken it up.  Until the
    transaction ends nobody else finds out."""
    await rows.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", str(saga_id))
    ordered: bool = await rows.fetchval(query("saga_was_ordered"), str(saga_id), action)
    return ordered


async def send_now(rows: Any, saga_id: UUID) -> bool:
    """Have the sweep send what the saga awaits at once; False when it awaits nothing."""
    return await rows.fetchval(query("saga_send_now"), saga_id) is not None


async def bookings(before: Before, show_id: UUID | None, email: str | None, limit: int) -> list[Any]:
    at, last = before or (None, None)
    return list(await pool().fetch(query("bookings_of_all"), at, last, show_id, email, limit))
