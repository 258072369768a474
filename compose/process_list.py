"""Which processes of this machine belong to a stack, and how one of them is ended.

A process is ours when its environment carries our marker (`FRONTROW_STACK`, the path of the run folder), or, because
PostgreSQL and Redis overwrite their environment with a title, when it is one of those two and works in our data folder.
A pid alone proves nothing (pids are used again), so a recorded process is a pid together with its start time.
"""

import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MARKER = "FRONTROW_STACK"
# Programs that overwrite their environment, recognised by the folder they work in.
TITLE_WRITERS = ("postgres", "redis-server")
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    started_ticks: int
    name: str


def find(pid: int) -> Process | None:
    """The process of this pid, or None when there is none (a zombie counts as none)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    name = text[text.index("(") + 1 : text.rindex(")")]
    fields = text[text.rindex(")") + 2 :].split()
    if fields[0] in ("Z", "X"):
        return None
    return Process(pid, int(fields[19]), name)


def is_alive(process: Process) -> bool:
    """True while that very process runs, not merely one with its pid."""
    now = find(process.pid)
    return now is not None and now.started_ticks == process.started_ticks


def of_stack(run_dir: Path, data_folders: Iterable[Path]) -> list[Process]:
    """Every process of the stack in `run_dir`, this process and its ancestors left out."""
    marker = f"{MARKER}={run_dir}".encode()
    folders = tuple(f"{folder}" for folder in data_folders)
    mine = _ancestors()
    found = []
    for pid in _pids():
        if pid in mine or not _same_root(pid):
            continue
        process = find(pid)
        if process is not None and (_has_marker(pid, marker) or _works_in(process, folders)):
            found.append(process)
    return found


def end(processes: Iterable[Process], first: signal.Signals, grace_seconds: float) -> list[Process]:
    """Asks each to end, waits, kills what is left; returns those that even then live on."""
    left = [process for process in processes if _send(process, first)]
    left = _wait(left, grace_seconds)
    left = [process for process in left if _send(process, signal.SIGKILL)]
    return _wait(left, 5.0)


def describe(pid: int) -> str:
    """A short name of a process for people: its command's first words."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        words = []
    text = " ".join(word for word in words[:3] if word)
    return text[:80] or "an unknown process"


def _wait(processes: list[Process], seconds: float) -> list[Process]:
    deadline = time.monotonic() + seconds
    left = [process for process in processes if is_alive(process)]
    while left and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        left = [process for process in left if is_alive(process)]
    return left


def _send(process: Process, which: signal.Signals) -> bool:
    if not is_alive(process):
        return False
    try:
        os.kill(process.pid, which)
        os.kill(process.pid, signal.SIGCONT)  # a stopped process would not hear it
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _ancestors() -> set[int]:
    pids, pid = set(), os.getpid()
    while pid > 0 and pid not in pids:
        pids.add(pid)
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            break
        pid = int(text[text.rindex(")") + 2 :].split()[1])
    return pids


def _same_root(pid: int) -> bool:
    """False for a process of another root (a container or chroot that shares our list of processes)."""
    try:
        theirs, ours = os.stat(f"/proc/{pid}/root"), os.stat("/proc/self/root")
    except OSError:
        return False
    return (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino)


def _has_marker(pid: int, marker: bytes) -> bool:
    try:
        return marker in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _works_in(process: Process, folders: tuple[str, ...]) -> bool:
    if not process.name.startswith(TITLE_WRITERS):
        return False
    try:
        folder = os.readlink(f"/proc/{process.pid}/cwd").removesuffix(" (deleted)")
    except OSError:
        return False
    return any(folder == ours or folder.startswith(f"{ours}/") for ours in folders)
