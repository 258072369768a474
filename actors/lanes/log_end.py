"""Where lanes' logs begin and end, looked up without writing to them: what an operator needs to know the backlog.

A queue's message count lags and is no backlog.  So each log is read at three places: its head, its last chunk to the
end, and the first undecided message, whose own time tells how long it has waited."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPChannelError

from actors.lanes.session import drop, parameters
from sagas.clock import from_unix, monotonic_seconds

#: The last chunk has been read when nothing more has come for so long.
QUIET_SECONDS = 0.1
LOOK_LIMIT_SECONDS = 2.5
LAST_CHUNK_PREFETCH = 500
#: A command that has waited for this part of its log's age limit is worth a warning: there is time left to act.
WARN_FROM = 0.5
NO_LOG = "there is no log yet: nobody has served this lane"
SILENT = "the broker did not tell within the time"


class LogSeen(NamedTuple):
    """A log as it stood when it was looked at.  ``undecided_since`` is when the first undecided message was sent;
    what is not known is None, and then ``reason`` says why."""

    first_offset: int | None
    last_offset: int | None
    undecided_since: datetime | None
    reason: str

    def backlog(self, next_offset: int) -> int | None:
        """How many messages are undecided; at most one too many for each segment that was begun meanwhile."""
        if self.last_offset is None or self.reason:
            return None
        return max(0, self.last_offset + 1 - next_offset)


class LaneSeen(NamedTuple):
    """A lane and its log, at about the same moment."""

    next_offset: int
    last_offset: int | None
    log: LogSeen
    looked_at: datetime

    @property
    def backlog(self) -> int | None:
        return self.log.backlog(self.next_offset)

    def warnings(self, keeps: timedelta) -> list[str]:
        """What will become trouble, in words, when the log keeps its messages for so long."""
        found, log = [], self.log
        if log.first_offset is not None and log.first_offset > self.next_offset:
            found.append(
                f"the log begins at {log.first_offset}, behind the next command to decide ({self.next_offset}): "
                "commands aged out undecided"
            )
        if log.last_offset is not None and self.last_offset is not None and log.last_offset < self.last_offset:
            found.append(f"the log ends at {log.last_offset}, before what was decided ({self.last_offset}): it was cut")
        if log.undecided_since is not None and (waited := self.looked_at - log.undecided_since) >= WARN_FROM * keeps:
            found.append(
                f"{self.backlog} commands are undecided, the oldest since {_in_words(waited)}; the log forgets them "
                f"after {_in_words(keeps)}"
            )
        return found


class _Sent(msgspec.Struct):
    message_timestamp: int


_sent = msgspec.json.Decoder(_Sent).decode


class _Look:
    """What one lane's log has told so far."""

    def __init__(self, connection: pika.BlockingConnection, lane: str, next_offset: int) -> None:
        self.next_offset = next_offset
        self.first: int | None = None
        self.last: int | None = None
        self.last_told_at = 0.0
        self.waiting: tuple[int, datetime | None] | None = None
        self.reason = ""
        try:
            self._read(connection.channel(), lane, "first", 1, self._on_first)
            self._read(connection.channel(), lane, next_offset, 1, self._on_waiting)
            self._read(connection.channel(), lane, "last", LAST_CHUNK_PREFETCH, self._on_last)
        except AMQPChannelError as error:
            self.reason = NO_LOG if getattr(error, "reply_code", 0) == 404 else repr(error)

    def _read(self, channel: BlockingChannel, lane: str, start: int | str, prefetch: int, on_message: Any) -> None:
        channel.basic_qos(prefetch_count=prefetch)
        channel.basic_consume(lane, on_message, arguments={"x-stream-offset": start})

    def _on_first(self, _channel: Any, _method: Any, properties: Any, _body: bytes) -> None:
        self.first = _offset(properties)

    def _on_waiting(self, _channel: Any, _method: Any, properties: Any, body: bytes) -> None:
        try:
            sent_at = from_unix(_sent(body).message_timestamp / 1000)
        except (ValueError, OverflowError, OSError):
            sent_at = None  # unreadable, and undecided all the same
        self.waiting = (_offset(properties), sent_at)

    def _on_last(self, channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        self.last, self.last_told_at = _offset(properties), monotonic_seconds()
        channel.basic_ack(method.delivery_tag)

    def is_done(self, now: float) -> bool:
        if self.reason:
            return True
        if self.first is None or self.last is None or now < self.last_told_at + QUIET_SECONDS:
            return False
        return self.last < self.next_offset or self.waiting is not None

    def seen(self) -> LogSeen:
        reason = self.reason or ("" if self.last is not None else SILENT)
        since = self.waiting[1] if self.waiting and self.waiting[0] >= self.next_offset else None
        return LogSeen(self.first, self.last, since, reason)


def look(url: str, next_offsets: dict[str, int]) -> dict[str, LogSeen]:
    """The logs of these lanes, each with the offset that it decides next.  Blocks; raises AMQPError or OSError when
    the broker is out of reach."""
    connection = pika.BlockingConnection(parameters(url))
    try:
        looks = {lane: _Look(connection, lane, offset) for lane, offset in next_offsets.items()}
        until = monotonic_seconds() + LOOK_LIMIT_SECONDS
        while (now := monotonic_seconds()) < until and not all(look.is_done(now) for look in looks.values()):
            connection.process_data_events(time_limit=min(QUIET_SECONDS / 2, until - now))
        return {lane: look.seen() for lane, look in looks.items()}
    finally:
        drop(connection)


def _offset(properties: Any) -> int:
    return int(properties.headers["x-stream-offset"])


def _in_words(time: timedelta) -> str:
    """``5 d 3 h``: the two greatest units that say something."""
    seconds, words = int(time.total_seconds()), list[str]()
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, length)
        if count or (unit == "s" and not words):
            words.append(f"{count} {unit}")
    return " ".join(words[:2])
