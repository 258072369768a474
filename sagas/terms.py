"""The rules of a show beside its times and prices: who may choose what, when, and what is added to a price.

They come with OpenShow and change by AmendShow only, so that every decision can be made again from the journal."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec


class TicketType(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who a place is for (adult, child, senior…): at a price of its own, or at a percentage of its section's.

    One of a section goes before one of the same name for all sections."""

    name: str
    section_id: str | None = None
    amount: int | None = None
    percent: int | None = None


class Fees(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is charged beside the prices: so much a place and a booking, and hundredths of a percent of the price paid.

    A place that costs nothing bears no fee."""

    per_ticket: int = 0
    per_booking: int = 0
    basis_points: int = 0


class Tax(msgspec.Struct, frozen=True, omit_defaults=True):
    """Hundredths of a percent of what is paid for places and fees: contained in it, or added on top."""

    basis_points: int = 0
    inclusive: bool = False


class Presale(msgspec.Struct, frozen=True, omit_defaults=True):
    """A time before the general sale in which those with one of the access codes may buy."""

    name: str
    opens_at: datetime
    closes_at: datetime
    access_codes: tuple[str, ...]


class Allocation(msgspec.Struct, frozen=True, omit_defaults=True):
    """Places kept for a partner's customers, who have its access code, until they are released to everybody.

    ``runs`` are (first ordinal, how many)."""

    name: str
    access_code: str
    runs: tuple[tuple[int, int], ...]
    release_at: datetime | None = None


class KeptLeft(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many of a partner's places are free, by section: until they are released, nobody else can have them."""

    left: dict[str, int]
    until: datetime | None = None


class Resale(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a ticket may be offered for again, of what it cost, and until how long before the show."""

    max_percent: int = 100
    fee_percent: int = 0
    until_hours: int = 2


class Rules(msgspec.Struct, frozen=True, omit_defaults=True):
    """``accessible_release_hours``: that long before the show accessible places are for everybody; None: never.

    ``refund_all_until``: so long buyers get all their money back, because the show was postponed."""

    single_seats: Literal["allow", "refuse"] = "allow"
    accessible_release_hours: int | None = None
    ticket_types: tuple[TicketType, ...] = ()
    fees: Fees | None = None
    tax: Tax | None = None
    presales: tuple[Presale, ...] = ()
    allocations: tuple[Allocation, ...] = ()
    refund_until_hours: int | None = 24
    refund_percent: int = 100
    resale: Resale = Resale()
    refund_all_until: datetime | None = None

    def accessible_until(self, starts_at: datetime) -> datetime | None:
        """Until when accessible places are kept; None: to the end."""
        hours = self.accessible_release_hours
        return None if hours is None else starts_at - timedelta(hours=hours)


NO_RULES = Rules()


class CouponTerms(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a coupon takes off (a percentage, or an amount once a booking), how often, and until when."""

    percent: int | None = None
    amount: int | None = None
    max_uses: int | None = None
    max_uses_per_buyer: int | None = None
    until: datetime | None = None


_decode_rules = msgspec.json.Decoder(Rules).decode
decode_coupon = msgspec.json.Decoder(CouponTerms).decode


def encode_rules(rules: Rules | None) -> str | None:
    return None if rules is None else msgspec.json.encode(rules).decode()


def decode_rules(text: str | None) -> Rules | None:
    return None if text is None else _decode_rules(text)
