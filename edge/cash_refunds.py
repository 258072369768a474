"""Money that the box office took and owes again, because a show was cancelled, say: staff hand it over, and say so."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from actors.lanes.publisher import NotAccepted
from actors.lanes.wire import Options, seal
from edge.acting import Acting
from edge.context import context
from edge.cursor import Page, decode_cursor, encode_cursor
from edge.operation import json, operation
from edge.problems import Problem, not_found, unavailable
from sagas import clock
from sagas.identity import booking_code
from sagas.money import Money
from sagas.refunds import handed_over
from store import box_office
from store.connection import transaction
from store.organisers import record_change

cash_refunds = Blueprint("cash-refunds")


class CashRefund(msgspec.Struct):
    """Money that is the customer's again; ``owed`` until it was handed over."""

    id: UUID
    booking_id: UUID
    booking_code: str
    show_id: UUID
    event: str
    customer_name: str
    method: Literal["cash", "terminal"]
    amount: Money
    reason: str
    status: Literal["owed", "handed-over"]
    since: datetime
    handed_over_at: datetime | None


class CashRefundList(msgspec.Struct):
    items: list[CashRefund]
    next_cursor: str | None


@operation(cash_refunds, "GET", "/v1/box-office/refunds", query=Page, answers={200: CashRefundList})
async def list_cash_refunds(request: Request, query: Page, acting: Acting) -> HTTPResponse:
    """What your organiser's box office has still to hand over, oldest first."""
    found = await box_office.refunds_owed(acting.organiser_id, decode_cursor(query.cursor), query.limit + 1)
    items = [_view(row) for row in found[: query.limit]]
    more = encode_cursor(items[-1].since, items[-1].id) if len(found) > query.limit else None
    return json(CashRefundList(items, more))


@operation(
    cash_refunds, "POST", "/v1/box-office/refunds/{refund_id}/handed-over", answers={202: CashRefund},
    problems=(404, 409, 503),
)  # fmt: skip
async def hand_over(request: Request, refund_id: UUID, acting: Acting) -> HTTPResponse:
    """The customer has their money: out of the drawer, or on the card at the terminal.  Saying so twice is once.

    It goes out of your open shift.  Whoever comes second is told 409, with who has handed it over and when."""
    row = await _refund(refund_id, acting)
    if row["handed_over_at"] is None:
        async with transaction() as rows:
            if await box_office.hand_over(rows, refund_id, acting.organiser_id, acting.who.id):
                await record_change(rows, acting.who.id, acting.organiser_id, "refund.hand-over", "refund", refund_id)
        row = await _refund(refund_id, acting)
    if row["handed_over_by"] != acting.who.id:
        raise _handed_over(row)
    if row["status"] != "processed":
        told = seal(row["lane"], handed_over(row), Options(request.ctx.traceparent))
        try:
            await context(request).publisher.publish(told)
        except NotAccepted as error:
            raise unavailable("This is not known to be accepted. Say it again.") from error
    return json(_view(row), 202)


async def _refund(refund_id: UUID, acting: Acting) -> Any:
    row = await box_office.refund(refund_id, acting.organiser_id)
    if row is None:
        raise not_found()
    return row


def _handed_over(row: Any) -> Problem:
    """Do not pay it out once more."""
    at, title = row["handed_over_at"], "The customer has this money"
    if at is None:
        return Problem(409, "This was settled by hand: nothing is owed any more.", kind="handed-over", title=title)
    by = row["handed_over_name"] or "Somebody"
    said = f"{by} has handed this over before, on {clock.show(at, 'UTC')}."
    return Problem(409, said, kind="handed-over", title=title, by=by, at=at)


def _view(row: Any) -> CashRefund:
    return CashRefund(
        row["id"], row["booking_id"], booking_code(row["booking_id"]), row["show_id"], row["title"],
        row["customer_name"], row["to"], Money(row["amount"], row["currency"]), row["reason"],
        "handed-over" if row["handed_over_at"] or row["status"] == "processed" else "owed", row["created_at"],
        row["handed_over_at"],
    )  # fmt: skip
