"""The rows `rush_100x50` and `rush_500x1`: small crowds released at once, each buyer waiting for the decision.

Everybody is connected beforehand; the clock starts with the release.  Each repeat is a show of its own, and counts only
when exactly the seats there are were given out and everybody was told."""

import asyncio
from typing import Any, NamedTuple

from loadtest.accounts import make_buyers
from loadtest.bench import usage
from loadtest.bench.figures import NotMeasured, median_of, percentile
from loadtest.bench.ground import EVERYTHING, Ground
from loadtest.bench.posting import Posted, booking_request, post
from loadtest.bench.shows import make_show

WAIT_SECONDS, REPEATS, SETTLE_SECONDS, REST_SECONDS = 10, 5, 0.3, 1.0


class Rush(NamedTuple):
    posted: Posted
    usage: usage.Usage


async def measure_100x50(ground: Ground) -> dict[str, Any]:
    """100 buyers, 50 seats, two chosen ones for each."""
    runs = await _repeat(ground, buyers=100, seats=50, each=2)
    return {
        **median_of("p99_ms", [percentile(run.posted.answered, 99) * 1000 for run in runs], 1),
        **median_of("p50_ms", [percentile(run.posted.answered, 50) * 1000 for run in runs], 1),
        **median_of("all_told_ms", [run.posted.wall_seconds * 1000 for run in runs], 1),
        **_beside(runs),
    }


async def measure_500x1(ground: Ground) -> dict[str, Any]:
    """500 buyers, one seat: the seconds until the last one is told."""
    runs = await _repeat(ground, buyers=500, seats=1, each=1)
    return {
        **median_of("seconds", [run.posted.wall_seconds for run in runs], 3),
        **median_of("p50_ms", [percentile(run.posted.answered, 50) * 1000 for run in runs], 1),
        **_beside(runs),
    }


def _beside(runs: list[Rush]) -> dict[str, Any]:
    return {"errors": 0, "repeats": len(runs), "cores": runs[-1].usage.told()}


async def _repeat(ground: Ground, buyers: int, seats: int, each: int) -> list[Rush]:
    await ground.start(*EVERYTHING)
    runs = []
    for repeat in range(REPEATS + 1):  # the first one warms up
        run = await _rush(ground, buyers, seats, each)
        if repeat:
            runs.append(run)
        await asyncio.sleep(REST_SECONDS)  # payments of the last winners are prepared meanwhile
    return runs


async def _rush(ground: Ground, buyers: int, seats: int, each: int) -> Rush:
    show = await make_show(ground, seats)
    crowd = await make_buyers(ground.database, buyers)
    requests = [
        booking_request(ground.edge_address, show.id, buyer.token, f"rush-{buyer.id}", {"seats": wanted}, WAIT_SECONDS)
        for number, buyer in enumerate(crowd)
        for wanted in [[show.seats[(each * number + one) % seats] for one in range(each)]]
    ]
    first = usage.look()
    posted = await asyncio.to_thread(
        post, ground.edge_address, requests, buyers, good=(201, 409), settle_seconds=SETTLE_SECONDS
    )
    used = usage.between(first, usage.look())
    given = await ground.database.fetchval("SELECT count(*) FROM seat WHERE show_id = $1 AND state = 'held'", show.id)
    if posted.errors(201, 409) or given != seats or posted.statuses[201] * each != seats:
        raise NotMeasured(f"{given} of {seats} seats were given: {dict(posted.statuses)} {posted.odd}")
    return Rush(posted, used)
