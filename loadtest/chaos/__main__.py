"""`make chaos`: `python -m loadtest.chaos [--seed N] [--short]` on a private stack's parts.

1. The product and its shows; three lane workers on cables.  2. The script's faults, one after the other, while numbered
wishes are published and buyers ask through the edge.  3. When all is decided: order, winners, what buyers were told,
`make verify`, and how often each situation occurred.  A situation that never occurred fails the run.  4. The long run
ends with the memory of a lane worker over ever more decisions (a million on 10,000 shows with FULL=1)."""

import argparse
import asyncio
import os
import secrets
import signal
import sys
import time
from pathlib import Path
from typing import Any

from compose.failure import Failure
from loadtest.bench.figures import NotMeasured
from loadtest.chaos import memory
from loadtest.chaos.faults import FAULTS
from loadtest.chaos.ground import Chaos, feed_on
from loadtest.chaos.judging import PATIENCE, judge, tell
from loadtest.chaos.moves import MOVES
from loadtest.chaos.outages import OUTAGES
from loadtest.chaos.script import DECK, WORKER_FAULTS, Act, script
from loadtest.stack import ROOT, StackUnknown, needed
from store.settings import SettingsError

PLAYED = FAULTS | OUTAGES | MOVES
COMMANDS, SHORT_COMMANDS = 50_000, 4_000
#: Small segments, so that logs roll all the while; wishes that are soon too old, so that an alarm outlasts them.
TOLD = {
    "SHOW_LANES": "4", "SAGA_LANES": "2", "RATE_LIMITS": "off", "WISH_VALID_SECONDS": "4",
    "LANE_SEGMENT_BYTES": "200000", "LOG_LEVEL": "INFO", "LOG_FORMAT": "json",
}  # fmt: skip


async def run(chaos: Chaos, acts: list[Act], with_memory: bool) -> dict[str, Any]:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):  # the processes are ours to end, whoever ends us
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    async with chaos.ready():
        played, ended = 0, False
        each = chaos.commands // len(chaos.lanes)

        def goal() -> int:
            """How many wishes of a lane should be published by now."""
            return each * played // len(acts)

        async with asyncio.TaskGroup() as group:
            group.create_task(chaos.storm.run())
            feeding = [
                group.create_task(feed_on(feed, goal, lambda sent: ended and sent >= each))
                for feed in chaos.feeds.values()
            ]
            for act in acts:
                began = time.monotonic()
                await PLAYED[act.kind](chaos, act)
                played += 1
                chaos.say(f"{played:>3}/{len(acts)} {act.kind} {act.style} ({time.monotonic() - began:.1f} s)")
            ended = True
            await asyncio.wait(feeding)
            chaos.storm.end()
        chaos.say("all is published; what is under way comes to its end")
        await chaos.all_decided(chaos.lanes)
        report = await judge(chaos)
        if with_memory:
            await chaos.crew.end()
            await chaos.product.end_all()  # thousands of holds follow, and nobody shall make orders for them
            levels, shows = await memory.measure(chaos.product, os.environ.get("FULL") == "1")
            report["checks"]["memory"] = memory.growth(levels)
            report["figures"]["a lane worker's memory"] = memory.told(levels, shows)
        return report


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m loadtest.chaos", description="Order that survives.")
    parser.add_argument("--seed", type=int, help="repeat the run of this seed")
    parser.add_argument("--short", action="store_true", help="each situation once or twice")
    parser.add_argument("--only", action="append", help="these kinds of fault only; may be repeated")
    parser.add_argument("--report", type=Path, help="where the report is written (.run/chaos.json)")
    options = parser.parse_args(arguments)
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    os.environ.update(TOLD)
    began = time.monotonic()
    try:
        needed(os.environ, "DATABASE_URL", "RABBITMQ_URL", "REDIS_URL", "RAZORPAY_URL", "MAILBOX_URL")
        folder = ROOT / ".run" / "chaos" if options.report is None else options.report.parent / "chaos"
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.log"):
            old.unlink()
        commands, patience = (SHORT_COMMANDS, PATIENCE) if options.short else (COMMANDS, 1.0)

        def say(line: str) -> None:
            print(f"  {time.monotonic() - began:6.1f} s  {line}", flush=True)

        chaos = Chaos(folder, seed, commands, patience, say)
        acts = [act for act in script(seed, len(chaos.lanes), options.short) if act.kind in (options.only or DECK)]
        faults = sum(act.kind in WORKER_FAULTS for act in acts)
        print(f"  seed {seed} (SEED={seed} repeats it): {len(acts)} acts, {faults} of them on lane workers", flush=True)
        report = asyncio.run(run(chaos, acts, with_memory=not options.short))
        report["figures"]["seconds"] = round(time.monotonic() - began)
        return 0 if tell(report, options.report or ROOT / ".run" / "chaos.json") else 1
    except (StackUnknown, SettingsError, NotMeasured, Failure, AssertionError) as error:
        print(f"chaos (seed {seed}): {error}", file=sys.stderr)
    except BaseExceptionGroup as errors:
        print(f"chaos (seed {seed}):", *(repr(error) for error in errors.exceptions), sep="\n  ", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
