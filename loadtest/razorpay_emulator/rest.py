"""The provider's REST API under /v1: each call is checked for its keys, meets the weather, and is carried out.

A call's work is done in one go before anything is awaited: a client that hangs up early has still been served, which is
what makes `timeout` and `500-after-success` faithful.
"""

import asyncio
import base64
import binascii
import hmac
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import msgspec
import structlog
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from . import errors, intake, settlements
from .faults import Faults
from .provider import Provider
from .settings import Settings

log = structlog.get_logger()


class Call(NamedTuple):
    """What an operation needs to know of its request."""

    provider: Provider
    asked: dict[str, Any]
    args: Any
    ids: dict[str, str]
    idempotency_key: str | None


Operation = Callable[[Call], Any]


def create_order(call: Call) -> Any:
    return call.provider.create_order(intake.order_wish(call.asked))


def list_orders(call: Call) -> Any:
    state = call.provider.state
    receipt, authorized = call.args.get("receipt"), call.args.get("authorized")
    ids = reversed(state.orders) if receipt is None else reversed(state.orders_by_receipt.get(receipt, []))
    orders: Iterable[Any] = (state.orders[order_id].entity for order_id in ids)
    if authorized is not None:
        orders = (order for order in orders if (order.status == "paid") == (authorized == "1"))
    return collection(orders, call.args)


def get_order(call: Call) -> Any:
    return call.provider.order(call.ids["order_id"]).entity


def edit_order(call: Call) -> Any:
    order = call.provider.order(call.ids["order_id"])
    call.provider.write_notes("order", order, _only_notes(call.asked))
    return order.entity


def list_order_payments(call: Call) -> Any:
    order, payments = call.provider.order(call.ids["order_id"]), call.provider.state.payments
    items = [payments[payment_id].entity for payment_id in reversed(order.payment_ids)]
    return {"entity": "collection", "count": len(items), "items": items}


def list_payments(call: Call) -> Any:
    payments = call.provider.state.payments
    return collection((payments[payment_id].entity for payment_id in reversed(payments)), call.args)


def get_payment(call: Call) -> Any:
    return call.provider.payment(call.ids["payment_id"]).entity


def edit_payment(call: Call) -> Any:
    payment = call.provider.payment(call.ids["payment_id"])
    call.provider.write_notes("payment", payment, _only_notes(call.asked))
    return payment.entity


def get_card(call: Call) -> Any:
    card = call.provider.payment(call.ids["payment_id"]).entity.card
    if card is None:
        raise errors.unknown_id()
    return card


def capture_payment(call: Call) -> Any:
    payment = call.provider.payment(call.ids["payment_id"])
    amount = intake.whole_amount(call.asked)
    if amount is None:
        raise errors.Refused("The amount field is required.", field="amount")
    return call.provider.capture(payment, amount, call.asked.get("currency"))


def refund_payment(call: Call) -> Any:
    """Both ways to ask: POST /v1/payments/{id}/refund, and POST /v1/refunds with the payment in the body."""
    payment_id = call.ids.get("payment_id") or call.asked.get("payment_id")
    if payment_id is None:
        raise errors.Refused("The payment id field is required.", field="payment_id")
    payment = call.provider.payment(str(payment_id))
    return call.provider.refund(payment, intake.refund_wish(call.asked), call.idempotency_key)


def list_payment_refunds(call: Call) -> Any:
    payment, refunds = call.provider.payment(call.ids["payment_id"]), call.provider.state.refunds
    return collection((refunds[refund_id].entity for refund_id in reversed(payment.refund_ids)), call.args)


def list_refunds(call: Call) -> Any:
    refunds = call.provider.state.refunds
    return collection((refunds[refund_id].entity for refund_id in reversed(refunds)), call.args)


def get_refund(call: Call) -> Any:
    refund = call.provider.refund_record(call.ids["refund_id"]).entity
    if refund.payment_id != call.ids.get("payment_id", refund.payment_id):
        raise errors.unknown_id()
    return refund


def edit_refund(call: Call) -> Any:
    refund = call.provider.refund_record(call.ids["refund_id"])
    call.provider.write_notes("refund", refund, _only_notes(call.asked))
    return refund.entity


def list_disputes(call: Call) -> Any:
    return collection(reversed(call.provider.state.disputes.values()), call.args)


def get_dispute(call: Call) -> Any:
    dispute = call.provider.state.disputes.get(call.ids["dispute_id"])
    if dispute is None:
        raise errors.unknown_id()
    return dispute


def list_settlements(call: Call) -> Any:
    made = reversed(call.provider.state.settlements.values())
    return collection((record.entity for record in made), call.args)


def get_settlement(call: Call) -> Any:
    record = call.provider.state.settlements.get(call.ids["settlement_id"])
    if record is None:
        raise errors.unknown_id()
    return record.entity


def settlement_report(call: Call) -> Any:
    """What was settled on a day, or in a month; its `skip` and `count` are about lines, of whatever time."""
    year, month, day = intake.date(call.args)
    count, skip = intake.page(call.args, most=intake.MAX_REPORT_COUNT)[:2]
    items = list(islice(settlements.report(call.provider.state, year, month, day), skip, skip + count))
    return {"entity": "collection", "count": len(items), "items": items}


