"""Health: whether this process lives, and whether selling works, part by part with the reason."""

import asyncio
from collections.abc import Awaitable

import msgspec
import structlog
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge.context import Context, context
from edge.operation import json, operation
from store import lanes, workers
from store.connection import pool

log = structlog.get_logger()
health = Blueprint("health")

#: Each kind of worker must have been seen within this.
SEEN_SECONDS = 5.0
CHECK_SECONDS = 3.0
#: Lanes' logs change slowly towards their age limit; readiness is asked often.
WARNINGS_FRESH_SECONDS = 30.0
WORKERS = ("show-lane", "saga-lane", "payments", "webhooks", "documents", "letters", "sweeps")


class Part(msgspec.Struct):
    ready: bool
    reason: str


class Health(msgspec.Struct):
    """``warnings`` are sentences about what will become trouble; they do not make anything unready."""

    ready: bool
    parts: dict[str, Part]
    warnings: list[str]


class Alive(msgspec.Struct):
    alive: bool


@operation(health, "GET", "/health/live", answers={200: Alive})
async def live(request: Request) -> HTTPResponse:
    """Whether this process answers at all."""
    return json(Alive(True))


@operation(health, "GET", "/health/ready", answers={200: Health, 503: Health})
async def ready(request: Request) -> HTTPResponse:
    """Whether selling works: every part with its reason, workers included."""
    here = context(request)
    names = ("postgres", "redis", "rabbitmq", "lanes", "workers")
    checks: tuple[Awaitable[str], ...] = (
        _postgres(), _answers(here.redis.ping()), _answers(here.publisher.check()), _lanes(), _workers(),
    )  # fmt: skip
    told, warnings = await asyncio.gather(asyncio.gather(*(_within(check) for check in checks)), _warnings(here))
    parts = {name: Part(not reason, reason or "ok") for name, reason in zip(names, told, strict=True)}
    all_ready = all(part.ready for part in parts.values())
    return json(
        Health(all_ready, parts, warnings), 200 if all_ready else 503, {} if all_ready else {"Retry-After": "2"}
    )


async def _within(check: Awaitable[str]) -> str:
    try:
        return await asyncio.wait_for(check, CHECK_SECONDS)
    except TimeoutError:
        return f"no answer within {CHECK_SECONDS:g} s"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]


async def _warnings(here: Context) -> list[str]:
    """What lanes' logs tell, looked up now and then; when nobody can look, the parts say why."""
    try:
        looked = await asyncio.wait_for(here.lane_logs.look(WARNINGS_FRESH_SECONDS), CHECK_SECONDS)
    except Exception as error:
        log.info("lane_logs_unseen", error=repr(error))
        return []
    return [f"{lane}: {warning}" for lane, seen in sorted(looked.items()) for warning in here.lane_logs.warnings(seen)]


async def _postgres() -> str:
    await pool().fetchval("SELECT 1")
    return ""


async def _answers(asked: Awaitable[object]) -> str:
    await asked
    return ""


async def _lanes() -> str:
    without = await lanes.unowned()
    return f"nobody serves {', '.join(without)}" if without else ""


async def _workers() -> str:
    there = await workers.at_work(SEEN_SECONDS)
    missing = [kind for kind in WORKERS if not there.get(kind)]
    return f"not seen: {', '.join(missing)}" if missing else ""
