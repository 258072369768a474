"""What a show lane's batch reads and writes: bookings, seats, sagas, the journal and the show's row, in bulk."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from sagas.messages import OpenShow
from sagas.terms import CouponTerms, decode_coupon, encode_rules
from store.bookings import BookingRow
from store.sql import query


class StateDiffers(Exception):
    """A guard did not hold: what was remembered is not what the table says.  Forget it and decide again."""


class JournalRow(NamedTuple):
    """One message read: what it was, what it came to, and what is needed to decide it again."""

    offset: int
    previous_offset: int | None
    show_id: UUID | None
    booking_id: UUID | None
    command: str
    command_id: UUID | None
    publish_id: str
    body: str
    inputs: str | None
    outcome: str
    result: str | None
    decided: bool
    place: int | None
    hash: str | None


class NewSaga(NamedTuple):
    id: UUID
    lane: str
    progress: str
    outbox: str
    trace: str


class ShowRow(NamedTuple):
    id: UUID
    place: int
    seats_version: int
    left: str
    kept: str | None
    hash: str


class SeatChange(NamedTuple):
    show_id: UUID
    id: str
    was: str
    state: str
    booking_id: UUID | None


class ShowMove(NamedTuple):
    """A show that leaves this lane.  ``alone``: shows that are made later keep off its new lane."""

    id: UUID
    to: str
    off_sale_until: datetime | None
    alone: bool
    moved_at: datetime


class BookingChange(NamedTuple):
    """A booking's new state; its places and its hold's end where they are others than before."""

    id: UUID
    state: str
    seats: str | None = None
    held_until: datetime | None = None


class Cancellation(NamedTuple):
    """Seats (ids as JSON) that were taken back, and what is owed for them."""

    id: UUID
    booking_id: UUID
    show_id: UUID
    seats: str
    amount: int
    retained: int
    currency: str
    to: str
    by: str
    reason: str
    actor_id: UUID | None


class ListingRow(NamedTuple):
    """A ticket that is offered by its buyer, as it stands after a decision."""

    id: UUID
    show_id: UUID
    booking_id: UUID
    seller_id: UUID
    seat_id: str
    price: int
    face_price: int
    fee: int
    status: str
    buyer_booking_id: UUID | None


class Writes(msgspec.Struct):
    """The rows of a portion of a batch, in the order of the log."""

    bookings: dict[UUID, BookingRow] = {}
    booking_changes: dict[UUID, BookingChange] = {}
    cancellations: list[Cancellation] = []
    listings: list[ListingRow] = []
    sagas: list[NewSaga] = []
    journal: list[JournalRow] = []
    seats: list[SeatChange] = []


class Standing(NamedTuple):
    """Where a whole batch leaves its shows and buyers; a buyer's live holds as they were read, and the change."""

    shows: list[ShowRow]
    buyers: dict[UUID, tuple[int, int]]
    moves: tuple[ShowMove, ...] = ()


async def met(connection: Any, command_ids: list[UUID]) -> dict[UUID, Any]:
    """Commands with these ids that were decided before, on whatever lane."""
    rows = await connection.fetch(query("commands_met"), command_ids)
    return {row["command_id"]: row for row in rows}


async def live_holds(connection: Any, buyers: list[UUID]) -> dict[UUID, int]:
    rows = await connection.fetch(query("buyers_live_holds"), buyers)
    return {row["buyer_id"]: row["live"] for row in rows}


class ShowRows(NamedTuple):
    """All that the tables say of one show."""

    show: Any
    seats_not_free: list[Any]
    bookings_live: list[Any]
    coupons: dict[str, CouponTerms]
    listings: list[Any]


async def shows(connection: Any, show_ids: list[UUID]) -> dict[UUID, ShowRows]:
    """The shows with these ids; one that is missing is left out."""
    rows = await connection.fetch(query("shows_to_decide"), show_ids)
    found = {row["id"]: ShowRows(row, [], [], {}, []) for row in rows}
    for seat in await connection.fetch(query("seats_not_free"), list(found)):
        found[seat["show_id"]].seats_not_free.append(seat)
    for booking in await connection.fetch(query("bookings_live"), list(found)):
        found[booking["show_id"]].bookings_live.append(booking)
    for coupon in await connection.fetch(query("coupons_of_shows"), list(found)):
        found[coupon["show_id"]].coupons[coupon["code"]] = decode_coupon(coupon["terms"])
    for listing in await connection.fetch(query("listings_live"), list(found)):
        found[listing["show_id"]].listings.append(listing)
    return found


