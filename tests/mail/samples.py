"""Faces, facts and letters that the tests of mail begin from; every one can be varied by name."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from mail import qr_code
from mail.letters import BookingFacts, Letter, SeatLine
from mail.qr_code import TicketClaims
from mail.ticket_pdf import TicketFace
from sagas.money import Money

SEED = bytes(range(32))
STARTS_AT = datetime(2026, 12, 5, 14, 0, tzinfo=UTC)
SENT_AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>{{7*7}}{% raw %}\r\nBcc: everybody@example.com\u202e gnp.exe\u2028" + "long" * 60


def claims(**changes: Any) -> TicketClaims:
    usual = TicketClaims(show_id=UUID(int=7), ticket_id=UUID(int=8), seat_id="stalls-C-14", nonce=b"12345678")
    return msgspec.structs.replace(usual, **changes)


def face(**changes: Any) -> TicketFace:
    usual = TicketFace(
        event="Hamlet",
        venue="Prithvi Theatre",
        hall="Main Hall",
        address="20 Janki Kutir, Juhu, Mumbai 400049",
        starts_at=STARTS_AT,
        time_zone="Asia/Kolkata",
        section="Stalls",
        row="C",
        seat="14",
        ticket_type="Adult",
        holder_name="Asha Raghavan",
        price=Money(125000, "INR"),
        booking_code="FR-7K3M9Q",
        code=qr_code.sign(claims(), SEED),
    )
    return msgspec.structs.replace(usual, **changes)


def facts(**changes: Any) -> BookingFacts:
    usual = BookingFacts(
        booking_id=UUID(int=5),
        booking_code="FR-7K3M9Q",
        booking_url="http://127.0.0.1:8000/bookings/5?a=1&b=2",
        buyer_name="Asha Raghavan",
        buyer_email="asha@example.com",
        event="Hamlet",
        venue="Prithvi Theatre",
        hall="Main Hall",
        address="20 Janki Kutir, Juhu, Mumbai 400049",
        starts_at=STARTS_AT,
        time_zone="Asia/Kolkata",
        seats=(
            SeatLine("Stalls, row C, seat 14", "Adult", Money(125000, "INR")),
            SeatLine("Stalls, row C, seat 15", "Student", Money(90000, "INR")),
        ),
        discount=Money(10000, "INR"),
        fees=Money(0, "INR"),
        total=Money(205000, "INR"),
    )
    return msgspec.structs.replace(usual, **changes)


def letter(**changes: Any) -> Letter:
    usual = Letter(
        to="asha@example.com",
        subject="Your tickets: Hamlet",
        html="<p>Hello ₹</p>",
        text="Hello ₹",
        message_id="<confirmed.5@frontrow.example>",
    )
    return msgspec.structs.replace(usual, **changes)
