"""One verified subscription to a lane's log: from here on, what is handed out is what follows the last decided message.

A stream forgives nothing silently lost: a start beyond its end is silence, a start before its head is moved without a
word.  So a session reads the last decided message again and compares its publish id before it hands on anything.
When the log is not what it was, it walks the log from its head to the first message that the journal does not know
and says so; the lane then goes on from there in a new generation."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import pika
import structlog
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError

from actors.lanes.wire import Options, Sealed, seal
from sagas.clock import monotonic_seconds
from sagas.identity import new_id
from sagas.messages import Fence

log = structlog.get_logger()

#: The log is silent for this long after a confirmed fence: what we look for is not there.
SILENCE_SECONDS = 3.0
#: Each segment that rolls uses up one offset.  A consumer whose place is trimmed meanwhile jumps further, silently.
ROLL_SKIP = 1
#: Messages compared with the journal at a time while walking the log.
WALK_CHUNK = 1000


class Arrived(NamedTuple):
    """A message as the log holds it."""

    offset: int
    publish_id: str
    body: bytes
    tag: int


class Place(NamedTuple):
    """A lane's place in its log, as Postgres holds it."""

    generation: int
    next_offset: int
    last_offset: int | None
    last_publish_id: str | None


class Records(Protocol):
    """What a session asks of the database, called from the consumer's thread."""

    def place(self, lane: str) -> Place: ...
    def decided(self, lane: str, arrived: list[tuple[int, str]]) -> set[tuple[int, str]]: ...
    def begin_generation(
        self, lane: str, place: Place, next_offset: int, note: str, lost_upto: int | None
    ) -> Place: ...
    def publish(self, sealed: Sealed) -> None: ...


class LogLost(Exception):
    """The subscription broke: the stream was deleted, the connection cut, or nothing comes."""


