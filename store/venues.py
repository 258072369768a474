"""Venues: an organiser's own, which others see once something is on there; the operator's, which all may use."""

from typing import Any
from uuid import UUID

from store.connection import pool
from store.sql import query

#: What of a venue may be given and changed, in the order of the named queries' parameters.
FIELDS = ("name", "city", "country", "address", "time_zone", "opens", "closes", "latitude", "longitude")

Place = tuple[str, UUID] | None


async def make(connection: Any, venue_id: UUID, organiser_id: UUID, values: dict[str, Any]) -> Any:
    return await connection.fetchrow(
        query("venue_make"), venue_id, organiser_id, *(values.get(name) for name in FIELDS)
    )


async def own(connection: Any, venue_id: UUID, organiser_id: UUID) -> Any:
    """The organiser's venue, locked for a change; None when it is not theirs."""
    return await connection.fetchrow(query("venue_own"), venue_id, organiser_id)


async def change(connection: Any, venue_id: UUID, values: dict[str, Any]) -> Any:
    """``values``: all of FIELDS."""
    return await connection.fetchrow(query("venue_change"), venue_id, *(values[name] for name in FIELDS))


async def has_shows_to_come(connection: Any, venue_id: UUID) -> bool:
    return bool(await connection.fetchval(query("venue_has_shows_to_come"), venue_id))


async def seen(venue_id: UUID, user_id: UUID | None) -> Any:
    """A venue, if this account (or nobody in particular) may see it."""
    return await pool().fetchrow(query("venue_seen"), venue_id, user_id)


async def listed(city: str | None, user_id: UUID | None, after: Place, limit: int) -> list[Any]:
    """Venues that this account may see, by name."""
    name, last = after or (None, None)
    return list(await pool().fetch(query("venues_listed"), user_id, city, name, last, limit))


async def of_organiser(organiser_id: UUID, after: Place, limit: int) -> list[Any]:
    name, last = after or (None, None)
    return list(await pool().fetch(query("venues_of_organiser"), organiser_id, name, last, limit))


async def cities(after: tuple[str, str] | None = None, limit: int = 500) -> list[tuple[str, str]]:
    """The cities (with their countries) where something is on, by name."""
    city, country = after or (None, None)
    return [
        (row["city"], row["country"]) for row in await pool().fetch(query("cities_with_shows"), city, country, limit)
    ]
