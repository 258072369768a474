"""Tickets and the delivery log as rows."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from store.connection import pool
from store.decisions import columns
from store.sql import query


class TicketRow(NamedTuple):
    id: UUID
    booking_id: UUID
    show_id: UUID
    seat_id: str
    holder_id: UUID
    ticket_type: str | None
    code: str


class LetterRow(NamedTuple):
    id: UUID
    booking_id: UUID
    template: str
    about: UUID
    trace: str


async def bookings_to_ticket(connection: Any, booking_ids: list[UUID]) -> list[Any]:
    return list(await connection.fetch(query("bookings_to_ticket"), booking_ids))


async def issue(connection: Any, now: datetime, tickets: list[TicketRow]) -> None:
    """Issue them; from then on no other ticket for their seats opens a door."""
    seats = [(ticket.booking_id, ticket.show_id, ticket.seat_id) for ticket in tickets]
    await connection.execute(query("tickets_of_others_cancel"), *columns(seats, 3))
    await connection.execute(query("tickets_issue"), now, *columns(tickets, 7))


async def log_letters(connection: Any, now: datetime, mail_domain: str, letters: list[LetterRow]) -> None:
    """Note that these letters are to be sent: once for each booking, template and what it is about."""
    await connection.execute(query("letters_log"), now, mail_domain, *columns(letters, 5))


async def cancel(connection: Any, seats: list[tuple[UUID, str]]) -> None:
    """The tickets of these (booking, seat id) open no door any more."""
    await connection.execute(query("tickets_cancel"), *columns(seats, 2))


async def freeze(connection: Any, bookings: list[tuple[UUID, bool]]) -> None:
    """Tickets whose payment is disputed open no door until the dispute is won."""
    await connection.execute(query("tickets_freeze"), *columns(bookings, 2))


async def of_booking(booking_id: UUID) -> list[Any]:
    return list(await pool().fetch("SELECT * FROM ticket WHERE booking_id = $1 ORDER BY seat_id", booking_id))
