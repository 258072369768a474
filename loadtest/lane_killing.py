"""Killing a lane's owner in the middle of a race: `kill -9` for the worker process that decides the race's show."""

import asyncio
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Killed once so many wishes are decided, so that it is in the middle; or after the limit, wherever the race is.
DECIDED_BEFORE, WATCH_LIMIT_SECONDS, WATCH_SECONDS = 200, 10.0, 0.005
#: What tells that a process belongs to our stack: the supervisor's marker, or the database that it works on.
MARKERS = ("FRONTROW_STACK", "DATABASE_URL")
LANE_WORKER = [b"-m", b"actors.worker", b"lane"]


class NobodyToKill(Exception):
    """No lane worker of this stack was found."""


@dataclass(frozen=True, slots=True)
class Killed:
    pid: int
    owned_the_lane: bool
    decided_before: int
    at: float

    def __str__(self) -> str:
        whose = "the owner of the race's lane" if self.owned_the_lane else "a lane worker, not the lane's owner"
        return f"kill -9 {self.pid}, {whose}, with {self.decided_before:,} wishes decided"


def lane_workers(proc: Path = Path("/proc")) -> list[int]:
    """Our stack's lane workers, by their command and their environment."""
    mark = next((f"{name}={os.environ[name]}".encode() for name in MARKERS if os.environ.get(name)), None)
    found = []
    for folder in proc.iterdir():
        if not folder.name.isdecimal() or mark is None:
            continue
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            environment = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # gone, or not ours to read
        if words[1:4] == LANE_WORKER and mark in environment:
            found.append(int(folder.name))
    return sorted(found)


async def kill_owner(connection: Any, show_id: str) -> Killed:
    """Wait until the race is under way, then kill the worker that decides it.  Raises NobodyToKill."""
    decided = 0
    for _ in range(round(WATCH_LIMIT_SECONDS / WATCH_SECONDS)):
        decided = await connection.fetchval("SELECT place FROM show WHERE id = $1::uuid", show_id)
        if decided >= DECIDED_BEFORE:
            break
        await asyncio.sleep(WATCH_SECONDS)
    workers = lane_workers()
    if not workers:
        raise NobodyToKill("no process `actors.worker lane` of this stack was found; is it on another machine?")
    owner = await connection.fetchval(
        "SELECT l.owner FROM lane l JOIN show w ON w.lane = l.lane WHERE w.id = $1::uuid", show_id
    )
    owners = [pid for pid in workers if f"-{pid}-" in (owner or "")]
    pid = (owners or workers)[0]
    os.kill(pid, signal.SIGKILL)
    return Killed(pid, bool(owners), decided, time.time())
