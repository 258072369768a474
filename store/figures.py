"""An organiser's figures: sold, held and earned, by section, day and show; and each sale, for an export.

Bookings are many and mostly at rest.  So each show's sales are counted once for each version of its seats, kept by day
and section, and counted again only when the show has sold since: a million bookings cost what those few shows cost."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from store.connection import pool
from store.sql import query

#: So many shows are counted by one statement; so many bookings are read at once.
SHOWS_AT_ONCE = 50
BOOKINGS_AT_ONCE = 2_000


class Asked(NamedTuple):
    """Whose figures, of which show or event (None: all), on which days at the venue (None: all)."""

    organiser_id: UUID
    show_id: UUID | None = None
    event_id: UUID | None = None
    since: date | None = None
    until: date | None = None


class Figures(NamedTuple):
    """Totals are of everything; sections, days and shows are the first so many of each."""

    totals: list[Any]
    sections: list[Any]
    days: list[Any]
    shows: list[Any]


async def figures(asked: Asked) -> Figures:
    await count(asked)
    totals = await pool().fetch(query("figures_in_all"), *asked)
    sections = await pool().fetch(query("figures_by_section"), *asked)
    days = await pool().fetch(query("figures_by_day"), *asked)
    shows = await pool().fetch(query("figures_by_show"), *asked)
    return Figures(list(totals), list(sections), list(days), list(shows))


async def count(asked: Asked) -> None:
    """Count the sales of the shows that have changed.  A show that sells meanwhile is not counted over and over."""
    done: set[UUID] = set()
    while True:
        rows = await pool().fetch(query("figures_to_count"), *asked[:3], SHOWS_AT_ONCE + len(done))
        wanted = [row["id"] for row in rows if row["id"] not in done][:SHOWS_AT_ONCE]
        if not wanted:
            return
        await pool().execute(query("figures_count"), wanted)
        done |= set(wanted)


async def sales(asked: Asked) -> AsyncIterator[tuple[Any, list[Any]]]:
    """Each show with its confirmed bookings, some at a time."""
    for show in await pool().fetch(query("sales_shows"), *asked[:3]):
        last = None
        while bookings := await pool().fetch(
            query("sales_of_a_show"), show["id"], last, asked.since, asked.until, show["time_zone"], BOOKINGS_AT_ONCE
        ):
            yield show, list(bookings)
            last = bookings[-1]["id"]
