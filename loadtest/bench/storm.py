"""The row `storm`: from HTTP to the decision, with everything of the product and the generator on this machine.

5,000 buyers ask for a seat each of one 20,000-seat show, over 200 connections that each send the next wish when the
last is decided, with `Prefer: wait=10`.  The limiter is on.  Beside it the same with the edge and the lane workers
alone: what the sagas behind each hold (a payment is prepared at the provider) take from it."""

import asyncio
from typing import Any, NamedTuple

from loadtest.accounts import make_buyers
from loadtest.bench import usage
from loadtest.bench.figures import NotMeasured, median_of, percentile
from loadtest.bench.ground import EVERYTHING, Ground
from loadtest.bench.posting import Posted, booking_request, post
from loadtest.bench.shows import make_show

BUYERS, SEATS, CONNECTIONS, WAIT_SECONDS = 5_000, 20_000, 200, 10
WARM_BUYERS, REPEATS = 1_000, 3
STORM_LIMIT_SECONDS = 60.0


class Storm(NamedTuple):
    posted: Posted
    usage: usage.Usage

    @property
    def per_s(self) -> float:
        return len(self.posted.answered) / self.posted.wall_seconds


async def measure(ground: Ground) -> dict[str, Any]:
    await ground.start("lane-1", "lane-2", "edge", "saga")
    await ground.end("saga")
    await _storm(ground, WARM_BUYERS)
    alone = []
    for _ in range(REPEATS):
        alone.append(await _storm(ground, BUYERS))
        ground.say(f"storm on edge and lanes: {alone[-1].per_s:,.0f} decided/s")
    whole = []
    for _ in range(REPEATS):
        await ground.fresh()  # the sagas of the last storm would still be at work
        await ground.start(*EVERYTHING)
        await _storm(ground, WARM_BUYERS // 4)
        whole.append(await _storm(ground, BUYERS))
        ground.say(f"storm on everything: {whole[-1].per_s:,.0f} decided/s")
    return {
        **_told(whole),
        "edge_and_lanes_alone": {
            **_told(alone), "bottleneck": usage.bottleneck(alone[-1].usage), "cores": alone[-1].usage.told(),
        },
        "buyers": BUYERS, "seats": SEATS, "connections": CONNECTIONS,
        "bottleneck": usage.bottleneck(whole[-1].usage), "cores": whole[-1].usage.told(),
    }  # fmt: skip


def _told(storms: list[Storm]) -> dict[str, Any]:
    return {
        **median_of("decided_per_s", [storm.per_s for storm in storms]),
        **median_of("p50_ms", [percentile(storm.posted.answered, 50) * 1000 for storm in storms], 1),
        **median_of("p99_ms", [percentile(storm.posted.answered, 99) * 1000 for storm in storms], 1),
        "errors": sum(storm.posted.errors(201) for storm in storms),
    }


async def _storm(ground: Ground, buyers: int) -> Storm:
    show = await make_show(ground, SEATS)
    crowd = await make_buyers(ground.database, buyers)
    requests = [
        booking_request(ground.edge_address, show.id, b.token, f"storm-{b.id}", {"seats": [seat]}, WAIT_SECONDS)
        for b, seat in zip(crowd, show.seats, strict=False)
    ]
    first = usage.look()
    posted = await asyncio.to_thread(
        post, ground.edge_address, requests, CONNECTIONS, good=(201,), limit_seconds=STORM_LIMIT_SECONDS
    )
    used = usage.between(first, usage.look())
    if not posted.statuses[201]:
        raise NotMeasured(f"nobody was told 201: {dict(posted.statuses)} {posted.odd}")
    if posted.odd:
        ground.say(f"not 201: {posted.odd}")
    return Storm(posted, used)
