"""The delivery log: which letters are to be sent, and what became of them."""

from typing import Any
from uuid import UUID

from sagas.identity import derived, new_id
from store.connection import pool
from store.settings import settings
from store.sql import query

#: How many letters one address gets of invitations: those of strangers are not for flooding a mailbox with.
INVITATIONS_A_DAY = 3


def domain() -> str:
    """The domain of our sender, in which Message-IDs are ours."""
    return settings().mail_from.rpartition("@")[2].rstrip(">") or "localhost"


def of_booking(booking_id: UUID, template: str, about: UUID) -> UUID:
    """The id of a booking's letter: there is one for each template and thing that it is about."""
    return derived(booking_id, "letter", template, about)


async def to_person(rows: Any, user_id: UUID, template: str, trace: str = "") -> None:
    """Note that this letter about their account is to be sent, on a connection or the pool."""
    await rows.execute(query("letter_to_person"), new_id(), user_id, template, domain(), trace)


async def to_sellers(limit: int) -> None:
    """Note the letters about tickets that were put up for sale."""
    await pool().execute(query("letters_of_listings"), limit, domain())


async def of_invitations(rows: Any, organiser_id: UUID, invitation_id: UUID | None = None, trace: str = "") -> None:
    """Note that whoever a body has invited (with this invitation) gets a letter, if the body is approved; once for each
    invitation, however often it is repeated."""
    await rows.execute(
        query("letters_of_invitations"), organiser_id, invitation_id, domain(), trace, INVITATIONS_A_DAY
    )  # fmt: skip


async def invitation(invitation_id: UUID) -> Any | None:
    """``email``, ``role``, ``expires_at`` and ``legal_name`` of an invitation that stands, or None."""
    return await pool().fetchrow(query("letter_invitation"), invitation_id)


async def due(limit: int) -> list[Any]:
    """``id`` and ``trace_id`` of letters to people whose time has come."""
    return list(await pool().fetch(query("letters_due"), limit))


async def person(letter_id: UUID) -> Any | None:
    """``name`` and ``email`` of the person a letter about an account goes to; None when it was erased."""
    return await pool().fetchrow(query("letter_person"), letter_id)


async def claim(letter_id: UUID, seconds: float) -> Any | None:
    """The letter, leased to the caller; None when it is sent already, refused, or somebody else is sending it."""
    return await pool().fetchrow(query("letter_claim"), letter_id, seconds)


async def is_done(letter_id: UUID) -> bool:
    return bool(await pool().fetchval("SELECT status IN ('sent', 'refused') FROM letter WHERE id = $1", letter_id))


async def sent(letter_id: UUID, message_id: str) -> None:
    await pool().execute(query("letter_sent"), letter_id, message_id)


async def failed(letter_id: UUID, error: str, *, again: bool) -> None:
    await pool().execute(query("letter_failed"), letter_id, error, "waiting" if again else "refused")


async def refund(refund_id: UUID) -> Any:
    return await pool().fetchrow("SELECT * FROM refund WHERE id = $1", refund_id)


async def listing(listing_id: UUID) -> Any:
    """What a ticket was offered for, and the organiser's fee."""
    return await pool().fetchrow(
        "SELECT l.*, w.currency FROM listing l JOIN show w ON w.id = l.show_id WHERE l.id = $1", listing_id
    )


async def cancellation(cancellation_id: UUID) -> Any:
    """Which seats were taken back, what is owed for them, what goes back of it or waits, and what was given before."""
    return await pool().fetchrow(query("cancellation_told"), cancellation_id)
