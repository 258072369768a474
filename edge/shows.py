"""Shows as their organisers make, change and block them.  What changes a sale is a command on the show's lane."""

import asyncio
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import show_bodies as bodies
from edge import views
from edge.acting import Acting
from edge.catalogue import show_view
from edge.context import Context, context
from edge.lane_calls import decide_soon, sealed_for
from edge.moving import decide_move, hall_kept, hall_taken
from edge.operation import json, operation
from edge.problems import Problem, invalid, not_found
from edge.show_bodies import NewShow, ShowChange
from edge.show_cache import KnownShow, known
from edge.wishes import SeatId
from sagas import clock
from sagas.identity import new_id
from sagas.messages import AmendShow, BlockSeats, Changes, OpenShow, UnblockSeats
from sagas.seat_plan import SeatPlan, decode
from sagas.terms import NO_RULES
from store import catalogue
from store import shows as rows
from store.connection import transaction
from store.organisers import status_kept

shows = Blueprint("shows")


class ShowList(msgspec.Struct):
    """The shows that were made at once, in the order of their starts."""

    items: list[views.ShowView]
    next_cursor: None = None


class SeatNames(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    seats: Annotated[list[SeatId], Meta(min_length=1, max_length=2_000)]


@operation(
    shows, "POST", "/v1/events/{event_id}/shows", body=NewShow, problems=(404, 409),
    answers={201: (views.ShowView, ShowList), 202: (views.ShowView, ShowList)},
)  # fmt: skip
async def create_shows(request: Request, event_id: UUID, body: NewShow, acting: Acting) -> HTTPResponse:
    """Put an event on in a hall: once, or at each start of a list (then it answers a list).  Its seats are there when
    this answers 201; fees and tax are the organiser's of now.  With a new show an event that was cancelled is published
    again."""
    here = context(request)
    event = await rows.event_to_show(event_id, acting.organiser_id)
    hall = await rows.hall_to_use(body.hall_id, acting.organiser_id)
    if event is None:
        raise not_found()
    if hall is None:
        raise invalid("/hall_id", "this is not a hall that you may use")
    if event["status"] == "over" or not hall["active"]:
        raise Problem(409, "This event is over." if hall["active"] else "This venue is closed.")
    plan = decode(hall["plan_body"])
    bodies.check_currency(body.currency)
    times, opens = _times(body, event, hall)
    rules = rows.with_charges(
        bodies.rules_of(body, plan, hall["time_zone"], opens), await rows.charges(acting.organiser_id)
    )
    prices = bodies.prices_of(body.prices, plan)
    bodies.check_payable(body.currency, prices, rules, body.max_seats_per_booking, bodies.COSTLY)
    terms = {
        "currency": body.currency, "prices": {p.section_id: p.amount for p in prices},
        "sale_opens_at": opens, "hold_seconds": body.hold_seconds, "max_seats_per_booking": body.max_seats_per_booking,
        "max_seats_per_buyer": body.max_seats_per_buyer, "max_live_holds": body.max_live_holds, "rules": rules,
    }  # fmt: skip
    made = await _make(here, acting, event_id, hall, times, terms)
    decided = await asyncio.gather(
        *(decide_soon(here, lane, command, request.ctx.traceparent) for lane, command in made)
    )
    items = [await _own_view(command.show_id, acting, plan) for _, command in made]
    status = 201 if all(decided) else 202
    if isinstance(body.starts_at, list):
        return json(ShowList(items), status)
    return json(items[0], status, {"Location": f"/v1/shows/{items[0].id}"})


async def _make(
    here: Context,
    acting: Acting,
    event_id: UUID,
    hall: Any,
    times: list[tuple[datetime, datetime, datetime]],
    terms: dict[str, Any],
) -> list[tuple[str, OpenShow]]:
    """All of the shows, or none: where one cannot be, or says more than its lane takes."""
    try:
        async with transaction() as connection:
            status = await status_kept(connection, acting.organiser_id)
            if status != "approved" and (acting.role != "admin" or status == "closed"):
                raise Problem(403, "This organiser is not approved any more.", kind="organiser-not-approved")
            made = await rows.make(connection, event_id, hall, times, terms)
            for lane, command in made:
                sealed_for(here, lane, command, "")
            return made
    except rows.HallTaken as error:
        begins, ends, _ = times[error.index]
        other = await catalogue.hall_taken(hall["hall_id"], begins, ends, event_id)
        raise hall_taken(other, error.index) from error


def _times(body: NewShow, event: Any, hall: Any) -> tuple[list[tuple[datetime, datetime, datetime]], datetime]:
    """Start, end and close of the sale of each show, and when all their sales open."""
    zone, several = hall["time_zone"], isinstance(body.starts_at, list)
    opens = clock.now() if body.sale_opens_at is None else bodies.moment(body.sale_opens_at, "/sale_opens_at", zone)
    if several and body.ends_at is not None:
        raise invalid("/ends_at", "several shows end after their event's duration, or after 3 hours")
    seconds = (event["duration_minutes"] or 0) * 60 or bodies.USUAL_SECONDS
    times: list[tuple[datetime, datetime, datetime]] = []
    for index, start in enumerate(body.starts_at if isinstance(body.starts_at, list) else [body.starts_at]):
        pointer = f"/starts_at/{index}" if several else "/starts_at"
        begins = bodies.moment(start, pointer, zone)
        ends = clock.after(begins, seconds) if body.ends_at is None else bodies.moment(body.ends_at, "/ends_at", zone)
        closes = begins
        if body.sale_closes_at is not None:
            closes = bodies.moment(body.sale_closes_at, "/sale_closes_at", zone)
        bodies.check_times(begins, ends, hall, pointer)
        bodies.check_sale(opens, closes, ends)
        if any(begins < other[1] and other[0] < ends for other in times):
            raise invalid(pointer, "this overlaps with another start of the list")
        times.append((begins, ends, closes))
    return times, opens


@operation(
    shows, "PATCH", "/v1/shows/{show_id}", body=ShowChange, problems=(404, 409),
    answers={200: views.ShowView, 202: views.ShowView},
)  # fmt: skip
async def change_show(request: Request, show_id: UUID, body: ShowChange, acting: Acting) -> HTTPResponse:
    """Change a show's terms.  While places are held or sold, its times, refund and resale terms stay (409
    `change-refused`; to move it, postpone it); prices, fees and rules then change for bookings to come only."""
    row = await own_show(show_id, acting)
    plan = decode(row["plan_body"])
    changes = await _changes(body, row, plan, acting)
    command = AmendShow(command_id=new_id(), show_id=show_id, changes=changes)
    if changes.starts_at is UNSET and changes.ends_at is UNSET:
        return await _told(request, row, plan, command, acting)
    begins, ends = _set(changes.starts_at, row["starts_at"]), _set(changes.ends_at, row["ends_at"])
    async with hall_kept(row, begins, ends, command.command_id):
        pass
    decided = await decide_move(context(request), row, command, request.ctx.traceparent)
    return await _as_it_is_now(request, row, plan, acting, decided)


def _set(given: Any, otherwise: Any) -> Any:
    return otherwise if given is UNSET else given


async def _changes(body: ShowChange, row: Any, plan: SeatPlan, acting: Acting) -> Changes:
    """What the body says, as the lane is told it: times as moments, places by their ordinals."""
    zone, told = row["time_zone"], dict[str, Any]()
    for name in ("starts_at", "ends_at", "sale_opens_at", "sale_closes_at"):
        if (given := getattr(body, name)) is not UNSET:
            told[name] = bodies.moment(given, f"/{name}", zone)
    begins, ends = told.get("starts_at", row["starts_at"]), told.get("ends_at", row["ends_at"])
    if "starts_at" in told and "ends_at" not in told:
        ends = told["ends_at"] = begins + (row["ends_at"] - row["starts_at"])
    if "starts_at" in told and "sale_closes_at" not in told:
        told["sale_closes_at"] = begins + (row["sale_closes_at"] - row["starts_at"])
    if {"starts_at", "ends_at"} & set(told):
        bodies.check_times(begins, ends, row)
    opens = told.get("sale_opens_at", row["sale_opens_at"])
    bodies.check_sale(opens, told.get("sale_closes_at", row["sale_closes_at"]), ends)
    for name in (
        "hold_seconds", "max_seats_per_booking", "max_seats_per_buyer", "max_live_holds", "single_seats",
        "accessible_release_hours", "refund_until_hours", "refund_percent",
    ):  # fmt: skip
        if (given := getattr(body, name)) is not UNSET:
            told[name] = given
    if body.prices is not UNSET:
        told["prices"] = bodies.prices_of(body.prices, plan)
    if body.ticket_types is not UNSET:
        told["ticket_types"] = bodies.types_of(body.ticket_types, plan)
    if body.presales is not UNSET:
        told["presales"] = bodies.presales_of(body.presales, zone, opens)
    if body.allocations is not UNSET:
        told["allocations"] = bodies.allocations_of(body.allocations, plan, zone)
    if body.resale is not UNSET:
        told["resale"] = bodies.resale_of(body.resale)
    if body.charges is not UNSET:
        told["fees"], told["tax"] = await rows.charges(acting.organiser_id)
    if said := [name for name in bodies.COSTLY if getattr(body, name) is not UNSET]:
        terms = catalogue.terms_of(row)
        charged = {name: told[name] for name in ("ticket_types", "fees", "tax") if name in told}
        rules = msgspec.structs.replace(terms.rules or NO_RULES, **charged)
        many = told.get("max_seats_per_booking", terms.max_seats_per_booking)
        bodies.check_payable(terms.currency, told.get("prices", terms.prices), rules, many, said)
    return Changes(**told)


@operation(
    shows, "POST", "/v1/shows/{show_id}/seats/block", body=SeatNames, problems=(404, 409),
    answers={200: views.ShowView, 202: views.ShowView},
)  # fmt: skip
async def block_seats(request: Request, show_id: UUID, body: SeatNames, acting: Acting) -> HTTPResponse:
    """Take free seats out of the sale: all of them, or (409) none."""
    return await _turn(request, show_id, body, BlockSeats, acting)


@operation(
    shows, "POST", "/v1/shows/{show_id}/seats/unblock", body=SeatNames, problems=(404, 409),
    answers={200: views.ShowView, 202: views.ShowView},
)  # fmt: skip
async def unblock_seats(request: Request, show_id: UUID, body: SeatNames, acting: Acting) -> HTTPResponse:
    """Put blocked seats back on sale: all of them, or (409) none."""
    return await _turn(request, show_id, body, UnblockSeats, acting)


async def _turn(
    request: Request, show_id: UUID, body: SeatNames, kind: type[BlockSeats | UnblockSeats], acting: Acting
) -> HTTPResponse:
    row = await own_show(show_id, acting)
    plan = decode(row["plan_body"])
    command = kind(command_id=new_id(), show_id=show_id, seats=_seats(known(row, plan), body))
    return await _told(request, row, plan, command, acting)


def _seats(show: KnownShow, body: SeatNames) -> tuple[str, ...]:
    named = set[str]()
    for index, seat in enumerate(body.seats):
        if not show.has_seat(seat):
            raise invalid(f"/seats/{index}", f"{seat} is not a seat of this show")
        if seat in named:
            raise invalid(f"/seats/{index}", f"{seat} is named twice")
        named.add(seat)
    return tuple(body.seats)


async def _told(request: Request, row: Any, plan: SeatPlan, command: Any, acting: Acting) -> HTTPResponse:
    """Have the lane decide, and answer the show as it is then."""
    decided = await decide_soon(context(request), row["lane"], command, request.ctx.traceparent)
    return await _as_it_is_now(request, row, plan, acting, decided)


async def _as_it_is_now(request: Request, row: Any, plan: SeatPlan, acting: Acting, decided: bool) -> HTTPResponse:
    context(request).shows.forget(row["id"])
    return json(await _own_view(row["id"], acting, plan), 200 if decided else 202)


async def own_show(show_id: UUID, acting: Acting) -> Any:
    """The show's row, if it is the organiser's for whom the caller acts."""
    row = await rows.own(show_id, acting.organiser_id)
    if row is None:
        raise not_found()
    return row


async def _own_view(show_id: UUID, acting: Acting, plan: SeatPlan) -> views.ShowView:
    return show_view(known(await own_show(show_id, acting), plan))
