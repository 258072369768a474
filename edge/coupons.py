"""Coupons of a show: made, changed and ended by its organiser, on the show's lane, where their uses are counted."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge.acting import Acting
from edge.context import context
from edge.cursor import Page, decode_word_cursor, encode_cursor
from edge.lane_calls import decide_soon
from edge.operation import json, operation
from edge.problems import Problem, invalid, not_found
from edge.show_bodies import Minor, moment
from edge.shows import own_show
from edge.wishes import CouponCode
from sagas.identity import new_id
from sagas.messages import DropCoupon, SetCoupon
from sagas.money import Money
from sagas.terms import CouponTerms, decode_coupon
from store import coupons as rows

coupons = Blueprint("coupons")

Percent = Annotated[int, Meta(ge=1, le=100)]
Uses = Annotated[int, Meta(ge=1, le=10**9)]


class NewCoupon(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Takes a ``percent`` off the places' prices, or an ``amount`` off a booking.  Upper and lower case are one."""

    code: CouponCode
    percent: Percent | None = None
    amount: Minor | None = None
    max_uses: Uses | None = None
    max_uses_per_buyer: Uses | None = None
    until: datetime | None = None


class CouponChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays; null lifts a limit.  A percent takes the place of an amount, and the other way round."""

    percent: Percent | UnsetType = UNSET
    amount: Minor | UnsetType = UNSET
    max_uses: Uses | UnsetType | None = UNSET
    max_uses_per_buyer: Uses | UnsetType | None = UNSET
    until: datetime | UnsetType | None = UNSET


class CouponView(msgspec.Struct):
    """``uses``: how many bookings that are held or confirmed have it."""

    code: str
    percent: int | None
    amount: Money | None
    max_uses: int | None
    max_uses_per_buyer: int | None
    until: datetime | None
    uses: int


class CouponList(msgspec.Struct):
    items: list[CouponView]
    next_cursor: str | None


@operation(
    coupons, "GET", "/v1/shows/{show_id}/coupons", query=Page, answers={200: CouponList}, problems=(404,)
)  # fmt: skip
async def list_coupons(request: Request, show_id: UUID, query: Page, acting: Acting) -> HTTPResponse:
    """A show's coupons by their codes, with their uses so far."""
    show = await own_show(show_id, acting)
    found = await rows.of_show(show_id, decode_word_cursor(query.cursor), query.limit + 1)
    items = [_view(row, show["currency"]) for row in found[: query.limit]]
    return json(CouponList(items, encode_cursor(items[-1].code) if len(found) > query.limit else None))


@operation(
    coupons, "POST", "/v1/shows/{show_id}/coupons", body=NewCoupon, answers={201: CouponView, 202: CouponView},
    problems=(404, 409),
)  # fmt: skip
async def create_coupon(request: Request, show_id: UUID, body: NewCoupon, acting: Acting) -> HTTPResponse:
    """Make a coupon; 409 when the show has one of that code."""
    show, code = await own_show(show_id, acting), body.code.upper()
    if await rows.one(show_id, code) is not None:
        raise Problem(409, f"This show has a coupon {code} already.")
    terms = _terms(body, show)
    return await _set(request, show, code, terms, 201)


@operation(
    coupons, "PATCH", "/v1/shows/{show_id}/coupons/{code}", body=CouponChange,
    answers={200: CouponView, 202: CouponView}, problems=(404, 409),
)  # fmt: skip
async def change_coupon(request: Request, show_id: UUID, code: str, body: CouponChange, acting: Acting) -> HTTPResponse:
    """Change a coupon.  Bookings that have used it keep what they were promised, and count on."""
    show, code = await own_show(show_id, acting), code.upper()
    row = await rows.one(show_id, code)
    if row is None:
        raise not_found()
    before = decode_coupon(row["terms"])
    given = {name: value for name in body.__struct_fields__ if (value := getattr(body, name)) is not UNSET}
    if "percent" in given and "amount" in given:
        raise invalid("", "give a percent or an amount")
    if "percent" in given or "amount" in given:
        given = {"percent": None, "amount": None} | given
    return await _set(request, show, code, _terms(msgspec.structs.replace(before, **given), show), 200)


@operation(coupons, "DELETE", "/v1/shows/{show_id}/coupons/{code}", answers={204: None, 202: None}, problems=(404, 409))
async def delete_coupon(request: Request, show_id: UUID, code: str, acting: Acting) -> HTTPResponse:
    """End a coupon.  Bookings that have used it keep what they were promised."""
    show, code = await own_show(show_id, acting), code.upper()
    if await rows.one(show_id, code) is None:
        raise not_found()
    command = DropCoupon(command_id=new_id(), show_id=show_id, code=code)
    decided = await decide_soon(context(request), show["lane"], command, request.ctx.traceparent)
    return HTTPResponse(None, 204 if decided else 202)


def _terms(given: NewCoupon | CouponTerms, show: Any) -> CouponTerms:
    if (given.percent is None) == (given.amount is None):
        raise invalid("", "give a percent or an amount")
    until = given.until and moment(given.until, "/until", show["time_zone"])
    return CouponTerms(given.percent, given.amount, given.max_uses, given.max_uses_per_buyer, until)


async def _set(request: Request, show: Any, code: str, terms: CouponTerms, done: int) -> HTTPResponse:
    command = SetCoupon(command_id=new_id(), show_id=show["id"], code=code, terms=terms, new=done == 201)
    decided = await decide_soon(context(request), show["lane"], command, request.ctx.traceparent)
    row = await rows.one(show["id"], code)
    view = _view(row, show["currency"]) if row is not None else _shown(code, terms, show["currency"], 0)
    headers = {"Location": f"/v1/shows/{show['id']}/coupons/{code}"} if done == 201 else {}
    return json(view, done if decided else 202, headers)


def _view(row: Any, currency: str) -> CouponView:
    return _shown(row["code"], decode_coupon(row["terms"]), currency, row["uses"])


def _shown(code: str, terms: CouponTerms, currency: str, uses: int) -> CouponView:
    amount = None if terms.amount is None else Money(terms.amount, currency)
    return CouponView(code, terms.percent, amount, terms.max_uses, terms.max_uses_per_buyer, terms.until, uses)
