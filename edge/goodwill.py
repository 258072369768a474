"""Money that an organiser gives back out of goodwill: the tickets stay good, and the organiser bears it.

The refund's id follows from payment, caller and key, so that asking twice is one refund."""

from functools import partial
from typing import Annotated, Any
from uuid import UUID

import msgspec
import structlog
from msgspec import Meta
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from actors.lanes.publisher import NotAccepted
from actors.lanes.wire import Options, seal
from edge import views
from edge.acting import Acting
from edge.context import context
from edge.lane_calls import once_taken_up
from edge.operation import json, operation
from edge.problems import Problem, key_reused, not_found, unavailable
from edge.request_headers import idempotency_key
from edge.texts import Name
from sagas.booking import BOOKING, left
from sagas.identity import derived
from sagas.messages import RefundAsked, Target, event_id_for
from sagas.money import Money
from store import money
from store.connection import transaction
from store.organisers import record_change
from store.sagas import restore

log = structlog.get_logger()
goodwill = Blueprint("goodwill")

#: What the box office took it gives back itself, by cancelling the sale.
AT_THE_COUNTER = ("cash", "terminal", "comp")


class RefundWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to give back (all that is left of the payment, when no amount is named), why, and where to."""

    reason: Name
    to: Target
    amount: Annotated[int, Meta(gt=0)] | None = None


@operation(
    goodwill, "POST", "/v1/payments/{payment_id}/refunds", body=RefundWish, key=True, answers={202: views.RefundView},
    problems=(404, 409, 503),
)  # fmt: skip
async def refund_payment(request: Request, payment_id: UUID, acting: Acting, body: RefundWish) -> HTTPResponse:
    """Give a buyer money back, while the tickets stay good; 409 `nothing-left` when so much is not left of it."""
    row = await money.payment_of(payment_id, acting.organiser_id)
    if row is None:
        raise not_found()
    refund_id = derived(payment_id, "goodwill", acting.who.id, idempotency_key(request))
    event_id = event_id_for(refund_id, RefundAsked)
    made = await money.refund_asked(refund_id, event_id)
    if made is None:
        amount = _amount(row, payment_id, body)
        event = RefundAsked(
            event_id=event_id, booking_id=row["booking_id"], refund_id=refund_id, payment_id=payment_id, amount=amount,
            to=body.to, by=acting.who.id, reason=body.reason,
        )  # fmt: skip
        await _ask(request, acting, row["lane"], event)
        made = await once_taken_up(partial(money.refund_asked, refund_id, event_id))
        if made is None:
            where = "wallet" if "wallet" in (body.to, row["method"]) else "source"
            asked = views.RefundView(refund_id, Money(amount, row["currency"]), where, "pending", body.reason)
            return json(asked, 202)
    return json(_view(made, row, body), 202)


def _amount(row: Any, payment_id: UUID, body: RefundWish) -> int:
    """How much is to be given back.  Raises 409 where nothing can be, or not so much."""
    if row["method"] in AT_THE_COUNTER:
        raise Problem(
            409, "The box office sold this, and gives its money back by cancelling the sale.", kind="box-office-sale"
        )
    progress = restore(row["progress"], row["outbox"])
    if row["state"] != "confirmed" or not BOOKING.is_past_pivot(progress):
        raise Problem(409, "Its booking is not confirmed; what was paid for nothing goes back by itself.")
    there = sum(left(progress.facts, part) for part in progress.facts.parts if part.payment_id == payment_id)
    amount = there if body.amount is None else body.amount
    if not 0 < amount <= there:
        raise _nothing_left(Money(there, row["currency"]))
    return amount


def _nothing_left(there: Money | None) -> Problem:
    detail = "So much is not left of this payment to give back."
    return Problem(409, detail, kind="nothing-left", title="There is not so much left", left=there)


async def _ask(request: Request, acting: Acting, lane: str, event: RefundAsked) -> None:
    async with transaction() as rows:
        await record_change(
            rows, acting.who.id, acting.organiser_id, "payment.refund", "payment", event.payment_id,
            refund_id=event.refund_id, amount=event.amount, to=event.to, reason=event.reason,
        )  # fmt: skip
    log.info("refund_asked", refund_id=str(event.refund_id), by=str(acting.who.id), amount=event.amount)
    try:
        await context(request).publisher.publish(seal(lane, event, Options(request.ctx.traceparent)))
    except NotAccepted as error:
        raise unavailable("This is not known to be accepted. Ask again with the same key.") from error


def _view(made: Any, row: Any, body: RefundWish) -> views.RefundView:
    if made["id"] is None:  # somebody else was given it meanwhile
        raise _nothing_left(None)
    where = "wallet" if "wallet" in (body.to, row["method"]) else "source"
    if (made["to"], made["reason"], made["amount"]) != (where, body.reason, body.amount or made["amount"]):
        raise key_reused()
    return views.RefundView(
        made["id"], Money(made["amount"], made["currency"]), made["to"], made["status"], made["reason"]
    )
