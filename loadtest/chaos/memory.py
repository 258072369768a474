"""Whether a lane worker's memory stays level: ever more decisions, on ever more shows than it keeps in memory.

A first round asks as many shows as a worker keeps and some more; from then on, with more shows and many more decisions,
its memory may not grow: the least recently used shows are dropped.  The shows are small and soon sold out."""

import asyncio
import itertools
from pathlib import Path
from typing import NamedTuple

from loadtest.bench.ground import Ground
from loadtest.bench.shows import Show, make_shows
from loadtest.bench.wishes import hold, publish
from loadtest.chaos.worker import until

FIRST_SHOWS, SHOWS, FULL_SHOWS = 2_500, 6_000, 10_000
DECISIONS, FULL_DECISIONS = 60_000, 1_000_000
#: A lot asks so many shows, several times each; the next lot asks the ones after them.
SEATS, LOT, ASKED_AT_ONCE = 4, 5_000, 1_000
DECIDED_LIMIT_SECONDS = 120.0
#: Between the end of the first round and the end of the run: what allocators and logs may add.
GROWTH_MAX, GROWTH_MAX_MB = 1.15, 15.0
WORKER = "lane-1"


class Level(NamedTuple):
    """Resident megabytes, after so many decisions."""

    decisions: int
    megabytes: float


async def measure(ground: Ground, full: bool) -> tuple[list[Level], int]:
    """The levels of one lane worker through the run, and on how many shows.  No other lane worker may run."""
    shows, decisions = (FULL_SHOWS, FULL_DECISIONS) if full else (SHOWS, DECISIONS)
    await ground.start(WORKER, LOG_LEVEL="WARNING")
    made = await make_shows(ground, SEATS, FIRST_SHOWS)
    await _decide(ground, made)
    levels = [Level(FIRST_SHOWS, _resident_megabytes(ground.pid(WORKER)))]
    made += await make_shows(ground, SEATS, shows - FIRST_SHOWS)
    ground.say(f"memory: {shows:,} shows are open; {decisions:,} decisions follow")
    rounds = itertools.cycle(made)
    while (left := decisions - levels[-1].decisions) > 0:
        asked = list(itertools.islice(rounds, ASKED_AT_ONCE))
        lot = (asked * (LOT // ASKED_AT_ONCE))[:left]
        await _decide(ground, lot)
        levels.append(Level(levels[-1].decisions + len(lot), _resident_megabytes(ground.pid(WORKER))))
    await ground.end(WORKER)
    return levels, shows


async def _decide(ground: Ground, shows: list[Show]) -> None:
    async def places() -> int:
        return int(await ground.database.fetchval("SELECT sum(place) FROM show WHERE id = ANY($1::uuid[])", [*ids]))

    ids = {show.id for show in shows}
    wanted = await places() + len(shows)
    await publish([hold(show.lane, show.id, {"quantity": 1}) for show in shows])

    async def decided() -> bool:
        await asyncio.sleep(0.2)
        return await places() >= wanted

    await until(f"{len(shows):,} wishes decided", decided, DECIDED_LIMIT_SECONDS)


def _resident_megabytes(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def growth(levels: list[Level]) -> list[str]:
    """What is wrong with these levels: how much they grew after the first round."""
    first, last = levels[0].megabytes, max(level.megabytes for level in levels[-3:])
    if last <= max(first * GROWTH_MAX, first + GROWTH_MAX_MB):
        return []
    return [f"{first:.0f} MB after {levels[0].decisions:,} decisions, {last:.0f} MB after {levels[-1].decisions:,}"]


def told(levels: list[Level], shows: int) -> str:
    middle = levels[len(levels) // 2].megabytes
    return (
        f"{levels[0].megabytes:.0f} MB after {FIRST_SHOWS:,} shows, {middle:.0f} MB half-way,"
        f" {levels[-1].megabytes:.0f} MB after {levels[-1].decisions:,} decisions on {shows:,} shows"
    )
