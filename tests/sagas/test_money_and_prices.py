"""Money in minor units, whatever the currency's own are; and what a booking of seats costs."""

import pytest

from sagas.money import Money, exponent, major, show
from sagas.prices import Amounts, price

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("money", "in_major", "written"),
    [
        (Money(125_000, "INR"), "1250.00", "₹1,250.00"),
        (Money(12_500_000, "INR"), "125000.00", "₹1,25,000.00"),
        (Money(1, "INR"), "0.01", "₹0.01"),
        (Money(1_250, "JPY"), "1250", "JP¥1,250"),
        (Money(1_250, "KWD"), "1.250", "KWD1.250"),
        (Money(-50, "USD"), "-0.50", "-$0.50"),
        (Money(2**53 + 1, "USD"), "90071992547409.93", "$9,00,71,99,25,47,409.93"),
    ],
)
def test_an_amount_is_exact_and_written_as_its_currency_is(money: Money, in_major: str, written: str):
    assert str(major(money)) == in_major
    assert show(money).replace("\xa0", "") == written


@pytest.mark.parametrize("currency", ["", "XXQ", "inr", "₹", "RUPEE"])
def test_what_is_no_currency_is_refused(currency: str):
    with pytest.raises(ValueError, match="is not an ISO 4217 currency code"):
        exponent(currency)


def test_a_booking_costs_the_sum_of_its_seats():
    assert price([500, 500, 200]) == Amounts(seats=1_200)
    assert price([500, 500, 200]).total == 1_200
    assert price([]).total == 0
    assert Amounts(seats=1_000, discount=100, fees=30, tax=5).total == 935