async def plan(connection: Any, plan_hash: str) -> str:
    """The stored seat plan of this hash, encoded."""
    body: str = await connection.fetchval(query("plan_to_decide"), plan_hash)
    return body


async def bookings(connection: Any, booking_ids: list[UUID]) -> list[Any]:
    return list(await connection.fetch(query("bookings_of_commands"), booking_ids))


async def open_seats(connection: Any, show_id: UUID, seat_ids: list[str]) -> None:
    """Insert a show's seats, all free, and mark it opened.  Raises StateDiffers when it already was."""
    if await connection.execute(query("show_opened"), show_id) != "UPDATE 1":
        raise StateDiffers(f"show {show_id} was opened before, or is missing")
    records = ((show_id, seat_id) for seat_id in seat_ids)
    await connection.copy_records_to_table("seat", records=records, columns=["show_id", "id"])


async def amend(connection: Any, terms: OpenShow) -> None:
    """Keep a show's terms as they are from now on.  Raises StateDiffers when it is not open."""
    changed = await connection.execute(
        query("show_amended"), terms.show_id, msgspec.json.encode(terms.prices).decode(), terms.starts_at,
        terms.ends_at, terms.sale_opens_at, terms.sale_closes_at, terms.hold_seconds, terms.max_seats_per_booking,
        terms.max_seats_per_buyer, terms.max_live_holds, encode_rules(terms.rules),
    )  # fmt: skip
    if changed != "UPDATE 1":
        raise StateDiffers(f"show {terms.show_id} is not open, or is missing")
    await connection.execute(query("hall_time_moved"), terms.show_id, terms.starts_at, terms.ends_at)


async def cancel(connection: Any, show_id: UUID) -> None:
    """Keep that a show is cancelled: its hall is free for others."""
    await connection.execute(query("show_cancelled"), show_id)
    await connection.execute(query("hall_time_of_show_given_back"), show_id)


async def keep_coupon(connection: Any, show_id: UUID, code: str, terms: CouponTerms | None) -> None:
    """Keep a coupon's terms; without any it is dropped."""
    if terms is None:
        await connection.execute(query("coupon_dropped"), show_id, code)
    else:
        await connection.execute(query("coupon_kept"), show_id, code, msgspec.json.encode(terms).decode())


async def write(connection: Any, lane: str, generation: int, now: datetime, writes: Writes) -> None:
    """Write a portion of a batch.  Raises StateDiffers when a guard did not hold."""
    new = writes.bookings.values()
    changed = await connection.fetchval(
        query("decisions_write"),
        lane,
        generation,
        now,
        *columns(
            [
                (b.id, b.show_id, b.buyer_id, b.offset, b.place, b.state, b.seats, b.amounts, b.currency, b.method,
                 b.held_until, b.refusal, b.body_hash)
                for b in new
            ],
            13,
        ),
        *columns(list(writes.booking_changes.values()), 4),
        *columns(writes.sagas, 5),
        *columns(writes.journal, 14),
        *columns(writes.seats, 5),
    )  # fmt: skip
    if changed != len(writes.seats):
        raise StateDiffers(f"{len(writes.seats)} seats were to change, {changed} did")
    if writes.cancellations:
        await connection.execute(query("cancellations_note"), now, *columns(writes.cancellations, 11))
    if writes.listings:
        latest = list({listing.id: listing for listing in writes.listings}.values())
        await connection.execute(query("listings_keep"), now, *columns(latest, 10))


async def settle(connection: Any, now: datetime, standing: Standing) -> None:
    """Write where the batch leaves its shows and buyers.  Raises StateDiffers when a guard did not hold, and ValueError
    for a move to where there is no lane."""
    if standing.shows:
        await connection.execute(query("shows_change"), now, *columns(standing.shows, 6))
    if standing.buyers:
        buyers = list(standing.buyers)
        expected = [was for was, _ in standing.buyers.values()]
        changes = [change for _, change in standing.buyers.values()]
        rows = await connection.fetch(query("buyers_change"), buyers, expected, changes)
        if len(rows) != len(buyers):
            raise StateDiffers("a buyer's live holds were changed by another lane")
    for move in standing.moves:
        if await connection.execute(query("show_moved"), *move) != "UPDATE 1":
            raise ValueError(f"there is no lane {move.to}")


def columns(rows: Any, width: int) -> Any:
    """Rows as so many lists, one for each column, as ``unnest`` takes them."""
    return map(list, zip(*rows, strict=True)) if rows else ([] for _ in range(width))
