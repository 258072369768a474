"""Rate limits of operations: all that change something have one, per account, per address and over everybody.

Reading is not limited: whoever waits for a decision may look as often as they like."""

import asyncio
from contextlib import suppress
from uuid import UUID

import structlog
from sanic import Request

from edge.client import address
from edge.problems import too_many
from store.acceptance import Bucket
from store.connection import is_operating
from store.limits import LIMITS, Limiter, Limits

log = structlog.get_logger()

#: How soon an admin's change is seen by every edge.
FOLLOW_SECONDS = 1.0

#: Other limits than the usual ones, by operation.  What keeps log-ins slow stands in their handlers, which know for
#: whom they are.
LIMITED: dict[str, tuple[str, ...]] = {
    # its own bucket is in the script that accepts it; these two cost a round trip, and only when they are on
    "create_booking": ("bookings-address", "bookings-all"),
    "buy_listing": ("bookings-address", "bookings-all"),
    # what they cost us is little, but whoever tries coupons asks for many
    "quote_booking": ("quotes", "calls-address", "calls-all"),
    # the provider comes as often as it must, and signs
    "take_razorpay_webhook": (),
}


def limits_of(operation: str, method: str, needs: str) -> tuple[str, ...]:
    """The limits that an operation takes tokens of."""
    if operation in LIMITED:
        return LIMITED[operation]
    if method == "GET":
        return ()
    return ("calls-address", "calls-all") if needs == "nothing" else ("calls-account", "calls-address", "calls-all")


async def take(request: Request, limiter: Limiter, names: tuple[str, ...], account: UUID | None) -> dict[str, str]:
    """Take a token of each; the headers that say what is left.  Raises 429."""
    keys = {"account": str(account), "address": "", "everybody": "all"}
    if any(LIMITS[name].per == "address" for name in names):
        keys["address"] = address(request)
    taken = await limiter.take(*((name, keys[LIMITS[name].per]) for name in names))
    if taken is None:
        return {}
    headers = limit_headers(taken.bucket, taken.remaining, taken.wait_seconds)
    if taken.wait_seconds:
        raise too_many("There were many requests. Please wait a moment.", taken.wait_seconds, headers)
    return headers


def limit_headers(bucket: Bucket, remaining: int, wait_seconds: float) -> dict[str, str]:
    """``t`` is when there is one more."""
    next_seconds = max(1, round(wait_seconds or bucket.refill_seconds))
    return {
        "RateLimit-Policy": f'"{bucket.name}";q={bucket.burst};w={round(bucket.burst * bucket.refill_seconds)}',
        "RateLimit": f'"{bucket.name}";r={remaining};t={next_seconds}',
    }


class LiveLimits(Limits):
    """The limits, followed as long as the edge runs; while Postgres is away they stay as they were."""

    def __init__(self, on: bool) -> None:
        super().__init__(on)
        self._following: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._following = asyncio.get_running_loop().create_task(self._follow())

    async def stop(self) -> None:
        if self._following is not None:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following

    async def _follow(self) -> None:
        while True:
            try:
                await self.load()
            except Exception as error:
                if not is_operating(error):
                    log.exception("limits_not_followed")
            await asyncio.sleep(FOLLOW_SECONDS)
