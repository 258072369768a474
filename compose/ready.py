"""Whether something can be used, not merely whether it runs: the edge's own word, and the parts given from outside."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import asyncpg
import httpx
import redis.asyncio

from compose.failure import Failure
from compose.services.rabbitmq import log_in

POLL_SECONDS = 0.2
SAY_AGAIN_SECONDS = 10.0
GIVEN_LIMIT_SECONDS = 10.0


async def edge_is_ready(url: str, limit_seconds: float, say: Callable[[str], None]) -> None:
    """Asks /health/ready until it answers 200; says now and then what is still missing."""
    deadline = time.monotonic() + limit_seconds
    said_at = time.monotonic()
    reason = "the edge does not answer yet"
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        while time.monotonic() < deadline:
            try:
                answer = await client.get(f"{url}/health/ready")
                if answer.status_code == 200:
                    return
                reason = not_ready_because(answer)
            except httpx.HTTPError as error:
                reason = f"the edge does not answer yet ({type(error).__name__})"
            if time.monotonic() - said_at > SAY_AGAIN_SECONDS:
                said_at = time.monotonic()
                say(f"not ready yet: {reason}")
            await asyncio.sleep(POLL_SECONDS)
    raise Failure(f"The stack was not ready within {limit_seconds:.0f} s: {reason}.")


def not_ready_because(answer: httpx.Response) -> str:
    """Which parts the edge names as not ready, and why."""
    try:
        body = answer.json()
    except ValueError:
        return f"the edge answers {answer.status_code} without JSON"
    found = [f"{name} ({reason})" if reason else name for name, reason in _not_ready(body)]
    return ", ".join(found) or f"the edge answers {answer.status_code} and names nothing"


def _not_ready(body: Any) -> list[tuple[str, str]]:
    """Every named thing in the answer that says `ready: false`."""
    parts = body.get("parts", {}) if isinstance(body, dict) else {}
    named = parts.items() if isinstance(parts, dict) else ((part.get("name", "?"), part) for part in parts)
    return [
        (f"{name}", f"{part.get('reason') or part.get('detail') or ''}")
        for name, part in named
        if isinstance(part, dict) and part.get("ready") is False
    ]


async def given_parts_answer(given: Mapping[str, str]) -> None:
    """A server that was given by its address must answer now; we do not start it and cannot wait for it long."""
    asks = {"DATABASE_URL": _ask_postgres, "REDIS_URL": _ask_redis, "RABBITMQ_URL": _ask_rabbitmq}
    for name, ask in asks.items():
        if name not in given:
            continue
        try:
            async with asyncio.timeout(GIVEN_LIMIT_SECONDS):
                await ask(given[name])
        except Exception as error:
            where = given[name].rpartition("@")[2]
            reason = f"{error}" or type(error).__name__
            raise Failure(
                f"{name} is given ({where}), but it cannot be used: {reason}. Start it, or unset {name} to have a "
                "private one."
            ) from error


async def _ask_postgres(url: str) -> None:
    connection = await asyncpg.connect(url, timeout=5)
    await connection.close()


async def _ask_redis(url: str) -> None:
    client = redis.asyncio.Redis.from_url(url, socket_timeout=5)
    try:
        await client.ping()
    finally:
        await client.aclose()


async def _ask_rabbitmq(url: str) -> None:
    await asyncio.to_thread(log_in, url)
