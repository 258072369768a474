"""Giving seats of a booking back: what would come back, and asking the show's lane to take them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from actors.lanes.publisher import NotAccepted
from actors.lanes.wire import Options, seal
from edge import views
from edge.context import context
from edge.lane_calls import decide_soon
from edge.my_bookings import own_booking
from edge.operation import json, operation
from edge.problems import Problem, invalid, not_found, unavailable
from edge.request_headers import idempotency_key
from edge.tokens import Who
from edge.wishes import PLACES_LIMIT, SeatId
from sagas import clock
from sagas.booking import coming_back
from sagas.identity import derived, saga_lane
from sagas.messages import CancelSeats, GivenUp, Target
from sagas.money import Money
from sagas.prices import Share
from sagas.refunds import given_back, is_whole, refundable_until, too_late
from sagas.terms import Rules, decode_rules
from store import bookings as rows
from store import cancellations as cancelled_rows
from store.sagas import booking_facts_of
from store.settings import settings

cancellations = Blueprint("cancellations")


class CancellationWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seats to give back (all that are left, when none is named), and where the money goes."""

    seats: Annotated[list[SeatId], Meta(min_length=1, max_length=PLACES_LIMIT)] | None = None
    refund_to: Target = "source"


class QuoteQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``seats`` are seat ids with commas between them; left out: all that are left."""

    seats: Annotated[str, Meta(min_length=1, max_length=17 * PLACES_LIMIT)] | None = None


class CancellationView(msgspec.Struct):
    """Seats that were taken back: ``amount`` goes to the buyer, ``retained`` is what the policy keeps.  A bank holds
    ``waiting`` for a dispute: it goes to the buyer too if we win that.  What the bank has taken back is in none,
    nor is what the organiser had given back before.

    ``status``: asked (the lane has not decided yet), refunding, done, or failed (an operator sees to the refund)."""

    id: UUID
    booking_id: UUID
    seats: list[str]
    amount: Money | None
    waiting: Money | None
    retained: Money | None
    to: str
    by: str
    reason: str
    status: Literal["asked", "refunding", "done", "failed"]
    decided_at: datetime | None
    refunds: list[views.RefundView]


class CancellationList(msgspec.Struct):
    items: list[CancellationView]
    next_cursor: None = None


class SeatBack(msgspec.Struct):
    id: str
    paid: Money
    back: Money


class CancellationQuote(msgspec.Struct):
    """What would come back now for these seats.  ``until``: how long the policy lets them be given back (null: never);
    ``whole``: all that was paid comes back, because the show was postponed or cancelled; ``waiting``: what the payer's
    bank holds for a dispute, and what comes back only if we win that.  ``back`` of a seat is what the policy gives;
    ``amount`` is less than their sum also where the organiser has given money back before."""

    seats: list[SeatBack]
    amount: Money
    waiting: Money
    retained: Money
    until: datetime | None
    whole: bool


@operation(
    cancellations, "POST", "/v1/bookings/{booking_id}/cancellations", body=CancellationWish, body_optional=True,
    key=True, answers={202: CancellationView}, problems=(404, 409, 503),
)  # fmt: skip
async def cancel_booking(request: Request, booking_id: UUID, who: Who, body: CancellationWish) -> HTTPResponse:
    """Give seats of a confirmed booking back; 409 `too-late` after the time that its show's policy gives."""
    row = await _own(who, booking_id)
    seats = tuple(named_seats(row, body.seats))
    command = CancelSeats(
        command_id=derived(booking_id, "cancellation", idempotency_key(request)), show_id=row["show_id"],
        booking_id=booking_id, buyer_id=who.id, seats=seats, by="buyer", to=body.refund_to, actor_id=who.id,
    )  # fmt: skip
    return json(await take_back(request, row, command), 202)


async def take_back(request: Request, row: Any, command: CancelSeats) -> CancellationView:
    """Have the lane take the seats; the cancellation as it is then.  Raises the problem of a refusal."""
    if await decide_soon(context(request), row["lane"], command, request.ctx.traceparent):
        found = await cancelled_rows.of_booking(command.booking_id, command.command_id)
        if found and (found[0]["to"] != command.to or not _same_seats(found[0], command.seats)):
            raise Problem(
                422, "This Idempotency-Key was used for another cancellation. Use a new one.", kind="key-reused",
                title="This key was used before",
                errors=[{"pointer": "", "detail": "Idempotency-Key was used before"}],
            )  # fmt: skip
        if found:
            return cancellation_view(found[0])
    return CancellationView(
        command.command_id, command.booking_id, list(command.seats), None, None, None, command.to, command.by,
        command.reason, "asked", None, [],
    )  # fmt: skip


def _same_seats(found: Any, asked: tuple[str, ...]) -> bool:
    return not asked or set(msgspec.json.decode(found["seats"])) == set(asked)


@operation(
    cancellations, "GET", "/v1/bookings/{booking_id}/cancellations", answers={200: CancellationList}, problems=(404,)
)
async def list_cancellations(request: Request, booking_id: UUID, who: Who) -> HTTPResponse:
    """What was taken back of a booking, and where its money is."""
    await own_booking(who, booking_id)
    found = await cancelled_rows.of_booking(booking_id)
    return json(CancellationList([cancellation_view(row) for row in found]))


