"""What is held about a person: given to them as one document, and erased when they ask for it.

After erasing, an account's row says only that somebody was there; bookings, journal, money and tickets go on pointing
to it.  Sessions keep that they ended."""

from typing import Any
from uuid import UUID

from store.connection import pool
from store.sql import query


async def of(user_id: UUID) -> str:
    """Everything, as a JSON text."""
    return str(await pool().fetchval(query("person_data"), user_id))


async def hindrances(rows: Any, user_id: UUID) -> list[str]:
    """Why the account cannot be erased now; nothing when it can."""
    return [row["reason"] for row in await rows.fetch(query("erasing_hindered"), user_id)]


async def erase(rows: Any, user_id: UUID) -> list[str]:
    """Erase, in the caller's transaction; the paths of documents whose bytes must go after it."""
    return [row["path"] for row in await rows.fetch(query("person_erase"), user_id)]
