"""The webhooks worker: keeps each webhook as it came, finds the saga that it concerns, and forwards what it says.

What cannot be resolved yet (a webhook may overtake the commit of the order that it speaks of) stays, and a sweep tries
it again.  Nothing here decides anything about a booking."""

from typing import Any

import dramatiq
import msgspec

from actors.lanes.consumer import on_loop
from actors.lanes.routes import WEBHOOKS
from actors.provider_facts import forward
from sagas.messages import TakeWebhook
from store import money


@dramatiq.actor(queue_name=WEBHOOKS)
def take_webhook(message: dict[str, Any]) -> None:
    """Keep the webhook, and forward it if it can be resolved now."""
    command = msgspec.convert(message, TakeWebhook)
    on_loop(_take(command))


async def _take(command: TakeWebhook) -> None:
    await money.keep_webhook(command.event_id, command.kind, command.body)
    await forward(command.event_id, command.body)
