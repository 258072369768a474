"""Invoices and credit notes: a booking's for its buyer, and all of its own for an organiser."""

import asyncio
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from actors.lanes.publisher import NotAccepted
from actors.lanes.routes import DOCUMENTS
from actors.lanes.wire import Options, seal
from edge.acting import Acting
from edge.context import context
from edge.cursor import Page, decode_cursor, encode_cursor
from edge.figures import decimal, lines
from edge.my_bookings import own_booking
from edge.operation import json, operation
from edge.problems import not_found, unavailable
from edge.tokens import Who
from sagas.clock import monotonic_seconds, rfc3339
from sagas.identity import booking_code
from sagas.invoices import Kind
from sagas.messages import PrintInvoice
from sagas.money import Money
from store import files
from store import invoices as rows

invoices = Blueprint("invoices")

COLUMNS = ("number", "kind", "at", "booking", "event", "amount", "tax", "currency", "corrects", "to",
           "to_tax_id")  # fmt: skip
#: So many rows are read at once for an export.
ROWS_AT_ONCE = 1_000
#: How long somebody waits for a paper that is printed for the first time.
PRINT_SECONDS, LOOK_SECONDS = 8.0, 0.1


class Seller(msgspec.Struct):
    legal_name: str
    tax_id: str | None
    support_email: str


class Recipient(msgspec.Struct):
    """To whom a paper is made out, where its buyer wished so."""

    name: str
    tax_id: str | None


class InvoiceLine(msgspec.Struct):
    section: str
    row: str
    seat: str
    ticket_type: str
    price: Money
    discount: Money


class InvoiceView(msgspec.Struct):
    """``number`` has no gaps within organiser, kind and year (UTC).  A credit note ``corrects`` an invoice; its
    ``total`` and ``tax`` are what is given back of its lines.  ``tax`` is contained in the prices, or on top of them;
    its rate is in hundredths of a percent."""

    id: UUID
    kind: Kind
    number: str
    at: datetime
    booking_id: UUID
    booking_code: str
    corrects: UUID | None
    seller: Seller
    invoice_to: Recipient | None
    event: str
    show_starts_at: datetime
    lines: list[InvoiceLine]
    fees: Money
    tax: Money
    tax_inclusive: bool
    tax_basis_points: int
    total: Money


class InvoiceItem(msgspec.Struct):
    id: UUID
    kind: Kind
    number: str
    at: datetime
    booking_id: UUID
    booking_code: str
    event: str
    total: Money
    tax: Money
    corrects: UUID | None
    invoice_to: Recipient | None


class BookingInvoices(msgspec.Struct):
    items: list[InvoiceView]


class InvoiceList(msgspec.Struct):
    items: list[InvoiceItem]
    next_cursor: str | None


@operation(
    invoices, "GET", "/v1/bookings/{booking_id}/invoices", answers={200: BookingInvoices}, problems=(404,)
)  # fmt: skip
async def list_booking_invoices(request: Request, booking_id: UUID, who: Who) -> HTTPResponse:
    """The invoice of your booking, seconds after it is confirmed, and the credit notes that correct it."""
    await own_booking(who, booking_id)
    return json(BookingInvoices([_view(row) for row in await rows.of_booking(booking_id)]))


@operation(
    invoices, "GET", "/v1/bookings/{booking_id}/invoices/{invoice_id}/pdf", answers={200: None}, problems=(404, 503),
    content_type="application/pdf",
)  # fmt: skip
async def get_invoice_pdf(request: Request, booking_id: UUID, invoice_id: UUID, who: Who) -> HTTPResponse:
    """An invoice or credit note of your booking, printed when it is asked for first."""
    await own_booking(who, booking_id)
    row = await rows.find(invoice_id)
    if row is None or row["booking_id"] != booking_id:
        raise not_found()
    number = rows.number_of(row)
    content = await files.find(booking_id, number)
    if content is None:
        content = await _printed(request, invoice_id, booking_id, number)
    headers = {"Content-Disposition": f'inline; filename="{number}.pdf"', "Cache-Control": "private, no-store"}
    return HTTPResponse(content, 200, headers, "application/pdf")


