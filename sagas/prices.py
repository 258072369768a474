"""What a booking costs: computed by us when the seats are held, and stored with the booking."""

import msgspec


class Amounts(msgspec.Struct, frozen=True):
    """The parts of a booking's total, in minor units of the show's currency."""

    seats: int
    discount: int = 0
    fees: int = 0
    tax: int = 0

    @property
    def total(self) -> int:
        return self.seats - self.discount + self.fees + self.tax


def price(seat_prices: list[int]) -> Amounts:
    """The amounts of a booking of seats at these prices.  Prices include tax; nothing is added to them."""
    return Amounts(seats=sum(seat_prices))
