"""How fast a lane decides: it is filled while its worker is paused, then decided from the first wish to the last.

The figure is decisions per second by the database's clock, from the first batch to the last one's begin; the wishes of
the last batch are not counted, since nobody wrote down when it ended.  Wall clock and CPU stand beside."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from loadtest.bench import usage
from loadtest.bench.figures import NotMeasured
from loadtest.bench.ground import Ground
from loadtest.bench.wishes import Parcel, publish

DECIDE_LIMIT_SECONDS, LOOK_SECONDS = 150.0, 0.02


@dataclass(frozen=True, slots=True)
class Decided:
    per_s: float
    wall_per_s: float
    steady_per_s: float
    cpu_us: float
    batches: int
    usage: usage.Usage


async def decide(ground: Ground, wishes: list[Parcel], shows: list[UUID], worker: str = "lane-1") -> Decided:
    """Fill the lane with these wishes, all of which must be held, and have them decided by one worker."""
    ground.pause(worker)
    try:
        await publish(wishes)
        first, began = usage.look(), time.monotonic()
    finally:
        ground.resume(worker)
    await _until_decided(ground, shows, len(wishes))
    wall, second = time.monotonic() - began, usage.look()
    rows = await ground.database.fetch(
        "SELECT decided_at, count(*) AS decided, count(*) FILTER (WHERE outcome = 'held') AS held FROM journal"
        " WHERE show_id = ANY($1::uuid[]) AND command = 'hold_seats' GROUP BY lane, decided_at ORDER BY decided_at",
        shows,
    )
    held = sum(row["held"] for row in rows)
    if held != len(wishes):
        outcomes = await ground.database.fetch(
            "SELECT outcome, count(*) FROM journal WHERE show_id = ANY($1::uuid[]) GROUP BY 1", shows
        )
        raise NotMeasured(f"{held} of {len(wishes)} wishes were held: {[tuple(row) for row in outcomes]}")
    used = usage.between(first, second)
    busy = sum(cores for name, cores in used.cores.items() if name in ("lane worker", "postgres"))
    return Decided(
        per_s=_rate(rows), wall_per_s=len(wishes) / wall, steady_per_s=_rate(rows[1:]),
        cpu_us=busy * used.seconds / len(wishes) * 1e6, batches=len(rows), usage=used,
    )  # fmt: skip


def _rate(rows: list[Any]) -> float:
    """Decisions per second from the first of these batches to the begin of the last."""
    if len(rows) < 2:
        raise NotMeasured("all was decided in one batch: too few wishes to tell a rate")
    seconds = (rows[-1]["decided_at"] - rows[0]["decided_at"]).total_seconds()
    return float(sum(row["decided"] for row in rows[:-1]) / max(seconds, 1e-6))


async def _until_decided(ground: Ground, shows: list[UUID], wishes: int) -> None:
    deadline = time.monotonic() + DECIDE_LIMIT_SECONDS
    while True:
        # each wish of a show takes one place in its line
        places = await ground.database.fetchval("SELECT sum(place) FROM show WHERE id = ANY($1::uuid[])", shows)
        if places >= wishes:
            return
        if time.monotonic() > deadline:
            raise NotMeasured(f"{places} of {wishes} wishes were decided within {DECIDE_LIMIT_SECONDS:.0f} s")
        await asyncio.sleep(LOOK_SECONDS)
