"""The catalogue: venues, halls, events and shows, as organisers make them and buyers read them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from sagas.identity import derived, new_id, show_lane
from sagas.messages import OpenShow, Price
from sagas.seat_plan import PlanSection
from sagas.terms import NO_RULES, Rules, decode_rules, encode_rules
from store import halls, lanes
from store.connection import pool
from store.settings import settings
from store.sql import query
from store.tables import Event, Hall, Venue


async def lane_of(show_id: UUID) -> str:
    """The show's lane as it is now."""
    return str(await pool().fetchval("SELECT lane FROM show WHERE id = $1", show_id))


async def whereabouts(show_id: UUID) -> Any | None:
    """Where the show is decided, and since when; None when there is no such show."""
    return await pool().fetchrow(
        "SELECT lane, opened, moved_at, off_sale_until, alone FROM show WHERE id = $1", show_id
    )


async def make_hall(venue: Venue, name: str, sections: list[PlanSection]) -> Hall:
    """A hall with its seat plan; sections are given best first, and get their ids here."""
    hall_id = new_id()
    plan_hash = await halls.keep_plan(pool(), halls.numbered(hall_id, sections))
    return await Hall.create(id=hall_id, venue=venue, name=name, plan_id=plan_hash)


async def make_show(
    event: Event,
    hall: Hall,
    *,
    currency: str,
    prices: dict[str, int],
    starts_at: datetime,
    ends_at: datetime,
    sale_opens_at: datetime,
    sale_closes_at: datetime,
    hold_seconds: int = 300,
    max_seats_per_booking: int = 10,
    max_seats_per_buyer: int | None = None,
    max_live_holds: int = 2,
    rules: Rules = NO_RULES,
    takes_hall: bool = True,
    show_id: UUID | None = None,
    connection: Any = None,
) -> tuple[str, OpenShow]:
    """Insert a show; its lane, and the command that opens it there.  ``prices`` are minor units by section id.

    It takes its hall for its time: an ExclusionViolationError when another show has it then."""
    show_id, connection = show_id or new_id(), connection or pool()
    number = await connection.fetchval("SELECT nextval('show_number')")
    free = await lanes.for_shows(connection) or [show_lane(index) for index in range(settings().show_lanes)]
    lane = free[number % len(free)]
    priced = tuple(Price(section_id=section, amount=amount) for section, amount in prices.items())
    command = OpenShow(
        command_id=derived(show_id, "open"),
        show_id=show_id,
        number=number,
        plan=hall.plan_id,  # type: ignore[attr-defined]
        currency=currency,
        prices=priced,
        starts_at=starts_at,
        ends_at=ends_at,
        sale_opens_at=sale_opens_at,
        sale_closes_at=sale_closes_at,
        hold_seconds=hold_seconds,
        max_seats_per_booking=max_seats_per_booking,
        max_seats_per_buyer=max_seats_per_buyer,
        max_live_holds=max_live_holds,
        rules=rules,
    )
    await connection.execute(query("hall_time_give_back"), hall.id)
    await connection.execute(
        query("show_make"),
        show_id, number, event.id, hall.id, command.plan, lane, currency, msgspec.json.encode(priced).decode(),
        starts_at, ends_at, sale_opens_at, sale_closes_at, hold_seconds, max_seats_per_booking, max_seats_per_buyer,
        max_live_holds, encode_rules(rules), takes_hall,
    )  # fmt: skip
    return lane, command


async def hall_taken(hall_id: UUID, begins: datetime, ends: datetime, but: UUID, connection: Any = None) -> Any | None:
    """Another show that has the hall at some time between these, or None."""
    return await (connection or pool()).fetchrow(query("hall_time_taken"), hall_id, begins, ends, but)


def terms_of(row: Any) -> OpenShow:
    """The terms under which a show was, or is to be, opened."""
    return OpenShow(
        command_id=derived(row["id"], "open"),
        show_id=row["id"],
        number=row["number"],
        plan=row["plan_id"],
        currency=row["currency"],
        prices=msgspec.json.decode(row["prices"], type=tuple[Price, ...]),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        sale_opens_at=row["sale_opens_at"],
        sale_closes_at=row["sale_closes_at"],
        hold_seconds=row["hold_seconds"],
        max_seats_per_booking=row["max_seats_per_booking"],
        max_seats_per_buyer=row["max_seats_per_buyer"],
        max_live_holds=row["max_live_holds"],
        rules=decode_rules(row["rules"]),
    )


async def shows_unopened(limit: int) -> list[Any]:
    return list(await pool().fetch(query("shows_unopened"), limit))


async def show(show_id: UUID) -> Any | None:
    """A show with event, venue, hall and seat plan, or None when there is none that buyers may see."""
    return await pool().fetchrow(query("show_one"), show_id)


async def seats(show_id: UUID) -> Any:
    """The show's seats that are not free, with the version, as one snapshot."""
    return await pool().fetchrow(query("show_seats"), show_id)


async def shows_that_keep(show_ids: list[UUID]) -> set[UUID]:
    """Those of these shows that keep places for partners, or did."""
    return {row["id"] for row in await pool().fetch(query("shows_that_keep"), show_ids)}


async def seats_versions(show_ids: list[UUID]) -> dict[UUID, int]:
    rows = await pool().fetch(query("seats_versions"), show_ids)
    return {row["id"]: row["seats_version"] for row in rows}
