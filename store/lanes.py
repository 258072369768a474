"""Lanes as rows: the guarded offset that makes a batch take effect exactly once, leases, and generations."""

from datetime import datetime
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


async def share(kind: str, owner: str, alive: int, seconds: float) -> list[str]:
    """Renew this owner's leases and take lapsed ones, up to a fair share among so many workers; the lanes owned now."""
    lanes = await pool().fetchval(query("lanes_count"), kind)
    fair = -(-lanes // max(alive, 1))
    rows = await pool().fetch(query("lanes_renew"), owner, kind, fair, seconds)
    owned = [row["lane"] for row in rows if row["kept"]]
    if len(owned) < fair:
        rows = await pool().fetch(query("lanes_take"), owner, kind, fair - len(owned), seconds)
        owned += [row["lane"] for row in rows]
    return owned


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
