"""The bench's command: `python -m loadtest.bench [ROW …]` measures all rows or these, on a private stack's parts.

1. The machine, and a template database.  2. Row after row, each on fresh ground; a row that cannot be measured is null
with its reason.  3. A table, the figures as `bench.json`, and a picture of how cost grows."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pika

from compose import packages
from compose.failure import Failure
from loadtest.bench import (
    best_available,
    edge,
    figures,
    growth,
    isolation,
    lane,
    organiser_figures,
    picture,
    rush,
    sale,
    search,
    storm,
)
from loadtest.bench.figures import NotMeasured
from loadtest.bench.ground import Ground
from loadtest.bench.machine import machine
from loadtest.stack import ROOT, StackUnknown, needed
from store.settings import SettingsError, settings

ROWS: dict[str, Callable[[Ground], Awaitable[dict[str, Any]]]] = {
    "lane": lane.measure,
    "edge": edge.measure,
    "storm": storm.measure,
    "sale": sale.measure,
    "rush_100x50": rush.measure_100x50,
    "rush_500x1": rush.measure_500x1,
    "best_available": best_available.measure,
    "growth": growth.measure,
    "isolation": isolation.measure,
    "search": search.measure,
    "organiser_figures": organiser_figures.measure,
}
WRK = packages.Need("a light generator of requests", ("wrk",), "wrk", ("wrk",))
#: One row, and all of them; a row that has no time left is not measured.
ROW_LIMIT_SECONDS, LIMIT_SECONDS = 240.0, 14.5 * 60
FULL_ROW_LIMIT_SECONDS, FULL_LIMIT_SECONDS = 1_800.0, 3 * 3_600.0


async def run(rows: list[str], folder: Path, full: bool) -> int:
    """Measure these rows, and write down what was found after each."""
    began = time.monotonic()
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):  # the processes are ours to end, whoever ends us
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    ground = Ground(folder / "bench", lambda line: print(f"  {time.monotonic() - began:6.1f} s  {line}", flush=True))
    found: dict[str, dict[str, Any]] = {}
    try:
        await asyncio.to_thread(packages.provide, [WRK, packages.DOCUMENTS], ground.say)
    except Failure as failure:
        ground.say(f"{failure} What needs them cannot be measured.")
    try:
        about = await machine(settings().database_url, settings().rabbitmq_url)
        print("\n".join(f"  {name:<10} {value}" for name, value in about.items()), flush=True)
        await ground.prepare()
        for row in rows:
            ground.say(row)
            left = (FULL_LIMIT_SECONDS if full else LIMIT_SECONDS) - (time.monotonic() - began)
            found[row] = await measured(ground, row, min(left, FULL_ROW_LIMIT_SECONDS if full else ROW_LIMIT_SECONDS))
            write(folder, found, about)
    finally:
        await ground.leave()
    print(f"\n{figures.table(found)}\n\n{folder / 'bench.json'}, after {time.monotonic() - began:.0f} s", flush=True)
    return 1 if any("reason" in row for row in found.values()) else 0


async def measured(ground: Ground, row: str, limit_seconds: float) -> dict[str, Any]:
    """One row, or why there is none."""
    try:
        await ground.fresh()
        async with asyncio.timeout(limit_seconds):
            return await ROWS[row](ground)
    except NotMeasured as error:
        reason = str(error)
    except TimeoutError:
        reason = f"not done within the {max(limit_seconds, 0):.0f} s that were left for it"
    except (OSError, asyncpg.PostgresError, pika.exceptions.AMQPError) as error:
        reason = f"a part did not answer: {error!r}"
    ground.say(f"{row} was not measured: {reason}")
    return figures.unmeasured(row, reason)


def write(folder: Path, found: dict[str, dict[str, Any]], about: dict[str, str]) -> None:
    """All figures so far; rows measured by an earlier run of other rows are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "bench.json"
    kept: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        kept = json.loads(path.read_text())
    told = {**kept, **found, "machine": about, "measured_at": datetime.now(UTC).isoformat(timespec="seconds")}
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    if "growth" in found:
        picture.draw(folder / "bench.png", found["growth"])


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m loadtest.bench", description="What Frontrow does in a second.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all when none is named")
    parser.add_argument("--out", type=Path, default=ROOT / ".run", help="the folder of bench.json (.run)")
    given = parser.parse_args(words)
    if unknown := [row for row in given.rows if row not in ROWS]:
        parser.error(f"no row is called {', '.join(unknown)}; there are {', '.join(ROWS)}")
    try:
        settings()
        needed(os.environ, "RAZORPAY_URL", "EDGE_URL", "EDGE_PORT", "BUYER_EMAIL")
        return asyncio.run(run(given.rows or list(ROWS), given.out, os.environ.get("FULL") == "1"))
    except (StackUnknown, SettingsError) as error:
        print(f"bench: {error}", file=sys.stderr)
    except (NotMeasured, OSError, asyncpg.PostgresError, pika.exceptions.AMQPError) as error:
        print(f"bench: the ground could not be prepared: {error!r}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(main(sys.argv[1:]))
    sys.exit(130)
