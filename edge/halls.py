"""Halls: rooms of a venue with their seat maps.  A changed map is for shows made from then on."""

import asyncio
import gzip
from typing import Any
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import views
from edge.acting import Acting
from edge.hall_bodies import HALL_BYTES_MAX, HallChange, NewHall, draw
from edge.operation import json, operation
from edge.problems import invalid, not_found
from edge.request_headers import takes_gzip
from edge.tokens import Who
from sagas.identity import new_id
from sagas.seat_plan import PlanSection, SeatPlan, decode
from store import halls as rows
from store import venues
from store.connection import transaction
from store.organisers import record_change

halls = Blueprint("halls")


@operation(
    halls, "POST", "/v1/venues/{venue_id}/halls", body=NewHall, answers={201: views.HallView}, problems=(404,),
    body_limit_bytes=HALL_BYTES_MAX,
)  # fmt: skip
async def create_hall(request: Request, venue_id: UUID, body: NewHall, acting: Acting) -> HTTPResponse:
    """A hall with its seat map; sections are given best first."""
    hall_id = new_id()
    plan = await asyncio.to_thread(lambda: rows.numbered(hall_id, draw(body.sections)))
    async with transaction() as connection:
        if await venues.own(connection, venue_id, acting.organiser_id) is None:
            raise not_found()
        await rows.make(connection, hall_id, venue_id, body.name, plan)
        await record_change(connection, acting.who.id, acting.organiser_id, "hall.create", "hall", hall_id)
    return json(hall_view(hall_id, venue_id, body.name, plan), 201, {"Location": f"/v1/halls/{hall_id}"})


@operation(
    halls, "PATCH", "/v1/halls/{hall_id}", body=HallChange, answers={200: views.HallView}, problems=(404,),
    body_limit_bytes=HALL_BYTES_MAX,
)  # fmt: skip
async def change_hall(request: Request, hall_id: UUID, body: HallChange, acting: Acting) -> HTTPResponse:
    """Another name or seat map.  Shows that were made before keep the map they were made with."""
    if body.name is None and body.sections is None:
        raise invalid("", "give a name, sections, or both")
    plan = None
    if body.sections is not None:
        sections = body.sections
        plan = await asyncio.to_thread(lambda: rows.numbered(hall_id, draw(sections)))
    async with transaction() as connection:
        row = await rows.change(connection, hall_id, acting.organiser_id, body.name, plan)
        if row is None:
            raise not_found()
        await record_change(connection, acting.who.id, acting.organiser_id, "hall.change", "hall", hall_id)
    return json(hall_view(hall_id, row["venue_id"], row["name"], plan or decode(row["plan_body"])))


@operation(halls, "GET", "/v1/venues/{venue_id}/halls", answers={200: views.HallList}, problems=(404,))
async def list_halls(request: Request, venue_id: UUID, who: Who | None) -> HTTPResponse:
    """A venue's halls with their sections, by name."""
    if await venues.seen(venue_id, who and who.id) is None:
        raise not_found()
    found = await rows.of_venue(venue_id)
    return json(
        views.HallList([hall_view(row["id"], venue_id, row["name"], decode(row["plan_body"])) for row in found])
    )


@operation(halls, "GET", "/v1/halls/{hall_id}", answers={200: views.HallView, 304: None}, problems=(404,))
async def get_hall(request: Request, hall_id: UUID, who: Who | None) -> HTTPResponse:
    """A hall with its whole plan: every seat of every row, and where it is drawn."""
    row = await rows.seen(hall_id, who and who.id)
    if row is None:
        raise not_found()
    headers = {"ETag": f'"{row["plan_id"]}"', "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
    if row["plan_id"] in request.headers.get("if-none-match", ""):
        return HTTPResponse(None, 304, headers)
    zipped = takes_gzip(request)
    body = await asyncio.to_thread(_whole, row, zipped)
    return HTTPResponse(body, 200, headers | ({"Content-Encoding": "gzip"} if zipped else {}), "application/json")


def _whole(row: Any, zipped: bool) -> bytes:
    body = msgspec.json.encode(hall_view(row["id"], row["venue_id"], row["name"], decode(row["plan_body"]), whole=True))
    return gzip.compress(body, 5) if zipped else body


def hall_view(hall_id: UUID, venue_id: UUID, name: str, plan: SeatPlan, whole: bool = False) -> views.HallView:
    sections = [
        views.HallSection(s.id, s.name, s.kind, s.tier, s.places, _rows(s) if whole else None) for s in plan.sections
    ]
    return views.HallView(hall_id, venue_id, name, plan.places, sections)


def _rows(section: PlanSection) -> list[views.HallRow]:
    return [
        views.HallRow(
            row.label,
            [views.HallSeat(seat.label, seat.x, seat.y, seat.accessible, seat.companion) for seat in row.seats],
        )
        for row in section.rows
    ]
