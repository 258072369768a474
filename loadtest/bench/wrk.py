"""wrk with a script of wishes: the lightest generator there is, for measuring what an edge can accept."""

import asyncio
import json
import resource
import shutil
import uuid
from pathlib import Path
from typing import Any, NamedTuple

from loadtest.bench import usage
from loadtest.bench.figures import NotMeasured

SCRIPT = Path(__file__).parent / "wishes.lua"
CONNECTIONS = 64
GRACE_SECONDS = 20.0


class Blown(NamedTuple):
    """What wrk told: answers below 400 a second, everything else, and latencies."""

    per_s: float
    good: int
    refused: int
    broken: int
    p50_ms: float
    p99_ms: float
    usage: usage.Usage


def program() -> str:
    """Where wrk is.  Raises NotMeasured."""
    found = shutil.which("wrk")
    if found is None:
        raise NotMeasured("wrk is not installed: apt-get install wrk")
    return found


async def blow(
    folder: Path, port: int, path: str, tokens: list[str], bodies: list[str], seconds: int,
    connections: int = CONNECTIONS, wait_seconds: int = 0,
) -> Blown:  # fmt: skip
    """Post for so many seconds, each time as the next buyer, with the next body.  Raises NotMeasured."""
    run = uuid.uuid4().hex[:12]
    files = {"tokens": tokens, "bodies": bodies}
    for name, lines in files.items():
        (folder / f"wrk-{run}-{name}").write_text("\n".join(lines) + "\n")
    command = [
        program(), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "15s", "-s", str(SCRIPT),
        f"http://127.0.0.1:{port}", "--",
        str(folder / f"wrk-{run}-tokens"), path, str(folder / f"wrk-{run}-bodies"), run, str(wait_seconds),
    ]  # fmt: skip
    before, first = _children_seconds(), usage.look()
    try:
        told = parse(await _run(command, seconds))
    finally:
        for name in files:
            (folder / f"wrk-{run}-{name}").unlink()
    used = usage.between(first, usage.look(), wrk=_children_seconds() - before)
    good = told["requests"] - told["refused"]
    return Blown(
        good / (told["microseconds"] / 1e6), good, told["refused"], told["broken"], told["p50_us"] / 1000,
        told["p99_us"] / 1000, used,
    )  # fmt: skip


def parse(output: str) -> dict[str, int]:
    """The script's own line at the end of what wrk prints."""
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if not lines:
        raise NotMeasured(f"wrk told nothing: {output[-300:]}")
    found: dict[str, int] = json.loads(lines[-1])
    return found


async def _run(command: list[str], seconds: float) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), seconds + GRACE_SECONDS)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        raise NotMeasured(f"wrk ended with {process.returncode}: {output.decode(errors='replace')[-300:]}")
    return output.decode(errors="replace")


def _children_seconds() -> float:
    used: Any = resource.getrusage(resource.RUSAGE_CHILDREN)
    return float(used.ru_utime + used.ru_stime)
