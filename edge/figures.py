"""An organiser's figures, and the export of its sales."""

import csv
import io
import re
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import views
from edge.acting import Acting
from edge.operation import json, operation
from edge.problems import invalid
from sagas import clock
from sagas.identity import booking_code
from sagas.money import Money, major
from store import figures as rows
from store.figures import Asked

figures = Blueprint("figures")

COLUMNS = ("booking", "booked_at", "event", "show_starts_at", "venue", "section", "row", "seat", "ticket_type", "price",
           "discount", "fees", "tax", "currency", "method")  # fmt: skip
#: A cell that begins so is a formula to a spreadsheet.
_FORMULA = re.compile(r"^\s*[=+\-@\t\r|]")


class FiguresQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from", "until": "to"}):
    """Days are those at the venue; both are included."""

    show_id: UUID | None = None
    event_id: UUID | None = None
    since: date | None = None
    until: date | None = None


@operation(figures, "GET", "/v1/organiser/figures", query=FiguresQuery, answers={200: views.FiguresView})
async def get_figures(request: Request, query: FiguresQuery, acting: Acting) -> HTTPResponse:
    """What was sold, what is held, and what came in: in all, by section, by day and by show."""
    found = await rows.figures(_asked(query, acting))
    sections = [
        views.SectionFigures(
            row["section"], row["sold"], row["held"], Money(row["revenue"], row["currency"]),
            Money(row["fees"], row["currency"]), Money(row["tax"], row["currency"]),
        )
        for row in found.sections
    ]  # fmt: skip
    days = [views.DayFigures(row["day"], row["sold"], Money(row["revenue"], row["currency"])) for row in found.days]
    shows = [
        views.ShowFigures(
            row["id"], row["title"], row["starts_at"], row["places"], row["sold"], row["held"],
            Money(row["revenue"], row["currency"]),
        )
        for row in found.shows
    ]  # fmt: skip
    totals = [
        views.TotalFigures(
            row["sold"], row["held"], Money(row["revenue"], row["currency"]), Money(row["fees"], row["currency"]),
            Money(row["tax"], row["currency"]),
        )
        for row in found.totals
    ]  # fmt: skip
    return json(views.FiguresView(totals, sections, days, shows))


@operation(figures, "GET", "/v1/organiser/sales.csv", query=FiguresQuery, answers={200: None}, content_type="text/csv")
async def export_sales(request: Request, query: FiguresQuery, acting: Acting) -> None:
    """Every seat that was sold, one to a line, as CSV."""
    asked = _asked(query, acting)
    response = await request.respond(
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="sales.csv"', "Cache-Control": "private, no-store"},
    )
    await response.send(lines([COLUMNS]))
    async for show, bookings in rows.sales(asked):
        await response.send(lines(line for booking in bookings for line in _sold(show, booking)))
    await response.eof()


def _sold(show: Any, booking: Any) -> list[tuple[Any, ...]]:
    currency = booking["currency"]
    where = (show["title"], _moment(show["starts_at"], show["time_zone"]), show["venue"])
    return [
        (
            booking_code(booking["id"]), _moment(booking["decided_at"], show["time_zone"]), *where, seat["section"],
            seat["row"], seat["label"], seat.get("ticket_type") or "",
            *(decimal(seat.get(name) or 0, currency) for name in ("price", "discount", "fees")),
            decimal((seat.get("tax") or 0) + (seat.get("tax_included") or 0), currency), currency, booking["method"],
        )
        for seat in msgspec.json.decode(booking["seats"])
        if seat.get("status") != "cancelled"
    ]  # fmt: skip


def lines(told: Any) -> str:
    """Lines of CSV, each cell safe in a spreadsheet."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([cell(value) for value in line] for line in told)
    return out.getvalue()


def cell(value: Any) -> str:
    """A cell that a spreadsheet shows and never runs: text that begins like a formula gets an apostrophe."""
    text = str(value)
    return f"'{text}" if not isinstance(value, Decimal) and _FORMULA.match(text) else text


def _moment(moment: Any, time_zone: str) -> str:
    return str(clock.in_zone(moment, time_zone).isoformat(timespec="seconds"))


def decimal(minor: int, currency: str) -> Decimal:
    return major(Money(minor, currency))


def _asked(query: FiguresQuery, acting: Acting) -> Asked:
    if query.since and query.until and query.since > query.until:
        raise invalid("/to", "this day lies before the first")
    return Asked(acting.organiser_id, query.show_id, query.event_id, query.since, query.until)
