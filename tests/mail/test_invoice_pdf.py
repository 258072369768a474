"""Printed invoices: read back with pdftotext, as a person would see them."""

from datetime import UTC, datetime

import pytest

from mail.invoice_pdf import InvoiceFace, InvoiceLine, invoice_pdf
from sagas.money import Money
from tests.mail.samples import HOSTILE
from tests.mail.test_ticket_pdf import text_of

pytestmark = pytest.mark.pure


def rupees(amount: int) -> Money:
    return Money(amount, "INR")


def a_face(**changed: object) -> InvoiceFace:
    line = InvoiceLine("Stalls, row A, 1", "child", rupees(50_000), rupees(5_000))
    usual = {
        "number": "INV-2026-000017", "at": datetime(2026, 12, 5, 12, tzinfo=UTC), "seller": "Sen & Daughters",
        "seller_tax_id": "27AAPFU0939F1ZV", "seller_email": "help@example.com", "booking_code": "WMHS23GQ",
        "event": "Hamlet", "starts_at": datetime(2026, 12, 9, 14, tzinfo=UTC), "lines": [line, line],
        "fees": rupees(3_000), "tax": rupees(16_740), "tax_inclusive": False, "tax_basis_points": 1_800,
        "total": rupees(109_740),
    }  # fmt: skip
    return InvoiceFace(**usual | changed)  # type: ignore[arg-type]


def test_an_invoice_says_who_sold_what_for_how_much_and_with_which_tax():
    (page,) = text_of(invoice_pdf(a_face()))
    for words in (
        "Tax invoice", "INV-2026-000017", "Sen & Daughters", "27AAPFU0939F1ZV", "WMHS23GQ", "Hamlet",
        "Stalls, row A, 1", "child", "Tax, 18 %", "₹167.40", "Fees", "₹30.00", "Places", "₹900.00", "₹1,097.40",
    ):  # fmt: skip
        assert words in page, words


def test_an_invoice_is_made_out_to_whom_its_buyer_wished():
    (page,) = text_of(invoice_pdf(a_face(to="Kiran & Co", to_tax_id="29ABCDE1234F2Z5")))
    assert "Kiran & Co" in page and "Tax number 29ABCDE1234F2Z5" in page
    (page,) = text_of(invoice_pdf(a_face(to="Kiran & Co")))
    assert "Kiran & Co" in page and page.count("Tax number") == 1, "the seller's only"


def test_tax_in_the_prices_adds_nothing_and_is_told():
    (page,) = text_of(invoice_pdf(a_face(tax_inclusive=True, seller_tax_id="", total=rupees(93_000))))
    assert "contains ₹167.40 of tax (18 %)" in page
    assert "Tax invoice" not in page


def test_a_credit_note_names_the_invoice_that_it_corrects_and_what_is_given_back():
    (page,) = text_of(invoice_pdf(a_face(number="CN-2026-000002", corrects="INV-2026-000017", total=rupees(40_000))))
    assert "Credit note CN-2026-000002 corrects invoice INV-2026-000017" in page
    assert "Given back ₹400.00" in page


def test_a_hundred_lines_and_hostile_names_are_printed_as_they_are():
    line = InvoiceLine(HOSTILE, HOSTILE, rupees(1), rupees(0))
    pages = text_of(invoice_pdf(a_face(lines=[line] * 100, seller=HOSTILE, to=HOSTILE, event=HOSTILE)))
    assert len(pages) > 1
    assert "<script>alert(1)</script>" in pages[0] and "₹1,097.40" in pages[-1]
