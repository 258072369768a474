"""Shifts at the box office: opened, cashed up, closed."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import views
from edge.acting import Acting
from edge.cursor import Page, decode_cursor, encode_cursor
from edge.operation import json, operation
from edge.problems import Problem, invalid, not_found
from edge.request_headers import idempotency_key
from sagas.identity import booking_id_for, derived
from store import box_office
from store.connection import pool, transaction
from store.settings import settings

shifts = Blueprint("shifts")


class CountedSum(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was counted, in minor units: cash in the drawer beyond the float, or the terminal's total."""

    method: Literal["cash", "terminal"]
    amount: Annotated[int, msgspec.Meta(ge=-(10**12), le=10**12)]
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]


class Count(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sum for each method and currency; what is not named was counted as nothing."""

    counted: Annotated[list[CountedSum], msgspec.Meta(max_length=50)]


@operation(
    shifts, "POST", "/v1/box-office/shifts", key=True, answers={201: views.ShiftView}, problems=(409,)
)  # fmt: skip
async def open_shift(request: Request, acting: Acting) -> HTTPResponse:
    """Open your shift: what you sell from now on is counted in it.  You have one at a time."""
    key = idempotency_key(request)
    shift_id = derived(booking_id_for(settings().booking_namespace, acting.who.id, key), "shift", acting.organiser_id)
    async with transaction() as rows:
        await box_office.open_shift(rows, shift_id, acting.organiser_id, acting.who.id)
    found = await box_office.shift(shift_id, acting.organiser_id)
    if found is None:
        raise Problem(409, "You have a shift that is open. Close it before you open another.", kind="shift-open")
    return json(await _view(found), 201, {"Location": f"/v1/box-office/shifts/{shift_id}"})


@operation(shifts, "GET", "/v1/box-office/shifts", query=Page, answers={200: views.ShiftList})
async def list_shifts(request: Request, query: Page, acting: Acting) -> HTTPResponse:
    """Shifts, newest first: your own; for owners and managers all of the organiser's."""
    seller = None if _oversees(acting) else acting.who.id
    found = await box_office.shifts(acting.organiser_id, seller, decode_cursor(query.cursor), query.limit + 1)
    items = await _views(found[: query.limit])
    last = items[-1] if len(found) > query.limit else None
    return json(views.ShiftList(items, encode_cursor(last.opened_at, last.id) if last else None))


@operation(shifts, "GET", "/v1/box-office/shifts/{shift_id}", answers={200: views.ShiftView}, problems=(404,))
async def get_shift(request: Request, shift_id: UUID, acting: Acting) -> HTTPResponse:
    """A shift, with what it should have taken by now."""
    return json(await _view(await _shift(shift_id, acting)))


@operation(
    shifts, "POST", "/v1/box-office/shifts/{shift_id}/close", body=Count, answers={200: views.ShiftView},
    problems=(404, 409),
)  # fmt: skip
async def close_shift(request: Request, shift_id: UUID, body: Count, acting: Acting) -> HTTPResponse:
    """Close a shift with what was counted, beside what the ledger has of its sales; it takes no sale after that."""
    await _shift(shift_id, acting)
    counted = _counted(body)
    try:
        async with transaction() as rows:
            await box_office.close_shift(rows, shift_id, counted)
    except box_office.SalesUndecided:
        raise Problem(409, "Some sales of this shift are still being decided. Please try again in a moment.") from None
    except box_office.ShiftClosed:
        before = (await box_office.counts([shift_id]))[shift_id]
        if {(line.method, line.currency): line.counted for line in before if line.counted} != {
            of: amount for of, amount in counted.items() if amount
        }:
            raise Problem(409, "This shift was closed before, with another count.", kind="shift-closed") from None
    return json(await _view(await _shift(shift_id, acting)))


def _counted(body: Count) -> dict[tuple[str, str], int]:
    """In whatever currency it was: what is sold in may change while a shift is open, and it must be closed then too."""
    counted: dict[tuple[str, str], int] = {}
    for at, line in enumerate(body.counted):
        if (line.method, line.currency) in counted:
            raise invalid(f"/counted/{at}", f"{line.method} in {line.currency} is counted twice")
        counted[line.method, line.currency] = line.amount
    return counted


def _oversees(acting: Acting) -> bool:
    return acting.role != "box-office"


async def _shift(shift_id: UUID, acting: Acting) -> Any:
    """The shift, if it is the caller's, or of the organiser that they oversee."""
    found = await box_office.shift(shift_id, acting.organiser_id)
    if found is None or not (_oversees(acting) or found["seller_id"] == acting.who.id):
        raise not_found()
    return found


async def _view(row: Any) -> views.ShiftView:
    return (await _views([row]))[0]


async def _views(found: list[Any]) -> list[views.ShiftView]:
    ids = [row["id"] for row in found]
    taken, counted = await box_office.takings(pool(), ids), await box_office.counts(ids)
    return [views.shift(row, taken[row["id"]], counted[row["id"]]) for row in found]
