"""Lanes as rows: the guarded offset that makes a batch take effect exactly once, leases, and generations."""

import math
from datetime import datetime
from fractions import Fraction
from typing import Any

from store.connection import pool
from store.sql import query


class LaneLost(Exception):
    """No row was updated: somebody else has moved this lane on.  Forget all that was read of it, and begin again."""


async def move(
    connection: Any, lane: str, generation: int, start: int, last: int, publish_id: str, owner: str, seconds: float
) -> datetime:
    """Move the lane from ``start`` to behind ``last``; the batch's time.  Raises LaneLost."""
    now: datetime | None = await connection.fetchval(
        query("lane_move"), lane, generation, start, last, publish_id, owner, seconds
    )
    if now is None:
        raise LaneLost(lane)
    return now


async def place(lane: str) -> Any:
    row = await pool().fetchrow(query("lane_place"), lane)
    if row is None:
        raise LaneLost(f"{lane} is not in the database: run python -m store.migrate")
    return row


async def known(lane: str, messages: list[tuple[int, str]]) -> set[tuple[int, str]]:
    """Which of these (offset, publish id) the lane's journal holds."""
    name = "saga_journal_known" if lane.startswith("saga.") else "journal_known"
    rows = await pool().fetch(query(name), lane, [offset for offset, _ in messages], [text for _, text in messages])
    return {(row["offset"], row["publish_id"]) for row in rows}


async def begin_generation(
    connection: Any, lane: str, generation: int, start: int, next_offset: int, note: str, lost: tuple[int, int | None]
) -> Any:
    """Go on in a new generation from ``next_offset``, and note what may be lost.  Raises LaneLost."""
    row = await connection.fetchrow(query("lane_new_generation"), lane, generation, start, next_offset)
    if row is None:
        raise LaneLost(lane)
    await connection.execute(query("lane_note_lost"), lane, row["generation"], *lost, note)
    return row


async def share(kind: str, owner: str, serves: int, alive: list[int], seconds: float) -> list[str]:
    """Renew this owner's leases and take lapsed ones, up to a fair share; the lanes owned now.

    ``serves`` is how many lanes of the kind this worker can serve, counted from the first; ``alive`` holds the same of
    every worker that is alive, this one included."""
    rows = await pool().fetch(query("lanes_to_share"), kind, owner)
    wanted = fair_share(rows, serves, alive)
    renewed = await pool().fetch(query("lanes_renew"), owner, kind, wanted, seconds)
    owned = [row["lane"] for row in renewed if row["kept"]]
    if len(owned) < len(wanted):
        taken = await pool().fetch(query("lanes_take"), owner, sorted(set(wanted) - set(owned)), seconds)
        owned += [row["lane"] for row in taken]
    return owned


def fair_share(rows: list[Any], serves: int, alive: list[int]) -> list[str]:
    """The lanes that a worker should have, of those that are its own or nobody's.

    While lanes are being added, some workers can serve more of them than others: a lane weighs as much as there are
    few who can serve it, and those come first; then what is held already, so that nothing changes hands for nothing."""
    weight, ranked = Fraction(0), []
    for row in rows:
        index = int(row["lane"].partition(".")[2])
        if index >= serves:
            continue
        able = sum(other > index for other in alive) or 1
        weight += Fraction(1, able)
        if row["mine"] or row["lapsed"]:
            ranked.append((able, not row["mine"], row["lane"]))
    return [lane for _, _, lane in sorted(ranked)[: math.ceil(weight)]]


async def release(owner: str) -> None:
    await pool().execute(query("lanes_release"), owner)


async def unowned() -> list[str]:
    return [row["lane"] for row in await pool().fetch(query("lanes_unowned"))]


async def overview(after: str, limit: int) -> list[Any]:
    """Lanes in the order of their names, those behind this name; times that never were are None."""
    return list(await pool().fetch(query("lanes_overview"), after, limit))


async def lost(lanes: list[str], limit: int) -> dict[str, list[Any]]:
    """The latest of each lane's lost commands, newest first."""
    found: dict[str, list[Any]] = {lane: [] for lane in lanes}
    for row in await pool().fetch(query("lost_commands"), lanes, limit):
        found[row["lane"]].append(row)
    return found


async def turned_away(limit: int) -> list[Any]:
    """Commands that came to a lane which their show had left, undecided so far, each with the show's lane of now."""
    return list(await pool().fetch(query("turned_away"), limit))


async def is_served(lane: str) -> bool | None:
    """Whether somebody serves the lane; None when there is no such lane."""
    found: bool | None = await pool().fetchval("SELECT leased_until > now() FROM lane WHERE lane = $1", lane)
    return found


async def for_shows(connection: Any) -> list[str]:
    """The lanes that a new show may go to: served, and no other show's own."""
    return [row["lane"] for row in await connection.fetch(query("lanes_for_shows"))]
