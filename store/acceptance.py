"""Accepting a wish: the rate limiter, the note that it was asked for, and the number ahead, in one Redis script.

Concurrent requests share one call of the script, since the client costs more than the script does.  Redis keeps
nothing here that cannot be lost: without it, a local bound stands in, and there are no notes."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Literal
from uuid import UUID

import msgspec
import structlog
from redis.exceptions import NoScriptError, RedisError

from sagas.clock import monotonic_seconds, unix_seconds
from store.live import KEEP_SECONDS

log = structlog.get_logger()

_SCRIPT = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
redis.call('SET', 'notes:since', now, 'NX')
local asks, answers = cmsgpack.unpack(ARGV[1]), {}
for i, ask in ipairs(asks) do
  local note_key = 'accepted:' .. ask.booking
  local note = redis.call('GET', note_key)
  local answer = {now = now}
  if note then
    note = cmsgpack.unpack(note)
    answer.status = note.hash == ask.hash and 'again' or 'reused'
    answer.number = note.number
  else
    local accepted = tonumber(redis.call('GET', 'accepted_count:' .. ask.show) or 0)
    local decided = tonumber(redis.call('GET', 'decided:' .. ask.show) or 0)
    local bucket_key = 'limit:' .. ask.limit .. ':' .. ask.buyer
    local tokens, wait = ask.burst, 0
    if ask.burst > 0 then
      local bucket = redis.call('HMGET', bucket_key, 'tokens', 'at')
      if bucket[1] then
        tokens = math.min(ask.burst, tonumber(bucket[1]) + (now - tonumber(bucket[2])) / ask.refill)
      end
      if tokens < 1 then wait = (1 - tokens) * ask.refill end
    end
    if wait > 0 then
      answer.status = 'limited'
    elseif ask.backlog > 0 and accepted - decided >= ask.backlog then
      answer.status = 'crowded'
    else
      answer.status = 'accepted'
      if ask.burst > 0 then
        tokens = tokens - 1
        redis.call('HSET', bucket_key, 'tokens', tostring(tokens), 'at', tostring(now))
        redis.call('EXPIRE', bucket_key, math.ceil(ask.refill * ask.burst) + 1)
      end
      answer.number = redis.call('INCR', 'accepted_count:' .. ask.show)
      answer.ahead = math.max(answer.number - 1 - decided, 0)
      redis.call('EXPIRE', 'accepted_count:' .. ask.show, ask.keep)
      redis.call('SET', note_key, cmsgpack.pack({buyer = ask.buyer, show = ask.show, lane = ask.lane, hash = ask.hash,
        method = ask.method,
        number = answer.number}), 'EX', ask.keep)
    end
    answer.remaining = math.floor(tokens)
    answer.wait = tostring(wait)
  end
  answer.now = tostring(now)
  answers[i] = answer
end
return cmsgpack.pack(answers)
"""

Status = Literal["accepted", "again", "reused", "limited", "crowded"]


class Bucket(msgspec.Struct, frozen=True):
    """A token bucket: so many at once, one back each ``refill_seconds``.  A burst of 0 means no limit."""

    name: str
    burst: int
    refill_seconds: float


class Acceptance(msgspec.Struct, frozen=True):
    """What the script said of a wish.  ``now`` is Redis's time, in Unix seconds; ``ahead`` is how many wishes for the
    show were asked for before this one and not decided, at that time."""

    status: Status
    now: float
    number: int | None = None
    ahead: int | None = None
    remaining: int = 0
    wait: float = 0.0


class Note(msgspec.Struct, frozen=True):
    """That a wish was asked for, not that it was accepted."""

    buyer: str
    show: str
    lane: str
    hash: str
    method: str
    number: int


class _Ask(msgspec.Struct):
    booking: str
    buyer: str
    show: str
    lane: str
    hash: str
    method: str
    limit: str
    burst: int
    refill: float
    backlog: int
    keep: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Acceptance], strict=False).decode
_decode_note = msgspec.msgpack.Decoder(Note).decode


