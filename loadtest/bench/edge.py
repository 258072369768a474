"""The row `edge`: bookings accepted a second by one edge, beside a bare Sanic handler in one process, driven by wrk.

The limiter is on and runs for every request, with the bounds of the product (3 at once for each buyer, one back each
20 s): so many buyers take turns that none of them is refused.  A run counts only when every answer was 202.  The lane
workers are paused meanwhile, so that it is the edge, Redis and RabbitMQ alone; afterwards they find every wish."""

import asyncio
import json
import time
import uuid
from typing import Any

from loadtest.accounts import token_for
from loadtest.bench import usage, wrk
from loadtest.bench.figures import NotMeasured, median_of, ratios
from loadtest.bench.ground import Ground
from loadtest.bench.shows import make_show
from loadtest.own_edge import free_port

SEATS, SECONDS, WARM_SECONDS, REPEATS = 5_000, 5, 2, 3
#: A buyer may ask three times at once: enough buyers for 15,000 requests a second.
BUYERS, BOOKINGS_AT_ONCE = 25_000, 3
COUNT_LIMIT_SECONDS = 100.0


async def measure(ground: Ground) -> dict[str, Any]:
    wrk.program()
    await ground.start("lane-1", "edge")
    show = await make_show(ground, SEATS)
    port = free_port()
    await ground.start_module("bare handler", "loadtest.bench.bare_handler", port)
    path, bodies = f"/v1/shows/{show.id}/bookings", [json.dumps({"seats": [seat]}) for seat in show.seats]
    edge_port, accepted = ground.edge_address[1], 0
    ground.pause("lane-1")
    for warm in (edge_port, port):
        accepted += (await wrk.blow(ground.folder, warm, path, _tokens(), bodies, WARM_SECONDS)).good * (warm != port)
    edge, bare = [], []
    for _ in range(REPEATS):
        edge.append(await _run(ground, edge_port, path, bodies))
        ground.say(f"edge: {edge[-1].per_s:,.0f} accepted/s")
        bare.append(await _run(ground, port, path, bodies))
        ground.say(f"bare handler: {bare[-1].per_s:,.0f} answers/s")
    accepted += sum(run.good for run in edge)
    in_lane = await _in_lane(ground, show.id, accepted)
    return {
        **ratios([run.per_s for run in edge], [run.per_s for run in bare]),
        **median_of("accepted_per_s", [run.per_s for run in edge]),
        **median_of("bare_per_s", [run.per_s for run in bare]),
        **median_of("p99_ms", [run.p99_ms for run in edge], 1),
        **median_of("cpu_us_per_request", [_cpu_us(run, "edge") for run in edge]),
        **median_of("bare_cpu_us_per_request", [_cpu_us(run, "bare handler") for run in bare]),
        "errors": 0,
        "buyers_in_each_run": BUYERS, "limiter": f"on, {BOOKINGS_AT_ONCE} at once for each buyer",
        "accepted": accepted, "found_in_lane": in_lane,
        "lane_workers": "paused",
        "bottleneck": usage.bottleneck(edge[-1].usage), "cores": edge[-1].usage.told(),
        "bare_bottleneck": usage.bottleneck(bare[-1].usage), "bare_cores": bare[-1].usage.told(),
    }  # fmt: skip


async def _run(ground: Ground, port: int, path: str, bodies: list[str]) -> wrk.Blown:
    run = await wrk.blow(ground.folder, port, path, _tokens(), bodies, SECONDS)
    if run.refused or run.broken:
        raise NotMeasured(f"{run.refused} answers were not 202, and {run.broken} did not come, beside {run.good}")
    return run


def _tokens() -> list[str]:
    return [token_for(uuid.uuid4()) for _ in range(BUYERS)]


def _cpu_us(run: wrk.Blown, name: str) -> float:
    return run.usage.cores.get(name, 0.0) / run.per_s * 1e6


async def _in_lane(ground: Ground, show_id: uuid.UUID, accepted: int) -> int:
    """Every wish that was answered 202 is decided once the lane goes on; those cut off by wrk's end may be too."""
    ground.resume("lane-1")
    deadline, found = time.monotonic() + COUNT_LIMIT_SECONDS, 0
    while found < accepted:
        if time.monotonic() > deadline:
            raise NotMeasured(f"{accepted:,} bookings were accepted, and {found:,} were in the lane")
        await asyncio.sleep(0.2)
        found = await ground.database.fetchval("SELECT place FROM show WHERE id = $1", show_id)
    return found
