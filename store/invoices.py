"""Invoices and credit notes as rows: numbered in the order of their postings, without gaps, each once."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from sagas.identity import derived
from sagas.invoices import Kind, Paper, Place, number_text, paper
from sagas.terms import NO_RULES, decode_rules
from store.connection import pool
from store.decisions import columns
from store.sql import query

_places = msgspec.json.Decoder(list[Place]).decode
_seat_ids = msgspec.json.Decoder(list[str]).decode
_encode = msgspec.json.Encoder().encode
decode_paper = msgspec.json.Decoder(Paper).decode


class InvoiceRow(NamedTuple):
    """``year`` is the posting's, in UTC; a credit note ``corrects`` its booking's invoice."""

    id: UUID
    kind: Kind
    organiser_id: UUID
    year: int
    number: int
    booking_id: UUID
    transaction_id: UUID
    corrects: UUID | None
    currency: str
    amount: int
    tax: int
    body: str
    at: datetime


async def number(connection: Any, limit: int) -> int:
    """Give what was sold or taken back its paper and number, oldest first; how many they were.

    The counters are locked with the rows that use them: a transaction that fails leaves no gap."""
    await connection.execute(query("invoices_lock"))
    due = await connection.fetch(query("invoices_due"), limit)
    if not due:
        return 0
    counts = Counter(_series(row) for row in due)
    series = [(*one, count) for one, count in sorted(counts.items())]
    last = {
        (row["organiser_id"], row["kind"], row["year"]): row["last"]
        for row in await connection.fetch(query("invoice_numbers"), *columns(series, 4))
    }
    following = {one: last[one] - count for one, count in counts.items()}
    made = []
    for row in due:
        following[_series(row)] += 1
        made.append(_row(row, following[_series(row)]))
    await connection.execute(query("invoices_add"), *columns(made, len(InvoiceRow._fields)))
    await connection.execute(query("invoices_made_out"), [one.booking_id for one in made if one.kind == "invoice"])
    await connection.execute(query("invoices_done"), [row["transaction_id"] for row in due])
    return len(due)


def _series(row: Any) -> tuple[UUID, Kind, int]:
    return row["organiser_id"], "invoice" if row["kind"] == "sale" else "credit-note", row["at"].astimezone(UTC).year


def _row(row: Any, number: int) -> InvoiceRow:
    organiser_id, kind, year = _series(row)
    invoice_id = derived(row["booking_id"], "invoice")
    places = _places(row["seats"])
    if kind == "credit-note":
        taken_back = set(_seat_ids(row["taken_back"])) if row["taken_back"] else set()
        places = [place for place in places if place.id in taken_back]
    rules = decode_rules(row["rules"]) or NO_RULES
    seller = (row["legal_name"], row["tax_id"], row["support_email"])
    said = paper(seller, row["title"], row["starts_at"], places, rules, row["amount"])
    return InvoiceRow(
        invoice_id if kind == "invoice" else derived(row["transaction_id"], "credit-note"), kind, organiser_id, year,
        number, row["booking_id"], row["transaction_id"], invoice_id if kind == "credit-note" else None,
        row["currency"], row["amount"], said.tax, _encode(said).decode(), row["at"],
    )  # fmt: skip


async def made_out_to(user_id: UUID) -> Any | None:
    """``name`` and ``tax_id`` to which a person wants their invoices made out."""
    return await pool().fetchrow("SELECT name, tax_id FROM invoice_to WHERE user_id = $1", user_id)


async def make_out_to(user_id: UUID, name: str, tax_id: str | None) -> None:
    await pool().execute(query("invoice_to_keep"), user_id, name, tax_id)


async def make_out_to_nobody(user_id: UUID) -> None:
    await pool().execute("DELETE FROM invoice_to WHERE user_id = $1", user_id)


def number_of(row: Any) -> str:
    """The paper's number as it is printed."""
    return number_text(row["kind"], row["year"], row["number"])


async def find(invoice_id: UUID) -> Any | None:
    """The paper; ``corrected`` is the number of the invoice that it corrects."""
    return await pool().fetchrow(query("invoice_find"), invoice_id)


async def of_organiser(organiser_id: UUID, before: tuple[datetime, UUID] | None, limit: int) -> list[Any]:
    return list(await pool().fetch(query("invoices_of_organiser"), organiser_id, *(before or (None, None)), limit))


async def of_booking(booking_id: UUID) -> list[Any]:
    """The booking's invoice and credit notes, oldest first."""
    return list(await pool().fetch(query("invoices_of_booking"), booking_id))
