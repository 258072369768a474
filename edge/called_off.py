"""Shows that do not take place as they were sold: cancelled, postponed, or gone with their venue.

The show is closed by its lane at once; its bookings follow in slices behind it, and GET tells how far that has come."""

import asyncio
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import show_bodies as bodies
from edge import views
from edge.acting import Acting
from edge.catalogue import show_view
from edge.context import context
from edge.lane_calls import decide_soon
from edge.moving import decide_move, hall_kept
from edge.operation import json, operation
from edge.problems import Problem, invalid, not_found
from edge.show_cache import known
from edge.shows import own_show
from edge.texts import Name
from sagas import clock
from sagas.identity import derived, new_id
from sagas.messages import CancelShow, PostponeShow
from sagas.seat_plan import decode
from store import cancellations as rows
from store import venues
from store.connection import transaction
from store.organisers import record_change

called_off = Blueprint("called-off")


class Why(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: Name


class Postponement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Without an end the show takes as long as before; until ``refund_until`` buyers may take all their money back."""

    starts_at: datetime
    refund_until: datetime
    ends_at: datetime | None = None


class ShowCancellation(msgspec.Struct):
    """How far one show's cancellation has come: of ``bookings`` that were live when it began, so many are ``left``.

    ``told`` counts the letters that were sent; refunds that ``failed`` are with an operator."""

    id: UUID
    show_id: UUID
    event: str
    starts_at: datetime
    status: Literal["closing", "cancelling", "refunding", "done"]
    bookings: int | None
    left: int
    cancelled: int
    refunds_pending: int
    refunds_done: int
    refunds_failed: int
    refunds_to_hand_over: int
    told: int
    done_at: datetime | None


class CancellationProgress(msgspec.Struct):
    """The cancellation of a show, or of all coming shows of a venue."""

    id: UUID
    reason: str
    status: Literal["under_way", "done"]
    asked_at: datetime
    venue_id: UUID | None
    shows: list[ShowCancellation]


@operation(
    called_off, "POST", "/v1/shows/{show_id}/cancel", body=Why, answers={202: CancellationProgress},
    problems=(404, 409, 503),
)  # fmt: skip
async def cancel_show(request: Request, show_id: UUID, body: Why, acting: Acting) -> HTTPResponse:
    """Cancel a show: it is closed at once, and every booking is released, refunded whole and told of it.  With the
    last of its coming shows an event is cancelled too."""
    show = await own_show(show_id, acting)
    if not show["opened"]:
        raise Problem(409, "The show's seats are not made yet. Ask again in a moment.")
    async with transaction() as connection:
        asked = await rows.ask(connection, derived(show_id, "cancellation"), show_id, body.reason, acting.who.id)
        await record_change(
            connection, acting.who.id, acting.organiser_id, "show.cancel", "show", show_id, reason=body.reason
        )
    if not show["cancelled"]:
        await _close(request, asked["id"], show_id, show["lane"], body.reason, acting)
    return json(await _progress(asked["id"], acting), 202)


async def _close(
    request: Request, cancellation_id: UUID, show_id: UUID, lane: str, reason: str, acting: Acting
) -> None:
    here = context(request)
    command = CancelShow(command_id=cancellation_id, show_id=show_id, reason=reason, by=acting.who.id)
    try:
        await decide_soon(here, lane, command, request.ctx.traceparent)
    except Problem as problem:
        if problem.status == 409:  # over, or cancelled already
            await rows.drop(cancellation_id)
        raise
    here.shows.forget(show_id)
    async with transaction() as connection:
        await rows.end_event(connection, show_id)


@operation(
    called_off, "POST", "/v1/venues/{venue_id}/deactivate", body=Why, answers={202: CancellationProgress},
    problems=(404, 409, 503),
)  # fmt: skip
async def deactivate_venue(request: Request, venue_id: UUID, body: Why, acting: Acting) -> HTTPResponse:
    """Give up a venue: no more shows are put on there, and all that are to come are cancelled, whosever they are."""
    async with transaction() as connection:
        if await venues.own(connection, venue_id, acting.organiser_id) is None:
            raise not_found()
        cancellation_id = derived(venue_id, "cancellation")
        await rows.ask_for_venue(connection, cancellation_id, venue_id, acting.organiser_id, body.reason, acting.who.id)
        shows = await rows.shows_to_come_at(connection, venue_id)
        asked = [
            await rows.ask(
                connection, derived(show["id"], "cancellation"), show["id"], body.reason, acting.who.id,
                cancellation_id,
            )
            for show in shows
        ]  # fmt: skip
        await record_change(
            connection, acting.who.id, acting.organiser_id, "venue.deactivate", "venue", venue_id, reason=body.reason
        )
    closing = (
        _close(request, one["id"], show["id"], show["lane"], body.reason, acting)
        for one, show in zip(asked, shows, strict=True)
    )
    await asyncio.gather(*closing, return_exceptions=True)  # one that was not reached is closed by the sweep
    return json(await _progress(cancellation_id, acting), 202)


@operation(
    called_off, "GET", "/v1/cancellations/{cancellation_id}", answers={200: CancellationProgress}, problems=(404,)
)
async def get_cancellation(request: Request, cancellation_id: UUID, acting: Acting) -> HTTPResponse:
    """How far the cancellation of a show, or of a venue's shows, has come."""
    return json(await _progress(cancellation_id, acting))


async def _progress(cancellation_id: UUID, acting: Acting) -> CancellationProgress:
    venue, shows = await rows.progress(cancellation_id, acting.organiser_id)
    if venue is None and not shows:
        raise not_found()
    first = venue if venue is not None else shows[0]
    told = [_show_progress(row) for row in shows]
    done = all(show.status == "done" for show in told)
    venue_id = venue["venue_id"] if venue is not None else None
    return CancellationProgress(
        cancellation_id, first["reason"], "done" if done else "under_way", first["asked_at"], venue_id, told
    )


def _show_progress(row: Any) -> ShowCancellation:
    status: Any = "refunding"
    if row["done_at"] is not None:
        status = "done"
    elif not row["cancelled"]:
        status = "closing"
    elif row["live"]:
        status = "cancelling"
    return ShowCancellation(
        row["id"], row["show_id"], row["title"], row["starts_at"], status, row["bookings"], row["live"],
        row["cancelled_bookings"], row["refunds_pending"], row["refunds_done"], row["refunds_failed"],
        row["to_hand_over"], row["told"], row["done_at"],
    )  # fmt: skip


@operation(
    called_off, "POST", "/v1/shows/{show_id}/postpone", body=Postponement,
    answers={200: views.ShowView, 202: views.ShowView}, problems=(404, 409, 503),
)  # fmt: skip
async def postpone_show(request: Request, show_id: UUID, body: Postponement, acting: Acting) -> HTTPResponse:
    """Move a show to another time: tickets stay good, and buyers are told until when they may have their money back."""
    here, row = context(request), await own_show(show_id, acting)
    zone = row["time_zone"]
    begins = bodies.moment(body.starts_at, "/starts_at", zone)
    ends = begins + (row["ends_at"] - row["starts_at"])
    if body.ends_at is not None:
        ends = bodies.moment(body.ends_at, "/ends_at", zone)
    until = bodies.moment(body.refund_until, "/refund_until", zone)
    bodies.check_times(begins, ends, row)
    if not clock.now() < until <= begins:
        raise invalid("/refund_until", "buyers may take their money back until a time before the show")
    command = PostponeShow(
        command_id=new_id(), show_id=show_id, starts_at=begins, ends_at=ends,
        sale_closes_at=begins + (row["sale_closes_at"] - row["starts_at"]), refund_until=until, by=acting.who.id,
    )  # fmt: skip
    async with hall_kept(row, begins, ends, command.command_id) as connection:
        await rows.postpone(connection, command.command_id, show_id, until, acting.who.id)
        await record_change(
            connection, acting.who.id, acting.organiser_id, "show.postpone", "show", show_id, starts_at=begins
        )
    decided = await decide_move(here, row, command, request.ctx.traceparent)
    here.shows.forget(show_id)
    moved = await own_show(show_id, acting)
    view = show_view(known(moved, decode(moved["plan_body"])))
    return json(view, 200 if decided else 202)
