"""The webhooks worker: keeps each webhook as it came, finds the saga that it concerns, and forwards what it says.

What cannot be resolved yet (a webhook may overtake the commit of the order that it speaks of) stays, and a sweep tries
it again.  Nothing here decides anything about a booking."""

from typing import Any

import dramatiq
import msgspec
import structlog

from actors.lanes.consumer import on_loop
from actors.lanes.routes import WEBHOOKS
from actors.payment_gateway import ProviderPayment, ProviderRefund
from actors.payments import event_of, refund_event
from actors.workplace import workplace
from sagas.messages import Event, TakeWebhook
from store import money

log = structlog.get_logger()


class _Holder(msgspec.Struct):
    entity: dict[str, Any] = {}


class Webhook(msgspec.Struct):
    """The parts of a webhook that matter here; the provider's payloads hold much more."""

    event: str
    payload: dict[str, _Holder] = {}


_decode = msgspec.json.Decoder(Webhook).decode


@dramatiq.actor(queue_name=WEBHOOKS)
def take_webhook(message: dict[str, Any]) -> None:
    """Keep the webhook, and forward it if it can be resolved now."""
    command = msgspec.convert(message, TakeWebhook)
    on_loop(_take(command))


async def _take(command: TakeWebhook) -> None:
    webhook = _decode(command.body)
    await money.keep_webhook(command.event_id, webhook.event, command.body)
    await forward(command.event_id, command.body)


async def forward(event_id: str, body: str) -> bool:
    """Hand what the webhook says to its saga; False when that cannot be resolved yet.  Raises NotAccepted."""
    webhook = _decode(body)
    try:
        found = await _resolve(webhook)
    except (msgspec.ValidationError, KeyError) as error:
        log.warning("webhook_odd", event_id=event_id, kind=webhook.event, error=repr(error))
        await money.webhook_forwarded(event_id, f"odd payload: {error}"[:300])
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
