"""How an organiser's figures look."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from sagas.money import Money


class TotalFigures(msgspec.Struct):
    sold: int
    held: int
    revenue: Money
    fees: Money
    tax: Money


class SectionFigures(msgspec.Struct):
    section: str
    sold: int
    held: int
    revenue: Money
    fees: Money
    tax: Money


class DayFigures(msgspec.Struct):
    """A day at the venue; revenue is what was paid for seats booked on it."""

    day: date
    sold: int
    revenue: Money


class ShowFigures(msgspec.Struct):
    show_id: UUID
    title: str
    starts_at: datetime
    places: int
    sold: int
    held: int
    revenue: Money


class FiguresView(msgspec.Struct):
    """``revenue`` is prices less discounts, without the fees and taxes beside; one total for each currency."""

    totals: list[TotalFigures]
    sections: list[SectionFigures]
    days: list[DayFigures]
    shows: list[ShowFigures]
