"""Running a stack in this process until it is told to end: in the foreground, in the background, or around a command.

Ctrl-C, SIGTERM and a closed terminal all mean the same: end everything, in order. A second Ctrl-C changes nothing; each
process is killed at the limit that it has anyway.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence

from compose import environment, packages, ports, ready
from compose.child import Child, Program
from compose.failure import Failure
from compose.process_list import MARKER
from compose.run_folder import RunFolder
from compose.stack import ROOT, Stack

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
COMMAND_GRACE_SECONDS = 20.0
OWN_EDGE_LIMIT_SECONDS = 60.0


class StopRequest(asyncio.Event):
    """Set by the first signal that asks us to end; remembers which one."""

    which: signal.Signals | None = None

    def ask(self, which: signal.Signals) -> None:
        self.which = self.which or which
        self.set()


def say(text: str) -> None:
    """A line of progress for the person (or the log that stands for the terminal)."""
    print(f"  {text}", flush=True)


async def in_foreground(folder: RunFolder, scope: str, only: Sequence[str] = ()) -> int:
    """Brings the stack up, keeps it up until a signal comes, takes it down."""
    stop = _stop_request()
    stack = Stack(folder, environment.given(ROOT, folder), scope, say, only=only)
    try:
        if await _start(stack, stop):
            show_addresses(stack.addresses())
            stack.mark_ready()
            watching = asyncio.create_task(stack.watch())
            await stop.wait()
            watching.cancel()
        say("ending: edge, workers, then the parts")
    finally:
        await stack.stop()
    return 0


async def around_a_command(
    folder: RunFolder, scope: str, command: Sequence[str], need_browser: bool, only: Sequence[str] = ()
) -> int:
    """A private stack for one command; answers the command's exit code."""
    stop = _stop_request()
    stack = Stack(folder, environment.given_to_a_private_stack(ROOT), scope, say, private=True, only=only)
    try:
        if need_browser:
            packages.provide([packages.DOCUMENTS, packages.BROWSER], say)
        if not await _start(stack, stop):
            return 130
        stack.mark_ready()
        return await run_command(command, stack.product_environment(), stop)
    finally:
        await stack.stop()


async def on_a_running_stack(folder: RunFolder, command: Sequence[str], own_edge: bool) -> int:
    """A command with the settings of a stack that runs; if it asks, with an edge of its own that has no limits."""
    stop = _stop_request()
    told = {**os.environ, **environment.dotenv(folder.stack_env)}
    if not own_edge:
        return await run_command(command, told, stop)
    port = ports.choose(None, None, set())
    url = f"http://127.0.0.1:{port}"
    told |= {"EDGE_HOST": "127.0.0.1", "EDGE_PORT": f"{port}", "EDGE_URL": url, "RATE_LIMITS": "off"}
    program = Program("own-edge", (sys.executable, "-m", "edge.server"), {**told, MARKER: f"{folder.path}"}, ROOT)
    edge = Child(program, folder, say)
    await edge.start()
    try:
        await ready.edge_is_ready(url, OWN_EDGE_LIMIT_SECONDS, say)
        say(f"an edge of its own, without limits, at {url}")
        return await run_command(command, told, stop)
    finally:
        await edge.stop()


async def run_command(command: Sequence[str], told: dict[str, str], stop: StopRequest) -> int:
    """Runs the command on our terminal; when we are told to end, so is it."""
    try:
        process = await asyncio.create_subprocess_exec(*command, env=told)
    except OSError as error:
        raise Failure(f"`{command[0]}` cannot be run: {error.strerror or error}.") from error
    ended = asyncio.create_task(process.wait())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
    # A Ctrl-C has reached the command as well: it is given time before it is told once more.
    for which in (None if stop.which == signal.SIGINT else signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
        if ended.done():
            break
        if which is not None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(which)
        await asyncio.wait({ended}, timeout=COMMAND_GRACE_SECONDS)
    stopped.cancel()
    code = await ended
    return code if code >= 0 else 128 - code


def show_addresses(addresses: Sequence[str]) -> None:
    """The block that people copy from."""
    print("\n" + "\n".join(f"  {line}" for line in addresses) + "\n", flush=True)


async def _start(stack: Stack, stop: StopRequest) -> bool:
    """True when it is up; False when a signal came first. A failure in any part is raised as that failure."""
    starting = asyncio.create_task(stack.start())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not starting.done():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return False
    try:
        await starting
    except* Failure as failures:
        raise _first(failures) from None
    return True


def _first(failures: BaseExceptionGroup[Failure]) -> Failure:
    found: BaseException = failures
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, Failure)
    return found


def _stop_request() -> StopRequest:
    stop = StopRequest()
    loop = asyncio.get_running_loop()
    for which in STOP_SIGNALS:
        loop.add_signal_handler(which, stop.ask, which)
    return stop
