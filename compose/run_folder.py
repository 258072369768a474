"""The run folder (`.run`): where a stack keeps its lock, its state, its ports, its secrets, its logs and its data.

Whoever holds the lock on `lock` is the supervisor; the kernel lets go of it when that process ends, however it ends, so
a killed supervisor never leaves a stack that looks alive. Files are replaced by rename, never half written.
"""

import contextlib
import fcntl
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compose import process_list
from compose.process_list import Process

# A log that grows beyond this is copied to `<name>.log.1` and begun again: two files of a process at most.
LOG_BYTES_MAX = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class State:
    """What the supervisor last said of itself."""

    supervisor: Process
    scope: str
    phase: str
    reason: str
    addresses: list[str]


class RunFolder:
    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock: int | None = None

    @property
    def logs(self) -> Path:
        return self.path / "log"

    @property
    def stack_env(self) -> Path:
        return self.path / "stack.env"

    def log_of(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def make(self) -> None:
        """Creates the folder. Others may pass through it (PostgreSQL's user must); secrets have modes of their own."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)

    def lock(self) -> bool:
        """Takes the lock if nobody has it."""
        self.make()
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._lock = descriptor
        return True

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def is_locked(self) -> bool:
        """True while a supervisor runs here."""
        if not (self.path / "lock").exists():
            return False
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False

    def write_state(self, scope: str, phase: str, reason: str, addresses: list[str]) -> None:
        me = process_list.find(os.getpid())
        assert me is not None
        record = {"pid": me.pid, "started_ticks": me.started_ticks, "name": me.name}
        self.write_json(
            "state.json",
            {"supervisor": record, "scope": scope, "phase": phase, "reason": reason, "addresses": addresses},
        )

    def state(self) -> State | None:
        """What the last supervisor wrote, whether it still runs or not."""
        record = self.read_json("state.json")
        try:
            return State(
                Process(**record["supervisor"]),
                record["scope"],
                record["phase"],
                record["reason"],
                list(record["addresses"]),
            )
        except (KeyError, TypeError):
            return None

    def read_json(self, name: str) -> dict[str, Any]:
        try:
            found = json.loads((self.path / name).read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write_json(self, name: str, value: dict[str, Any]) -> None:
        self.write(name, json.dumps(value, indent=1) + "\n")

    def write(self, name: str, text: str, mode: int = 0o600) -> Path:
        """Writes the whole file or nothing of it."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        os.replace(draft, path)
        return path

    def last_lines(self, name: str, count: int = 15) -> list[str]:
        """The end of a process's log, for the person who must see why it died."""
        try:
            with self.log_of(name).open("rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - 16_384))
                return file.read().decode(errors="replace").splitlines()[-count:]
        except OSError:
            return []

    def bound_logs(self) -> None:
        """Copies aside and empties every log that has grown too long (a line or two may be lost in between)."""
        for log in self.logs.glob("*.log"):
            with contextlib.suppress(OSError):  # somebody tidied up; the next round will see
                if log.stat().st_size > LOG_BYTES_MAX:
                    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
                    os.truncate(log, 0)
