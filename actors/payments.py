"""The payments worker: talks to the provider on the sagas' behalf, and reports back with events.

Each step is claimed first (a lease in its row, committed), so that two workers never ask at once; each call carries a
key of its own, so that asking again is safe; after an unknown answer it asks what happened before it does anything."""

from random import uniform
from typing import Any

import dramatiq
import msgspec
import structlog
from dramatiq.errors import Retry
from dramatiq.middleware import CurrentMessage

from actors import payment_gateway as gateway
from actors.lanes.consumer import on_loop
from actors.lanes.routes import PAYMENTS
from actors.payment_gateway import Declined, Unknown
from actors.provider_facts import event_of, failed_attempt, refund_event, refund_failed
from actors.workplace import workplace
from sagas.messages import (
    AttemptFailed,
    BookingCommand,
    CapturePayment,
    CheckPayment,
    Event,
    PaymentReady,
    PaymentRefused,
    RefundMoney,
    RequestPayment,
    event_id_for,
)
from store import money

log = structlog.get_logger()

#: Longer than the provider's timeouts together: a lease that lapses belongs to a worker that died.
CLAIM_SECONDS = 30.0
#: After an unknown answer it is asked again within so long, doubling up to the most; so many times, then by the sweep.
AGAIN_SECONDS = (1.0, 8.0)
AGAIN_TIMES = 3


@dramatiq.actor(queue_name=PAYMENTS)
def request_payment(message: dict[str, Any]) -> None:
    """Make the order by which the buyer can pay, once."""
    command = msgspec.convert(message, RequestPayment)
    payment = on_loop(money.claim_payment(command.payment_id, CLAIM_SECONDS))
    if payment is None:
        log.info("payment_claimed_elsewhere", booking_id=str(command.booking_id))
        return
    try:
        order_id = payment["razorpay_order_id"] or _order_at_provider(command, tried=payment["tried"])
    except Unknown as error:
        on_loop(money.unclaim_payment(command.payment_id))
        return _again(command, error)
    except Declined as error:
        log.error("order_declined", booking_id=str(command.booking_id), error=str(error))
        refused = PaymentRefused(
            event_id=event_id_for(command.command_id, PaymentRefused), booking_id=command.booking_id,
            answers=command.command_id, payment_id=command.payment_id, reason="payment-unavailable", detail=str(error),
        )  # fmt: skip
        _report(refused)
        return
    on_loop(money.set_order(command.payment_id, order_id))
    _report(
        PaymentReady(
            event_id=event_id_for(command.command_id, PaymentReady), booking_id=command.booking_id,
            answers=command.command_id, payment_id=command.payment_id, method=command.method, order_id=order_id,
        )
    )  # fmt: skip


def _order_at_provider(command: RequestPayment, *, tried: bool) -> str:
    """The order for this payment: the one that was made unheard, or a new one."""
    if tried and (made := gateway.find_order(command.payment_id)):
        return made
    try:
        return gateway.make_order(command.payment_id, command.booking_id, command.amount, command.currency)
    except Declined:  # perhaps because there is one
        if not tried and (made := gateway.find_order(command.payment_id)):
            return made
        raise


@dramatiq.actor(queue_name=PAYMENTS)
def capture_payment(message: dict[str, Any]) -> None:
    """Take an authorized payment, if its seats are still kept."""
    command = msgspec.convert(message, CapturePayment)
    if not on_loop(money.seats_are_kept(command.booking_id)):
        log.info("authorized_money_left", booking_id=str(command.booking_id), hint="the hold has ended; it lapses")
        _report(_not_taken(command, "The hold had ended, so this payment was not taken; the bank lets it go."))
        return
    try:
        taken = gateway.capture(command.provider_payment_id, command.amount, command.currency)
    except Unknown as error:
        return _again(command, error)
    except Declined as error:
        log.error("capture_declined", booking_id=str(command.booking_id), error=str(error))
        _report(_not_taken(command, str(error)))
        return
    _report(event_of(taken, command.payment_id, command.booking_id, command.command_id))


