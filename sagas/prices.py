"""What a booking costs: computed by us when the seats are held, shared out over them, and stored with the booking."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from sagas.money import fraction, share_out
from sagas.terms import CouponTerms, Fees, Tax, TicketType

#: A whole, in hundredths of a percent.
WHOLE = 10_000
_ALL = CouponTerms(percent=100)


class Amounts(msgspec.Struct, frozen=True):
    """The parts of a booking's total, in minor units of the show's currency.

    ``tax`` is added on top; tax that the prices contain is ``tax_included`` and adds nothing.  ``coupon`` is the code
    that gave the discount."""

    seats: int
    discount: int = 0
    fees: int = 0
    tax: int = 0
    tax_included: int | UnsetType = UNSET
    coupon: str | UnsetType = UNSET

    @property
    def total(self) -> int:
        return self.seats - self.discount + self.fees + self.tax


class Share(NamedTuple):
    """One seat's part of the amounts: over all seats of a booking they sum up exactly."""

    price: int
    discount: int
    fees: int
    tax: int
    tax_included: int

    @property
    def total(self) -> int:
        return self.price - self.discount + self.fees + self.tax


def price(seat_prices: list[int]) -> Amounts:
    """The amounts of a booking of seats at these prices, where nothing is taken off or added."""
    return Amounts(seats=sum(seat_prices))


def promise(
    seat_prices: list[int],
    fees: Fees | None,
    tax: Tax | None,
    off: CouponTerms | None = None,
    coupon: str = "",
    least: int = 0,
) -> tuple[Amounts, list[Share]]:
    """The amounts of a booking, and each seat's share.

    The discount comes off the prices; fees are charged on seats that still cost something; the tax is on both.  Where
    it leaves less than the ``least`` that can be paid, it takes off that too."""
    seats = sum(seat_prices)
    discount = _discount(seats, off) if off is not None else 0
    discounts = share_out(discount, seat_prices)
    paid = [cost - less for cost, less in zip(seat_prices, discounts, strict=True)]
    charged = _fees(paid, fees or Fees())
    due = [cost + fee for cost, fee in zip(paid, charged, strict=True)]
    on_top, contained = _tax(sum(due), tax or Tax())
    taxes, included = share_out(on_top, due), share_out(contained, due)
    amounts = Amounts(
        seats, discount, sum(charged), on_top, contained if tax is not None and tax.inclusive else UNSET,
        coupon or UNSET,
    )  # fmt: skip
    if off is not None and 0 < amounts.total < least:
        return promise(seat_prices, fees, tax, _ALL, coupon)
    return amounts, [Share(*parts) for parts in zip(seat_prices, discounts, charged, taxes, included, strict=True)]


def _discount(seats: int, off: CouponTerms) -> int:
    return fraction(seats, off.percent, 100) if off.percent is not None else min(off.amount or 0, seats)


def _fees(paid: list[int], fees: Fees) -> list[int]:
    shared = (fees.per_booking if any(paid) else 0) + fraction(sum(paid), fees.basis_points, WHOLE)
    return [part + fees.per_ticket * (cost > 0) for cost, part in zip(paid, share_out(shared, paid), strict=True)]


def _tax(due: int, tax: Tax) -> tuple[int, int]:
    """The tax on top of an amount, and the tax that it contains."""
    if tax.inclusive:
        return 0, fraction(due, tax.basis_points, WHOLE + tax.basis_points)
    return fraction(due, tax.basis_points, WHOLE), 0


def type_prices(prices: dict[str, int], types: Iterable[TicketType]) -> dict[str, dict[str, int]]:
    """What each ticket type costs in each section that offers it; ``prices`` are the sections' own."""
    found: dict[str, dict[str, int]] = {}
    for kind in sorted(types, key=lambda kind: kind.section_id is not None):
        for section_id, own in prices.items():
            if kind.section_id in (None, section_id):
                cost = kind.amount if kind.amount is not None else fraction(own, kind.percent or 0, 100)
                found.setdefault(kind.name, {})[section_id] = cost
    return found
