"""Tickets as their holders read them, and those that are offered to others.

Listings are written by the show's lane only (``store.decisions``)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from store.connection import pool
from store.sql import query


async def tickets_of(holder_id: UUID, before: tuple[datetime, UUID] | None, limit: int) -> list[Any]:
    """A holder's tickets, newest first, those after the cursor."""
    return list(await pool().fetch(query("tickets_of_holder"), holder_id, None, *(before or (None, None)), limit))


async def ticket(holder_id: UUID, ticket_id: UUID) -> Any | None:
    """The ticket, if it is this holder's."""
    return await pool().fetchrow(query("tickets_of_holder"), holder_id, ticket_id, None, None, 1)


async def open_of_show(show_id: UUID, after: tuple[int, UUID] | None, limit: int) -> list[Any]:
    return list(await pool().fetch(query("listings_open"), show_id, *(after or (None, None)), limit))


async def find(listing_id: UUID) -> Any | None:
    return await pool().fetchrow(query("listing_whole"), listing_id)
