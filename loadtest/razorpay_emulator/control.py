"""The calls that play the buyer and the weather; the provider has none of these.

POST /control/orders/{id}/pay · /control/payments/{id}/settle · /control/payments/{id}/dispute ·
/control/disputes/{id}/settle · /control/refunds/{id}/settle · /control/settlements ·
GET, POST, DELETE /control/faults · GET /control/ledger · GET /control/webhooks.
What is wrong with a call is told in one sentence: 400 not JSON, 404 unknown id, 409 the provider's rules, 422 the rest.
"""

from collections import Counter
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from . import settlements
from .entities import Method, Outcome, PaymentRecord, WebhookPlay
from .errors import Refused
from .faults import EFFECTS, FaultKind, Faults
from .provider import DisputeOutcome, Provider, Settled
from .rest import json_answer

MAX_SHOWN = 100

Body = TypeVar("Body")


class WebhooksWish(Struct, forbid_unknown_fields=True):
    copies: Annotated[int, Meta(ge=1, le=20)] = 1
    delay_ms: Annotated[int, Meta(ge=0, le=7 * 24 * 3600 * 1000)] = 0
    shuffle: bool = False
    drop: bool = False

    @property
    def play(self) -> WebhookPlay:
        return WebhookPlay(self.copies, self.delay_ms, self.shuffle, self.drop)


class PayWish(Struct, forbid_unknown_fields=True):
    outcome: Outcome
    method: Method = "card"
    amount: Annotated[int, Meta(ge=1, le=10**12)] | None = None
    webhooks: WebhooksWish | None = None
    #: Pay although the order is paid already, as when two tabs were open.
    force: bool = False


class SettleWish(Struct, forbid_unknown_fields=True):
    outcome: Settled
    webhooks: WebhooksWish | None = None
    #: Authorize a payment that has failed: the bank's yes came late.
    force: bool = False


class RefundSettleWish(Struct, forbid_unknown_fields=True):
    outcome: Literal["processed", "failed"]
    webhooks: WebhooksWish | None = None


class DisputeWish(Struct, forbid_unknown_fields=True):
    #: A part of the payment; all of it when left out.
    amount: Annotated[int, Meta(ge=1, le=10**12)] | None = None
    webhooks: WebhooksWish | None = None


class DisputeSettleWish(Struct, forbid_unknown_fields=True):
    outcome: DisputeOutcome


class NothingWished(Struct, forbid_unknown_fields=True):
    pass


class FaultWish(Struct, forbid_unknown_fields=True):
    kind: FaultKind
    next: Annotated[int, Meta(ge=0, le=10_000)] = 1
    #: Only calls that begin so, for example "POST /v1/orders".
    only: Annotated[str, Meta(max_length=200)] = ""
    #: What a 429 says in Retry-After.
    retry_after: Annotated[int, Meta(ge=0, le=3600)] | None = None


class Wrong(Exception):
    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def add_control(app: Sanic[Any, Any], provider: Provider, faults: Faults) -> None:
    state = provider.state

    @app.post("/control/orders/<order_id:str>/pay")
    async def pay(request: Request, order_id: str) -> HTTPResponse:
        wish = wished(request, PayWish)
        order = known(state.orders.get(order_id), "order", order_id)
        play = (wish.webhooks or WebhooksWish()).play
        try:
            payment = provider.pay(order, wish.outcome, wish.method, amount=wish.amount, play=play, force=wish.force)
        except Refused as refused:
            raise Wrong(409, f'{refused}. Send "force": true to play a second payment.') from None
        return json_answer(paid(provider, payment))

    @app.post("/control/payments/<payment_id:str>/settle")
    async def settle(request: Request, payment_id: str) -> HTTPResponse:
        wish = wished(request, SettleWish)
        payment = known(state.payments.get(payment_id), "payment", payment_id)
        try:
            provider.settle(payment, wish.outcome, wish.webhooks.play if wish.webhooks else None, wish.force)
        except Refused as refused:
            raise Wrong(409, str(refused)) from None
        return json_answer(paid(provider, payment))

    @app.post("/control/payments/<payment_id:str>/dispute")
    async def dispute(request: Request, payment_id: str) -> HTTPResponse:
        wish = wished(request, DisputeWish)
        payment = known(state.payments.get(payment_id), "payment", payment_id)
        try:
            return json_answer(provider.dispute(payment, wish.amount, (wish.webhooks or WebhooksWish()).play))
        except Refused as refused:
            raise Wrong(409, str(refused)) from None

    @app.post("/control/disputes/<dispute_id:str>/settle")
    async def settle_dispute(request: Request, dispute_id: str) -> HTTPResponse:
        wish = wished(request, DisputeSettleWish)
        dispute = known(state.disputes.get(dispute_id), "dispute", dispute_id)
        try:
            provider.settle_dispute(dispute, wish.outcome)
        except Refused as refused:
            raise Wrong(409, str(refused)) from None
        return json_answer(dispute)

    @app.post("/control/refunds/<refund_id:str>/settle")
    async def settle_refund(request: Request, refund_id: str) -> HTTPResponse:
        wish = wished(request, RefundSettleWish)
        refund = known(state.refunds.get(refund_id), "refund", refund_id)
        try:
            provider.settle_refund(refund, wish.outcome, (wish.webhooks or WebhooksWish()).play)
        except Refused as refused:
            raise Wrong(409, str(refused)) from None
        return json_answer(refund.entity)

    @app.post("/control/settlements")
    async def settle_all(request: Request) -> HTTPResponse:
        wished(request, NothingWished)
        return json_answer({"items": settlements.settle(state)})

    @app.post("/control/faults")
    async def add_fault(request: Request) -> HTTPResponse:
        wish = wished(request, FaultWish)
        if wish.only and wish.kind in EFFECTS:
            raise Wrong(422, f"`only` picks REST calls; {wish.kind} does not befall calls.")
        if not faults.add(wish.kind, wish.next, wish.only, wish.retry_after):
            raise Wrong(409, "100 faults wait already; DELETE /control/faults takes them back.")
        return json_answer({"waiting": faults.waiting})

    @app.get("/control/faults")
    async def list_faults(request: Request) -> HTTPResponse:
        return json_answer({"waiting": faults.waiting})

    @app.delete("/control/faults")
    async def clear_faults(request: Request) -> HTTPResponse:
        faults.clear()
        return json_answer({"waiting": []})

    @app.get("/control/ledger")
    async def ledger(request: Request) -> HTTPResponse:
        return json_answer(ledger_of(provider))

    @app.get("/control/webhooks")
    async def webhooks(request: Request) -> HTTPResponse:
        return json_answer(webhooks_of(provider))

    @app.exception(Wrong)
    async def say_what_is_wrong(request: Request, wrong: Wrong) -> HTTPResponse:
        return json_answer({"error": {"code": "CONTROL_ERROR", "description": str(wrong)}}, wrong.status)


