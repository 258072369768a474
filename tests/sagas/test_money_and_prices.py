"""Money in minor units, whatever the currency's own are; and what a booking of seats costs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas.money import CHARGED_IN, Money, exponent, fraction, is_payable, major, share_out, show, wallet_part
from sagas.prices import Amounts, price, promise
from sagas.terms import CouponTerms, Fees, Tax

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


def test_what_people_pay_in_is_tender_of_today_that_the_provider_takes():
    assert all(is_payable(currency) for currency in ("INR", "JPY", "KWD", "EUR", "XOF", "AED"))
    assert not any(is_payable(currency) for currency in ("XXX", "XTS", "XAU", "BOV", "DEM", "HRK", "KPW", "", "inr"))
    assert [currency for currency in CHARGED_IN if not is_payable(currency)] == []


def test_a_booking_costs_the_sum_of_its_seats():
    assert price([500, 500, 200]) == Amounts(seats=1_200)
    assert price([500, 500, 200]).total == 1_200
    assert price([]).total == 0
    assert Amounts(seats=1_000, discount=100, fees=30, tax=5).total == 935


def test_a_wallet_leaves_the_provider_what_it_takes_at_least():
    assert [wallet_part(asked, 500) for asked in (0, 1, 400, 401, 499)] == [0, 1, 400, 400, 400]
    assert wallet_part(10, 99) == 0


prices = st.lists(st.integers(0, 10**9), min_size=1, max_size=20)
offs = st.one_of(
    st.none(), st.builds(CouponTerms, percent=st.integers(1, 100)), st.builds(CouponTerms, amount=st.integers(1, 10**9))
)
fees = st.one_of(st.none(), st.builds(Fees, st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10_000)))
taxes = st.one_of(st.none(), st.builds(Tax, st.integers(0, 10_000), st.booleans()))


@given(st.lists(st.integers(0, 300), min_size=1, max_size=3), fees, taxes, offs)
def test_what_a_discount_leaves_can_be_paid_or_is_let_off(
    costs: list[int], fee: Fees | None, tax: Tax | None, off: CouponTerms | None
):
    usual, _ = promise(costs, fee, tax, off)
    amounts, shares = promise(costs, fee, tax, off, least=100)
    assert sum(share.total for share in shares) == amounts.total
    if off is not None and 0 < usual.total < 100:
        assert (amounts.total, amounts.discount) == (0, sum(costs))
    else:
        assert amounts == usual


@given(prices, fees, taxes, offs)
def test_shares_add_up_exactly_and_nothing_is_ever_below_zero(
    costs: list[int], fee: Fees | None, tax: Tax | None, off: CouponTerms | None
):
    amounts, shares = promise(costs, fee, tax, off)
    assert [sum(part) for part in zip(*shares, strict=True)] == [
        amounts.seats, amounts.discount, amounts.fees, amounts.tax, amounts.tax_included or 0,
    ]  # fmt: skip
    assert amounts.total == sum(s.price - s.discount + s.fees + s.tax for s in shares) >= 0
    for share in shares:
        assert 0 <= share.discount <= share.price
        assert share.price > share.discount or share.fees == share.tax == 0, "what costs nothing bears nothing"


@given(st.integers(0, 10**12), st.lists(st.integers(1, 10**9), min_size=1, max_size=30))
def test_what_is_shared_out_is_all_of_it_and_nobody_gets_a_unit_more_than_their_due(amount: int, weights: list[int]):
    parts = share_out(amount, weights)
    assert sum(parts) == amount
    assert all(
        abs(part * sum(weights) - amount * weight) < sum(weights) for part, weight in zip(parts, weights, strict=True)
    )


def test_the_largest_remainders_get_what_is_left_over_the_first_of_equals_first():
    assert share_out(100, [1, 1, 1]) == [34, 33, 33]
    assert share_out(10, [6, 5, 1]) == [5, 4, 1]
    assert share_out(0, [0, 0]) == [0, 0]
    with pytest.raises(ValueError, match="among nothing"):
        share_out(1, [0])


def test_halves_are_rounded_up():
    assert [fraction(amount, 50, 100) for amount in (1, 3, 4)] == [1, 2, 2]
    assert promise([333], None, Tax(1800), CouponTerms(percent=50))[0] == Amounts(333, 167, 0, 30)
