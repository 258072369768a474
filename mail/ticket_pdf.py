"""Prints tickets: one A5 landscape page for each seat, by WeasyPrint.

Equal faces give equal bytes, so a PDF that is made again is the same file.  The page asks for nothing: fonts are the
system's DejaVu, the QR code is drawn in line, and whatever a hostile name might try to load is refused by the fetcher.
Printing is CPU work that holds the interpreter's lock (20 to 100 ms a page), so it belongs in a worker of its own.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from markupsafe import Markup

from mail import printing, qr_code
from mail.plain_line import plain_line
from sagas import clock, money
from sagas.money import Money

TICKETS_MAX = 100  # as many places as one booking can have
# The width that ticket.css leaves for the text of each place, in points
_SEAT_POINTS = 67.0
_SEATED_SECTION_POINTS = 130.0
_STANDING_SECTION_POINTS = 312.0


class TicketFace(msgspec.Struct, frozen=True, kw_only=True):
    """What one ticket says.  A standing place has neither row nor seat; ``code`` is the signed text of the QR code."""

    event: str
    venue: str
    address: str
    starts_at: datetime
    time_zone: str
    section: str
    ticket_type: str
    holder_name: str
    price: Money
    booking_code: str
    code: str
    hall: str = ""
    row: str = ""
    seat: str = ""


_stylesheet = printing.stylesheet("ticket.css")


def tickets_pdf(faces: Sequence[TicketFace], locale: str = "en_IN") -> bytes:
    """One PDF with a page for each face, in the given order."""
    if not 1 <= len(faces) <= TICKETS_MAX:
        raise ValueError(f"A PDF holds 1 to {TICKETS_MAX} tickets, not {len(faces)}.")
    tickets = [_printed(face, locale) for face in faces]
    return printing.pdf("ticket.html", _stylesheet, tickets=tickets, title=tickets[0]["event"])


def _printed(face: TicketFace, locale: str) -> dict[str, Any]:
    """The face as words that fit: every text on one line of bounded length, the title's size chosen by its length."""
    event = plain_line(face.event, 110)
    section_points = _SEATED_SECTION_POINTS if face.row or face.seat else _STANDING_SECTION_POINTS
    places = [
        ("Section", plain_line(face.section, 40), section_points),
        ("Row", plain_line(face.row, 10), _SEAT_POINTS),
        ("Seat", plain_line(face.seat, 10), _SEAT_POINTS),
    ]
    return {
        "event": event,
        "title_size": _title_size(event),
        "when": clock.show(face.starts_at, face.time_zone, locale),
        "venue": plain_line(face.venue, 80),
        "hall": plain_line(face.hall, 60),
        "address": plain_line(face.address, 160),
        "places": [(name, value, _place_size(value, points)) for name, value, points in places if value],
        "ticket_type": plain_line(face.ticket_type, 40),
        "holder_name": plain_line(face.holder_name, 70),
        "price": money.show(face.price, locale),
        "booking_code": plain_line(face.booking_code, 24),
        # made by segno from letters and digits: the one text that is not escaped
        "qr": Markup(qr_code.svg(face.code)),
    }


def _title_size(title: str) -> str:
    if len(title) <= 28:
        return "large"
    return "medium" if len(title) <= 52 else "small"


def _place_size(text: str, width_points: float) -> str:
    """The largest print in which the whole text surely fits: nobody may read 10 where 102 is meant."""
    width_em = sum(_letter_em(letter) for letter in text)
    if width_em * 26 <= width_points:
        return "large"  # on one line
    # wrapping wastes up to a fifth of the first line
    return "medium" if width_em * 16 <= width_points * 1.8 else "small"


def _letter_em(letter: str) -> float:
    """A safe width in bold DejaVu Sans, in units of the letter's height."""
    if letter in "WMmw@%…":
        return 1.11
    return 0.78 if letter < "\u0250" else 1.0
