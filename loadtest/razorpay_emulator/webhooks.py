"""Signed webhooks on their way to the shop: made as a snapshot when the event happens, sent until a 2xx comes.

1. The events of one happening travel as a train: one after another over one connection, so that an order that was
   asked for (or a shuffled one) is the order in which they arrive. Trains of different payments run side by side.
2. No 2xx within webhook_seconds is a failed attempt; the next comes after retry_start_seconds, then growing by
   retry_factor, never more than MAX_RETRY_HOURS of emulator time apart.
3. RETRY_HOURS of emulator time after the event it is given up, as the provider does after a day.
4. What is still to be sent is part of the state, so a restart goes on with it. Delivery is at least once.
"""

import asyncio
import hashlib
import hmac
import random
import time
from collections import deque
from typing import Any

import msgspec
import structlog

from .delivery import Shop, Unanswered
from .entities import ALPHABET, USUAL, Delivery, WebhookPlay, fresh_id
from .settings import Settings
from .state import State

log = structlog.get_logger()

RETRY_HOURS = 24
MAX_RETRY_HOURS = 1
#: Connections to the shop, each with one webhook in flight.
SENDERS = 32
#: Deliveries kept at a time (about 1.5 KB each); events beyond that are lost, and that is said.
MAX_DELIVERIES = 100_000


def account_id(key_id: str) -> str:
    """The merchant's account, always the same for the same key."""
    digest = hashlib.sha256(key_id.encode()).digest()
    return "acc_" + "".join(ALPHABET[byte % 62] for byte in digest[:14])


class Event(msgspec.Struct, frozen=True):
    """What happened, with the entities as they were at that moment."""

    name: str
    body: bytes

    @classmethod
    def of(cls, name: str, account: str, **entities: Any) -> "Event":
        body = {
            "entity": "event",
            "account_id": account,
            "event": name,
            "contains": list(entities),
            "payload": {kind: {"entity": entity} for kind, entity in entities.items()},
            "created_at": int(time.time()),
        }
        return cls(name, msgspec.json.encode(body))


class Webhooks:
    def __init__(self, settings: Settings, state: State) -> None:
        self.settings = settings
        self.state = state
        self.account = account_id(settings.key_id)
        self._ready: deque[list[Delivery]] = deque()
        self._wake = asyncio.Semaphore(0)
        self._senders: list[asyncio.Task[None]] = []
        self._failing = False
        self._secret = settings.webhook_secret.encode()

    def send(self, events: list[Event], play: WebhookPlay = USUAL) -> None:
        """Put the events on the way, the way `play` says."""
        if play.drop:
            self.state.count("webhooks_dropped")
            return
        now = time.time()
        deliveries = []
        for event in events:
            event_id = fresh_id()
            for _ in range(play.copies):
                deliveries.append(
                    Delivery(fresh_id(), event_id, event.name, event.body, now, now + play.delay_ms / 1000)
                )
        if len(self.state.deliveries) + len(deliveries) > MAX_DELIVERIES:
            self.state.count("webhooks_lost")
            log.error("webhook_queue_full", limit=MAX_DELIVERIES, lost=[event.name for event in events])
            return
        if play.shuffle:
            _shuffle(deliveries)
        for delivery in deliveries:
            self.state.deliveries[delivery.id] = delivery
            self.state.changed("delivery", delivery.id)
        self._depart(deliveries, deliveries[0].due_at - now)

    def _depart(self, train: list[Delivery], after_seconds: float) -> None:
        if after_seconds > 0:
            asyncio.get_running_loop().call_later(after_seconds, self._depart, train, 0)
        else:
            self._ready.append(train)
            self._wake.release()

    def start(self) -> None:
        for delivery in self.state.deliveries.values():
            if not delivery.given_up:
                self._depart([delivery], delivery.due_at - time.time())
        self._senders = [asyncio.create_task(self._send_for_ever()) for _ in range(SENDERS)]

    async def stop(self) -> None:
        for sender in self._senders:
            sender.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)

    async def _send_for_ever(self) -> None:
        shop = Shop(self.settings.webhook_url, self.settings.webhook_seconds)
        try:
            while True:
                await self._wake.acquire()
                for delivery in self._ready.popleft():
                    await self._attempt(shop, delivery)
        finally:
            shop.close()

    async def _attempt(self, shop: Shop, delivery: Delivery) -> None:
        delivery.attempts += 1
        headers = {
            "X-Razorpay-Signature": hmac.digest(self._secret, delivery.body, "sha256").hex(),
            "x-razorpay-event-id": delivery.event_id,
        }
        try:
            status = await shop.post(delivery.body, headers)
            answer = str(status)
        except Unanswered as error:
            status, answer = 0, str(error)
        except Exception as error:  # whatever it is, this sender has others to send
            log.exception("webhook_attempt_broke", id=delivery.event_id)
            shop.close()
            status, answer = 0, repr(error)
        if 200 <= status < 300:
            self._delivered(delivery)
        else:
            self._put_off(delivery, answer)

    def _delivered(self, delivery: Delivery) -> None:
        if self._failing:
            self._failing = False
            log.info("webhooks_flow_again", url=self.settings.webhook_url)
        self.state.deliveries.pop(delivery.id, None)
        self.state.changed("delivery", delivery.id)
        self.state.count("webhooks_delivered")

    def _put_off(self, delivery: Delivery, answer: str) -> None:
        if not self._failing:  # said once for an outage, not for each webhook
            self._failing = True
            log.warning("webhooks_fail", url=self.settings.webhook_url, webhook=delivery.event, answer=answer)
        hour_seconds = 3600 / self.settings.speed
        growth = self.settings.retry_factor ** min(delivery.attempts - 1, 64)
        pause = min(self.settings.retry_start_seconds * growth, MAX_RETRY_HOURS * hour_seconds)
        delivery.due_at = time.time() + pause
        if delivery.due_at > delivery.created_at + RETRY_HOURS * hour_seconds:
            delivery.given_up = True
            self.state.count("webhooks_given_up")
            log.error(
                "webhook_given_up", webhook=delivery.event, event_id=delivery.event_id, attempts=delivery.attempts
            )
        else:
            self._depart([delivery], pause)
        self.state.changed("delivery", delivery.id)


def _shuffle(deliveries: list[Delivery]) -> None:
    """Into any order but the one they had; a single one cannot help keeping its place."""
    before = list(deliveries)
    while len(deliveries) > 1 and deliveries == before:
        random.shuffle(deliveries)
