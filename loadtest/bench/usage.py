"""Who used the processors while something was measured: CPU seconds by process, read from /proc, and the bottleneck.

A process counts when it carries our stack's marker in its environment, descends from one that does, or is the Redis at
our port (servers that rename themselves overwrite their environment).  What a server's ended processes used is seen in
the times that it collected."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from store.settings import settings

MARKER = "FRONTROW_STACK"
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
#: A process with one thread of work that is busier than this is the bottleneck; a machine busier than that is full.
ONE_THREAD_FULL, MACHINE_FULL = 0.85, 0.90
#: Work done on one thread at a time: Python processes, and Redis.
ONE_THREADED = ("edge", "bare handler", "lane worker", "saga worker", "redis")
PRODUCT_MODULES = {"edge.server": "edge", "loadtest.bench.bare_handler": "bare handler"}
SHOWN_FROM = 0.03


class Look(NamedTuple):
    """CPU seconds so far: by (process id, name), of the whole machine, and when."""

    seconds: dict[tuple[int, str], float]
    machine_seconds: float
    at: float


class Usage(NamedTuple):
    """Cores in use by process name, by the whole machine, and how many there are."""

    cores: dict[str, float]
    machine: float
    available: int
    seconds: float

    def told(self) -> dict[str, float]:
        """As `bench.json` has it: the busiest first, in cores."""
        ours = {name: round(cores, 2) for name, cores in self.cores.items() if cores >= SHOWN_FROM}
        return {**dict(sorted(ours.items(), key=lambda item: -item[1])), "machine": round(self.machine, 2)}


def look(proc: Path = Path("/proc")) -> Look:
    """What every process of ours has used so far."""
    everybody = dict(_processes(proc))
    seconds = {(pid, one.name): one.seconds for pid, one in everybody.items() if _is_ours(pid, everybody)}
    return Look(seconds, _machine_seconds(proc), time.monotonic())


class _Process(NamedTuple):
    name: str
    parent: int
    marked: bool
    seconds: float


def _processes(proc: Path) -> Iterator[tuple[int, _Process]]:
    mark = f"{MARKER}={os.environ[MARKER]}".encode() if MARKER in os.environ else b"\0"
    redis_port = f":{urlsplit(settings().redis_url).port}".encode()
    for folder in proc.iterdir():
        if not folder.name.isdecimal():
            continue
        pid = int(folder.name)
        try:
            command = (folder / "cmdline").read_bytes()
            name = name_of(command, pid == os.getpid())
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            marked = mark in (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # it ended while we looked, or is not ours to read
        # a server that has a process for each client collects their times when they end
        collected = int(fields[13]) + int(fields[14]) if name == "postgres" else 0
        seconds = (int(fields[11]) + int(fields[12]) + collected) / TICKS_PER_SECOND
        marked = marked or (name == "redis" and redis_port in command)
        yield pid, _Process(name, int(fields[1]), marked, seconds)


def _is_ours(pid: int, everybody: dict[int, _Process]) -> bool:
    while (one := everybody.get(pid)) is not None:
        if one.marked:
            return True
        pid = one.parent
    return False


def between(first: Look, second: Look, **others: float) -> Usage:
    """Cores in use between two looks; ``others`` are CPU seconds of processes that came and went."""
    wall = max(second.at - first.at, 0.001)
    cores: dict[str, float] = {}
    for (pid, name), seconds in second.seconds.items():
        used = max(seconds - first.seconds.get((pid, name), 0.0), 0.0)
        cores[name] = cores.get(name, 0.0) + used / wall
    for name, seconds in others.items():
        cores[name] = cores.get(name, 0.0) + seconds / wall
    return Usage(cores, (second.machine_seconds - first.machine_seconds) / wall, os.cpu_count() or 1, wall)


def bottleneck(usage: Usage) -> str:
    """What held it back, in one sentence."""
    if not usage.cores:
        return "unknown: no process of ours was seen"
    name, cores = max(usage.cores.items(), key=lambda item: item[1])
    full = [one for one in ONE_THREADED if ONE_THREAD_FULL <= usage.cores.get(one, 0.0) <= 1.15]
    ours = sum(usage.cores.values())
    foreign = usage.machine - ours
    told = f"{name} with {cores:.2f} of {usage.available} cores"
    if usage.machine >= MACHINE_FULL * usage.available:
        others = f"; other work on the machine took {foreign:.2f}" if foreign > 0.15 else ""
        return f"the processors: all {usage.available} are busy, most of all {told}{others}"
    if full:
        return f"{full[0]}: its one thread is busy for {usage.cores[full[0]]:.0%} of the time"
    return f"waiting (disk, round trips): {usage.machine:.2f} of {usage.available} cores busy, most of all {told}"


def name_of(command: bytes, is_own: bool = False) -> str:
    """What a process is called in the table, by its command line."""
    if is_own:
        return "generator"
    words = command.decode(errors="replace").replace("\0", " ").split()
    if not words:
        return "unnamed"
    if "-m" in words[:-1]:
        module, arguments = words[words.index("-m") + 1], words[words.index("-m") + 2 :]
        if module == "actors.worker":
            return f"{arguments[0] if arguments else 'any'} worker"
        return PRODUCT_MODULES.get(module, module.rpartition(".")[2].replace("_", " "))
    program = words[0].rpartition("/")[2].rstrip(":")
    return {"redis-server": "redis", "beam.smp": "rabbitmq", "erl_child_setup": "rabbitmq"}.get(program, program)


def _machine_seconds(proc: Path) -> float:
    fields = (proc / "stat").read_text().split("\n", 1)[0].split()[1:9]
    user, nice, system, _idle, _iowait, irq, softirq, _steal = map(int, fields)
    return (user + nice + system + irq + softirq) / TICKS_PER_SECOND
