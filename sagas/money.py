"""Money: integer minor units with a currency, and the only place that formats it.  Never a float."""

from decimal import Decimal
from functools import lru_cache

import msgspec
from babel.numbers import format_currency, get_currency_precision, is_currency


class Money(msgspec.Struct, frozen=True):
    """An amount in minor units (paise, cents) of an ISO 4217 currency."""

    amount: int
    currency: str


@lru_cache(maxsize=256)
def exponent(currency: str) -> int:
    """How many decimal places the currency has: INR 2, JPY 0, KWD 3.  Source: ISO 4217 by way of CLDR."""
    if not is_currency(currency):
        raise ValueError(f"{currency!r} is not an ISO 4217 currency code")
    return get_currency_precision(currency)


def major(money: Money) -> Decimal:
    """The amount in major units, exactly."""
    return Decimal(money.amount).scaleb(-exponent(money.currency))


def show(money: Money, locale: str = "en_IN") -> str:
    """The amount as people write it: ``₹1,250.00``."""
    return format_currency(major(money), money.currency, locale=locale)
