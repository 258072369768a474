"""Shows for a crowd, made by the product's own command, and their seats as the map has them."""

import asyncio
import json
import sys

import httpx

from loadtest.stack import ROOT

SHOW_LIMIT_SECONDS = 60.0


class ShowFailed(Exception):
    """A show could not be made or looked at; the message says why."""


async def make_show(name: str, seats: int, rows: int, hold_seconds: int) -> dict[str, str]:
    """A show on sale now, with a hall of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "actors.demo", "race", name, "--seats", str(seats), "--rows", str(rows),
        "--hold-seconds", str(hold_seconds),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        output, errors = await asyncio.wait_for(process.communicate(), SHOW_LIMIT_SECONDS)
    except TimeoutError:
        process.kill()
        raise ShowFailed(f"{name}: no show after {SHOW_LIMIT_SECONDS:.0f} s; do the lane workers run?") from None
    lines = [line for line in output.decode().splitlines() if line.startswith("{")]
    if process.returncode != 0 or not lines:
        raise ShowFailed(f"{name}: `actors.demo race` ended with {process.returncode}: {errors.decode()[-800:]}")
    show: dict[str, str] = json.loads(lines[-1])
    return show


async def seat_ids(edge_url: str, show_id: str) -> list[str]:
    async with httpx.AsyncClient(timeout=10.0) as client:
        answer = await client.get(f"{edge_url}/v1/shows/{show_id}/seats")
    if answer.status_code != 200:
        raise ShowFailed(f"the seat map answered {answer.status_code}: {answer.text[:300]}")
    rows = [row for section in answer.json()["sections"] for row in section["rows"]]
    return [seat["id"] for row in rows for seat in row["seats"]]