async def _printed(request: Request, invoice_id: UUID, booking_id: UUID, number: str) -> bytes:
    """Have it printed, and wait a little for it."""
    command = PrintInvoice(invoice_id=invoice_id)
    try:
        await context(request).publisher.publish(seal(DOCUMENTS, command, Options(request.ctx.traceparent)))
    except NotAccepted as error:
        raise unavailable("This cannot be printed at the moment.") from error
    deadline = monotonic_seconds() + PRINT_SECONDS
    while monotonic_seconds() < deadline:
        await asyncio.sleep(LOOK_SECONDS)
        if (content := await files.find(booking_id, number)) is not None:
            return content
    raise unavailable("This is being printed. Ask again in a moment.")


@operation(invoices, "GET", "/v1/organiser/invoices", query=Page, answers={200: InvoiceList})
async def list_invoices(request: Request, query: Page, acting: Acting) -> HTTPResponse:
    """Your organiser's invoices and credit notes, newest first."""
    found = await rows.of_organiser(acting.organiser_id, decode_cursor(query.cursor), query.limit + 1)
    items = [_item(row) for row in found[: query.limit]]
    more = encode_cursor(items[-1].at, items[-1].id) if len(found) > query.limit else None
    return json(InvoiceList(items, more))


@operation(invoices, "GET", "/v1/organiser/invoices.csv", answers={200: None}, content_type="text/csv")
async def export_invoices(request: Request, acting: Acting) -> None:
    """Your organiser's invoices and credit notes as CSV, newest first."""
    response = await request.respond(
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="invoices.csv"', "Cache-Control": "private, no-store"},
    )
    await response.send(lines([COLUMNS]))
    before = None
    while found := await rows.of_organiser(acting.organiser_id, before, ROWS_AT_ONCE):
        await response.send(lines(_cells(row) for row in found))
        before = found[-1]["at"], found[-1]["id"]
    await response.eof()


def _cells(row: Any) -> tuple[Any, ...]:
    return (
        rows.number_of(row), row["kind"], rfc3339(row["at"]), booking_code(row["booking_id"]),
        rows.decode_paper(row["body"]).event, decimal(row["amount"], row["currency"]),
        decimal(row["tax"], row["currency"]), row["currency"], row["corrects"] or "",
        row["to_name"] or "", row["to_tax_id"] or "",
    )  # fmt: skip


def _item(row: Any) -> InvoiceItem:
    return InvoiceItem(
        row["id"], row["kind"], rows.number_of(row), row["at"], row["booking_id"], booking_code(row["booking_id"]),
        rows.decode_paper(row["body"]).event, Money(row["amount"], row["currency"]), Money(row["tax"], row["currency"]),
        row["corrects"], _recipient(row),
    )  # fmt: skip


def _recipient(row: Any) -> Recipient | None:
    return Recipient(row["to_name"], row["to_tax_id"]) if row["to_name"] is not None else None


def _view(row: Any) -> InvoiceView:
    said = rows.decode_paper(row["body"])

    def money(amount: int) -> Money:
        return Money(amount, row["currency"])

    told = [
        InvoiceLine(line.section, line.row, line.seat, line.ticket_type, money(line.price), money(line.discount))
        for line in said.lines
    ]
    return InvoiceView(
        row["id"], row["kind"], rows.number_of(row), row["at"], row["booking_id"], booking_code(row["booking_id"]),
        row["corrects"], Seller(said.seller, said.seller_tax_id, said.seller_email), _recipient(row), said.event,
        said.show_starts_at, told, money(said.fees), money(said.tax), said.tax_inclusive, said.tax_basis_points,
        money(said.amount),
    )  # fmt: skip
