"""Dead letters are written down: what work queues and lanes gave up becomes rows, for an operator to read and retry.

A work queue's dead letters lie in its ``.XQ`` until their rows are committed, and are acknowledged only then; whoever
dies in between finds them there again, and the same letter is the same row."""

import asyncio
import hashlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pika
import structlog
from dramatiq.common import xq_name
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError, ChannelClosedByBroker

from actors.lanes.routes import QUEUES
from actors.lanes.wire import BODY_LIMIT_BYTES, seal_again
from sagas import clock
from sagas.identity import derived
from sagas.messages import HoldSeats
from store import dead_letters
from store.dead_letters import DeadLetter
from store.masking import masked_text

log = structlog.get_logger()

#: The most that is taken from a queue, or from the journals, at a time.
ROUND_LIMIT = 200
REASON_LIMIT = 500
#: The namespace of letters' ids: the same body, dead in the same queue at the same time, is the same letter.
_DEAD = UUID("6f1d3ac2-58f5-5b7e-9f0a-6d1f2f0f6a11")
_ACTORS = {message.name(): queue for message, queue in QUEUES.items()}


class _Given(msgspec.Struct):
    """A message as Dramatiq keeps it.  ``options`` say how often it was tried, and what happened the last time."""

    actor_name: str
    message_id: str
    kwargs: dict[str, Any] = {}
    options: dict[str, Any] = {}


_decode = msgspec.json.Decoder(_Given).decode


class DeadLetters:
    """Takes dead letters from work queues and lanes.  Belongs to one event loop; its connection is made when needed."""

    def __init__(self, url: str) -> None:
        self._parameters = pika.URLParameters(url)
        self._parameters.heartbeat = 60
        self._parameters.socket_timeout = 5
        self._parameters.blocked_connection_timeout = 5
        self._connection: pika.BlockingConnection | None = None

    async def write_down(self) -> None:
        """One round over all work queues and lanes."""
        await self._from_lanes()
        for queue in sorted(set(QUEUES.values())):
            try:
                await self._from_queue(queue)
            except (AMQPError, OSError) as error:
                self._connection = None
                log.warning("dead_letters_wait", queue=queue, error=repr(error))
                return

    async def _from_queue(self, queue: str) -> None:
        channel, taken, last_tag = await asyncio.to_thread(self._take, queue)
        try:
            if taken:
                await self._keep([work_letter(queue, *letter) for letter in taken])
                await asyncio.to_thread(channel.basic_ack, last_tag, True)
        finally:
            await asyncio.to_thread(self._leave, channel)

    def _take(self, queue: str) -> tuple[BlockingChannel, list[tuple[Any, bytes]], int]:
        if self._connection is None or not self._connection.is_open:
            self._connection = pika.BlockingConnection(self._parameters)
        channel, taken, tag = self._connection.channel(), list[tuple[Any, bytes]](), 0
        try:
            while len(taken) < ROUND_LIMIT:
                method, properties, body = channel.basic_get(xq_name(queue))
                if method is None:
                    break
                taken.append((properties, body))
                tag = method.delivery_tag
        except ChannelClosedByBroker as error:
            if error.reply_code != 404:
                raise
            # nobody has served this queue yet, so nothing can have died in it
        return channel, taken, tag

    def _leave(self, channel: BlockingChannel) -> None:
        """What was not acknowledged goes back to its queue."""
        if channel.is_open:
            channel.close()

    async def _from_lanes(self) -> None:
        rows = await dead_letters.given_up_on_lanes(ROUND_LIMIT)
        if rows:
            await self._keep([lane_letter(row) for row in rows])

    async def _keep(self, letters: list[DeadLetter]) -> None:
        new = await dead_letters.keep(letters)
        for letter in letters:
            if letter.id in new:
                log.error(
                    "dead_letter", id=str(letter.id), queue=letter.queue, message=letter.message, reason=letter.reason,
                    booking_id=letter.booking_id, offset=letter.offset, trace_id=letter.trace[3:35] or None,
                )  # fmt: skip


