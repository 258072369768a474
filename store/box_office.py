"""The box office as rows: sales to customers without an account, and the shifts in which they are made.

A sale's row is written before its wish is sent; without a booking of its id, the wish was refused.  What a shift should
have taken is what the ledger has of its sales, until it is counted and closed."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from store.connection import pool
from store.decisions import columns
from store.sql import query

#: Where money that the box office gives back goes.
METHODS = ("cash", "terminal")

#: A wish that has no booking after this was not taken by its lane, and never will be: it is no longer in time.
UNDECIDED_SECONDS = 20.0


class ShiftClosed(Exception):
    """The shift was closed before."""


class NoShift(Exception):
    """Cash is taken into a drawer that somebody counts."""


class SalesUndecided(Exception):
    """Some of the shift's sales are still being decided."""


class Sale(NamedTuple):
    """Who sold to whom, and how it was paid: ``cash``, ``terminal``, or ``comp`` for what is given away."""

    booking_id: UUID
    organiser_id: UUID
    show_id: UUID
    seller_id: UUID
    method: str
    customer_name: str
    customer_email: str | None


class Counted(NamedTuple):
    """Amounts in minor units."""

    method: str
    currency: str
    expected: int
    counted: int


async def note_sale(rows: Any, sale: Sale) -> None:
    """Note a sale, once, in its seller's open shift.  Raises NoShift where they take cash and have none."""
    shift_id = await rows.fetchval(query("shift_of_seller"), sale.organiser_id, sale.seller_id)
    if shift_id is None and sale.method == "cash" and not await rows.fetchval(query("sale_noted"), sale.booking_id):
        raise NoShift
    await rows.execute(query("sale_add"), *sale[:3], shift_id, *sale[3:])


async def sale(booking_id: UUID, show_id: UUID) -> Any | None:
    return await pool().fetchrow(query("sale_find"), booking_id, show_id)


async def refunds_owed(organiser_id: UUID, after: tuple[datetime, UUID] | None, limit: int) -> list[Any]:
    """What the organiser's box office has still to hand over, oldest first, with each saga's lane."""
    return list(await pool().fetch(query("cash_refunds"), organiser_id, None, *(after or (None, None)), limit))


async def refund(refund_id: UUID, organiser_id: UUID) -> Any | None:
    return await pool().fetchrow(query("cash_refunds"), organiser_id, refund_id, None, None, 1)


async def hand_over(rows: Any, refund_id: UUID, organiser_id: UUID, seller_id: UUID) -> bool:
    """Note who hands a refund over, in their open shift if there is one; False when somebody did before."""
    shift_id = await rows.fetchval(query("shift_of_seller"), organiser_id, seller_id)
    return await rows.fetchval(query("refund_hand_over"), refund_id, seller_id, shift_id) is not None


async def refunds_handed_over(limit: int) -> list[Any]:
    """Refunds that were handed over and whose sagas have not heard of it, with their lanes."""
    return list(await pool().fetch(query("refunds_handed_over"), limit))


async def open_shift(rows: Any, shift_id: UUID, organiser_id: UUID, seller_id: UUID) -> None:
    """Nothing changes where there is a shift of this id, or one of the seller's is open."""
    await rows.execute(query("shift_open"), shift_id, organiser_id, seller_id)


async def shift(shift_id: UUID, organiser_id: UUID) -> Any | None:
    return await pool().fetchrow(query("shift_find"), shift_id, organiser_id)


async def shifts(
    organiser_id: UUID, seller_id: UUID | None, before: tuple[datetime, UUID] | None, limit: int
) -> list[Any]:
    """The organiser's shifts, or one seller's of them, newest first."""
    place = before or (None, None)
    return list(await pool().fetch(query("shifts_page"), organiser_id, seller_id, *place, limit))


async def takings(rows: Any, shifts: list[UUID]) -> dict[UUID, dict[tuple[str, str], int]]:
    """What each shift should hold by now, by (method, currency), on a connection or the pool."""
    found: dict[UUID, dict[tuple[str, str], int]] = {shift_id: {} for shift_id in shifts}
    for row in await rows.fetch(query("shift_takings"), shifts):
        found[row["shift_id"]][row["method"], row["currency"]] = row["amount"]
    return found


async def counts(shifts: list[UUID]) -> dict[UUID, list[Counted]]:
    """What was counted when each of these shifts was closed."""
    found: dict[UUID, list[Counted]] = {shift_id: [] for shift_id in shifts}
    for row in await pool().fetch(query("shift_counts"), shifts):
        found[row["shift_id"]].append(Counted(row["method"], row["currency"], row["expected"], row["counted"]))
    return found


async def close_shift(rows: Any, shift_id: UUID, counted: dict[tuple[str, str], int]) -> None:
    """Close a shift with what was counted, by (method, currency).  Raises ShiftClosed, SalesUndecided."""
    if await rows.fetchval(query("shift_lock"), shift_id) is not None:
        raise ShiftClosed
    if await rows.fetchval(query("shift_sales_undecided"), shift_id, UNDECIDED_SECONDS):
        raise SalesUndecided
    expected = (await takings(rows, [shift_id]))[shift_id]
    lines = [(*of, expected.get(of, 0), counted.get(of, 0)) for of in sorted(expected.keys() | counted.keys())]
    await rows.execute(query("shift_close"), shift_id)
    if lines:
        await rows.execute(query("shift_count"), shift_id, *columns(lines, 4))
