"""Tickets: one for each confirmed seat, signed; and the PDF that is printed of them."""

import hashlib
from typing import Any
from uuid import UUID

import msgspec

from mail import qr_code
from mail.ticket_pdf import TicketFace, tickets_pdf
from sagas.identity import booking_code, derived
from sagas.money import Money
from store import files, sagas, tickets
from store.settings import settings
from store.tickets import TicketRow

#: The document's kind in the files' log.
TICKETS_PDF = "tickets.pdf"


def tickets_of(row: Any) -> list[TicketRow]:
    """The tickets of a confirmed booking.  Made again, the same: ids and nonces follow from booking and seat."""
    issued = []
    for place in msgspec.json.decode(row["seats"]):
        if place.get("status"):
            continue  # cancelled or resold meanwhile: somebody else may have it
        ticket_id = derived(row["id"], "ticket", place["id"])
        nonce = hashlib.sha256(settings().signing_seed + ticket_id.bytes).digest()[: qr_code.NONCE_BYTES]
        claims = qr_code.TicketClaims(show_id=row["show_id"], ticket_id=ticket_id, seat_id=place["id"], nonce=nonce)
        code = qr_code.sign(claims, settings().signing_seed)
        kind = place.get("ticket_type")
        issued.append(TicketRow(ticket_id, row["id"], row["show_id"], place["id"], row["buyer_id"], kind, code))
    return issued


async def faces(booking_id: UUID) -> list[TicketFace]:
    """What is printed on the tickets of a booking."""
    facts = await sagas.booking_facts(booking_id)
    assert facts is not None, f"no booking {booking_id}"
    places = {place["id"]: place for place in msgspec.json.decode(facts["seats"])}
    return [
        TicketFace(
            event=facts["title"],
            venue=facts["venue"],
            address=f"{facts['address']}, {facts['city']}",
            hall=facts["hall"],
            starts_at=facts["starts_at"],
            time_zone=facts["time_zone"],
            section=places[ticket["seat_id"]]["section"],
            row=places[ticket["seat_id"]]["row"],
            seat=places[ticket["seat_id"]]["label"] if places[ticket["seat_id"]]["row"] else "",
            ticket_type=ticket["ticket_type"] or "Standard",
            holder_name=facts["buyer_name"],
            price=Money(places[ticket["seat_id"]]["price"], facts["currency"]),
            booking_code=booking_code(booking_id),
            code=ticket["code"],
        )
        for ticket in await tickets.of_booking(booking_id)
        if ticket["status"] == "valid"
    ]


def print_pdf(printed: list[TicketFace]) -> bytes:
    """The tickets as one PDF, a page each.  CPU-bound: some 30 ms a page."""
    return tickets_pdf(printed)


async def keep_pdf(booking_id: UUID, content: bytes) -> str:
    """Keep the booking's PDF; its path in the files folder."""
    return await files.keep(booking_id, TICKETS_PDF, content)
