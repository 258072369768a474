"""The publisher that numbers its commands: wishes straight into the lanes, each lane's in the order of their numbers.

One connection for each lane, used for nothing else; a lot is sent when the one before is confirmed.  What is not
confirmed (a connection closed, a message returned) is sent again from the first such number on, in order, once the old
connection is gone and a fence was confirmed on a new one: so the log never holds a number before a lower one."""

import asyncio
import random
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import pika
from pika.adapters.asyncio_connection import AsyncioConnection

from loadtest.bench.shows import Show
from loadtest.bench.wishes import VALID_FOR, Parcel, parcel

#: The broker may stall for long (a memory alarm); only then is a connection that says nothing given up.
CONFIRM_LIMIT_SECONDS = 60.0
AGAIN_SECONDS = 0.1


class Wish:
    """A numbered wish: the lane's how-manieth, its booking, and the seats that it asks for."""

    __slots__ = ("booking_id", "number", "seats", "show_id")

    def __init__(self, number: int, show_id: uuid.UUID, booking_id: uuid.UUID, seats: tuple[str, ...]) -> None:
        self.number, self.show_id, self.booking_id, self.seats = number, show_id, booking_id, seats


class Feed:
    """One lane's numbered wishes."""

    def __init__(self, url: str, lane: str, shows: list[Show], expected: int, seed: int) -> None:
        self.lane = lane
        self.wishes: list[Wish] = []
        self.sent_again = 0
        self.at_rest = asyncio.Lock()
        self._url, self._shows, self._expected = url, shows, expected
        self._draw = random.Random(f"{seed} {lane}")
        self._line: _Line | None = None

    async def send(self, count: int) -> None:
        """So many more wishes, until all are confirmed."""
        async with self.at_rest:
            await self.send_at_rest(count)

    async def send_at_rest(self, count: int) -> None:
        """The same for a caller that holds ``at_rest``."""
        lot = [self._next() for _ in range(count)]
        while lot:
            try:
                await (await self._open()).publish([_sealed(self.lane, wish) for wish in lot])
                return
            except NotConfirmed as error:
                self.sent_again += 1
                lot = lot[error.confirmed :]
                await self._forsake()
            await asyncio.sleep(AGAIN_SECONDS)

    async def fill(self, parcels: list[Parcel]) -> None:
        """Messages that have no number; the caller holds ``at_rest``."""
        while True:
            try:
                return await (await self._open()).publish(parcels)
            except NotConfirmed:
                await self._forsake()

    def leave(self) -> None:
        """Begin with a fence on a new connection the next time: the stream is about to be another one."""
        if self._line is not None:
            self._line.close()
            self._line = None

    async def _forsake(self) -> None:
        """Be rid of a line that failed, once the broker is too."""
        line, self._line = self._line, None
        if line is not None:
            await line.closed()

    async def _open(self) -> "_Line":
        while self._line is None:
            line = None
            try:
                line = await _Line.open(self._url)
                await line.publish([parcel(self.lane, {"name": "fence"})])
                self._line = line
            except (NotConfirmed, OSError, pika.exceptions.AMQPError):
                if line is not None:
                    await line.closed()
                await asyncio.sleep(AGAIN_SECONDS)
        return self._line

    def _next(self) -> Wish:
        """Seats are drawn from ever more of the hall, so that some are still won at the end."""
        number = len(self.wishes)
        show = self._shows[number % len(self._shows)]
        known = min(len(show.seats), 4 + len(show.seats) * number // max(self._expected, 1))
        seats = tuple(show.seats[at] for at in self._draw.sample(range(known), self._draw.choice((1, 1, 2))))
        wish = Wish(number, show.id, uuid.UUID(int=self._draw.getrandbits(128), version=4), seats)
        self.wishes.append(wish)
        return wish


class NotConfirmed(Exception):
    """Of what was published, so many from the beginning are certain; of the others nobody knows."""

    def __init__(self, confirmed: int, reason: str) -> None:
        super().__init__(reason)
        self.confirmed = confirmed


class _Line:
    """A connection with one channel, in confirm mode."""

    def __init__(self) -> None:
        self._connection: Any = None
        self._channel: Any = None
        self._gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._changed = asyncio.Event()
        self._sent, self._confirmed, self._fault = 0, 0, ""

    @classmethod
    async def open(cls, url: str) -> "_Line":
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[Any] = loop.create_future()
        parameters = pika.URLParameters(url)
        parameters.heartbeat = 20

        def fail(_connection: Any, error: Any) -> None:
            if not opened.done():
                opened.set_exception(NotConfirmed(0, repr(error)))

        line = cls()
        line._connection = connection = AsyncioConnection(
            parameters, on_open_callback=opened.set_result, on_open_error_callback=fail,
            on_close_callback=lambda _connection, why: line._lose(repr(why)),
        )  # fmt: skip
        try:
            async with asyncio.timeout(CONFIRM_LIMIT_SECONDS):
                await opened
                ready: asyncio.Future[Any] = loop.create_future()
                connection.channel(on_open_callback=ready.set_result)
                await line._or_gone(ready)
                line._channel = ready.result()
                line._channel.add_on_close_callback(lambda _channel, why: line._lose(repr(why)))
                line._channel.add_on_return_callback(line._on_return)
                selected: asyncio.Future[Any] = loop.create_future()
                line._channel.confirm_delivery(line._on_confirm, callback=lambda _: selected.set_result(None))
                await line._or_gone(selected)
        except TimeoutError:
            raise NotConfirmed(0, "no channel in time") from None
        return line

    async def publish(self, parcels: list[Parcel]) -> None:
        """Publish in this order, and wait for all confirms.  Raises NotConfirmed."""
        before, deadline = self._confirmed, time.monotonic() + CONFIRM_LIMIT_SECONDS
        try:
            for one in parcels:
                properties = pika.BasicProperties(
                    delivery_mode=2, message_id=one.publish_id, content_type="application/json"
                )
                self._channel.basic_publish("", one.lane, one.body, properties, mandatory=True)
                self._sent += 1
        except pika.exceptions.AMQPError as error:
            raise NotConfirmed(self._confirmed - before, repr(error)) from error
        while self._confirmed < self._sent and not self._fault:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), max(deadline - time.monotonic(), 0))
            except TimeoutError:
                self._fault = "not confirmed in time"
        if self._fault:
            raise NotConfirmed(self._confirmed - before, self._fault)

    def close(self) -> None:
        if self._connection.is_open:
            self._connection.close()

    async def closed(self) -> None:
        """End the connection, and wait until the broker has said so: what it still held is settled then."""
        self.close()
        if not self._gone.done():
            await asyncio.wait({self._gone}, timeout=CONFIRM_LIMIT_SECONDS)

    async def _or_gone(self, wanted: "asyncio.Future[Any]") -> None:
        await asyncio.wait({wanted, self._gone}, return_when=asyncio.FIRST_COMPLETED)
        if not wanted.done():
            raise NotConfirmed(0, self._gone.result())

    def _lose(self, why: str) -> None:
        self._fault = self._fault or why
        self._changed.set()
        if not self._connection.is_open and not self._gone.done():
            self._gone.set_result(why)

    def _on_confirm(self, frame: Any) -> None:
        if isinstance(frame.method, pika.spec.Basic.Nack):
            self._fault = "nacked"
        elif not self._fault:  # what is returned is confirmed next, and not accepted
            tag = frame.method.delivery_tag
            self._confirmed = max(self._confirmed, tag) if frame.method.multiple else self._confirmed + 1
        self._changed.set()

    def _on_return(self, *_: Any) -> None:
        self._fault = self._fault or "returned: no such stream"
        self._changed.set()


def _sealed(lane: str, wish: Wish) -> Parcel:
    message = {
        "name": "hold_seats", "command_id": str(wish.booking_id), "show_id": str(wish.show_id),
        "booking_id": str(wish.booking_id), "buyer_id": str(uuid.uuid5(wish.booking_id, "buyer")),
        "body_hash": f"{lane} {wish.number}", "not_after": (datetime.now(UTC) + VALID_FOR).isoformat(),
        "seats": list(wish.seats),
    }  # fmt: skip
    return parcel(lane, message)


def winners(wishes: list[Wish]) -> dict[uuid.UUID, tuple[str, ...]]:
    """The naive model: whoever asks first for seats that are all free has them.  Bookings and their seats."""
    taken: set[str] = set()
    won: dict[uuid.UUID, tuple[str, ...]] = {}
    for wish in wishes:
        if not taken & set(wish.seats):
            taken |= set(wish.seats)
            won[wish.booking_id] = wish.seats
    return won
