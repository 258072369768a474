"""Paying for a held booking: in another way, or back from the provider's Checkout."""

from functools import partial
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from actors.lanes.publisher import NotAccepted
from actors.lanes.wire import Options, seal
from edge import views
from edge.checkout import CheckoutAnswer, check_answer
from edge.context import context
from edge.lane_calls import once_taken_up
from edge.my_bookings import own_booking
from edge.operation import json, operation
from edge.problems import Problem, invalid, key_reused, refusal_problem, unavailable
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
    """Pay in another way, as long as the booking is held and not paid.  The first choice under a key stands."""
    event_id = derived(booking_id, "method", idempotency_key(request))
    whole = await own_booking(who, booking_id)
    view = views.booking(rows.from_row(whole), whole)
    chosen = await money.method_chosen(booking_id, event_id)
    if chosen is None:
        event = MethodChosen(
            event_id=event_id, booking_id=booking_id, method=body.method, from_wallet=body.from_wallet or 0
        )
        await _check(who, view, event)
        await _choose(request, event)
        chosen = await once_taken_up(partial(money.method_chosen, booking_id, event_id))
    if chosen is not None and tuple(chosen) != (body.method, body.from_wallet or 0):
        raise key_reused()
    return json(view, 202)


async def _check(who: Who, view: views.BookingView, event: MethodChosen) -> None:
    """Raises the problem of a choice that cannot be paid."""
    if view.status != "held" or view.amounts is None or (view.payment and view.payment.status == "captured"):
        raise Problem(409, "Only a held booking that is not paid yet can be paid in another way.")
    total, part = view.amounts.total, event.from_wallet
    if part >= total.amount:
        raise invalid("/from_wallet", "this is all that the booking costs: choose the method wallet")
    if event.method == "razorpay" and total.amount - part < PAYABLE_MIN:
        raise invalid("/from_wallet", f"the provider takes {PAYABLE_MIN} at least: leave it more, or pay all by wallet")
    asked = total.amount if event.method == "wallet" else part
    if asked and (balance := await money.balance(who.id, total.currency)) < asked:
        too_low = WalletTooLow(detail="Your wallet holds too little for this booking.", balance=balance)
        raise refusal_problem(msgspec.json.encode(too_low).decode(), booking_id=view.id, place=view.place)


async def _choose(request: Request, event: MethodChosen) -> None:
    lane = saga_lane(event.booking_id, settings().saga_lanes)
    try:
        await context(request).publisher.publish(seal(lane, event, Options(request.ctx.traceparent)))
    except NotAccepted as error:
        raise unavailable("Please send this again with the same Idempotency-Key.") from error


@operation(
    paying, "POST", "/v1/bookings/{booking_id}/payment/verify", body=CheckoutAnswer,
    answers={202: views.BookingView}, problems=(404, 503),
)  # fmt: skip
async def verify_payment(request: Request, booking_id: UUID, who: Who, body: CheckoutAnswer) -> HTTPResponse:
    """What Checkout handed back: its signature is checked, and the provider is asked what was paid."""
    whole = await own_booking(who, booking_id)
    await check_answer(request, body, whole["razorpay_order_id"], whole["payment_id"], booking_id)
    return json(views.booking(rows.from_row(whole), whole), 202)
