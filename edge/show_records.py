"""What is on record of a show: its bookings and its journal for its organiser, the journal's head for everybody."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import views
from edge.acting import Acting
from edge.cursor import Page, decode_place_cursor, encode_cursor
from edge.operation import json, operation
from edge.problems import not_found
from edge.shows import own_show
from sagas.money import Money
from store import bookings, journal
from store import shows as rows

show_records = Blueprint("show-records")


class BuyerRef(msgspec.Struct):
    id: UUID
    name: str
    email: str


class CapturedPayment(msgspec.Struct):
    """Money that came in for a booking, of which some may be given back."""

    id: UUID
    method: str
    amount: Money


class ShowBooking(msgspec.Struct):
    """A booking, whose it is, and what was paid for it."""

    buyer: BuyerRef
    booking: views.BookingView
    payments: list[CapturedPayment]


class ShowBookings(msgspec.Struct):
    items: list[ShowBooking]
    next_cursor: str | None


class JournalItem(msgspec.Struct):
    """One decision: ``offset`` in the lane's log, ``place`` among the show's wishes, ``hash`` of the chain so far."""

    generation: int
    offset: int
    place: int | None
    command: str
    booking_id: UUID | None
    outcome: str
    decided: bool
    decided_at: datetime
    hash: str | None


class JournalPage(msgspec.Struct):
    items: list[JournalItem]
    next_cursor: str | None


class JournalHead(msgspec.Struct):
    place: int
    hash: str
    decided_at: datetime | None


def show_booking(row: Any) -> ShowBooking:
    payments = [
        CapturedPayment(UUID(paid["id"]), paid["method"], Money(paid["amount"], row["currency"]))
        for paid in msgspec.json.decode(row["payments"])
    ]
    buyer = BuyerRef(row["buyer_id"], row["buyer_name"] or "", row["buyer_email"] or "")
    return ShowBooking(buyer, views.booking(bookings.from_row(row), row), payments)


@operation(
    show_records, "GET", "/v1/shows/{show_id}/bookings", query=Page, answers={200: ShowBookings}, problems=(404,)
)
async def list_show_bookings(request: Request, show_id: UUID, query: Page, acting: Acting) -> HTTPResponse:
    """A show's bookings with their buyers, the latest place in line first."""
    await own_show(show_id, acting)
    before = decode_place_cursor(query.cursor)
    found = await rows.bookings(show_id, before and before[0], query.limit + 1)
    items = [show_booking(row) for row in found[: query.limit]]
    more = len(found) > query.limit
    return json(ShowBookings(items, encode_cursor(found[query.limit - 1]["place"], 0) if more else None))


@operation(show_records, "GET", "/v1/shows/{show_id}/journal", query=Page, answers={200: JournalPage}, problems=(404,))
async def list_journal(request: Request, show_id: UUID, query: Page, acting: Acting) -> HTTPResponse:
    """What the show's lane decided of it, in order, with the hash chain."""
    show = await own_show(show_id, acting)
    after = decode_place_cursor(query.cursor) or (-1, -1)
    found = await journal.of_show(show_id, show["lane"], after, query.limit + 1)
    items = [JournalItem(*row) for row in found[: query.limit]]
    last = items[-1] if len(found) > query.limit else None
    return json(JournalPage(items, encode_cursor(last.generation, last.offset) if last else None))


@operation(show_records, "GET", "/v1/shows/{show_id}/journal/head", answers={200: JournalHead}, problems=(404,))
async def get_journal_head(request: Request, show_id: UUID) -> HTTPResponse:
    """Where the show's journal stands: the last place in line, and the hash over all decisions so far."""
    row = await rows.head(show_id)
    if row is None:
        raise not_found()
    return json(JournalHead(row["place"], row["hash"], row["decided_at"]))
