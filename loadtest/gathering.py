"""Gathering a crowd: its processes, the moment in which all of them are released, and what they say in the end.

A process takes so many buyers at most, because its HTTP client asks ``select`` whether a connection still stands, and
``select`` knows no descriptor above 1,023: further buyers would all connect anew in the very moment of the race.
"""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from loadtest.races import WAIT_SECONDS, Race
from loadtest.stack import ROOT

BUYERS_PER_PROCESS = 800
GATHER_LIMIT_SECONDS, TELL_LIMIT_SECONDS, END_LIMIT_SECONDS = 120.0, 300.0, 5.0
#: From the word to the moment: enough for the word to have reached every process.
RELEASE_AHEAD_SECONDS = 0.25


class CrowdFailed(Exception):
    """The crowd could not be gathered or did not come to its end; the message says why."""


class Crowd:
    """The processes of one crowd."""

    def __init__(self, processes: list[asyncio.subprocess.Process]) -> None:
        self._processes = processes

    async def gathered(self) -> None:
        await asyncio.gather(*(self._hear(process, "gathered", GATHER_LIMIT_SECONDS) for process in self._processes))

    async def release(self) -> None:
        """Everybody, at the same moment; returns when it has come."""
        at = time.time() + RELEASE_AHEAD_SECONDS
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write(json.dumps({"release_at": at}).encode() + b"\n")
            await process.stdin.drain()
        await asyncio.sleep(RELEASE_AHEAD_SECONDS)

    async def said(self) -> dict[str, Any]:
        """What the processes say when everybody has been told, added up."""
        told = await asyncio.gather(*(self._hear(process, "told", TELL_LIMIT_SECONDS) for process in self._processes))
        return {
            "crowd_processes": len(told),
            "crowd_cpu_seconds": sum(said["cpu_seconds"] for said in told),
            "crowd_requests": sum(said["requests"] for said in told),
            "crowd_errors": [error for said in told for error in said["errors"]],
        }

    async def end(self) -> None:
        for process in self._processes:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), END_LIMIT_SECONDS)
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _hear(self, process: asyncio.subprocess.Process, event: str, limit_seconds: float) -> dict[str, Any]:
        assert process.stdout is not None
        try:
            line = await asyncio.wait_for(process.stdout.readline(), limit_seconds)
        except TimeoutError:
            raise CrowdFailed(f"after {limit_seconds:.0f} s a part of the crowd is not yet {event}") from None
        said: dict[str, Any] = json.loads(line) if line else {}
        if said.get("event") != event:
            raise CrowdFailed(f"a part of the crowd ended before it was {event}; it said why above")
        return said


@contextlib.asynccontextmanager
async def crowd(folder: Path, race: Race, told: dict[str, Any], buyers: list[dict[str, Any]]) -> AsyncIterator[Crowd]:
    """A gathered crowd that waits to be released; in the end, its notes are in ``notes.jsonl``."""
    parts = -(-len(buyers) // BUYERS_PER_PROCESS)
    plans = [folder / f"plan-{part}.json" for part in range(parts)]
    notes = [folder / f"notes-{part}.jsonl" for part in range(parts)]
    processes: list[asyncio.subprocess.Process] = []
    try:
        for part in range(parts):
            shared = {**told, "race": race.name, "wait_seconds": WAIT_SECONDS, "paying": race.paying}
            own = {"notes": str(notes[part]), "buyers": buyers[part::parts]}
            _write_secret(plans[part], json.dumps(shared | own))
            processes.append(
                await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "loadtest.crowd", str(plans[part]), cwd=ROOT,
                    stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                )
            )  # fmt: skip
        gathered = Crowd(processes)
        await gathered.gathered()
        yield gathered
    finally:
        await Crowd(processes).end()
        for plan in plans:
            plan.unlink(missing_ok=True)
        _collect(notes, folder / "notes.jsonl")


def _write_secret(path: Path, text: str) -> None:
    """Tokens are in it."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _collect(parts: list[Path], whole: Path) -> None:
    with whole.open("a", encoding="utf-8") as notes:
        for part in parts:
            if part.is_file():
                notes.write(part.read_text(encoding="utf-8"))
                part.unlink()