def work_letter(queue: str, properties: Any, body: bytes) -> DeadLetter:
    """What a work queue's dead message comes to.  Nothing in it can raise."""
    deaths = (properties.headers or {}).get("x-death")
    death: dict[str, Any] = deaths[0] if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict) else {}
    died_at = death.get("time")
    given_up_at = died_at.replace(tzinfo=UTC) if isinstance(died_at, datetime) else clock.now()
    given, digest = _given(body), hashlib.sha256(body).hexdigest()
    letter_id = derived(_DEAD, queue, properties.message_id, digest, died_at, death.get("count"))
    if given is None:
        why = f"unreadable: a body of {len(body)} bytes that is no message"
        return _letter(letter_id, queue, "unreadable", why, body, None, given_up_at)
    return _letter(letter_id, queue, given.actor_name, _why(queue, given, death), body, given, given_up_at)


def lane_letter(row: Any) -> DeadLetter:
    """What a journal's row of a message that could not be decided comes to."""
    body = row["body"].encode()
    place = (row["generation"], row["offset"])
    letter_id = derived(_DEAD, row["lane"], *place)
    outcome, _, fault = row["reason"].partition(": ")
    reason = fault if fault.startswith(f"{outcome}: ") else row["reason"]
    made = _letter(letter_id, row["lane"], row["message"], reason, body, _given(body), row["decided_at"])
    return made._replace(generation=place[0], offset=place[1])


def _letter(
    letter_id: UUID, queue: str, message: str, reason: str, body: bytes, given: _Given | None, given_up_at: datetime
) -> DeadLetter:
    told: dict[str, Any] = given.kwargs.get("message") if given else None  # type: ignore[assignment]
    told = told if isinstance(told, dict) else {}
    trace = given.options.get("traceparent") if given else None
    return DeadLetter(
        id=letter_id, queue=queue, generation=None, offset=None, message=_plain(message)[:100],
        command_id=_plain(told.get("command_id") or told.get("event_id") or "")[:100] or None,
        booking_id=_uuid(told.get("booking_id")), show_id=_uuid(told.get("show_id")),
        reason=masked_text(_plain(reason))[:REASON_LIMIT],
        body=masked_text(_plain(body[:BODY_LIMIT_BYTES].decode("utf-8", "backslashreplace"))),
        sealed=body if _can_be_sent_again(queue, body, told) else None,
        trace=_plain(trace)[:55] if isinstance(trace, str) else "", given_up_at=given_up_at,
    )  # fmt: skip


def _why(queue: str, given: _Given, death: dict[str, Any]) -> str:
    if death.get("reason") == "delivery_limit":
        return "delivery-limit: whoever worked on it died, again and again"
    if _ACTORS.get(given.actor_name) != queue:
        return f"unknown: nobody here knows {given.actor_name}"
    tries, traceback = given.options.get("retries", 0), str(given.options.get("traceback") or "")
    last = traceback.strip().rpartition("\n")[2]
    times = tries + 1 if isinstance(tries, int) else 1
    return f"failed: {times} times, {f'with {last} the time before' if last else 'the log tells why'}"


def _can_be_sent_again(queue: str, body: bytes, told: dict[str, Any]) -> bool:
    """Not what nobody can read, and not a wish: its buyer was told that it failed, and asks again."""
    if told.get("name") == HoldSeats.name():
        return False
    try:
        seal_again(queue, body)
    except (ValueError, RecursionError):
        return False
    return True


def _given(body: bytes) -> _Given | None:
    try:
        return _decode(body)
    except (ValueError, RecursionError):
        return None


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(text)
    except (ValueError, TypeError, AttributeError):
        return None


def _plain(text: Any) -> str:
    """As Postgres can keep it."""
    return str(text).replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()
