"""What each private server of a stack must be able to do, so that the stack can treat them alike."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from compose.child import Program
from compose.failure import Failure

POLL_SECONDS = 0.1


class Part(Protocol):
    """A server of the stack, made from its own folder and its own ports."""

    name: str

    @property
    def address(self) -> str:
        """Host and port, for people."""

    def prepare(self) -> None:
        """Makes its folder and configuration; removes what an interrupted first start left."""

    def programs(self) -> list[Program]:
        """What to run, in order of start."""

    def data_folders(self) -> list[Path]:
        """Folders in which only its own processes work."""

    async def ready(self) -> None:
        """Raises until it can be used; the first time it then completes its set-up."""


async def until(attempt: Callable[[], Awaitable[None]], name: str, limit_seconds: float) -> None:
    """Tries until it succeeds; at the limit the last error is the reason."""
    deadline = time.monotonic() + limit_seconds
    while True:
        try:
            # asyncio.timeout, because wait_for of Python 3.11 can swallow the cancellation of a stack that ends early.
            async with asyncio.timeout(max(1.0, deadline - time.monotonic())):
                await attempt()
            return
        except Failure:
            raise
        except Exception as error:
            if time.monotonic() > deadline:
                reason = f"{error}" or type(error).__name__
                raise Failure(f"{name} was not ready within {limit_seconds:.0f} s: {reason}") from error
        await asyncio.sleep(POLL_SECONDS)
