"""The delivery log: which letters are to be sent, and what became of them."""

from typing import Any
from uuid import UUID

from store.connection import pool
from store.settings import settings
from store.sql import query


def domain() -> str:
    """The domain of our sender, in which Message-IDs are ours."""
    return settings().mail_from.rpartition("@")[2].rstrip(">") or "localhost"


async def claim(booking_id: UUID, template: str, seconds: float) -> Any | None:
    """The letter, leased to the caller; None when it is sent already, refused, or somebody else is sending it."""
    return await pool().fetchrow(query("letter_claim"), booking_id, template, seconds)


async def is_done(booking_id: UUID, template: str) -> bool:
    return bool(
        await pool().fetchval(
            "SELECT status IN ('sent', 'refused') FROM letter WHERE booking_id = $1 AND template = $2",
            booking_id,
            template,
        )
    )


async def sent(letter_id: UUID, message_id: str) -> None:
    await pool().execute(query("letter_sent"), letter_id, message_id)


async def failed(letter_id: UUID, error: str, *, again: bool) -> None:
    await pool().execute(query("letter_failed"), letter_id, error, "waiting" if again else "refused")


async def refund(booking_id: UUID) -> Any:
    """The booking's newest refund."""
    return await pool().fetchrow(
        "SELECT * FROM refund WHERE booking_id = $1 ORDER BY created_at DESC LIMIT 1", booking_id
    )
