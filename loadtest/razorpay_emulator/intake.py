"""What the shop asks for over REST, checked as the provider documents it; every "no" is its own sentence.

Amounts may come as whole numbers or as digits in a string: the provider's own Python samples send both.
"""

from typing import Any, NamedTuple

import msgspec

from .entities import Notes
from .errors import Refused

MAX_RECEIPT_CHARACTERS = 40
MAX_NOTES = 15
MAX_NOTE_CHARACTERS = 256
MAX_AMOUNT = 500_000_000  # INR 50 lakh, the usual limit of an account
MAX_COUNT = 100
MAX_REPORT_COUNT = 1_000
DEFAULT_COUNT = 10
IDEMPOTENCY_KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
LEAST_KEY_CHARACTERS = 10
MAX_KEY_CHARACTERS = 255


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


CURRENCIES = _codes(
    "AED ALL AMD ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BZD CAD CHF CLP CNY COP CRC CUP"
    " CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD GBP GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD ISK JMD"
    " JOD JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD"
    " NGN NIO NOK NPR NZD OMR PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SCR SEK SGD SLL SOS SSP SVC SZL THB TND"
    " TRY TTD TWD TZS UAH UGX USD UYU UZS VND VUV XAF XCD XOF XPF YER ZAR ZMW"
)
NO_MINOR_UNIT = _codes("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF")
THREE_DECIMALS = _codes("BHD IQD JOD KWD OMR TND")

ORDER_FIELDS = frozenset(("amount", "currency", "receipt", "notes", "payment_capture", "payment", "partial_payment"))
REFUND_FIELDS = frozenset(("amount", "speed", "notes", "receipt", "payment_id"))


class LeastAmount(NamedTuple):
    minor: int
    text: str


def least_amount(currency: str) -> LeastAmount:
    if currency in NO_MINOR_UNIT:
        return LeastAmount(1, f"{currency} 1")
    if currency in THREE_DECIMALS:
        return LeastAmount(100, f"{currency} 0.100")
    return LeastAmount(100, f"{currency} 1.00")


class OrderWish(NamedTuple):
    amount: int
    currency: str
    receipt: str | None
    notes: Notes
    captures_automatically: bool | None


class RefundWish(NamedTuple):
    amount: int | None
    speed: str
    notes: Notes
    receipt: str | None
    #: Equal for equal bodies, whatever the order of their fields.
    fingerprint: str


def json_object(body: bytes) -> dict[str, Any]:
    try:
        asked = msgspec.json.decode(body) if body.strip() else {}
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused("The request body is not valid JSON.") from None
    if not isinstance(asked, dict):
        raise Refused("The request body must be a JSON object.")
    return asked


def order_wish(asked: dict[str, Any]) -> OrderWish:
    _known_fields(asked, ORDER_FIELDS)
    currency = asked.get("currency")
    if currency is None:
        raise Refused("The currency field is required.", field="currency")
    if not isinstance(currency, str) or currency.upper() not in CURRENCIES:
        raise Refused("Currency is not supported", field="currency")
    currency = currency.upper()
    amount = whole_amount(asked)
    if amount is None:
        raise Refused("The amount field is required.", field="amount")
    if amount < least_amount(currency).minor:
        raise Refused(
            "Order amount less than minimum amount allowed",
            step="order_creation",
            reason="amount_less_than_minimum_amount",
            field="amount",
        )
    if amount > MAX_AMOUNT:
        raise Refused("Amount exceeds maximum amount allowed.", field="amount")
    if asked.get("partial_payment"):
        raise Refused("Partial payments are not enabled for this account.", field="partial_payment")
    return OrderWish(amount, currency, _receipt(asked), notes(asked), _captures_automatically(asked))


def refund_wish(asked: dict[str, Any]) -> RefundWish:
    _known_fields(asked, REFUND_FIELDS)
    amount = whole_amount(asked)
    if amount is not None and amount <= 0:
        raise Refused("The amount must be at least INR 1.00", field="amount")
    speed = asked.get("speed") or "normal"
    if speed not in ("normal", "optimum"):
        raise Refused("The selected speed is invalid.", field="speed")
    said = {name: value for name, value in asked.items() if name != "payment_id"}
    fingerprint = msgspec.json.encode(said, order="deterministic").decode()
    return RefundWish(amount, speed, notes(asked), _receipt(asked), fingerprint)


