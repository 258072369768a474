"""Paying for a held booking: in another way, or back from the provider's Checkout."""

from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from actors.lanes.publisher import NotAccepted
from actors.lanes.wire import Options, seal
from edge import views
from edge.checkout import CheckoutAnswer, check_answer
from edge.context import context
from edge.my_bookings import own_booking
from edge.operation import json, operation
from edge.problems import Problem, invalid, refusal_problem, unavailable
from edge.request_headers import idempotency_key
from edge.tokens import Who
from edge.wishes import MethodWish
from sagas.identity import derived, saga_lane
from sagas.messages import MethodChosen
from sagas.money import PAYABLE_MIN
from sagas.refusals import WalletTooLow
from store import bookings as rows
from store import money
from store.settings import settings

paying = Blueprint("paying")


@operation(
    paying, "POST", "/v1/bookings/{booking_id}/payment", body=MethodWish, key=True,
    answers={202: views.BookingView}, problems=(404, 409, 503),
)  # fmt: skip
async def choose_method(request: Request, booking_id: UUID, who: Who, body: MethodWish) -> HTTPResponse:
    """Pay in another way, as long as the booking is held and not paid."""
    key = idempotency_key(request)
    whole = await own_booking(who, booking_id)
    view = views.booking(rows.from_row(whole), whole)
    if view.status != "held" or view.amounts is None or (view.payment and view.payment.status == "captured"):
        raise Problem(409, "Only a held booking that is not paid yet can be paid in another way.")
    total, part = view.amounts.total, body.from_wallet or 0
    if part >= total.amount:
        raise invalid("/from_wallet", "this is all that the booking costs: choose the method wallet")
    if body.method == "razorpay" and total.amount - part < PAYABLE_MIN:
        raise invalid("/from_wallet", f"the provider takes {PAYABLE_MIN} at least: leave it more, or pay all by wallet")
    asked = total.amount if body.method == "wallet" else part
    if asked and (balance := await money.balance(who.id, total.currency)) < asked:
        too_low = WalletTooLow(detail="Your wallet holds too little for this booking.", balance=balance)
        raise refusal_problem(msgspec.json.encode(too_low).decode(), booking_id=booking_id, place=view.place)
    event_id = derived(booking_id, "method", key, body.method, *([part] if part else []))
    chosen = MethodChosen(event_id=event_id, booking_id=booking_id, method=body.method, from_wallet=part)
    lane = saga_lane(booking_id, settings().saga_lanes)
    try:
        await context(request).publisher.publish(seal(lane, chosen, Options(request.ctx.traceparent)))
    except NotAccepted as error:
        raise unavailable("Please send this again with the same Idempotency-Key.") from error
    return json(view, 202)


@operation(
    paying, "POST", "/v1/bookings/{booking_id}/payment/verify", body=CheckoutAnswer,
    answers={202: views.BookingView}, problems=(404, 503),
)  # fmt: skip
async def verify_payment(request: Request, booking_id: UUID, who: Who, body: CheckoutAnswer) -> HTTPResponse:
    """What Checkout handed back: its signature is checked, and the provider is asked what was paid."""
    whole = await own_booking(who, booking_id)
    await check_answer(request, body, whole["razorpay_order_id"], whole["payment_id"], booking_id)
    return json(views.booking(rows.from_row(whole), whole), 202)
