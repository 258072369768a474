"""Tickets as their holders read them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge.cursor import Page, decode_cursor, encode_cursor
from edge.operation import json, operation
from edge.problems import not_found
from edge.tokens import Who
from store import listings as rows

tickets = Blueprint("tickets")


class TicketSeat(msgspec.Struct):
    id: str
    label: str
    row: str
    section: str


class TicketView(msgspec.Struct):
    """``listed`` is a ticket that its holder offers to others (``listing_id``), ``frozen`` one whose payment is
    disputed.  The ``code`` opens the door."""

    id: UUID
    booking_id: UUID
    show_id: UUID
    seat: TicketSeat
    ticket_type: str | None
    holder_name: str
    status: str
    code: str
    issued_at: datetime
    listing_id: UUID | None = None


class TicketList(msgspec.Struct):
    items: list[TicketView]
    next_cursor: str | None


@operation(tickets, "GET", "/v1/tickets", query=Page, answers={200: TicketList})
async def list_tickets(request: Request, who: Who, query: Page) -> HTTPResponse:
    """Your tickets, newest first."""
    found = await rows.tickets_of(who.id, decode_cursor(query.cursor), query.limit + 1)
    shown = found[: query.limit]
    more = encode_cursor(shown[-1]["issued_at"], shown[-1]["id"]) if len(found) > query.limit else None
    return json(TicketList([ticket_view(row) for row in shown], more))


@operation(tickets, "GET", "/v1/tickets/{ticket_id}", answers={200: TicketView}, problems=(404,))
async def get_ticket(request: Request, ticket_id: UUID, who: Who) -> HTTPResponse:
    """One of your tickets."""
    return json(ticket_view(await own_ticket(who, ticket_id)))


async def own_ticket(who: Who, ticket_id: UUID) -> Any:
    row = await rows.ticket(who.id, ticket_id)
    if row is None:
        raise not_found()
    return row


def seat_of(row: Any) -> TicketSeat:
    return msgspec.json.decode(row["place"], type=TicketSeat)


def ticket_view(row: Any) -> TicketView:
    return TicketView(
        row["id"], row["booking_id"], row["show_id"], seat_of(row), row["ticket_type"], row["holder_name"],
        row["told"], row["code"], row["issued_at"], row["listing_id"],
    )  # fmt: skip
