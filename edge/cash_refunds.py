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
from edge.problems import not_found, unavailable
from sagas.identity import booking_code
from sagas.messages import MoneyRefunded, event_id_for
from sagas.money import Money
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
    problems=(404, 503),
)  # fmt: skip
async def hand_over(request: Request, refund_id: UUID, acting: Acting) -> HTTPResponse:
    """The customer has their money: out of the drawer, or on the card at the terminal.  Saying so twice is once."""
    row = await box_office.refund(refund_id, acting.organiser_id)
    if row is None:
        raise not_found()
    if row["status"] != "processed":
        async with transaction() as rows:
            await record_change(rows, acting.who.id, acting.organiser_id, "refund.hand-over", "refund", refund_id)
        event = MoneyRefunded(
            event_id=event_id_for(refund_id, MoneyRefunded), booking_id=row["booking_id"], answers=row["command_id"],
            refund_id=refund_id, payment_id=row["payment_id"], amount=row["amount"],
            provider_payment_id=row["provider_payment_id"],
        )  # fmt: skip
        try:
            await context(request).publisher.publish(seal(row["lane"], event, Options(request.ctx.traceparent)))
        except NotAccepted as error:
            raise unavailable("This is not known to be accepted. Say it again.") from error
    return json(_view(row, "handed-over"), 202)


def _view(row: Any, status: Literal["owed", "handed-over"] = "owed") -> CashRefund:
    return CashRefund(
        row["id"], row["booking_id"], booking_code(row["booking_id"]), row["show_id"], row["title"],
        row["customer_name"], row["to"], Money(row["amount"], row["currency"]), row["reason"], status,
        row["created_at"],
    )  # fmt: skip
