"""The on-sale storm: `python -m loadtest.onsale [--kill-lane]` runs the three races and gives the verdict.

1. An edge of its own, without rate limits.
2. Before the clock starts: a show, accounts and access tokens for each race.
3. The crowd (`loadtest.crowd`) is gathered and released; each buyer writes down what it was told.
4. Standings, a picture, and the verdict (`loadtest.verdict`).  Exit code 0 only when all is clean.
"""

import argparse
import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import asyncpg

from loadtest import gathering, standings, verdict
from loadtest.accounts import make_buyers
from loadtest.checks.evidence import EvidenceMissing, database_birth
from loadtest.command import exit_code
from loadtest.gathering import CrowdFailed
from loadtest.lane_killing import NobodyToKill, kill_owner
from loadtest.own_edge import edge_without_limits
from loadtest.races import (
    HOLD_SECONDS,
    RACES,
    TOLD_WITHIN_AFTER_KILL_SECONDS,
    TOLD_WITHIN_SECONDS,
    Race,
)
from loadtest.shows import make_show, seat_ids
from loadtest.stack import Stack, stack

KILLED_RACE = "best-available"


class RaceFailed(Exception):
    """A race could not be run; the message says why."""


async def run_races(where: Stack, names: list[str], kill_lane: bool) -> bool:
    """Run them, tell how they went, and judge.  Raises RaceFailed, and what its parts raise."""
    folder = where.onsale_dir
    folder.mkdir(parents=True, exist_ok=True)
    for old in ("notes.jsonl", "races.json", "summary.json", "races.png"):
        (folder / old).unlink(missing_ok=True)
    for old_part in folder.glob("*-*.json*"):
        old_part.unlink()
    connection = await asyncpg.connect(where.database_url)
    try:
        birth, run = await database_birth(connection), []
        async with edge_without_limits(where.edge_url, folder / "edge.log") as edge_url:
            print(f"an edge without limits at {edge_url}")
            for race in RACES:
                if race.name in names:
                    kill = kill_lane and race.name == KILLED_RACE
                    run.append(await run_race(race, where, edge_url, connection, kill))
                    facts = {"database_birth": birth, "races": [facts for facts, _ in run]}
                    (folder / "races.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    finally:
        await connection.close()
    tell(folder, run)
    return await verdict.judge(where)


async def run_race(
    race: Race, where: Stack, edge_url: str, connection: Any, kill: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """One race, from its show to the last buyer's note: its facts, and the notes."""
    show = await make_show(race.name, race.seats, race.rows, HOLD_SECONDS)
    seats = await seat_ids(edge_url, show["show_id"])
    if len(seats) != race.seats:
        raise RaceFailed(f"{race.name}: the show has {len(seats)} seats, not {race.seats}")
    buyers = await make_buyers(connection, race.buyers)
    wishes = [{"id": str(b.id), "token": b.token, "wish": race.wish(number, seats)} for number, b in enumerate(buyers)]
    told = {"show_id": show["show_id"], "edge_url": edge_url, "razorpay_url": where.razorpay_url}
    print(f"{race.title}: {len(buyers):,} buyers gather on {show['lane']}", flush=True)
    async with gathering.crowd(where.onsale_dir, race, told, wishes) as crowd:
        await crowd.release()
        killing = asyncio.create_task(kill_owner(connection, show["show_id"])) if kill else None
        said = await crowd.said()
        killed = await killing if killing else None
    # the notes are complete once the crowd's processes have ended
    facts: dict[str, Any] = {
        "name": race.name, "title": race.title, "show_id": show["show_id"], "lane": show["lane"],
        "buyers": race.buyers, "seats": race.seats, "must_sell": race.must_sell, "paying": race.paying,
        "told_within_seconds": TOLD_WITHIN_AFTER_KILL_SECONDS if kill else TOLD_WITHIN_SECONDS,
        "killed": str(killed) if killed else None, **said,
    }  # fmt: skip
    return facts, [note for note in read_notes(where) if note["show_id"] == show["show_id"]]


def read_notes(where: Stack) -> list[dict[str, Any]]:
    with (where.onsale_dir / "notes.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def tell(folder: Path, run: list[tuple[dict[str, Any], list[dict[str, Any]]]]) -> None:
    """Standings and picture."""
    summaries = [standings.summary(facts, notes) for facts, notes in run]
    standings.write(folder, summaries)
    standings.draw(folder / "races.png", run)
    print(f"\n{standings.table(summaries)}\n\nnotes, summary and picture: {folder}\n", flush=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m loadtest.onsale", description="The races, and their verdict.")
    parser.add_argument(
        "--kill-lane", action="store_true", help="kill -9 the lane's owner in the middle of the last race"
    )
    names = [race.name for race in RACES]
    parser.add_argument("--only", action="append", choices=names, help="run this race only; may be repeated")
    options = parser.parse_args(arguments)
    chosen = options.only or names
    if options.kill_lane and KILLED_RACE not in chosen:
        parser.error(f"--kill-lane needs the race {KILLED_RACE}")
    return exit_code(
        "onsale", lambda: run_races(stack(), chosen, options.kill_lane), RaceFailed, CrowdFailed, NobodyToKill,
        EvidenceMissing,
    )  # fmt: skip


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1:]))
    sys.exit(130)
