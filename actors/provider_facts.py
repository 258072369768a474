"""What the provider tells us of payments, refunds and disputes, as events for sagas: as asked for, or by webhook.

The same fact has the same event id, whoever tells it first: webhook, Checkout's return, or our own question."""

from typing import Any, TypeVar
from uuid import UUID

import msgspec
import structlog

from actors.payment_gateway import ProviderPayment, ProviderRefund
from actors.provider_lists import ProviderDispute
from actors.workplace import workplace
from sagas.identity import derived
from sagas.messages import (
    AttemptFailed,
    AttemptPending,
    DisputeChanged,
    Event,
    MoneyAuthorized,
    MoneyCaptured,
    MoneyRefunded,
    RefundFailed,
    RefundSeen,
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
        case "created":
            return AttemptPending(
                event_id=event_id_for(payment_id, AttemptPending, attempt.id), booking_id=booking_id,
                payment_id=payment_id, provider_payment_id=attempt.id,
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


def refund_event(given: ProviderRefund, refund: Any, answers: UUID | None = None) -> Event | None:
    """What a refund at the provider means to its saga; None while it is pending."""
    answers = answers or refund["command_id"]
    if given.status == "failed":
        return refund_failed(refund, given.id, "the provider could not refund", answers)
    asked = (refund["provider_payment_id"], refund["amount"], refund["currency"])
    if (given.payment_id, given.amount, given.currency) != asked:
        reason = f"the provider refunds {given.amount} {given.currency} of {given.payment_id} instead of what was asked"
        log.error("refund_differs", booking_id=str(refund["booking_id"]), refund_id=str(refund["id"]), reason=reason)
        return refund_failed(refund, given.id, reason, answers)
    if given.status != "processed":
        return None
    return MoneyRefunded(
        event_id=event_id_for(refund["id"], MoneyRefunded), booking_id=refund["booking_id"], answers=answers,
        refund_id=refund["id"], payment_id=refund["payment_id"], provider_payment_id=refund["provider_payment_id"],
        amount=refund["amount"], provider_refund_id=given.id,
    )  # fmt: skip


def refund_failed(refund: Any, fact: object, reason: str, answers: UUID) -> RefundFailed:
    """The provider will not refund: the money stays owed, and a person must look.

    ``fact`` is the provider's refund, or the command that it declined: each attempt may fail once."""
    return RefundFailed(
        event_id=event_id_for(refund["id"], RefundFailed, fact),
        booking_id=refund["booking_id"],
        answers=answers,
        refund_id=refund["id"],
        payment_id=refund["payment_id"],
        reason=reason[:200],
    )


def dispute_event(dispute: ProviderDispute, payment_id: UUID, booking_id: UUID) -> DisputeChanged:
    """What a dispute means to the saga of its payment: once for each dispute and where it stands."""
    return DisputeChanged(
        event_id=event_id_for(payment_id, DisputeChanged, dispute.id, dispute.outcome),
        booking_id=booking_id,
        dispute_id=dispute.id,
        payment_id=payment_id,
        provider_payment_id=dispute.payment_id,
        amount=dispute.amount,
        currency=dispute.currency,
        status=dispute.outcome,
        reason=dispute.reason_code[:200],
    )


class _Holder(msgspec.Struct):
    entity: dict[str, Any] = {}


class Webhook(msgspec.Struct):
    """The parts of a webhook that matter here; the provider's payloads hold much more."""

    event: str
    payload: dict[str, _Holder] = {}


EntityT = TypeVar("EntityT")

#: Webhooks that tell of a payment alone, and how the names of those about disputes begin.
PAYMENTS = ("payment.authorized", "payment.captured", "payment.failed", "order.paid")
DISPUTES = "payment.dispute."

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
    """The events that follow from a webhook; None while what it speaks of is not known."""
    if webhook.event.startswith("refund."):
        return await _of_refund(_entity(webhook, "refund", ProviderRefund))
    if webhook.event not in PAYMENTS and not webhook.event.startswith(DISPUTES):
        return []
    attempt = _entity(webhook, "payment", ProviderPayment)
    payment = await money.payment_by_order(attempt.order_id or "")
    if payment is None:
        return None
    told = [event_of(attempt, payment["id"], payment["booking_id"])]
    if webhook.event.startswith(DISPUTES):  # the payment may not have been told of before
        told.append(dispute_event(_entity(webhook, "dispute", ProviderDispute), payment["id"], payment["booking_id"]))
    return [event for event in told if event is not None]


async def _of_refund(given: ProviderRefund) -> list[Event] | None:
    refund = await money.refund(given.refund_id, given.id)
    if refund is None:
        return await refund_by_hand(given)
    if given.refund_id == refund["id"]:
        await money.set_provider_refund(refund["id"], given.id, given.attempt)
    event = refund_event(given, refund)
    return [event] if event else []


async def refund_by_hand(given: ProviderRefund) -> list[Event] | None:
    """What a refund means that was made on the provider's own pages, once it is done.  One of ours that had failed is
    done by it; any other the booking books as it is.  None where its payment is not known, or a human must tell: it
    may be meant for one that we still owe."""
    capture = await money.capture(given.payment_id)
    if capture is None or given.refund_id is not None:
        return None
    if given.status != "processed":
        return []
    failed = await money.refund_failed_of(given.payment_id, given.amount)
    if failed is not None:
        event = refund_event(given, failed)
        return [event] if event else []
    if await money.is_a_riddle(given.payment_id):
        return None
    payment_id = capture["payment_id"]
    return [
        RefundSeen(
            event_id=event_id_for(payment_id, RefundSeen, given.id), booking_id=capture["booking_id"],
            refund_id=derived(payment_id, "refund", "by-hand", given.id), payment_id=payment_id,
            provider_payment_id=given.payment_id, provider_refund_id=given.id, amount=given.amount,
            currency=given.currency,
        )
    ]  # fmt: skip


def _entity(webhook: Webhook, name: str, kind: type[EntityT]) -> EntityT:
    return msgspec.convert(webhook.payload[name].entity, kind)
