"""Dead letters: every message that was given up, by work queues and lanes, and what an operator did about it."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from store.connection import pool
from store.decisions import columns
from store.sql import query


class DeadLetter(NamedTuple):
    """A message that was given up.  ``queue`` may be a lane, then with the message's place in it; ``body`` is masked,
    and ``sealed`` holds the message's bytes where it makes sense to send it again."""

    id: UUID
    queue: str
    generation: int | None
    offset: int | None
    message: str
    command_id: str | None
    booking_id: UUID | None
    show_id: UUID | None
    reason: str
    body: str
    sealed: bytes | None
    trace: str
    given_up_at: datetime


async def keep(letters: list[DeadLetter]) -> set[UUID]:
    """Write them down; the ids of those that were not there before."""
    rows = await pool().fetch(query("dead_letters_keep"), *columns(letters, len(DeadLetter._fields)))
    return {row["id"] for row in rows}


async def given_up_on_lanes(limit: int) -> list[Any]:
    """Rows of the journals that are dead letters and not listed as such yet."""
    return list(await pool().fetch(query("given_up_on_lanes"), limit))


async def latest(before: tuple[datetime, UUID] | None, limit: int) -> list[Any]:
    """Newest first, those after the cursor; ``retriable`` says whether it can be sent again."""
    at, last = before or (None, None)
    return list(await pool().fetch(query("dead_letters_list"), at, last, limit))


async def to_retry(connection: Any, letter_id: UUID) -> Any | None:
    """The letter, locked until the transaction ends."""
    return await connection.fetchrow(query("dead_letter_to_retry"), letter_id)


async def retried(connection: Any, letter_id: UUID, operator: UUID) -> Any:
    """Note who sent it again, and forget its bytes."""
    return await connection.fetchrow(query("dead_letter_retried"), letter_id, operator)
