"""The documents worker: prints tickets, and invoices when asked for.  CPU-bound: a queue and a process apart."""

from typing import Any

import dramatiq
import msgspec

from actors.lanes.consumer import on_loop
from actors.lanes.routes import DOCUMENTS
from actors.tickets import TICKETS_PDF, faces, keep_pdf, print_pdf
from actors.workplace import workplace
from mail.invoice_pdf import InvoiceFace, InvoiceLine, invoice_pdf
from sagas.identity import booking_code
from sagas.messages import MakePdf, PdfMade, PrintInvoice, event_id_for
from sagas.money import Money
from store import files, invoices


@dramatiq.actor(queue_name=DOCUMENTS)
def make_pdf(message: dict[str, Any]) -> None:
    """Print a booking's tickets, once, or anew; asked again, say again that they are there."""
    command = msgspec.convert(message, MakePdf)
    path = None if command.anew else on_loop(files.path_of(command.booking_id, TICKETS_PDF))
    if path is None:
        printed = on_loop(faces(command.booking_id))  # none, when all its seats were cancelled meanwhile
        path = on_loop(keep_pdf(command.booking_id, print_pdf(printed))) if printed else ""
    made = PdfMade(
        event_id=event_id_for(command.command_id, PdfMade),
        booking_id=command.booking_id,
        answers=command.command_id,
        file=path,
    )
    on_loop(workplace().report(made))


@dramatiq.actor(queue_name=DOCUMENTS)
def print_invoice(message: dict[str, Any]) -> None:
    """Print an invoice or credit note, once.  Its amounts and number never change; to whom it is made out is erased
    with the buyer, and after that it is not kept."""
    command = msgspec.convert(message, PrintInvoice)
    row = on_loop(invoices.find(command.invoice_id))
    if row is not None and on_loop(files.path_of(row["booking_id"], invoices.number_of(row))) is None:
        on_loop(files.keep(row["booking_id"], invoices.number_of(row), invoice_pdf(_face(row))))


def _face(row: Any) -> InvoiceFace:
    said, currency = invoices.decode_paper(row["body"]), row["currency"]
    return InvoiceFace(
        number=invoices.number_of(row), corrects=row["corrected"] or "", at=row["at"], seller=said.seller,
        seller_tax_id=said.seller_tax_id or "", seller_email=said.seller_email,
        to=row["to_name"] or "", to_tax_id=row["to_tax_id"] or "",
        booking_code=booking_code(row["booking_id"]), event=said.event, starts_at=said.show_starts_at,
        lines=[
            InvoiceLine(
                ", ".join(part for part in (line.section, line.row and f"row {line.row}", line.seat) if part),
                line.ticket_type or "Standard", Money(line.price, currency), Money(line.discount, currency),
            )
            for line in said.lines
        ],
        fees=Money(said.fees, currency), tax=Money(said.tax, currency), tax_inclusive=said.tax_inclusive,
        tax_basis_points=said.tax_basis_points, total=Money(said.amount, currency),
    )  # fmt: skip
