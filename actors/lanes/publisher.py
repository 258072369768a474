"""Publishing with the broker's confirm, from an event loop: accepted for certain, or not known to be accepted.

One channel for each queue, used for nothing else: RabbitMQ before 4.0.1 can confirm messages that it drops when one
channel serves two streams.  Every publish is mandatory.  What is returned, nacked, or not confirmed in time raises
NotAccepted, and the channel is thrown away, since nobody knows what it still holds."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pika
import structlog
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel

from actors.lanes.wire import Sealed
from sagas.clock import monotonic_seconds

#: A publish that is not confirmed within this, connecting included, is not known to be accepted: whoever asked is
#: answered within two seconds.
CONFIRM_SECONDS = 1.6
#: How often the oldest publish of each channel is looked at.
WATCH_SECONDS = 0.1

log = structlog.get_logger()


class NotAccepted(Exception):
    """The broker did not confirm.  ``perhaps`` says that the message may be in the queue all the same; asking again
    with the same command id is safe either way."""

    def __init__(self, reason: str, *, perhaps: bool = False) -> None:
        super().__init__(reason)
        self.perhaps = perhaps


class _Connection(AsyncioConnection):  # type: ignore[misc]
    """Hands all that one turn of the loop publishes to the socket in one piece: pika alone makes three calls to the
    kernel for each message, which cost a publisher a fifth of its time."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        self._loop = asyncio.get_running_loop()
        self._unsent: list[bytes] = []
        super().__init__(*arguments, **more)

    def _adapter_emit_data(self, data: bytes) -> None:
        if not self._unsent:
            self._loop.call_soon(self._send_unsent)
        self._unsent.append(data)

    def _send_unsent(self) -> None:
        data, self._unsent = b"".join(self._unsent), []
        if self._transport is not None:
            super()._adapter_emit_data(data)


class _Outlet:
    """The one channel of one queue, and what is in flight on it."""

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self.channel: Channel | None = None
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.asked_at = monotonic_seconds()
        self.tag = 0
        self.pending: dict[int, tuple[asyncio.Future[None], str, float]] = {}
        self.returned: set[str] = set()

    def settle(self, upto: int, multiple: bool, reason: str | None, *, perhaps: bool = True) -> bool:
        """Tell the callers; whether all of it was accepted."""
        accepted = reason is None
        for tag in [t for t in self.pending if t <= upto] if multiple else [upto]:
            future, publish_id, _ = self.pending.pop(tag, (None, "", 0.0))
            returned = publish_id in self.returned
            self.returned.discard(publish_id)
            accepted = accepted and not returned
            if future is None or future.done():  # a caller that left cancels its future; raising here would close all
                continue
            if reason is not None:
                future.set_exception(NotAccepted(f"{self.queue}: {reason}", perhaps=perhaps))
            elif returned:
                future.set_exception(NotAccepted(f"{self.queue}: no such queue"))
            else:
                future.set_result(None)
        return accepted

    def fail(self, reason: str) -> None:
        if not self.ready.done():
            self.ready.set_exception(NotAccepted(f"{self.queue}: {reason}"))
            self.ready.exception()
        if self.pending:
            self.settle(max(self.pending), True, reason)