OPERATIONS: tuple[tuple[str, str, Operation], ...] = (
    ("POST", "/v1/orders", create_order),
    ("GET", "/v1/orders", list_orders),
    ("GET", "/v1/orders/<order_id:str>", get_order),
    ("PATCH", "/v1/orders/<order_id:str>", edit_order),
    ("GET", "/v1/orders/<order_id:str>/payments", list_order_payments),
    ("GET", "/v1/payments", list_payments),
    ("GET", "/v1/payments/<payment_id:str>", get_payment),
    ("PATCH", "/v1/payments/<payment_id:str>", edit_payment),
    ("GET", "/v1/payments/<payment_id:str>/card", get_card),
    ("POST", "/v1/payments/<payment_id:str>/capture", capture_payment),
    ("POST", "/v1/payments/<payment_id:str>/refund", refund_payment),
    ("GET", "/v1/payments/<payment_id:str>/refunds", list_payment_refunds),
    ("GET", "/v1/payments/<payment_id:str>/refunds/<refund_id:str>", get_refund),
    ("POST", "/v1/refunds", refund_payment),
    ("GET", "/v1/refunds", list_refunds),
    ("GET", "/v1/refunds/<refund_id:str>", get_refund),
    ("PATCH", "/v1/refunds/<refund_id:str>", edit_refund),
    ("GET", "/v1/disputes", list_disputes),
    ("GET", "/v1/disputes/<dispute_id:str>", get_dispute),
    ("GET", "/v1/settlements", list_settlements),
    ("GET", "/v1/settlements/recon/combined", settlement_report),
    ("GET", "/v1/settlements/<settlement_id:str>", get_settlement),
)


def add_rest(app: Sanic[Any, Any], settings: Settings, provider: Provider, faults: Faults) -> None:
    door = Door(settings, provider, faults)
    for method, path, operation in OPERATIONS:
        name = f"{method.lower()}_{path.strip('/')}".translate(str.maketrans("/<>:", "____"))
        app.add_route(partial(door.answer, operation), path, methods=[method], name=name)


class Door:
    """What every call passes: keys, weather, idempotency in progress, and the provider's error body."""

    def __init__(self, settings: Settings, provider: Provider, faults: Faults) -> None:
        self.settings = settings
        self.provider = provider
        self.faults = faults
        self._credentials = f"{settings.key_id}:{settings.key_secret}".encode()

    async def answer(self, operation: Operation, request: Request, **ids: str) -> HTTPResponse:
        try:
            self._authenticate(request.headers.get("authorization"))
            fault = self.faults.befalls_call(f"{request.method} {request.path}")
            weather = fault.kind if fault is not None else ""
            if fault is not None:
                log.info("fault_played", kind=weather, call=f"{request.method} {request.path}")
            if fault is not None and weather == "429":
                said = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after}"}
                return json_answer(errors.too_many_requests().body, 429, said)
            if weather == "hang":
                await self._hang(request)
            is_refund = operation is refund_payment
            key = intake.idempotency_key(request.headers.get("x-refund-idempotency")) if is_refund else None
            leave = self.provider.claim_refund_key(key)
            try:
                asked = intake.json_object(request.body)
                answer = json_answer(operation(Call(self.provider, asked, request.args, ids, key)))
                if weather == "500-after-success":
                    raise errors.server_error()
                if weather == "timeout":
                    await asyncio.sleep(self.settings.timeout_fault_seconds)
                return answer
            finally:
                leave()
        except errors.Refused as refused:
            return json_answer(refused.body, refused.status)

    def _authenticate(self, header: str | None) -> None:
        if not header:
            raise errors.unauthenticated("Please provide your api key for authentication purposes.")
        scheme, _, encoded = header.partition(" ")
        try:
            said = base64.b64decode(encoded.strip(), validate=True) if scheme.lower() == "basic" else b""
        except (binascii.Error, ValueError):
            said = b""
        if not hmac.compare_digest(said, self._credentials):
            raise errors.unauthenticated("Authentication failed")

    async def _hang(self, request: Request) -> None:
        """Never answer; after a while cut the connection, so that nothing is held for ever."""
        await asyncio.sleep(self.settings.hang_fault_seconds)
        if request.transport is not None:
            request.transport.close()
        raise errors.server_error()


def collection(entities: Iterable[Any], args: Any) -> dict[str, Any]:
    """One page of a list, newest first."""
    count, skip, earliest, latest = intake.page(args)
    items: list[Any] = []
    for entity in entities:
        if not earliest <= entity.created_at <= latest:
            continue
        if skip:
            skip -= 1
            continue
        items.append(entity)
        if len(items) == count:
            break
    return {"entity": "collection", "count": len(items), "items": items}


def json_answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> HTTPResponse:
    return HTTPResponse(msgspec.json.encode(body), status, headers=headers, content_type="application/json")


def _only_notes(asked: dict[str, Any]) -> Any:
    if extra := sorted(set(asked) - {"notes"}):
        raise errors.Refused(
            f"{', '.join(extra)} is/are not required and should not be sent", reason="extra_field_sent"
        )
    if "notes" not in asked:
        raise errors.Refused("The notes field is required.", field="notes")
    return intake.notes(asked)