@operation(
    cancellations, "GET", "/v1/bookings/{booking_id}/cancellations/quote", query=QuoteQuery,
    answers={200: CancellationQuote}, problems=(404, 409),
)  # fmt: skip
async def quote_cancellation(request: Request, booking_id: UUID, who: Who, query: QuoteQuery) -> HTTPResponse:
    """What would come back for seats that are given back now; it promises nothing."""
    row = await _own(who, booking_id)
    asked = named_seats(row, query.seats.split(",") if query.seats else None)
    if row["state"] != "confirmed":
        raise Problem(409, "This booking has no seats that could be cancelled.", kind="nothing-to-cancel")
    rules = decode_rules(row["rules"]) or Rules()
    now = clock.now()
    whole = is_whole(rules, "buyer", row["cancelled"], now)
    if not whole and (late := too_late(rules, row["starts_at"], now)) is not None:
        raise Problem(409, late.detail, kind=late.type(), title=late.title(), until=late.until)
    currency = row["currency"]
    back = []
    for place in msgspec.json.decode(row["seats"]):
        if place["id"] in asked or (not asked and not place.get("status")):
            share = Share(*(place.get(name, 0) for name in Share._fields))
            due = given_back(share, rules.refund_percent, whole=whole, face=place.get("face", 0))
            back.append(SeatBack(place["id"], Money(share.total, currency), Money(due, currency)))
    owed = sum(seat.back.amount for seat in back)
    retained = sum(seat.paid.amount for seat in back) - owed
    amount, waiting = coming_back(booking_facts_of(row["progress"]), owed)
    until = refundable_until(rules, row["starts_at"])
    sums = [Money(each, currency) for each in (amount, waiting, retained)]
    return json(CancellationQuote(back, sums[0], sums[1], sums[2], until, whole))


@operation(
    cancellations, "DELETE", "/v1/bookings/{booking_id}", answers={202: views.BookingView}, problems=(404, 409, 503)
)
async def give_up_booking(request: Request, booking_id: UUID, who: Who) -> HTTPResponse:
    """No longer want a booking: one that is held is released; of one that is confirmed all seats are cancelled, and the
    money goes back to where it came from."""
    row = await _own(who, booking_id)
    if row["state"] == "held":
        event = GivenUp(event_id=derived(booking_id, "given-up"), booking_id=booking_id, reason="buyer")
        lane = saga_lane(booking_id, settings().saga_lanes)
        try:
            await context(request).publisher.publish(seal(lane, event, Options(request.ctx.traceparent)))
        except NotAccepted as error:
            raise unavailable("Please send this again.") from error
    elif row["state"] == "confirmed":
        command = CancelSeats(
            command_id=derived(booking_id, "cancellation", "whole", *_left(row)), show_id=row["show_id"],
            booking_id=booking_id, buyer_id=who.id, by="buyer", actor_id=who.id,
        )  # fmt: skip
        await take_back(request, row, command)
    whole = await own_booking(who, booking_id)
    return json(views.booking(rows.from_row(whole), whole), 202)


async def _own(who: Who, booking_id: UUID) -> Any:
    row = await cancelled_rows.booking(booking_id)
    if row is None or row["buyer_id"] != who.id:
        raise not_found()
    return row


def _left(row: Any) -> list[str]:
    return [place["id"] for place in msgspec.json.decode(row["seats"]) if not place.get("status")]


def named_seats(row: Any, seats: list[str] | None) -> list[str]:
    """The seats that are named, each once and the booking's."""
    there = {place["id"] for place in msgspec.json.decode(row["seats"])}
    for index, seat in enumerate(seats or []):
        if seat not in there:
            raise invalid(f"/seats/{index}", f"{seat} is not a seat of this booking")
    if seats and len(set(seats)) != len(seats):
        raise invalid("/seats", "a seat is named twice")
    return seats or []


def cancellation_view(row: Any) -> CancellationView:
    refunds = views.refund_views(row["refunds"])
    states = {refund.status for refund in refunds}
    amount, waiting = _amounts(row, refunds)
    done = row["taken_up_at"] is not None and not waiting and states <= {"processed"}
    return CancellationView(
        row["id"], row["booking_id"], msgspec.json.decode(row["seats"]), Money(amount, row["currency"]),
        Money(waiting, row["currency"]), Money(row["retained"], row["currency"]), row["to"], row["by"], row["reason"],
        "failed" if "failed" in states else "done" if done else "refunding", row["decided_at"], refunds,
    )  # fmt: skip


def _amounts(row: Any, refunds: list[views.RefundView]) -> tuple[int, int]:
    """What goes back and what waits for a dispute; before the saga has heard of it, as it will see it."""
    facts = booking_facts_of(row["progress"])
    if row["taken_up_at"] is None:
        return coming_back(facts, row["amount"])
    waiting = sum(one.amount for one in facts.waiting if one.about == row["id"])
    return sum(refund.amount.amount for refund in refunds), waiting
