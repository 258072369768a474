"""What the provider tells us, as events for sagas: payments and refunds as asked for, and webhooks as they came.

The same fact has the same event id, whoever tells it first: webhook, Checkout's return, or our own question."""

from typing import Any
from uuid import UUID

import msgspec
import structlog

from actors.payment_gateway import ProviderPayment, ProviderRefund
from actors.workplace import workplace
from sagas.messages import (
    AttemptFailed,
    Event,
    MoneyAuthorized,
    MoneyCaptured,
    MoneyRefunded,
    RefundFailed,
    event_id_for,
)
from store import money

log = structlog.get_logger()


def event_of(attempt: ProviderPayment, payment_id: UUID, booking_id: UUID, answers: UUID | None = None) -> Event | None:
    """What a payment at the provider means to its saga.  The same fact has the same event id, whoever told it."""
    match attempt.status:
        case "captured" | "refunded":
            return MoneyCaptured(
                event_id=event_id_for(payment_id, MoneyCaptured, attempt.id), booking_id=booking_id, answers=answers,
                payment_id=payment_id, provider_payment_id=attempt.id, method="razorpay", amount=attempt.amount,
                currency=attempt.currency,
            )  # fmt: skip
        case "authorized":
            return MoneyAuthorized(
                event_id=event_id_for(payment_id, MoneyAuthorized, attempt.id), booking_id=booking_id,
                payment_id=payment_id, provider_payment_id=attempt.id, amount=attempt.amount,
                currency=attempt.currency,
            )  # fmt: skip
        case "failed":
            return failed_attempt(payment_id, booking_id, attempt.id, attempt.error_description or "")
        case _:
            return None


def failed_attempt(payment_id: UUID, booking_id: UUID, provider_payment_id: str, reason: str) -> AttemptFailed:
    return AttemptFailed(
        event_id=event_id_for(payment_id, AttemptFailed, provider_payment_id),
        booking_id=booking_id,
        payment_id=payment_id,
        provider_payment_id=provider_payment_id,
        reason=reason[:200],
    )


def refund_event(given: ProviderRefund, refund: Any) -> Event | None:
    """What a refund at the provider means to its saga; None while it is pending."""
    if given.status == "processed":
        return MoneyRefunded(
            event_id=event_id_for(refund["id"], MoneyRefunded),
            booking_id=refund["booking_id"],
            answers=refund["command_id"],
            refund_id=refund["id"],
            payment_id=refund["payment_id"],
            provider_refund_id=given.id,
        )
    if given.status == "failed":
        return refund_failed(refund, "the provider could not refund")
    return None


def refund_failed(refund: Any, reason: str) -> RefundFailed:
    """The provider will not refund: the money stays owed, and a person must look."""
    return RefundFailed(
        event_id=event_id_for(refund["id"], RefundFailed),
        booking_id=refund["booking_id"],
        answers=refund["command_id"],
        refund_id=refund["id"],
        payment_id=refund["payment_id"],
        reason=reason[:200],
    )


class _Holder(msgspec.Struct):
    entity: dict[str, Any] = {}


class Webhook(msgspec.Struct):
    """The parts of a webhook that matter here; the provider's payloads hold much more."""

    event: str
    payload: dict[str, _Holder] = {}


_decode = msgspec.json.Decoder(Webhook).decode


async def forward(event_id: str, body: str) -> bool:
    """Hand what the webhook says to its saga; False when that cannot be resolved yet.  Raises NotAccepted."""
    try:
        webhook = _decode(body)
        found = await _resolve(webhook)
    except (msgspec.DecodeError, KeyError) as error:
        log.warning("webhook_odd", event_id=event_id, error=repr(error))
        await money.webhook_forwarded(event_id, f"odd payload: {error!r}"[:300])
        return True
    if found is None:
        log.warning("webhook_unresolved", event_id=event_id, kind=webhook.event)
        await money.webhook_note(event_id, "no payment of ours is known by this order")
        return False
    for event in found:
        await workplace().report(event)
    await money.webhook_forwarded(event_id, "" if found else "nothing follows from it")
    return True


async def _resolve(webhook: Webhook) -> list[Event] | None:
    """The events that follow from a webhook; None while its order is not known."""
    if webhook.event.startswith("refund."):
        given = msgspec.convert(webhook.payload["refund"].entity, ProviderRefund)
        refund = await money.refund_by_provider(given.id, str(webhook.payload["refund"].entity["payment_id"]))
        if refund is None:
            return None
        event = refund_event(given, refund)
        return [event] if event else []
    if webhook.event not in ("payment.authorized", "payment.captured", "payment.failed", "order.paid"):
        return []
    attempt = msgspec.convert(webhook.payload["payment"].entity, ProviderPayment)
    payment = await money.payment_by_order(attempt.order_id or "")
    if payment is None:
        return None
    event = event_of(attempt, payment["id"], payment["booking_id"])
    return [event] if event else []
