"""From templates to HTML: the one Jinja environment, and how money, times and links read in it."""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sanic.response import HTTPResponse

from sagas import clock
from sagas.money import Money
from sagas.money import show as show_money
from store.settings import settings

TEMPLATES = Path(__file__).parent / "templates"


async def page(template: str, status: int = 200, /, **values: Any) -> HTTPResponse:
    """The rendered template as an answer.  Pages are never kept by caches between us and the buyer."""
    body = await _environment().get_template(template).render_async(**values)
    return HTTPResponse(body, status, {"Cache-Control": "no-cache"}, content_type="text/html; charset=utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        enable_async=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        money=_money, moment=clock.show, weekday=_weekday, day=_day, month=_month, hour=_hour, rfc3339=clock.rfc3339
    )
    environment.globals.update(query=_query, razorpay_url=settings().razorpay_url)
    return environment


def _money(amount: int, currency: str) -> str:
    return "Free" if amount == 0 else show_money(Money(amount, currency))


def _weekday(moment: datetime, time_zone: str) -> str:
    return clock.in_zone(moment, time_zone).strftime("%a")


def _day(moment: datetime, time_zone: str) -> str:
    return str(clock.in_zone(moment, time_zone).day)


def _month(moment: datetime, time_zone: str) -> str:
    return clock.in_zone(moment, time_zone).strftime("%b")


def _hour(moment: datetime, time_zone: str) -> str:
    local = clock.in_zone(moment, time_zone)
    return f"{local.hour % 12 or 12}:{local:%M} {'AM' if local.hour < 12 else 'PM'}"


def _query(**values: str | None) -> str:
    """The values that say something, as the end of a link."""
    said = {name: value for name, value in values.items() if value}
    return f"?{urlencode(said)}" if said else ""
