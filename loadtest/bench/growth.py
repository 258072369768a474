"""The row `growth`: what a decision costs in ever larger shows, and with ever more shows on one lane.

Seats: from 1,000 to 100,000 in a show (1,000,000 with FULL=1); the smallest size takes several shows, one after the
other, for as many wishes.  Shows: the same wishes spread evenly over 1 to 1,000 shows of one lane (10,000 with FULL=1),
so that a batch touches as many shows as it can; and to one show, before the others are made and when they are there.
The first batch, which loads the show, is not counted.  Sizes alternate, each compared with the smallest beside it."""

import os
import random
import statistics
from collections.abc import Callable
from typing import Any

from loadtest.bench import deciding, usage
from loadtest.bench.figures import median_of
from loadtest.bench.ground import Ground
from loadtest.bench.shows import Show, make_show, make_shows
from loadtest.bench.wishes import Parcel, hold

WISHES, REPEATS, FULL_REPEATS = 6_000, 3, 2
SEATS, FULL_SEATS = (1_000, 10_000, 100_000), (1_000, 10_000, 100_000, 1_000_000)
SHOWS, FULL_SHOWS = (1, 10, 100, 1_000), (1, 10, 100, 1_000, 10_000)
WARM_WISHES = 2_000


async def measure(ground: Ground) -> dict[str, Any]:
    full = os.environ.get("FULL") == "1"
    sizes, counts = (FULL_SEATS, FULL_SHOWS) if full else (SEATS, SHOWS)
    await ground.start("lane-1", "saga")
    await ground.end("saga")
    await _in_shows_of(ground, 1_000, WARM_WISHES)
    alone = [await _over_shows(ground, 1) for _ in range(REPEATS)]
    seats: dict[int, list[deciding.Decided]] = {size: [] for size in sizes}
    shows: dict[int, list[deciding.Decided]] = {count: [] for count in counts}
    for repeat in range(FULL_REPEATS if full else REPEATS):
        for size in sizes:
            seats[size].append(await _in_shows_of(ground, size, WISHES))
        for count in counts:
            shows[count].append(await _over_shows(ground, count))
        ground.say(f"growth: repeat {repeat + 1} done")
    beside = [await _over_shows(ground, 1) for _ in range(REPEATS)]
    alone_us = statistics.median(_us(one) for one in alone)
    return {
        **median_of("seats", _against_first(seats, _us), 2),
        **median_of("shows", _against_first(shows, _us), 2),
        # on a machine that others use meanwhile, time tells less than CPU does
        **median_of("seats_by_cpu", _against_first(seats, _cpu_us), 2),
        **median_of("shows_by_cpu", _against_first(shows, _cpu_us), 2),
        "seats_measured": f"{sizes[0]:,} to {sizes[-1]:,}", "shows_measured": f"{counts[0]:,} to {counts[-1]:,}",
        **median_of("one_show_beside_all_others", [_us(one) / alone_us for one in beside], 2),
        "us_per_decision_by_seats": _medians(seats), "us_per_decision_by_shows": _medians(shows),
        "cpu_us_per_decision_by_seats": _cpu(seats), "cpu_us_per_decision_by_shows": _cpu(shows),
        "bottleneck": usage.bottleneck(shows[counts[-1]][-1].usage), "cores": shows[counts[-1]][-1].usage.told(),
    }  # fmt: skip


async def _in_shows_of(ground: Ground, seats: int, wishes: int) -> deciding.Decided:
    """These wishes for a seat each, show after show of this size."""
    parcels: list[Parcel] = []
    shows: list[Show] = []
    while len(parcels) < wishes:
        show = await make_show(ground, seats)
        wanted = random.Random(seats).sample(show.seats, min(wishes - len(parcels), seats))
        parcels += [hold(show.lane, show.id, {"seats": [seat]}) for seat in wanted]
        shows.append(show)
    return await deciding.decide(ground, parcels, [show.id for show in shows])


async def _over_shows(ground: Ground, count: int) -> deciding.Decided:
    """The wishes spread evenly over so many shows, each wish at another show than the one before."""
    wishes = max(WISHES, count)
    shows = await make_shows(ground, wishes // count, count)
    parcels = [
        hold(show.lane, show.id, {"quantity": 1})
        for _ in range(wishes // count)
        for show in shows
    ]  # fmt: skip
    return await deciding.decide(ground, parcels, [show.id for show in shows])


def _us(decided: deciding.Decided) -> float:
    return 1e6 / decided.steady_per_s


def _cpu_us(decided: deciding.Decided) -> float:
    return decided.cpu_us


def _against_first(points: dict[int, list[deciding.Decided]], cost: Callable[[deciding.Decided], float]) -> list[float]:
    """The largest one's cost over the smallest one's, repeat by repeat."""
    first, last = points[min(points)], points[max(points)]
    return [cost(large) / cost(small) for small, large in zip(first, last, strict=True)]


def _medians(points: dict[int, list[deciding.Decided]]) -> dict[str, float]:
    return {str(at): round(statistics.median(_us(one) for one in found)) for at, found in points.items()}


def _cpu(points: dict[int, list[deciding.Decided]]) -> dict[str, float]:
    return {str(at): round(statistics.median(_cpu_us(one) for one in found)) for at, found in points.items()}
