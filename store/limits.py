"""Rate limits beside the one of the booking step: token buckets, taken from in one Redis script.

An admin's changes are kept in Postgres and followed by every edge.  Where Redis is gone, a bounded number of buckets
in this process stands in; those that keep guesses of secrets slow are then a good deal narrower, since each process has
its own."""

from typing import Any, Literal, NamedTuple

import msgspec
import structlog
from redis.exceptions import RedisError

from sagas.clock import monotonic_seconds
from store.acceptance import Bucket, LocalBuckets
from store.connection import pool
from store.sql import query

log = structlog.get_logger()

_SCRIPT = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local left, wait = {}, 0
for i, key in ipairs(KEYS) do
  local burst, refill = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local bucket, tokens = redis.call('HMGET', key, 'tokens', 'at'), burst
  if bucket[1] then tokens = math.min(burst, tonumber(bucket[1]) + (now - tonumber(bucket[2])) / refill) end
  if tokens < 1 then wait = math.max(wait, (1 - tokens) * refill) end
  left[i] = tokens
end
local answer = {tostring(wait)}
for i, key in ipairs(KEYS) do
  local burst, refill = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  if wait == 0 then
    left[i] = left[i] - 1
    redis.call('HSET', key, 'tokens', tostring(left[i]), 'at', tostring(now))
    redis.call('EXPIRE', key, math.ceil(burst * refill) + 1)
  end
  answer[i + 1] = tostring(left[i])
end
return answer
"""

#: For so long after Redis did not answer it is not asked, so that nobody waits for it at every call.
AVOID_SECONDS = 1.0
#: By how much the strict limits are narrower without Redis.
STRICT_DIVISOR = 4


class Limit(msgspec.Struct, frozen=True):
    """So many at once, and as many again, evenly, in each window; a quota of 0 is no limit.

    ``strict``: it keeps guesses at secrets slow, so production always has one, and a narrower one without Redis."""

    name: str
    per: Literal["account", "address", "everybody", "account and address"]
    quota: int
    window_seconds: int
    strict: bool = False


#: Each limit, as it is unless an admin has changed it.
LIMITS: dict[str, Limit] = {
    limit.name: limit
    for limit in (
        Limit("bookings", "account", 3, 60),
        Limit("bookings-address", "address", 0, 60),
        Limit("bookings-all", "everybody", 0, 60),
        Limit("calls-account", "account", 60, 60),
        Limit("calls-address", "address", 600, 60),
        Limit("calls-all", "everybody", 60_000, 60),
        Limit("quotes", "account", 60, 60),
        Limit("logins-client", "address", 30, 60, strict=True),
        # slower than strangers' bucket fills: one of them alone cannot keep it empty
        Limit("logins-email", "account and address", 10, 600, strict=True),
        Limit("registrations", "address", 10, 300, strict=True),
        # for those who never logged in to an account from where they are: its owner, where known, is not slowed down by
        # strangers' guesses
        Limit("logins-strangers", "account", 20, 600, strict=True),
        Limit("logins", "everybody", 3_000, 60, strict=True),
        # letters with links, and links that are tried
        Limit("links", "address", 10, 200, strict=True),
        # what a logged-in person's password is asked for again
        Limit("passwords", "account", 5, 150, strict=True),
    )
}


class Taken(NamedTuple):
    """What a call has taken, of the bucket that is nearest to its end.  ``wait_seconds`` above 0: nothing, and when."""

    bucket: Bucket
    wait_seconds: float
    remaining: int


class Limits:
    """The limits as they are now; none at all when they are off."""

    def __init__(self, on: bool) -> None:
        self.on = on
        self._buckets: dict[str, Bucket] = {}
        self._active: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._set({})

    def active(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Those of them that are on."""
        found = self._active.get(names)
        if found is None:
            found = self._active[names] = tuple(name for name in names if self._buckets[name].burst)
        return found

    def bucket(self, name: str) -> Bucket:
        return self._buckets[name]

    async def load(self) -> None:
        """Follow what admins have changed."""
        self._set({row["name"]: (row["quota"], row["window_seconds"]) for row in await changed_limits()})

    def _set(self, changed: dict[str, tuple[int, int]]) -> None:
        for limit in LIMITS.values():
            quota, window_seconds = changed.get(limit.name, (limit.quota, limit.window_seconds))
            self._buckets[limit.name] = bucket_of(limit.name, quota if self.on else 0, window_seconds)
        self._active = {}


def bucket_of(name: str, quota: int, window_seconds: float) -> Bucket:
    return Bucket(name, quota, window_seconds / (quota or 1))


async def changed_limits() -> list[Any]:
    """The limits that an admin has changed: name, quota, window_seconds, changed_at."""
    return list(await pool().fetch(query("limits_changed")))


async def set_limit(rows: Any, name: str, quota: int, window_seconds: int) -> None:
    await rows.execute(query("limit_set"), name, quota, window_seconds)


async def forget_limit(rows: Any, name: str) -> None:
    """It is again as the code says."""
    await rows.execute(query("limit_forget"), name)


class Limiter:
    """Takes tokens of several buckets at once: of all of them, or of none."""

    def __init__(self, redis: Any, limits: Limits) -> None:
        self._script = redis.register_script(_SCRIPT)
        self._limits = limits
        self._local: dict[str, LocalBuckets] = {name: LocalBuckets() for name in LIMITS}
        self._failed_at = -1e9

    async def take(self, *asked: tuple[str, str]) -> Taken | None:
        """Take a token of each limit (its name, and whose); None when none of them is on."""
        buckets = [(bucket, key) for name, key in asked if (bucket := self._limits.bucket(name)).burst]
        if not buckets:
            return None
        if monotonic_seconds() - self._failed_at < AVOID_SECONDS:
            return self._take_here(buckets)
        try:
            wait, *left = await self._script(
                keys=[f"limit:{bucket.name}:{key}" for bucket, key in buckets],
                args=[number for bucket, _ in buckets for number in (bucket.burst, bucket.refill_seconds)],
            )
        except (RedisError, OSError, TimeoutError) as error:
            self._failed_at = monotonic_seconds()
            log.warning("limiter_local", reason=repr(error), hint="Redis is out of reach; a local bound stands in")
            return self._take_here(buckets)
        tokens = [float(one) for one in left]
        nearest = min(range(len(tokens)), key=lambda at: tokens[at] / buckets[at][0].burst)
        return Taken(buckets[nearest][0], float(wait), max(int(tokens[nearest]), 0))

    def _take_here(self, buckets: list[tuple[Bucket, str]]) -> Taken:
        taken = []
        for bucket, key in buckets:
            here = _narrower(bucket) if LIMITS[bucket.name].strict else bucket
            answer = self._local[bucket.name].take(key, here)
            taken.append(Taken(here, answer.wait, answer.remaining))
        return max(taken, key=lambda one: (one.wait_seconds, -one.remaining / one.bucket.burst))

    def of(self, name: str) -> "OneLimit":
        return OneLimit(self, name)


def _narrower(bucket: Bucket) -> Bucket:
    return Bucket(bucket.name, max(1, bucket.burst // STRICT_DIVISOR), bucket.refill_seconds * STRICT_DIVISOR)


class OneLimit(NamedTuple):
    """One limit by itself, for handlers that know whose token to take only once they have read the body."""

    limiter: Limiter
    name: str

    async def wait_seconds(self, key: str) -> float:
        """Take a token for this key; 0, or the seconds until there is one."""
        taken = await self.limiter.take((self.name, key))
        return taken.wait_seconds if taken else 0.0
