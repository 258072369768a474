"""An edge of the races' own, without rate limits: started before the crowd gathers, ended when the races are over."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from loadtest.stack import ROOT

START_LIMIT_SECONDS, END_LIMIT_SECONDS = 30.0, 10.0
LOG_LINES_SHOWN = 15


class EdgeFailed(Exception):
    """The edge did not come up; the message shows the end of its log."""


@contextlib.asynccontextmanager
async def edge_without_limits(edge_url: str, log: Path) -> AsyncIterator[str]:
    """The address of an edge without limits: the stack's, if it has none, else a process of our own."""
    if os.environ.get("RATE_LIMITS") == "off" and await _answers(edge_url):
        yield edge_url
        return
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    told = {**os.environ, "RATE_LIMITS": "off", "EDGE_HOST": "127.0.0.1", "EDGE_PORT": str(port), "EDGE_URL": url}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "edge.server", env=told, cwd=ROOT, stdout=output, stderr=output
        )
        try:
            await _wait_until_live(process, url, log)
            yield url
        finally:
            await _end(process)


def free_port() -> int:
    with socket.socket() as probing:
        probing.bind(("127.0.0.1", 0))
        return int(probing.getsockname()[1])


async def _wait_until_live(process: asyncio.subprocess.Process, url: str, log: Path) -> None:
    deadline = asyncio.get_running_loop().time() + START_LIMIT_SECONDS
    while not await _answers(url):
        ended, late = process.returncode is not None, asyncio.get_running_loop().time() > deadline
        if ended or late:
            why = f"ended with {process.returncode}" if ended else f"did not answer within {START_LIMIT_SECONDS:.0f} s"
            raise EdgeFailed(f"the edge for the races {why}; its log ({log}) ends:\n{_end_of(log)}")
        await asyncio.sleep(0.1)


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:])


async def _answers(url: str) -> bool:
    try:
        async with httpx.AsyncClient(timeout=2.0) as client:
            return (await client.get(f"{url}/health/live")).status_code == 200
    except httpx.HTTPError:
        return False


async def _end(process: asyncio.subprocess.Process) -> None:
    for end in (process.terminate, process.kill):
        if process.returncode is not None:
            return
        end()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), END_LIMIT_SECONDS)
