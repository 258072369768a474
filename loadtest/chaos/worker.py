"""A worker process in hand: started with an environment of its own, watched by what it logs, ended by its pid."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
END_LIMIT_SECONDS = 15.0


async def until(what: str, condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait until the condition (plain or awaitable) holds; what it returned.  Else it fails with ``what``."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        await asyncio.sleep(0.03)


class LaneWorker:
    """``python -m actors.worker lane`` (or ``saga``)."""

    def __init__(self, kind: str, environment: Mapping[str, str], log: Path) -> None:
        self._kind, self._environment, self._log = kind, dict(environment), log
        self._process: subprocess.Popen[bytes] | None = None
        self._paused = False
        self._ending = False

    def tell(self, **settings: str) -> None:
        """Settings for its next life."""
        self._environment |= settings

    def start(self) -> None:
        self._ending = self._paused = False
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "actors.worker", self._kind],
                cwd=ROOT, env=self._environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip

    @property
    def name(self) -> str:
        return self._log.stem

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ended_by_itself(self) -> bool:
        return self._process is not None and not self._ending and self._process.poll() is not None

    def lines(self, event: str, **matching: Any) -> list[dict[str, Any]]:
        """What it has logged under this name so far, of all its lives."""
        found = []
        for text in self._log.read_text(errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                line = json.loads(text)
                if line.get("event") == event and all(line.get(name) == value for name, value in matching.items()):
                    found.append(line)
        return found

    async def said(self, event: str, count: int = 1, seconds: float = 20.0, **matching: Any) -> list[dict[str, Any]]:
        def look() -> list[dict[str, Any]]:
            found = self.lines(event, **matching)
            if len(found) >= count:
                return found
            assert self._paused or self.is_running(), f"the worker ended:\n{self.tail()}"
            return []

        found: list[dict[str, Any]] = await until(f"{event} {matching or ''} logged {count} times", look, seconds)
        return found

    def tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-25:])

    def kill(self) -> None:
        """-9."""
        assert self._process is not None
        self._ending = True
        self._process.kill()
        self._process.wait(END_LIMIT_SECONDS)

    def pause(self) -> None:
        self._paused = True
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        self._paused = False
        os.kill(self.pid, signal.SIGCONT)

    async def end(self) -> int:
        """SIGTERM; its exit code."""
        if self._process is None:
            return 0
        self._ending = True
        if self._process.poll() is None:
            if self._paused:
                self.go_on()
            self._process.terminate()
            try:
                await asyncio.to_thread(self._process.wait, END_LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"a worker did not end on SIGTERM:\n{self.tail()}") from None
        return int(self._process.returncode)
