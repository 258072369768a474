"""Money: integer minor units with a currency, and the only place that formats it.  Never a float."""

from collections.abc import Sequence
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


def share_out(amount: int, weights: Sequence[int]) -> list[int]:
    """The amount in whole parts by weight, their sum exact: what is left over goes to the largest remainders, the
    first of equal ones first.  Nothing is shared out among weights of 0."""
    whole = sum(weights)
    if not whole:
        if amount:
            raise ValueError(f"{amount} cannot be shared out among nothing")
        return [0] * len(weights)
    parts = [amount * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda at: -(amount * weights[at] % whole))
    for at in order[: amount - sum(parts)]:
        parts[at] += 1
    return parts


def fraction(amount: int, of: int, whole: int) -> int:
    """``of`` parts of ``whole`` of an amount, halves rounded up."""
    return (2 * amount * of + whole) // (2 * whole)


def major(money: Money) -> Decimal:
    """The amount in major units, exactly."""
    return Decimal(money.amount).scaleb(-exponent(money.currency))


def show(money: Money, locale: str = "en_IN") -> str:
    """The amount as people write it: ``₹1,250.00``."""
    return format_currency(major(money), money.currency, locale=locale)
