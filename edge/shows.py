"""Shows as their organisers make, change and block them.  What changes a sale is a command on the show's lane."""

import asyncio
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
from edge.planned_shows import Planned, check_approved, check_open, check_planned, plan_shows
from edge.problems import invalid, not_found
from edge.show_bodies import NewShow, ShowChange
from edge.show_cache import KnownShow, known
from edge.wishes import SeatId
from sagas.identity import new_id
from sagas.messages import AmendShow, BlockSeats, Changes, UnblockSeats
from sagas.seat_plan import SeatPlan, decode
from sagas.terms import NO_RULES
from store import catalogue
from store import shows as rows
from store.connection import transaction

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
    check_open(event, hall)
    plan = decode(hall["plan_body"])
    planned = plan_shows(body, event, hall, plan, await rows.charges(acting.organiser_id))
    check_planned(planned, hall)
    made = await _make(here, acting, event_id, hall, planned)
    decided = await asyncio.gather(
        *(decide_soon(here, lane, command, request.ctx.traceparent) for lane, command in made)
    )
    items = [await _own_view(command.show_id, acting, plan) for _, command in made]
    status = 201 if all(decided) else 202
    if isinstance(body.starts_at, list):
        return json(ShowList(items), status)
    return json(items[0], status, {"Location": f"/v1/shows/{items[0].id}"})


async def _make(here: Context, acting: Acting, event_id: UUID, hall: Any, planned: Planned) -> list[rows.Made]:
    """All of the shows, or none: where one cannot be, or says more than its lane takes."""
    try:
        async with transaction() as connection:
            await check_approved(connection, acting)
            made = await rows.make(connection, event_id, hall, planned.times, planned.terms)
            for lane, command in made:
                sealed_for(here, lane, command, "")
            return made
    except rows.HallTaken as error:
        begins, ends, _ = planned.times[error.index]
        other = await catalogue.hall_taken(hall["hall_id"], begins, ends, event_id)
        raise hall_taken(other, error.index) from error


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
