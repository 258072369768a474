"""What an invoice or a credit note says, from the places as they were promised; pure, and exact to the paisa."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from sagas.money import fraction
from sagas.terms import Rules

Kind = Literal["invoice", "credit-note"]


class Place(msgspec.Struct, frozen=True):
    """A booking's place: its price, and its share of what is taken off and added."""

    id: str
    label: str
    row: str
    section: str
    price: int
    ticket_type: str = ""
    discount: int = 0
    fees: int = 0
    tax: int = 0
    tax_included: int = 0

    @property
    def total(self) -> int:
        return self.price - self.discount + self.fees + self.tax


class Line(msgspec.Struct, frozen=True):
    """A place, without its fees and the tax on top."""

    section: str
    row: str
    seat: str
    ticket_type: str
    price: int
    discount: int


class Paper(msgspec.Struct, frozen=True):
    """An invoice's or credit note's words and amounts (minor units), as they were when it was numbered.

    ``fees`` are those of all lines; ``tax`` is contained in the prices when ``tax_inclusive``, else added on top; the
    rate is in hundredths of a percent.  A credit note's lines are the places taken back, its ``amount`` and ``tax``
    what is given back of them."""

    seller: str
    seller_tax_id: str | None
    seller_email: str
    event: str
    show_starts_at: datetime
    lines: list[Line]
    fees: int
    tax: int
    tax_inclusive: bool
    tax_basis_points: int
    amount: int


def paper(
    seller: tuple[str, str | None, str], event: str, starts_at: datetime, places: Sequence[Place], rules: Rules,
    amount: int,
) -> Paper:  # fmt: skip
    """Of these places, of which so much was paid or is given back: tax goes with the money."""
    total = sum(place.total for place in places)
    tax = sum(place.tax + place.tax_included for place in places)
    rate = rules.tax
    return Paper(
        *seller, event, starts_at,
        [
            Line(place.section, place.row, place.label, place.ticket_type, place.price, place.discount)
            for place in places
        ],
        sum(place.fees for place in places), tax if amount == total or not total else fraction(tax, amount, total),
        rate is not None and rate.inclusive, rate.basis_points if rate is not None else 0, amount,
    )  # fmt: skip


def number_text(kind: Kind, year: int, number: int) -> str:
    """``INV-2026-000017``; ``CN-…`` for a credit note."""
    return f"{'INV' if kind == 'invoice' else 'CN'}-{year}-{number:06d}"
