"""The row `best_available`: wishes for any two seats beside wishes for two chosen ones, each on a 20,000-seat show."""

from typing import Any

from loadtest.bench import deciding, usage
from loadtest.bench.figures import median_of, ratios
from loadtest.bench.ground import Ground
from loadtest.bench.shows import make_show
from loadtest.bench.wishes import best_available, chosen

SEATS, WISHES, QUANTITY, WARM_WISHES, REPEATS = 20_000, 9_000, 2, 1_500, 3


async def measure(ground: Ground) -> dict[str, Any]:
    await ground.start("lane-1", "saga")
    await ground.end("saga")
    for any_two in (False, True):
        await _decide(ground, WARM_WISHES, any_two)
    best, others = [], []
    for _ in range(REPEATS):
        best.append(await _decide(ground, WISHES, any_two=True))
        others.append(await _decide(ground, WISHES, any_two=False))
        ground.say(f"best available: {best[-1].per_s:,.0f}/s; chosen: {others[-1].per_s:,.0f}/s")
    return {
        **ratios([one.per_s for one in best], [one.per_s for one in others]),
        **median_of("decisions_per_s", [one.per_s for one in best]),
        **median_of("chosen_per_s", [one.per_s for one in others]),
        **median_of("cpu_us_per_decision", [one.cpu_us for one in best]),
        **median_of("chosen_cpu_us_per_decision", [one.cpu_us for one in others]),
        "seats": SEATS, "wishes": WISHES, "quantity": QUANTITY,
        "bottleneck": usage.bottleneck(best[-1].usage), "cores": best[-1].usage.told(),
    }  # fmt: skip


async def _decide(ground: Ground, wishes: int, any_two: bool) -> deciding.Decided:
    show = await make_show(ground, SEATS)
    if any_two:
        parcels = best_available(show.lane, show.id, wishes, QUANTITY)
    else:
        parcels = chosen(show.lane, show.id, show.seats, wishes, QUANTITY)
    return await deciding.decide(ground, parcels, [show.id])
