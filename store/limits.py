"""Rate limits beside those of bookings: token buckets in Redis, with a local bound where Redis is gone."""

from typing import Any

import structlog
from redis.exceptions import RedisError

from store.acceptance import Bucket, LocalBuckets

log = structlog.get_logger()

_SCRIPT = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local burst, refill = tonumber(ARGV[1]), tonumber(ARGV[2])
local bucket, tokens = redis.call('HMGET', KEYS[1], 'tokens', 'at'), burst
if bucket[1] then tokens = math.min(burst, tonumber(bucket[1]) + (now - tonumber(bucket[2])) / refill) end
if tokens < 1 then return tostring((1 - tokens) * refill) end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens - 1), 'at', tostring(now))
redis.call('EXPIRE', KEYS[1], math.ceil(burst * refill) + 1)
return '0'
"""


class Limiter:
    def __init__(self, redis: Any, bucket: Bucket) -> None:
        self._script = redis.register_script(_SCRIPT)
        self._bucket, self._local = bucket, LocalBuckets(bucket)

    async def wait_seconds(self, key: str) -> float:
        """Take a token for this key; 0, or the seconds until there is one."""
        if self._bucket.burst == 0:
            return 0.0
        keys = [f"limit:{self._bucket.name}:{key}"]
        try:
            return float(await self._script(keys=keys, args=[self._bucket.burst, self._bucket.refill_seconds]))
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("limiter_local", bucket=self._bucket.name, reason=repr(error))
            return self._local.take(key).wait
