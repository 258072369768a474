"""Rate limits as the operator sees and changes them, while everything runs."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge.context import context
from edge.operation import json, operation
from edge.problems import invalid
from edge.tokens import Who
from store.connection import transaction
from store.limits import LIMITS, changed_limits, forget_limit, set_limit
from store.organisers import record_change
from store.settings import settings

admin_limits = Blueprint("admin-limits")


class LimitSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many at once, and as many again in each window; a quota of 0 is no limit, null is what it was at first."""

    name: Annotated[str, msgspec.Meta(max_length=40)]
    quota: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None
    window_seconds: Annotated[int, msgspec.Meta(ge=1, le=86_400)] | None = None


class LimitsChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limits: Annotated[list[LimitSetting], msgspec.Meta(min_length=1, max_length=50)]


class LimitView(msgspec.Struct):
    """A rate limit as it is now, and as it is unless somebody changes it."""

    name: str
    per: str
    quota: int
    window_seconds: int
    default_quota: int
    default_window_seconds: int
    changed_at: datetime | None


class LimitList(msgspec.Struct):
    items: list[LimitView]
    next_cursor: str | None = None


@operation(admin_limits, "GET", "/v1/admin/limits", answers={200: LimitList})
async def list_limits(request: Request, who: Who) -> HTTPResponse:
    """The rate limits as they are now."""
    return json(await _all())


@operation(admin_limits, "PATCH", "/v1/admin/limits", body=LimitsChange, answers={200: LimitList})
async def change_limits(request: Request, who: Who, body: LimitsChange) -> HTTPResponse:
    """Change rate limits; every edge follows within a second or so."""
    for at, wish in enumerate(body.limits):
        _check(f"/limits/{at}", wish)
    async with transaction() as connection:
        for wish in sorted(body.limits, key=lambda wish: wish.name):
            if wish.quota is None:
                await forget_limit(connection, wish.name)
            else:
                window = wish.window_seconds or LIMITS[wish.name].window_seconds
                await set_limit(connection, wish.name, wish.quota, window)
            await record_change(
                connection, who.id, None, "limits.change", "limit", wish.name, quota=wish.quota,
                window_seconds=wish.window_seconds,
            )  # fmt: skip
    await context(request).limits.load()
    return json(await _all())


def _check(pointer: str, wish: LimitSetting) -> None:
    limit = LIMITS.get(wish.name)
    if limit is None:
        raise invalid(f"{pointer}/name", f"there is no such limit; there are {', '.join(LIMITS)}")
    if limit.strict and wish.quota == 0 and settings().frontrow_mode == "production":
        raise invalid(f"{pointer}/quota", "in production guesses at passwords are always limited")


async def _all() -> LimitList:
    changed: dict[str, Any] = {row["name"]: row for row in await changed_limits()}
    items = []
    for limit in LIMITS.values():
        now = changed.get(limit.name, {})
        items.append(
            LimitView(
                limit.name, limit.per, now.get("quota", limit.quota), now.get("window_seconds", limit.window_seconds),
                limit.quota, limit.window_seconds, now.get("changed_at"),
            )
        )  # fmt: skip
    return LimitList(items)
