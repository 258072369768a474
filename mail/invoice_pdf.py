"""Prints invoices and credit notes: A4, a line for each place, fees and tax on lines of their own."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from mail import printing
from mail.plain_line import plain_line
from sagas import clock, money
from sagas.money import Money

_stylesheet = printing.stylesheet("invoice.css")


class InvoiceLine(msgspec.Struct, frozen=True):
    """A place, what it cost, and what was taken off."""

    place: str
    ticket_type: str
    price: Money
    discount: Money


class InvoiceFace(msgspec.Struct, frozen=True, kw_only=True):
    """What the paper says.  ``corrects`` is the number of the invoice that a credit note corrects, else empty; ``tax``
    is contained in the prices or comes on top; the rate is in hundredths of a percent.  ``to`` is whom it is made
    out to, where the buyer wished so."""

    number: str
    corrects: str = ""
    at: datetime
    seller: str
    seller_tax_id: str
    seller_email: str
    to: str = ""
    to_tax_id: str = ""
    booking_code: str
    event: str
    starts_at: datetime
    lines: Sequence[InvoiceLine]
    fees: Money
    tax: Money
    tax_inclusive: bool
    tax_basis_points: int
    total: Money


def invoice_pdf(face: InvoiceFace, locale: str = "en_IN") -> bytes:
    """The paper as a PDF: equal faces give equal bytes."""
    currency = face.total.currency
    places = sum(line.price.amount - line.discount.amount for line in face.lines)
    rate = f"{face.tax_basis_points / 100:g} %"
    sums = [("Places", Money(places, currency)), ("Fees", face.fees)]
    if not face.tax_inclusive:
        sums.append((f"Tax, {rate}", face.tax))
    contained = money.show(face.tax, locale)
    note = f"The total contains {contained} of tax ({rate})." if face.tax_inclusive and face.tax.amount else ""
    if face.corrects:
        sums = [("Tax in it", face.tax)] if face.tax.amount else []
        note = "The places above were taken back; the total is what is given back for them."
    return printing.pdf(
        "invoice.html", _stylesheet,
        title="Credit note" if face.corrects else "Tax invoice" if face.seller_tax_id else "Invoice",
        number=face.number, corrects=face.corrects, at=clock.show(face.at, "UTC", locale),
        seller=plain_line(face.seller, 120), tax_id=plain_line(face.seller_tax_id, 40),
        seller_email=plain_line(face.seller_email, 120), to=plain_line(face.to, 200),
        to_tax_id=plain_line(face.to_tax_id, 40), booking_code=face.booking_code,
        event=plain_line(face.event, 120), starts_at=clock.show(face.starts_at, "UTC", locale),
        lines=[
            {
                "place": plain_line(line.place, 90), "ticket_type": plain_line(line.ticket_type, 40),
                "price": money.show(line.price, locale),
                "discount": money.show(line.discount, locale) if line.discount.amount else "",
            }
            for line in face.lines
        ],
        sums=[(name, money.show(amount, locale)) for name, amount in sums if amount.amount],
        total_name="Given back" if face.corrects else "Total", total=money.show(face.total, locale), note=note,
    )  # fmt: skip
