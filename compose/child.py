"""One process of the stack: started, watched, started again when it dies, and ended.

A child is a session of its own, so a Ctrl-C on the terminal reaches the supervisor alone, which then ends the children
in order. Should the supervisor die first, the kernel sends each child its stop signal (PR_SET_PDEATHSIG). Output goes
straight to a file: a supervisor that is gone or slow can never block or break a child that logs.
"""

import asyncio
import contextlib
import ctypes
import os
import resource
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from compose.run_folder import RunFolder

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)

# A process that dies is started again after 0.2 s, 0.4 s, … 10 s; one that lived for 30 s begins anew with 0.2 s.
# After 30 deaths in a row (some five minutes) there is nothing left to hope for.
FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 10.0
STEADY_SECONDS = 30.0
DEATHS_MAX = 30
# While the stack comes up nobody wants to wait for that: three deaths are an answer.
DEATHS_MAX_STARTING = 3
OPEN_FILES = 65_536


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, and how it wishes to be ended."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 15.0
    user_id: int | None = None
    group_id: int | None = None
    # Called before each start; mends what a killed predecessor left.
    before: Callable[[], None] = field(default=lambda: None)


class Child:
    def __init__(self, program: Program, folder: RunFolder, say: Callable[[str], None]) -> None:
        self.program = program
        self.deaths = 0
        self.gave_up = asyncio.Event()
        self._folder = folder
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = False
        self._starting = True

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> None:
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.program.name}")

    def settled(self) -> None:
        """The stack is ready: from now on a dying process gets the long patience."""
        self._starting = False

    async def stop(self, hurry: bool = False) -> None:
        """Asks it to end, waits, kills; returns when it is gone."""
        self._stopping = True
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL if hurry else self.program.stop_signal)
            try:
                async with asyncio.timeout(self.program.stop_seconds):
                    await process.wait()
            except TimeoutError:
                self._say(f"{self.program.name} did not end within {self.program.stop_seconds:.0f} s and is killed")
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    async def _spawn(self) -> None:
        program = self.program
        program.before()
        log = os.open(self._folder.log_of(program.name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *program.command,
                env=dict(program.environment),
                cwd=program.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_dies_with_us(program.stop_signal, os.getpid()),
                user=program.user_id,
                group=program.group_id,
                extra_groups=None if program.group_id is None else [program.group_id],
            )
        finally:
            os.close(log)

    async def _keep(self) -> None:
        delay = FIRST_DELAY_SECONDS
        in_a_row = 0
        while True:
            assert self._process is not None
            began = time.monotonic()
            code = await self._process.wait()
            if self._stopping:
                return
            if time.monotonic() - began > STEADY_SECONDS:
                delay, in_a_row = FIRST_DELAY_SECONDS, 0
            in_a_row += 1
            self.deaths += 1
            limit = DEATHS_MAX_STARTING if self._starting else DEATHS_MAX
            if in_a_row >= limit:
                self._say(f"{self.program.name} {how_it_ended(code)}, {in_a_row} times in a row: given up")
                self.gave_up.set()
                return
            self._say(f"{self.program.name} {how_it_ended(code)}; started again (death {self.deaths})")
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY_SECONDS)
            try:
                await self._spawn()
            except OSError as error:
                self._say(f"{self.program.name} cannot be started: {error}")
                self.gave_up.set()
                return


def how_it_ended(code: int) -> str:
    """`ended with code 1`, `was killed by SIGKILL`."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def _dies_with_us(stop_signal: signal.Signals, supervisor: int) -> Callable[[], None]:
    """What a child does between fork and exec. It runs after the change of user, which would clear the death signal."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)

    def in_the_child() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
        LIBC.prctl(PR_SET_PDEATHSIG, int(stop_signal))
        if os.getppid() != supervisor:  # the supervisor died before the line above
            os._exit(1)

    return in_the_child