def wished(request: Request, shape: type[Body]) -> Body:
    body = request.body if request.body.strip() else b"{}"
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        raise Wrong(422, f"The body does not fit: {error}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Wrong(400, f"The body is not JSON: {error}.") from None


def known(record: Body | None, kind: str, id: str) -> Body:
    if record is None:
        raise Wrong(404, f"There is no {kind} {id[:40]!r}.")
    return record


def paid(provider: Provider, payment: PaymentRecord) -> dict[str, Any]:
    """What Checkout hands back; without a signature as long as nothing was paid."""
    return {
        "razorpay_payment_id": payment.entity.id,
        "razorpay_order_id": payment.entity.order_id,
        "razorpay_signature": provider.signature(payment.entity),
        "status": payment.entity.status,
    }


def ledger_of(provider: Provider) -> dict[str, Any]:
    """Every payment and refund, and the sums. A refund under way counts as refunded, a failed one does not."""
    payments = [record.entity for record in provider.state.payments.values()]
    refunds = [record.entity for record in provider.state.refunds.values()]
    captured: Counter[str] = Counter()
    refunded: Counter[str] = Counter()
    for payment in payments:
        captured[payment.currency] += payment.amount if payment.captured else 0
        refunded[payment.currency] += payment.amount_refunded
    return {
        "payments": [
            {
                "id": payment.id,
                "order_id": payment.order_id,
                "amount": payment.amount,
                "currency": payment.currency,
                "status": payment.status,
                "captured": payment.captured,
                "refunded": payment.amount_refunded,
            }
            for payment in payments
        ],
        "refunds": [
            {
                "id": refund.id,
                "payment_id": refund.payment_id,
                "amount": refund.amount,
                "currency": refund.currency,
                "status": refund.status,
            }
            for refund in refunds
        ],
        "disputes": [
            {
                "id": dispute.id,
                "payment_id": dispute.payment_id,
                "amount": dispute.amount,
                "deducted": dispute.amount_deducted,
                "currency": dispute.currency,
                "status": dispute.status,
            }
            for dispute in provider.state.disputes.values()
        ],
        "captured": captured.total(),
        "refunded": refunded.total(),
        "by_currency": {
            currency: {"captured": captured[currency], "refunded": refunded[currency]} for currency in sorted(captured)
        },
    }


def webhooks_of(provider: Provider) -> dict[str, Any]:
    """How many are on the way and what became of the others; the first hundred that are still here."""
    state = provider.state
    waiting = [delivery for delivery in state.deliveries.values() if not delivery.given_up]
    return {
        "waiting": len(waiting),
        "delivered": state.counts["webhooks_delivered"],
        "given_up": state.counts["webhooks_given_up"],
        "dropped": state.counts["webhooks_dropped"],
        "lost": state.counts["webhooks_lost"],
        "items": [
            {
                "event_id": delivery.event_id,
                "event": delivery.event,
                "attempts": delivery.attempts,
                "given_up": delivery.given_up,
                "due_at": delivery.due_at,
            }
            for delivery in list(state.deliveries.values())[:MAX_SHOWN]
        ],
    }