class Accepting:
    """The script, called for all wishes that came in the same turn of the event loop at once."""

    def __init__(self, redis: Any, bucket_of: Callable[[str], Bucket], backlog: int) -> None:
        self._redis, self._bucket_of, self._backlog = redis, bucket_of, backlog
        self._sha = ""
        self._waiting: list[tuple[_Ask, asyncio.Future[Acceptance]]] = []
        self._calls = 0
        self._local = LocalBuckets()
        self._failed_at = -1e9

    @property
    def bucket(self) -> Bucket:
        """The buyer's, as it is now."""
        return self._bucket_of("bookings")

    async def ask(
        self, booking_id: UUID, buyer_id: UUID, show_id: UUID, lane: str, body_hash: str, method: str
    ) -> Acceptance:
        """Take a token and leave a note; without Redis, a token of the local bound."""
        bucket = self.bucket
        ask = _Ask(
            str(booking_id), str(buyer_id), str(show_id), lane, body_hash, method,
            bucket.name, bucket.burst, bucket.refill_seconds, self._backlog, KEEP_SECONDS,
        )  # fmt: skip
        if monotonic_seconds() - self._failed_at < 1.0:
            return self._local.take(str(buyer_id), bucket)
        future: asyncio.Future[Acceptance] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, future))
        if self._calls < 2:  # one at work, one being filled
            self._calls += 1
            task = asyncio.get_running_loop().create_task(self._call())
            task.add_done_callback(lambda done: done.exception())
        return await future

    async def _call(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                answers = await self._answers([ask for ask, _ in batch])
                for (_, future), answer in zip(batch, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)
        finally:
            self._calls -= 1

    async def _answers(self, asks: list[_Ask]) -> list[Acceptance]:
        packed = _encode(asks)
        try:
            if not self._sha:
                self._sha = await self._redis.script_load(_SCRIPT)
            try:
                return _decode(await self._redis.evalsha(self._sha, 0, packed))
            except NoScriptError:
                self._sha = await self._redis.script_load(_SCRIPT)
                return _decode(await self._redis.evalsha(self._sha, 0, packed))
        except (RedisError, OSError, TimeoutError) as error:
            self._failed_at = monotonic_seconds()
            log.warning("limiter_local", reason=repr(error), hint="Redis is out of reach; a local bound stands in")
            return [self._local.take(ask.buyer, self.bucket) for ask in asks]

    async def withdraw(self, booking_id: UUID, show_id: UUID) -> None:
        """The wish is known not to have been accepted: no note, and nobody waits behind it."""
        try:
            pipe = self._redis.pipeline(transaction=False)
            pipe.delete(f"accepted:{booking_id}")
            pipe.decr(f"accepted_count:{show_id}")
            await pipe.execute()
        except (RedisError, OSError, TimeoutError):
            log.warning("note_not_withdrawn", booking_id=str(booking_id))


class LocalBuckets:
    """The bound that stands in for Redis: token buckets in this process, for the buyers seen last."""

    LIMIT_BUYERS = 50_000

    def __init__(self) -> None:
        self._tokens: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, buyer: str, bucket: Bucket) -> Acceptance:
        if bucket.burst == 0:
            return Acceptance("accepted", unix_seconds())
        now = monotonic_seconds()
        tokens, at = self._tokens.pop(buyer, (float(bucket.burst), now))
        tokens = min(bucket.burst, tokens + (now - at) / bucket.refill_seconds)
        taken = tokens >= 1
        self._tokens[buyer] = (tokens - taken, now)
        if len(self._tokens) > self.LIMIT_BUYERS:
            self._tokens.popitem(last=False)
        wait = 0.0 if taken else (1 - tokens) * bucket.refill_seconds
        return Acceptance("accepted" if taken else "limited", unix_seconds(), remaining=int(tokens - taken), wait=wait)


class NotesLost(Exception):
    """Redis is out of reach, or began empty so recently that a note may have been lost with it."""


async def note_of(redis: Any, booking_id: UUID) -> tuple[Note, int | None] | None:
    """The note of a wish and the number ahead of it, or None when it was never asked for.  Raises NotesLost."""
    try:
        body, since = await redis.mget(f"accepted:{booking_id}", "notes:since")
        if body is None:
            if since is None or unix_seconds() - float(since) < KEEP_SECONDS:
                raise NotesLost("the notes of the last minutes may be lost")
            return None
        note = _decode_note(body)
        decided = await redis.get(f"decided:{note.show}")
    except (RedisError, OSError, TimeoutError) as error:
        raise NotesLost(repr(error)) from error
    return note, max(note.number - 1 - int(decided or 0), 0)


async def begin_notes(redis: Any) -> None:
    """Nothing was ever accepted with this database: no note can have been lost."""
    await redis.set("notes:since", 0, nx=True)