class Session:
    """A lane's owner reading its log.  Memory, batch and credit belong to it, and end with it."""

    def __init__(self, lane: str, url: str, arguments: dict[str, Any], batch_limit: int, records: Records) -> None:
        self.id: UUID = new_id()
        self.lane = lane
        self.batch_limit = batch_limit
        self.memory: dict[Any, Any] = {}
        self.arrived: deque[Arrived] = deque()
        self.in_flight = False
        self.ended: str | None = None
        self.pause_seconds = 0.0
        self._records = records
        self._cancelled = False
        self._last_arrived: int | None = None
        self._jumped_from: int | None = None
        self._behind_jump: list[Arrived] = []
        self._left: list[BlockingChannel] = []
        self._connection = pika.BlockingConnection(parameters(url))
        try:
            self._channel: BlockingChannel = self._connection.channel()
            self._channel.queue_declare(lane, durable=True, arguments=arguments)
            self.place = self._verified()
        except BaseException:
            self.close()
            raise
        self._lock = threading.Lock()

    def wait(self, seconds: float) -> None:
        """Let the connection work until something arrives, a batch ends, or the time is up.  Raises LogLost."""
        try:
            self._connection.process_data_events(time_limit=seconds)
        except AMQPError as error:
            raise LogLost(repr(error)) from error
        if self._cancelled:
            raise LogLost("the broker cancelled the subscription: the stream is gone")
        if self._jumped_from is not None:
            if (head := self._head()) > self._jumped_from:
                raise LogLost(f"the head is at {head}: {self._jumped_from} was trimmed before it came")
            self._jumped_from = None
            self.arrived += self._behind_jump
            self._behind_jump.clear()

    def take(self) -> list[Arrived]:
        """All that has arrived, up to the limit, and the credit for it; nothing once the session has ended."""
        with self._lock:
            if self.ended or not self.arrived:
                self.in_flight = False
                return []
            batch = [self.arrived.popleft() for _ in range(min(self.batch_limit, len(self.arrived)))]
        self._soon(lambda: self._channel.basic_ack(batch[-1].tag, multiple=True))
        return batch

    def begin(self) -> bool:
        """Whether there is a batch to hand out now; then it is in flight until ``take`` finds nothing more."""
        with self._lock:
            if self.in_flight or not self.arrived or self.ended:
                return False
            self.in_flight = True
            return True

    def end(self, reason: str, pause_seconds: float = 0.0) -> None:
        """Called from the actor's side: nothing that this session still holds may do anything any more."""
        self.ended = self.ended or reason
        self.pause_seconds = pause_seconds
        self.in_flight = False
        self._soon(lambda: None)

    def close(self) -> None:
        """Drop the socket.  Never raises."""
        self.ended = self.ended or "closed"
        self.arrived.clear()
        self.memory.clear()
        drop(self._connection)

    def _soon(self, action: Callable[[], None]) -> None:
        """Run something on the consumer's thread, and wake it."""

        def safely() -> None:
            try:
                action()
            except AMQPError as error:
                self.ended = self.ended or repr(error)

        try:
            self._connection.add_callback_threadsafe(safely)
        except (AMQPError, RuntimeError, OSError):
            self.ended = self.ended or "the connection is gone"

    def _verified(self) -> Place:
        place = self._records.place(self.lane)
        fence = self._publish_fence()
        if place.last_offset is None:  # nothing of this generation to compare with
            return self._walk(place, fence)
        self._subscribe(place.last_offset)
        if self._await_arrival(SILENCE_SECONDS):
            first = self.arrived.popleft()
            if (first.offset, first.publish_id) == (place.last_offset, place.last_publish_id):
                self._channel.basic_ack(first.tag)
                return place
        log.error("log_differs", lane=self.lane, generation=place.generation, last_offset=place.last_offset)
        return self._walk(place, fence)

    def _walk(self, place: Place, fence: str) -> Place:
        """Read the log from its head towards the fence; go on at the first message that the journal does not know."""
        self._resubscribe("first")
        head: int | None = None
        begin: int | None = None
        while begin is None:
            chunk = self._read_chunk(fence)
            head = chunk[0].offset if head is None else head
            read = [(arrived.offset, arrived.publish_id) for arrived in chunk]
            if place.last_offset is not None and (place.last_offset, place.last_publish_id) in read:
                self._resubscribe(place.last_offset + 1)
                return place
            known = self._records.decided(self.lane, read)
            begin = next((offset for offset, publish_id in read if (offset, publish_id) not in known), None)
        assert head is not None  # the fence is in the log, and the journal cannot know it: the walk ends there
        self._resubscribe(begin)
        expected = place.next_offset if place.last_offset is None else place.last_offset + 1
        if place.last_offset is None and head <= expected <= begin:
            return place
        trimmed = head > expected
        note = "trimmed: undecided commands aged out" if trimmed else "cut: the log is shorter, or another one"
        return self._records.begin_generation(self.lane, place, begin, note, head - 1 if trimmed else None)

    def _read_chunk(self, fence: str) -> list[Arrived]:
        chunk: list[Arrived] = []
        while len(chunk) < WALK_CHUNK:
            if not self.arrived and not self._await_arrival(SILENCE_SECONDS):
                raise LogLost("the log fell silent before the fence that it confirmed")
            arrived = self.arrived.popleft()
            self._channel.basic_ack(arrived.tag)
            chunk.append(arrived)
            if arrived.publish_id == fence:
                break
        return chunk

    def _publish_fence(self) -> str:
        fence = seal(self.lane, Fence(), Options())
        self._records.publish(fence)
        return fence.publish_id

    def _resubscribe(self, start: int | str) -> None:
        """A fresh channel: what the old one still delivers can never be mistaken for the new one's."""
        self._left.append(self._channel)  # closing it would nack, which a stream forbids
        self._channel = self._connection.channel()
        self.arrived.clear()
        self._subscribe(start)

    def _head(self) -> int:
        """The offset of the first message that the log still holds."""
        channel, came = self._connection.channel(), list[int]()
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(
            self.lane,
            lambda _channel, _method, properties, _body: came.append(int(properties.headers["x-stream-offset"])),
            arguments={"x-stream-offset": "first"},
        )
        self._left.append(channel)
        until = monotonic_seconds() + SILENCE_SECONDS
        while not came and (left := until - monotonic_seconds()) > 0:
            self._connection.process_data_events(time_limit=left)
        if not came:
            raise LogLost("the log does not tell where it begins")
        return came[0]

    def _subscribe(self, start: int | str) -> None:
        channel = self._channel
        self._last_arrived = self._jumped_from = None
        self._behind_jump.clear()

        def on_message(_channel: Any, method: Any, properties: Any, body: bytes) -> None:
            if channel is self._channel:
                offset, before = int(properties.headers["x-stream-offset"]), self._last_arrived
                if before is not None and offset > before + 1 + ROLL_SKIP:
                    self._jumped_from = self._jumped_from or before + 1
                self._last_arrived = offset
                publish_id = str(properties.message_id or "unnamed").replace("\x00", "\\x00")[:200]
                came = Arrived(offset, publish_id, body, method.delivery_tag)
                (self.arrived if self._jumped_from is None else self._behind_jump).append(came)

        def on_cancel(_frame: Any) -> None:
            self._cancelled = True

        channel.basic_qos(prefetch_count=self.batch_limit * 4)
        channel.add_on_cancel_callback(on_cancel)
        channel.basic_consume(self.lane, on_message, arguments={"x-stream-offset": start})

    def _await_arrival(self, seconds: float) -> bool:
        until = monotonic_seconds() + seconds
        while not self.arrived and (left := until - monotonic_seconds()) > 0:
            self.wait(left)
        return bool(self.arrived)


def drop(connection: pika.BlockingConnection) -> None:
    """Drop a reading connection's socket.  Never raises: pika's own close would nack, which a stream forbids."""
    try:
        transport = connection._impl._transport
        if transport is not None:
            sock = transport._sock
            transport.abort()
            sock.close()  # abort alone waits for a turn of the loop that never comes
        connection._impl.ioloop.close()
    except Exception as error:
        log.debug("connection_drop", error=repr(error))


def parameters(url: str) -> pika.URLParameters:
    """How a connection that only reads is made."""
    made = pika.URLParameters(url)
    made.heartbeat = 60
    made.socket_timeout = 5
    made.blocked_connection_timeout = None
    return made
