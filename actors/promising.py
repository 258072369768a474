"""What a hold promises: each place's price by its ticket type, the coupon's discount, fees and tax, shared out.

Pure, as all of deciding is."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from sagas.coupons import refused_coupon, uses_refused
from sagas.messages import HoldSeats
from sagas.money import PAYABLE_MIN
from sagas.prices import Amounts, promise
from sagas.refusals import AnyRefusal, CouponRefused, TicketTypeRefused
from sagas.terms import CouponTerms

if TYPE_CHECKING:
    from actors.show import Place, Show

#: What is taken off complimentary tickets; nor do they bear a fee or a tax then.
GIVEN_AWAY = CouponTerms(percent=100)
#: Wishes from this version on are let off what a coupon leaves if that is too little to be paid.
LETS_OFF = 3


def places_and_amounts(
    show: Show, wish: HoldSeats, seats: tuple[int, ...], now: datetime
) -> tuple[tuple[Place, ...], Amounts] | AnyRefusal:
    """The places as promised, and the booking's amounts."""
    kinds = (*wish.ticket_types, *("",) * ((len(wish.seats) or wish.quantity) - len(wish.ticket_types)))
    kinds += tuple(area.ticket_type for area in wish.standing for _ in range(area.quantity))
    places = [show.place(ordinal) for ordinal in seats]
    for at, kind in enumerate(kinds):
        if kind:
            cost = show.types.get(kind, {}).get(places[at].section_id)
            if cost is None:
                text = f"{kind} tickets are not offered in {places[at].section}."
                return TicketTypeRefused(detail=text, ticket_type=kind)
            places[at] = msgspec.structs.replace(places[at], price=cost, ticket_type=kind)
    off = GIVEN_AWAY if wish.method == "comp" else None
    if wish.coupon:
        off = show.coupons.get(wish.coupon)
        refusal = coupon_refused(show, wish.coupon, wish.buyer_id, now)
        if refusal is not None:
            return refusal
    rules = show.rules
    least = PAYABLE_MIN if wish.version >= LETS_OFF else 0
    amounts, shares = promise([place.price for place in places], rules.fees, rules.tax, off, wish.coupon, least)
    return tuple(
        msgspec.structs.replace(
            place, discount=share.discount, fees=share.fees, tax=share.tax, tax_included=share.tax_included
        )
        for place, share in zip(places, shares, strict=True)
    ), amounts


def used_up(show: Show, code: str, buyer_id: UUID) -> bool:
    """Whether a coupon whose use was given back has been used by others, or by this buyer, as often as it can be."""
    terms, uses = show.coupons.get(code), show.coupon_uses
    return (
        terms is not None and uses_refused(terms, uses.get((code, None), 0), uses.get((code, buyer_id), 0)) is not None
    )


def coupon_refused(show: Show, code: str, buyer_id: UUID, now: datetime) -> CouponRefused | None:
    """Why this buyer cannot use the coupon now."""
    uses = show.coupon_uses
    return refused_coupon(show.coupons.get(code), uses.get((code, None), 0), uses.get((code, buyer_id), 0), now)
