"""Rate limits: tokens of several buckets in one script of real Redis, and the narrow bound without it."""

import asyncio
from typing import Any

import pytest

from store.limits import LIMITS, Limiter, Limits, changed_limits, forget_limit, set_limit


class Set(Limits):
    """Limits that a test sets."""

    def __init__(self, **quotas: tuple[int, int]) -> None:
        super().__init__(True)
        self._set({name.replace("_", "-"): quota for name, quota in quotas.items()})


async def statuses(limiter: Limiter, count: int, *asked: tuple[str, str]) -> list[bool]:
    return [(await limiter.take(*asked)).wait_seconds == 0 for _ in range(count)]


async def test_the_limiter_counts_per_minute_and_not_per_second(cache: Any):
    """3 a minute is one back each twenty seconds."""
    limiter = Limiter(cache, Set(bookings=(3, 60)))
    assert await statuses(limiter, 3, ("bookings", "ann")) == [True] * 3
    taken = await limiter.take(("bookings", "ann"))
    assert 19 < taken.wait_seconds <= 20
    await asyncio.sleep(1.1)
    assert await statuses(limiter, 3, ("bookings", "ann")) == [False] * 3, "a second later there is none back"
    assert await statuses(limiter, 1, ("bookings", "bob")) == [True]


async def test_of_several_buckets_all_give_a_token_or_none_does(cache: Any):
    limiter = Limiter(cache, Set(calls_account=(5, 60), calls_all=(2, 60)))
    asked = (("calls-account", "ann"), ("calls-all", "all"))
    assert await statuses(limiter, 3, *asked) == [True, True, False]
    left = await limiter.take(("calls-account", "ann"))
    assert left.remaining == 2, "what was refused took no token of the other bucket"


async def test_what_is_left_is_told_of_the_bucket_that_is_nearest_to_its_end(cache: Any):
    limiter = Limiter(cache, Set(calls_account=(3, 60), calls_all=(100, 60)))
    taken = await limiter.take(("calls-account", "ann"), ("calls-all", "all"))
    assert (taken.bucket.name, taken.remaining, taken.bucket.burst) == ("calls-account", 2, 3)


async def test_parallel_calls_get_no_more_tokens_than_there_are(cache: Any):
    one, two = (Limiter(cache, Set(calls_account=(3, 60))) for _ in range(2))
    asked = [(one if number % 2 else two).take(("calls-account", "ann")) for number in range(40)]
    taken = await asyncio.gather(*asked)
    assert sum(answer.wait_seconds == 0 for answer in taken) == 3


async def test_a_quota_of_nothing_is_no_limit_and_asks_nobody(gone: Any):
    limiter = Limiter(gone, Set(calls_account=(0, 60)))
    assert await limiter.take(("calls-account", "ann")) is None
    assert await Limiter(gone, Limits(False)).take(("logins-email", "ann")) is None


async def test_a_script_that_redis_forgot_is_loaded_again(cache: Any):
    limiter = Limiter(cache, Set(bookings=(1, 60)))
    assert await statuses(limiter, 1, ("bookings", "ann")) == [True]
    await cache.script_flush()
    assert await statuses(limiter, 1, ("bookings", "ann")) == [False]


async def test_without_redis_log_ins_are_limited_more_strictly_and_nobody_waits_for_it(gone: Any):
    limiter = Limiter(gone, Set(logins_email=(8, 60), calls_account=(8, 60)))
    async with asyncio.timeout(2):
        assert (await statuses(limiter, 8, ("calls-account", "ann"))) == [True] * 8
        assert (await statuses(limiter, 4, ("logins-email", "ann"))) == [True, True, False, False]
    assert limiter._local["logins-email"].LIMIT_BUYERS <= 50_000


def test_a_change_holds_for_its_bucket_and_the_others_stay():
    limits = Set(bookings=(5, 10))
    assert (limits.bucket("bookings").burst, limits.bucket("bookings").refill_seconds) == (5, 2)
    assert limits.bucket("registrations").burst == LIMITS["registrations"].quota
    assert Limits(False).active(tuple(LIMITS)) == ()


async def test_what_an_admin_has_changed_is_kept_until_it_is_taken_back(empty: Any):
    await set_limit(empty, "bookings", 5, 10)
    await set_limit(empty, "bookings", 6, 12)
    limits = Limits(True)
    await limits.load()
    assert (limits.bucket("bookings").burst, limits.bucket("bookings").refill_seconds) == (6, 2)
    await forget_limit(empty, "bookings")
    assert await changed_limits() == []
    await limits.load()
    assert limits.bucket("bookings").burst == 3


@pytest.mark.parametrize("name", ["logins-client", "logins-email", "registrations"])
def test_limits_on_guesses_are_strict(name: str):
    assert LIMITS[name].strict and LIMITS[name].quota > 0


def test_one_strangers_guesses_do_not_empty_the_bucket_of_an_account():
    """Else whoever guesses from one address keeps the owner out of every new device."""
    one, all_strangers = LIMITS["logins-email"], LIMITS["logins-strangers"]
    assert one.quota < all_strangers.quota
    assert one.window_seconds / one.quota > all_strangers.window_seconds / all_strangers.quota
