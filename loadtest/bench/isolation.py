"""The row `isolation`: what buyers of 100 quiet shows feel while one hot show is stormed.

Quiet buyers come at a low, constant rate, show after show, and wait for the decision; a late start counts as latency.
The hot show is on a lane of its own; the storm is wrk, its connections asking again as soon as they are told.  Quiet
alone and quiet beside the storm alternate.  What the lanes alone take, from publish to decision, stands beside."""

import asyncio
import json
import uuid
from typing import Any, NamedTuple

from loadtest.accounts import make_buyers, token_for
from loadtest.bench import usage, wrk
from loadtest.bench.figures import NotMeasured, median_of, percentile
from loadtest.bench.ground import EVERYTHING, Ground
from loadtest.bench.posting import Posted, booking_request, post
from loadtest.bench.shows import Show, make_show, make_shows

QUIET_SHOWS, QUIET_SEATS, PER_SECOND, SECONDS, REPEATS = 100, 100, 20, 12, 3
HOT_SEATS, STORM_CONNECTIONS, STORM_BUYERS, WAIT_SECONDS = 60_000, 64, 25_000, 10
PROBE_CONNECTIONS, STORM_LEAD_SECONDS = 100, 2


class Probe(NamedTuple):
    posted: Posted
    lane_ms: list[float]

    @property
    def p99_ms(self) -> float:
        return percentile(self.posted.answered, 99) * 1000


async def measure(ground: Ground) -> dict[str, Any]:
    wrk.program()
    quiet: list[Probe] = []
    beside: list[Probe] = []
    storms: list[wrk.Blown] = []
    for _ in range(REPEATS):
        await ground.fresh()
        await ground.start(*EVERYTHING)
        shows = await make_shows(ground, QUIET_SEATS, QUIET_SHOWS, ground.show_lanes[1:])
        hot = await make_show(ground, HOT_SEATS, ground.show_lanes[0])
        await _probe(ground, shows, 2, 0)
        quiet.append(await _probe(ground, shows, SECONDS, 10))
        storming = asyncio.create_task(_storm(ground, hot))
        await asyncio.sleep(STORM_LEAD_SECONDS)
        try:
            beside.append(await _probe(ground, shows, SECONDS, 50))
        finally:
            storms.append(await storming)
        ground.say(f"isolation: p99 {quiet[-1].p99_ms:.0f} ms alone, {beside[-1].p99_ms:.0f} ms beside the storm")
    pairs = list(zip(beside, quiet, strict=True))
    return {
        **median_of("p99_ratio", [one.p99_ms / other.p99_ms for one, other in pairs], 2),
        **median_of("p99_ms", [one.p99_ms for one in beside], 1),
        **median_of("quiet_p99_ms", [one.p99_ms for one in quiet], 1),
        **median_of("p50_ms", [percentile(one.posted.answered, 50) * 1000 for one in beside], 1),
        **median_of("quiet_p50_ms", [percentile(one.posted.answered, 50) * 1000 for one in quiet], 1),
        **median_of("lanes_p99_ms", [percentile(one.lane_ms, 99) for one in beside], 1),
        **median_of("lanes_quiet_p99_ms", [percentile(one.lane_ms, 99) for one in quiet], 1),
        **median_of("storm_decided_per_s", [storm.per_s + storm.refused / (SECONDS + 4) for storm in storms]),
        "quiet_shows": QUIET_SHOWS, "quiet_per_s": PER_SECOND, "errors": 0, "storm_connections": STORM_CONNECTIONS,
        "bottleneck": usage.bottleneck(storms[-1].usage), "cores": storms[-1].usage.told(),
    }  # fmt: skip


async def _probe(ground: Ground, shows: list[Show], seconds: int, first_seat: int) -> Probe:
    """Quiet buyers at a constant rate.  ``first_seat`` on, seats of each show are untouched."""
    count = seconds * PER_SECOND
    crowd = await make_buyers(ground.database, count)
    requests = []
    for number, buyer in enumerate(crowd):
        show = shows[number % len(shows)]
        wish = {"seats": [show.seats[first_seat + number // len(shows)]]}
        request = booking_request(ground.edge_address, show.id, buyer.token, f"quiet-{buyer.id}", wish, WAIT_SECONDS)
        requests.append(request)
    posted = await asyncio.to_thread(
        post, ground.edge_address, requests, PROBE_CONNECTIONS, good=(201,),
        due=[number / PER_SECOND for number in range(count)],
    )  # fmt: skip
    if posted.errors(201):
        raise NotMeasured(f"{posted.errors(201)} of {count} quiet buyers had no 201: {posted.odd}")
    rows = await ground.database.fetch(
        "SELECT extract(epoch FROM j.decided_at) * 1000 - (j.body::json ->> 'message_timestamp')::bigint AS ms"
        " FROM journal j JOIN booking b ON b.id = j.booking_id"
        " WHERE j.command = 'hold_seats' AND b.buyer_id = ANY($1::uuid[])",
        [buyer.id for buyer in crowd],
    )
    return Probe(posted, [float(row["ms"]) for row in rows])


async def _storm(ground: Ground, hot: Show) -> wrk.Blown:
    tokens = [token_for(uuid.uuid4()) for _ in range(STORM_BUYERS)]
    bodies = [json.dumps({"seats": [seat]}) for seat in hot.seats]
    return await wrk.blow(
        ground.folder, ground.edge_address[1], f"/v1/shows/{hot.id}/bookings", tokens, bodies,
        SECONDS + 2 * STORM_LEAD_SECONDS, STORM_CONNECTIONS, WAIT_SECONDS,
    )  # fmt: skip