@dramatiq.actor(queue_name=PAYMENTS)
def refund_money(message: dict[str, Any]) -> None:
    """Give one captured payment back, once, and follow it until it is done."""
    command = msgspec.convert(message, RefundMoney)
    refund = on_loop(money.claim_refund(command.refund_id, CLAIM_SECONDS))
    if refund is None:
        log.info("refund_claimed_elsewhere", booking_id=str(command.booking_id))
        return
    try:
        given = _refund_at_provider(command, refund)
    except Unknown as error:
        on_loop(money.unclaim_refund(command.refund_id))
        return _again(command, error)
    except Declined as error:
        log.error("refund_declined", booking_id=str(command.booking_id), error=str(error))
        on_loop(money.unclaim_refund(command.refund_id))
        _report(refund_failed(refund, command.command_id, str(error), command.command_id))
        return
    on_loop(money.set_provider_refund(command.refund_id, given.id, command.attempt))
    _report(refund_event(given, refund, command.command_id))


def _refund_at_provider(command: RefundMoney, refund: Any) -> gateway.ProviderRefund:
    """The provider's refund for this attempt: the one that is known, the one that was made unheard, or a new one."""
    if refund["provider_refund_id"] and refund["attempt"] == command.attempt:
        return gateway.find_refund(refund["provider_refund_id"])
    which = (command.provider_payment_id, command.refund_id, command.attempt)
    made = gateway.find_refund_made(*which) if refund["tried"] else None
    return made or gateway.refund(*which, command.amount, command.reason)


@dramatiq.actor(queue_name=PAYMENTS)
def check_payment(message: dict[str, Any]) -> None:
    """Ask the provider what has become of a payment and of its refunds, and tell its saga."""
    command = msgspec.convert(message, CheckPayment)
    payment = on_loop(money.payment(command.payment_id))
    if payment is None or payment["razorpay_order_id"] is None:
        return
    try:
        for attempt in gateway.payments_of(payment["razorpay_order_id"]):
            _report(event_of(attempt, command.payment_id, command.booking_id))
        for refund in on_loop(money.refunds_pending_of(command.payment_id)):
            _check_refund(refund)
    except Unknown as error:
        return _again(command, error)
    except Declined as error:
        log.error("check_declined", booking_id=str(command.booking_id), error=str(error))


def _check_refund(refund: Any) -> None:
    if refund["provider_refund_id"]:
        given = gateway.find_refund(refund["provider_refund_id"])
    else:  # whoever asked for it may not have heard the answer; one that was never asked for is asked for by its saga
        made = gateway.find_refund_made(refund["provider_payment_id"], refund["id"], refund["attempt"])
        if made is None:
            return
        given = made
        on_loop(money.set_provider_refund(refund["id"], given.id, given.attempt))
    _report(refund_event(given, refund))


def _not_taken(command: CapturePayment, reason: str) -> AttemptFailed:
    failed = failed_attempt(command.payment_id, command.booking_id, command.provider_payment_id, reason)
    return msgspec.structs.replace(failed, answers=command.command_id)


def _again(command: BookingCommand, error: Unknown) -> None:
    """Unknown is not failed: asked again in a moment, and after some times by the sweep, so that the queue is never
    full of what cannot be answered now.  Raises Retry, with full jitter: not all come back at once."""
    message = CurrentMessage.get_current_message()
    times = int(message.options.get("retries", 0)) if message is not None else AGAIN_TIMES
    told = {"booking_id": str(command.booking_id), "command": command.name(), "error": str(error)}
    if times >= AGAIN_TIMES:
        log.warning("provider_unclear", **told, hint="left to the sweep")
        return
    log.warning("provider_unclear", **told)
    wait_seconds = error.wait_seconds + uniform(0, min(AGAIN_SECONDS[0] * 2**times, AGAIN_SECONDS[1]))
    raise Retry("the provider's answer is not known", delay=int(wait_seconds * 1000))


def _report(event: Event | None) -> None:
    if event is not None:
        on_loop(workplace().report(event))
