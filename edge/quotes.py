"""Quotes: what a wish would cost by what the lane has published.  A quote promises nothing and keeps nothing."""

from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import views
from edge.catalogue import known_show
from edge.kept_places import public_left
from edge.operation import json, operation
from edge.problems import Problem, refusal_problem
from edge.show_cache import KnownShow
from edge.tokens import Who
from edge.wishes import SeatWish, check_wish
from sagas import clock
from sagas.coupons import refused_coupon
from sagas.money import PAYABLE_MIN, Money
from sagas.prices import promise, type_prices
from sagas.refusals import AnyRefusal, SoldOut, TicketTypeRefused
from sagas.terms import CouponTerms
from store import coupons

quotes = Blueprint("quotes")


class QuotedPlace(msgspec.Struct):
    """One place of a quote; ``id`` only where it was chosen."""

    id: str | None
    section_id: str
    section: str
    ticket_type: str | None
    price: Money
    discount: Money
    fees: Money
    tax: Money
    total: Money


class QuoteView(msgspec.Struct):
    show_id: UUID
    seats: list[QuotedPlace]
    amounts: views.AmountsView


@operation(
    quotes, "POST", "/v1/shows/{show_id}/quote", body=SeatWish, answers={200: QuoteView}, problems=(404, 409)
)  # fmt: skip
async def quote_booking(request: Request, show_id: UUID, who: Who, body: SeatWish) -> HTTPResponse:
    """What these places would cost now.  Nothing is promised or kept; where nothing was chosen, prices are those of the
    first section with room."""
    show = await known_show(request, show_id)
    check_wish(show, body)
    off = await _coupon(show_id, body, who) if body.coupon else None
    return json(quote(show, body, off))


async def _coupon(show_id: UUID, wish: SeatWish, who: Who) -> CouponTerms | None:
    terms, uses, own_uses = await coupons.published(show_id, (wish.coupon or "").upper(), who.id)
    refusal = refused_coupon(terms, uses, own_uses, clock.now())
    if refusal is not None:
        raise _refused(refusal)
    return terms


def quote(show: KnownShow, wish: SeatWish, off: CouponTerms | None) -> QuoteView:
    """The wish's price by the show's published terms.  Raises the problem of a wish that cannot be had."""
    currency = show.row["currency"]
    prices = {price["section_id"]: price["amount"] for price in msgspec.json.decode(show.row["prices"])}
    types = type_prices(prices, show.rules.ticket_types)
    ids: list[str | None] = [*wish.seat_ids] or [None] * (wish.quantity or 0)
    kinds = [*wish.place_types] or [""] * len(ids)
    sections = [_section_of(show, seat) for seat in wish.seat_ids] or _sections_with_room(show, wish, types)
    for area in wish.standing or ():
        ids += [None] * area.quantity
        kinds += [area.ticket_type or ""] * area.quantity
        sections += [area.section_id] * area.quantity
    costs = [_cost(show, section, kind, prices, types) for section, kind in zip(sections, kinds, strict=True)]
    amounts, shares = promise(costs, show.rules.fees, show.rules.tax, off, (wish.coupon or "").upper(), PAYABLE_MIN)
    names = {section.id: section.name for section in show.plan.sections}
    places = []
    for seat, section, kind, share in zip(ids, sections, kinds, shares, strict=True):
        parts = (share.price, share.discount, share.fees, share.tax or share.tax_included)
        total = share.price - share.discount + share.fees + share.tax
        money = [Money(part, currency) for part in (*parts, total)]
        places.append(QuotedPlace(seat, section, names[section], kind or None, *money))
    return QuoteView(show.row["id"], places, views.amounts_view(amounts, currency))


def _cost(
    show: KnownShow, section: str, kind: str, prices: dict[str, int], types: dict[str, dict[str, int]]
) -> int:  # fmt: skip
    cost = types.get(kind, {}).get(section) if kind else prices[section]
    if cost is None:
        name = next(found.name for found in show.plan.sections if found.id == section)
        raise _refused(TicketTypeRefused(detail=f"{kind} tickets are not offered in {name}.", ticket_type=kind))
    return cost


def _section_of(show: KnownShow, seat: str) -> str:
    ordinal = show.ordinal(seat)
    sections = zip(show.plan.sections, show.plan.firsts, strict=True)
    return next(section.id for section, first in sections if first <= ordinal < first + section.places)


def _sections_with_room(show: KnownShow, wish: SeatWish, types: dict[str, dict[str, int]]) -> list[str]:
    """The section of each place of a quantity: the first that has room for the party, or several together."""
    everything = wish.access_code is not None
    left = msgspec.json.decode(show.row["left"]) if everything else public_left(show.row, clock.now())
    beside = {area.section_id for area in wish.standing or ()}
    every = sorted(show.plan.sections, key=lambda section: section.kind == "standing")
    offered = [types.get(kind, {}) for kind in wish.place_types if kind]
    asked = [
        section.id
        for section in every
        if section.id not in beside and wish.section_id in (None, section.id)
        if all(section.id in kind for kind in offered)
    ]
    quantity = wish.quantity or 0
    if not asked and wish.place_types:
        kind = wish.place_types[0]
        raise _refused(TicketTypeRefused(detail="This ticket type is not offered here.", ticket_type=kind))
    for section_id in asked:
        if left.get(section_id, 0) >= quantity:
            return [section_id] * quantity
    spread = [section_id for section_id in asked for _ in range(left.get(section_id, 0))]
    if len(spread) < quantity:
        detail = f"Only {len(spread)} places are left." if spread else "All places are taken."
        raise _refused(SoldOut(detail=detail, left=len(spread)))
    return spread[:quantity]


def _refused(refusal: AnyRefusal) -> Problem:
    return refusal_problem(msgspec.json.encode(refusal).decode())
