"""Events as their organiser makes them: drafts that nobody else sees, then published."""

from typing import Any
from uuid import UUID

import msgspec

from store.connection import pool
from store.sql import query

#: What of an event may be given and changed, in the order of the named queries' parameters.
FIELDS = ("title", "kind", "description", "language", "rating", "duration_minutes", "tags")


def _parameters(values: dict[str, Any]) -> list[Any]:
    return [values[name] if name != "tags" else msgspec.json.encode(values[name]).decode() for name in FIELDS]


async def make(connection: Any, event_id: UUID, organiser_id: UUID, values: dict[str, Any]) -> Any:
    """A draft.  ``values``: all of FIELDS."""
    return await connection.fetchrow(query("event_make"), event_id, organiser_id, *_parameters(values))


async def own(connection: Any, event_id: UUID, organiser_id: UUID) -> Any:
    """The organiser's event, locked for a change; None when it is not theirs."""
    return await connection.fetchrow(query("event_own"), event_id, organiser_id)


async def change(connection: Any, event_id: UUID, values: dict[str, Any]) -> Any:
    """``values``: all of FIELDS."""
    return await connection.fetchrow(query("event_change"), event_id, *_parameters(values))


async def set_status(connection: Any, event_id: UUID, status: str) -> Any:
    return await connection.fetchrow(query("event_set_status"), event_id, status)


async def has_shows(connection: Any, event_id: UUID) -> bool:
    return bool(await connection.fetchval(query("event_has_shows"), event_id))


async def remove(connection: Any, event_id: UUID) -> None:
    await connection.execute("DELETE FROM event WHERE id = $1", event_id)


async def is_of(event_id: UUID, organiser_id: UUID) -> bool:
    return bool(await pool().fetchval(query("event_is_of"), event_id, organiser_id))


async def seen(event_id: UUID, user_id: UUID | None) -> Any:
    """An event, if this account (or nobody in particular) may see it: drafts are their organiser's."""
    return await pool().fetchrow(query("event_seen"), event_id, user_id)


async def shows_of(event_id: UUID) -> list[Any]:
    return list(await pool().fetch(query("shows_of_event"), event_id))


async def of_organiser(organiser_id: UUID, status: str | None, before: UUID | None, limit: int) -> list[Any]:
    """The organiser's events, drafts included, newest first."""
    return list(await pool().fetch(query("events_of_organiser"), organiser_id, status, before, limit))
