"""Money: integer minor units with a currency, and the only place that formats it.  Never a float."""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache

import msgspec
from babel.core import get_global
from babel.numbers import format_currency, get_currency_precision, is_currency

#: The most that can be paid at once, in minor units of any currency: INR 50 lakh, what the provider takes of an account
#: that has not asked for more.  What could cost more is refused when it is put up for sale, not when it is paid.
PAYABLE_MAX = 500_000_000
#: The least that the provider takes, or gives back, at once, in minor units.
PAYABLE_MIN = 100

_CODES = (
    "AED ALL AMD ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BZD CAD CHF CLP CNY COP CRC CUP"
    " CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD GBP GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD ISK JMD JOD"
    " JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN"
    " NIO NOK NPR NZD OMR PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SCR SEK SGD SOS SSP SZL THB TND TRY TTD TWD"
    " TZS UAH UGX USD UYU UZS VND VUV XAF XCD XOF XPF YER ZAR ZMW"
)
#: What Razorpay charges in.
CHARGED_IN = frozenset(_CODES.split())


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


@lru_cache(maxsize=256)
def is_payable(currency: str) -> bool:
    """Whether people can pay in it: the provider charges in it, and it is legal tender somewhere (by CLDR), as a metal,
    a test's code or a currency of the past is not."""
    places = get_global("territory_currencies").values()
    return currency in CHARGED_IN and any(
        code == currency and tender and until is None for used in places for code, _since, until, tender in used
    )


def wallet_part(asked: int, total: int) -> int:
    """What a wallet pays of a total of which the provider is to take the rest: as much as was asked, but that the
    provider takes nothing below ``PAYABLE_MIN``."""
    return max(min(asked, total - PAYABLE_MIN), 0)


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
