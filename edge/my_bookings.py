"""Bookings as their buyer reads them: one, all, what happened to one, and its printed tickets."""

from typing import Any
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import views
from edge.context import Context, context
from edge.cursor import Page, decode_cursor, encode_cursor
from edge.operation import json, operation
from edge.problems import not_found, unavailable
from edge.streams import send_booking
from edge.tokens import Who
from sagas.identity import booking_code
from store import bookings as rows
from store import files
from store.acceptance import NotesLost, note_of

my_bookings = Blueprint("my-bookings")


async def own_booking(who: Who, booking_id: UUID) -> Any:
    """The booking's whole row, if it is this buyer's."""
    whole = await rows.find(booking_id)
    if whole is None or whole["buyer_id"] != who.id:
        raise not_found()
    return whole


@operation(my_bookings, "GET", "/v1/bookings/{booking_id}", answers={200: views.BookingView}, problems=(404, 503))
async def get_booking(request: Request, booking_id: UUID, who: Who) -> HTTPResponse:
    """A booking as it stands."""
    return json(await current(context(request), who.id, booking_id))


async def current(here: Context, buyer_id: UUID, booking_id: UUID) -> views.BookingView:
    whole = await rows.find(booking_id)
    if whole is not None:
        if whole["buyer_id"] != buyer_id:
            raise not_found()
        return views.booking(rows.from_row(whole), whole)
    try:
        found = await note_of(here.redis, booking_id)
    except NotesLost as error:
        raise unavailable("Whether this was asked for cannot be told at the moment.", 5) from error
    if found is None or found[0].buyer != str(buyer_id):
        raise not_found()
    return views.queued(booking_id, UUID(found[0].show), found[0].method, found[1])


@operation(my_bookings, "GET", "/v1/bookings", query=Page, answers={200: views.BookingList})
async def list_bookings(request: Request, who: Who, query: Page) -> HTTPResponse:
    """Your bookings, newest first."""
    found = await rows.of_buyer(who.id, decode_cursor(query.cursor), query.limit + 1)
    items = [views.booking(rows.from_row(whole), whole) for whole in found[: query.limit]]
    more = len(found) > query.limit
    last = found[query.limit - 1] if more else None
    return json(views.BookingList(items, encode_cursor(last["decided_at"], last["id"]) if last else None))


@operation(
    my_bookings,
    "GET",
    "/v1/bookings/{booking_id}/timeline",
    answers={200: views.Timeline},
    problems=(404,),
)
async def get_timeline(request: Request, booking_id: UUID, who: Who) -> HTTPResponse:
    """What happened to the booking, in order."""
    await own_booking(who, booking_id)
    items = []
    for row in await rows.timeline(booking_id):
        detail = msgspec.json.decode(row["detail"])
        items.append(
            views.TimelineItem(row["n"], row["event"], row["step"] or "ended", row["at"], detail.get("reason"))
        )
    return json(views.Timeline(items))


@operation(
    my_bookings, "GET", "/v1/bookings/{booking_id}/stream", answers={200: None}, problems=(404, 503),
    content_type="text/event-stream",
)  # fmt: skip
async def stream_booking(request: Request, booking_id: UUID, who: Who) -> None:
    """The booking each time it changes, as server-sent events (``event: booking``)."""
    here = context(request)
    await send_booking(request, booking_id, lambda: current(here, who.id, booking_id))


@operation(
    my_bookings, "GET", "/v1/bookings/{booking_id}/tickets.pdf", answers={200: None}, problems=(404,),
    content_type="application/pdf",
)  # fmt: skip
async def get_tickets_pdf(request: Request, booking_id: UUID, who: Who) -> HTTPResponse:
    """The tickets of a confirmed booking, printed."""
    return await printed_tickets(await own_booking(who, booking_id))


async def printed_tickets(whole: Any) -> HTTPResponse:
    """The booking's tickets as they were printed last."""
    booking_id = whole["id"]
    content = await files.find(booking_id, "tickets.pdf") if whole["state"] == "confirmed" else None
    if content is None:
        raise not_found()
    name = f"tickets-{booking_code(booking_id)}.pdf"
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "private, no-store"}
    return HTTPResponse(content, 200, headers, "application/pdf")