def whole_amount(asked: dict[str, Any]) -> int | None:
    amount = asked.get("amount")
    if amount is None:
        return None
    if isinstance(amount, str) and amount.isascii() and amount.isdigit() and len(amount) <= 15:
        amount = int(amount)
    if not isinstance(amount, int) or isinstance(amount, bool):
        raise Refused("The amount must be an integer.", field="amount")
    return amount


def notes(asked: dict[str, Any]) -> Notes:
    said = asked.get("notes") or []
    if not isinstance(said, dict):
        if said == []:
            return []
        raise Refused("The notes must be an array of key-value pairs.", field="notes")
    if len(said) > MAX_NOTES:
        raise Refused(f"Number of fields in notes should be less than or equal to {MAX_NOTES}", field="notes")
    for value in said.values():
        if isinstance(value, dict | list):
            raise Refused("Notes values themselves should not be an array", field="notes")
        if len(str(value)) > MAX_NOTE_CHARACTERS:
            raise Refused(f"Notes value cannot be greater than {MAX_NOTE_CHARACTERS} characters", field="notes")
    return said


def page(args: Any, most: int = MAX_COUNT) -> tuple[int, int, int, int]:
    """count, skip, from, to of a list; `from` and `to` are Unix times."""
    count = _argument(args, "count", DEFAULT_COUNT)
    if not 1 <= count <= most:
        raise Refused(f"The count must be between 1 and {most}.", field="count")
    return count, _argument(args, "skip", 0), _argument(args, "from", 0), _argument(args, "to", 2**40)


def date(args: Any) -> tuple[int, int, int | None]:
    """year, month and perhaps day of a report."""
    for name in ("year", "month"):
        if args.get(name) is None:
            raise Refused(f"The {name} field is required.", field=name)
    day = None if args.get("day") is None else _argument(args, "day", 0)
    return _argument(args, "year", 0), _argument(args, "month", 0), day


def idempotency_key(said: str | None) -> str | None:
    if said is None:
        return None
    fits = LEAST_KEY_CHARACTERS <= len(said) <= MAX_KEY_CHARACTERS
    if not fits or any(character not in IDEMPOTENCY_KEY for character in said):
        raise Refused(
            f"The idempotency key must be at least {LEAST_KEY_CHARACTERS} characters long and can contain alphabets, "
            "numbers, hyphens and underscores only."
        )
    return said


def _argument(args: Any, name: str, default: int) -> int:
    said = args.get(name)
    if said is None:
        return default
    if not said.isascii() or not said.isdigit() or len(said) > 12:
        raise Refused(f"The {name} must be an integer.", field=name)
    return int(said)


def _known_fields(asked: dict[str, Any], known: frozenset[str]) -> None:
    if extra := sorted(set(asked) - known):
        raise Refused(f"{', '.join(extra)} is/are not required and should not be sent", reason="extra_field_sent")


def _receipt(asked: dict[str, Any]) -> str | None:
    receipt = asked.get("receipt")
    if receipt is None:
        return None
    if not isinstance(receipt, str):
        raise Refused("The receipt must be a string.", field="receipt")
    if len(receipt) > MAX_RECEIPT_CHARACTERS:
        raise Refused(f"The receipt may not be greater than {MAX_RECEIPT_CHARACTERS} characters.", field="receipt")
    return receipt


def _captures_automatically(asked: dict[str, Any]) -> bool | None:
    """None when the order leaves it to the account's configuration."""
    payment, flag = asked.get("payment"), asked.get("payment_capture")
    if payment is not None:
        capture = payment.get("capture") if isinstance(payment, dict) else None
        if capture not in ("automatic", "manual"):
            raise Refused("The payment.capture must be automatic or manual.", field="payment.capture")
        return bool(capture == "automatic")
    if flag is None:
        return None
    if flag not in (0, 1, "0", "1", True, False):
        raise Refused("The payment capture field must be true or false.", field="payment_capture")
    return flag in (1, "1", True)