class Publisher:
    """A connection that publishes, made when first needed and made again after it broke.  Belongs to one event loop."""

    def __init__(self, url: str) -> None:
        self._parameters = pika.URLParameters(url)
        self._parameters.heartbeat = 30
        self._connection: AsyncioConnection | None = None
        self._opening: asyncio.Future[AsyncioConnection] | None = None
        self._outlets: dict[str, _Outlet] = {}
        self._blocked = False
        self._watch: asyncio.Task[None] | None = None

    async def publish(self, sealed: Sealed) -> None:
        """Publish one message and wait for its confirm.  Raises NotAccepted."""
        began = monotonic_seconds()
        await self._send(await self._outlet(sealed.queue, began), sealed, began)

    async def publish_all(self, batch: Iterable[Sealed]) -> list[BaseException | None]:
        """Publish many, each on its queue's channel; the result has None for each that was confirmed."""
        return await asyncio.gather(*(self.publish(sealed) for sealed in batch), return_exceptions=True)

    async def check(self) -> None:
        """Raise NotAccepted unless a connection is open and may publish."""
        await self._connected(monotonic_seconds())

    async def close(self) -> None:
        if self._watch:
            self._watch.cancel()
        if self._connection and self._connection.is_open:
            self._connection.close()
            await asyncio.sleep(0)
        self._lose("closing")

    def _send(self, outlet: _Outlet, sealed: Sealed, began: float) -> asyncio.Future[None]:
        if self._blocked:
            raise NotAccepted("the broker takes no messages now (memory or disk alarm)")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        assert outlet.channel is not None
        try:
            outlet.channel.basic_publish(
                "",
                sealed.queue,
                sealed.body,
                pika.BasicProperties(delivery_mode=2, message_id=sealed.publish_id, content_type="application/json"),
                mandatory=True,
            )
        except pika.exceptions.AMQPError as error:
            self._discard(outlet, repr(error))
            raise NotAccepted(f"{sealed.queue}: {error!r}") from error
        outlet.tag += 1
        outlet.pending[outlet.tag] = (future, sealed.publish_id, began)
        return future

    async def _outlet(self, queue: str, began: float) -> _Outlet:
        outlet = self._outlets.get(queue)
        if outlet is not None and outlet.ready.done() and not outlet.ready.exception():
            return outlet
        connection = await self._connected(began)
        outlet = self._outlets.get(queue)
        if outlet is None:
            outlet = self._outlets[queue] = _Outlet(queue)
            connection.channel(on_open_callback=lambda channel: self._on_channel(outlet, channel))
        try:
            await asyncio.wait_for(asyncio.shield(outlet.ready), _left(began))
        except TimeoutError:
            if _left(outlet.asked_at) == 0.0:
                # a connection that opens no channel is as good as gone, though nobody may have said so
                self._lose("no channel in time")
                if connection.is_open:
                    connection.close()
            raise NotAccepted(f"{queue}: no channel in time") from None
        return outlet

    def _on_channel(self, outlet: _Outlet, channel: Channel) -> None:
        if self._outlets.get(outlet.queue) is not outlet:  # it was given up while it opened
            channel.close()
            return
        outlet.channel = channel
        channel.add_on_close_callback(lambda _channel, reason: self._discard(outlet, repr(reason)))
        channel.add_on_return_callback(lambda _c, _m, properties, _b: outlet.returned.add(properties.message_id))

        def on_confirm(frame: Any) -> None:
            method = frame.method
            nacked = "nacked" if method.NAME == "Basic.Nack" else None
            if not outlet.settle(method.delivery_tag, method.multiple, nacked, perhaps=False):
                self._discard(outlet, "another message was nacked or returned")

        def on_ready(_frame: Any) -> None:
            if not outlet.ready.done():
                outlet.ready.set_result(None)

        channel.confirm_delivery(on_confirm, on_ready)

    def _discard(self, outlet: _Outlet, reason: str) -> None:
        if self._outlets.get(outlet.queue) is outlet:
            del self._outlets[outlet.queue]
        outlet.fail(reason)
        if outlet.channel is not None and outlet.channel.is_open:
            outlet.channel.close()

    async def _connected(self, began: float) -> AsyncioConnection:
        if self._blocked:
            raise NotAccepted("the broker takes no messages now (memory or disk alarm)")
        if self._connection is not None and self._connection.is_open:
            return self._connection
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_future()
            self._opening.add_done_callback(lambda future: future.cancelled() or future.exception())
            _Connection(
                self._parameters,
                on_open_callback=self._on_open,
                on_open_error_callback=lambda _connection, error: self._lose(repr(error)),
                on_close_callback=self._on_close,
            )
        try:
            return await asyncio.wait_for(asyncio.shield(self._opening), _left(began))
        except TimeoutError:
            raise NotAccepted("no connection to the broker in time") from None

    def _on_open(self, connection: AsyncioConnection) -> None:
        self._connection, self._blocked = connection, False
        connection.add_on_connection_blocked_callback(self._on_blocked)
        connection.add_on_connection_unblocked_callback(self._on_unblocked)
        if self._opening and not self._opening.done():
            self._opening.set_result(connection)
        self._opening = None
        if self._watch is None or self._watch.done():
            self._watch = asyncio.get_running_loop().create_task(self._watch_pending())

    def _on_close(self, connection: AsyncioConnection, reason: Any) -> None:
        if connection is self._connection:
            self._lose(repr(reason))

    def _lose(self, reason: str) -> None:
        opening, self._opening = self._opening, None
        self._connection, self._blocked = None, False
        if opening and not opening.done():
            opening.set_exception(NotAccepted(f"the broker is out of reach: {reason}"))
        for outlet in list(self._outlets.values()):
            self._discard(outlet, reason)

    def _on_blocked(self, *_: Any) -> None:
        log.warning("broker_blocked", hint="RabbitMQ has a memory or disk alarm; publishing is refused until it ends")
        self._blocked = True
        for outlet in list(self._outlets.values()):
            self._discard(outlet, "the broker takes no messages now")

    def _on_unblocked(self, *_: Any) -> None:
        log.info("broker_unblocked")
        self._blocked = False

    async def _watch_pending(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            too_old = monotonic_seconds() - CONFIRM_SECONDS
            for outlet in list(self._outlets.values()):
                oldest = next(iter(outlet.pending.values()), None)
                if oldest and oldest[2] < too_old:
                    log.warning("publish_unconfirmed", queue=outlet.queue, in_flight=len(outlet.pending))
                    self._discard(outlet, "not confirmed in time")


def _left(began: float) -> float:
    """Seconds that a publish which began then may still take."""
    return max(began + CONFIRM_SECONDS - monotonic_seconds(), 0.0)
