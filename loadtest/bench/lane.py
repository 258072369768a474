"""The row `lane`: one hot show's wishes decided from a filled lane, beside pgbench writing the same rows.

Repeats alternate: lane, pgbench, lane, pgbench, on one database, with PostgreSQL's commits durable for both.  Every
wish is of a buyer of its own and takes two chosen seats.  The saga worker is at rest: this is the lane alone."""

from typing import Any

from loadtest.bench import deciding, pgbench, usage
from loadtest.bench.figures import median_of, ratios
from loadtest.bench.ground import Ground
from loadtest.bench.shows import make_show
from loadtest.bench.wishes import chosen

WARM_WISHES, WISHES, SEATS_EACH, REPEATS = 3_000, 16_000, 2, 3


async def measure(ground: Ground) -> dict[str, Any]:
    pgbench.program()
    await ground.start("lane-1", "saga")
    await ground.end("saga")  # its lanes are there now, and take what the show's lane tells
    warm = await _decide(ground, WARM_WISHES)
    texts = await pgbench.sample(ground, warm[1])
    first = 0
    written: dict[str, list[pgbench.Written]] = {}
    for script in pgbench.SCRIPTS:
        written[script] = [await pgbench.write(ground, script, texts, WARM_WISHES, first)]
        first += WARM_WISHES
    against = max(("one_statement", "statements"), key=lambda script: written[script][0].per_s)
    written[against] = []
    decided = []
    for _ in range(REPEATS):
        decided.append((await _decide(ground, WISHES))[0])
        ground.say(f"lane: {decided[-1].per_s:,.0f} decisions/s in {decided[-1].batches} batches")
        written[against].append(await pgbench.write(ground, against, texts, WISHES, first))
        first += WISHES
        ground.say(f"pgbench: {written[against][-1].per_s:,.0f} bookings/s")
    rates = [one.per_s for one in decided]
    return {
        **ratios(rates, [one.per_s for one in written[against]]),
        **median_of("decisions_per_s", rates),
        **median_of("wall_per_s", [one.wall_per_s for one in decided]),
        **median_of("pgbench_per_s", [one.per_s for one in written[against]]),
        "pgbench_way": against,
        "pgbench_other_ways_per_s": {
            script: round(runs[0].per_s) for script, runs in written.items() if script != against
        },
        # tells the same on a machine that others use meanwhile
        **median_of("cpu_us_per_decision", [one.cpu_us for one in decided]),
        **median_of("pgbench_cpu_us_per_booking", [one.cpu_us for one in written[against]]),
        "wishes": WISHES, "seats_each": SEATS_EACH,
        "bottleneck": usage.bottleneck(decided[-1].usage), "cores": decided[-1].usage.told(),
        "pgbench_bottleneck": usage.bottleneck(written[against][-1].usage),
        "pgbench_cores": written[against][-1].usage.told(),
    }  # fmt: skip


async def _decide(ground: Ground, wishes: int) -> tuple[deciding.Decided, Any]:
    show = await make_show(ground, wishes * SEATS_EACH)
    parcels = chosen(show.lane, show.id, show.seats, wishes, SEATS_EACH)
    return await deciding.decide(ground, parcels, [show.id]), show.id
