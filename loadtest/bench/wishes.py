"""Wishes straight into a lane: Dramatiq messages as the edge would have published them, with the broker's confirms."""

import asyncio
import itertools
import json
import time
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import pika
from pika.adapters.asyncio_connection import AsyncioConnection

from loadtest.bench.figures import NotMeasured
from store.settings import settings

#: Unconfirmed messages on their way at once, and how long the whole may take.
IN_FLIGHT, PUBLISH_LIMIT_SECONDS = 2_000, 120.0
VALID_FOR = timedelta(hours=2)


class Parcel(NamedTuple):
    """A message for a lane, under its publish id."""

    lane: str
    publish_id: str
    body: bytes


def parcel(lane: str, message: dict[str, Any]) -> Parcel:
    publish_id = uuid.uuid4().hex
    body = {
        "queue_name": lane, "actor_name": message["name"], "args": [], "kwargs": {"message": message},
        "options": {"traceparent": f"00-{uuid.uuid4().hex}-{publish_id[:16]}-01"},
        "message_id": publish_id, "message_timestamp": int(time.time() * 1000),
    }  # fmt: skip
    return Parcel(lane, publish_id, json.dumps(body, separators=(",", ":")).encode())


def hold(lane: str, show_id: UUID, wish: dict[str, Any]) -> Parcel:
    """A HoldSeats of a buyer who has none yet; ``wish`` is ``{"seats": [...]}`` or ``{"quantity": n}``."""
    booking_id = str(uuid.uuid4())
    message = {
        "name": "hold_seats", "command_id": booking_id, "show_id": str(show_id), "booking_id": booking_id,
        "buyer_id": str(uuid.uuid4()), "body_hash": uuid.uuid4().hex,
        "not_after": (datetime.now(UTC) + VALID_FOR).isoformat(), **wish,
    }  # fmt: skip
    return parcel(lane, message)


def chosen(lane: str, show_id: UUID, seats: list[str], wishes: int, each: int) -> list[Parcel]:
    """So many wishes for so many seats each, side by side, no seat twice."""
    return [hold(lane, show_id, {"seats": seats[n * each : (n + 1) * each]}) for n in range(wishes)]


def best_available(lane: str, show_id: UUID, wishes: int, quantity: int) -> list[Parcel]:
    return [hold(lane, show_id, {"quantity": quantity}) for _ in range(wishes)]


async def publish(parcels: list[Parcel]) -> None:
    """Publish them in this order, a channel for each lane, and wait for all confirms.  Raises NotMeasured."""
    if not parcels:
        return
    connection = await _connected()
    try:
        lanes = list(dict.fromkeys(one.lane for one in parcels))
        async with asyncio.timeout(PUBLISH_LIMIT_SECONDS):
            outlets = {lane: await _Outlet.open(connection, lane) for lane in lanes}
            for some in _batches(parcels, IN_FLIGHT // 4):
                for one in some:
                    outlets[one.lane].send(one)
                for outlet in outlets.values():
                    await outlet.until_at_most(IN_FLIGHT)
            for outlet in outlets.values():
                await outlet.until_at_most(0)
    except TimeoutError:
        raise NotMeasured(
            f"{len(parcels):,} messages were not confirmed within {PUBLISH_LIMIT_SECONDS:.0f} s"
        ) from None
    finally:
        connection.close()


class _Outlet:
    """One channel to one lane."""

    def __init__(self, channel: Any, lane: str) -> None:
        self._channel, self._lane = channel, lane
        self._sent, self._confirmed, self._fault = 0, 0, ""
        self._changed = asyncio.Event()
        channel.add_on_return_callback(self._on_return)

    @classmethod
    async def open(cls, connection: AsyncioConnection, lane: str) -> "_Outlet":
        opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        connection.channel(on_open_callback=opened.set_result)
        outlet = cls(await opened, lane)
        ready: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        outlet._channel.confirm_delivery(outlet._on_confirm, callback=ready.set_result)
        await ready
        return outlet

    def send(self, one: Parcel) -> None:
        properties = pika.BasicProperties(delivery_mode=2, message_id=one.publish_id, content_type="application/json")
        self._channel.basic_publish("", one.lane, one.body, properties, mandatory=True)
        self._sent += 1

    async def until_at_most(self, unconfirmed: int) -> None:
        while self._sent - self._confirmed > unconfirmed:
            self._changed.clear()
            await self._changed.wait()
            if self._fault:
                raise NotMeasured(f"{self._lane}: {self._fault}")

    def _on_confirm(self, frame: Any) -> None:
        if isinstance(frame.method, pika.spec.Basic.Nack):
            self._fault = "the broker did not take a message"
        self._confirmed = frame.method.delivery_tag if frame.method.multiple else self._confirmed + 1
        self._changed.set()

    def _on_return(self, _channel: Any, method: Any, _properties: Any, _body: bytes) -> None:
        self._fault = f"returned by the broker: {method.reply_text}"
        self._changed.set()


async def _connected() -> AsyncioConnection:
    opened: asyncio.Future[AsyncioConnection] = asyncio.get_running_loop().create_future()
    AsyncioConnection(
        pika.URLParameters(settings().rabbitmq_url),
        on_open_callback=opened.set_result,
        on_open_error_callback=lambda _, error: opened.set_exception(NotMeasured(f"RabbitMQ: {error!r}")),
    )
    return await asyncio.wait_for(opened, 10)


def _batches(parcels: Iterable[Parcel], size: int) -> Iterable[list[Parcel]]:
    rest = iter(parcels)
    while some := list(itertools.islice(rest, size)):
        yield some
