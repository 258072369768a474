"""Time: the only place that reads a clock, parses a time or formats one.  Moments are aware datetimes in UTC."""

import time as clocks
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_datetime


def now() -> datetime:
    """This machine's time.  Deciding never calls it: the database's clock rules there."""
    return datetime.now(UTC)


def monotonic_seconds() -> float:
    """Seconds since some fixed point, for measuring waits; never jumps back."""
    return clocks.monotonic()


def unix_seconds() -> float:
    return clocks.time()


def unix_milliseconds() -> int:
    return clocks.time_ns() // 1_000_000


def from_unix(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def after(moment: datetime, seconds: float) -> datetime:
    return moment + timedelta(seconds=seconds)


def rfc3339(moment: datetime) -> str:
    """``2026-12-05T14:00:00Z``; microseconds only where there are some."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@lru_cache(maxsize=512)
def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def in_zone(moment: datetime, time_zone: str) -> datetime:
    """The same moment on the venue's wall clock."""
    return moment.astimezone(zone(time_zone))


class NoSuchTime(ValueError):
    """A wall clock never shows this time, or shows it twice."""


def of_wall_clock(local: datetime, time_zone: str) -> datetime:
    """The moment at which a clock on the venue's wall shows this time.  Raises NoSuchTime where there is none, or two:
    when clocks are put forward or back."""
    first, second = (local.replace(tzinfo=zone(time_zone), fold=fold).astimezone(UTC) for fold in (0, 1))
    if in_zone(first, time_zone).replace(tzinfo=None) != local.replace(fold=0):
        raise NoSuchTime(f"{local.isoformat()} does not exist in {time_zone}: clocks are put forward then")
    if first != second:
        raise NoSuchTime(f"{local.isoformat()} comes twice in {time_zone}: clocks are put back; say it with its offset")
    return first


def is_within_hours(begins: datetime, ends: datetime, time_zone: str, opens: str, closes: str) -> bool:
    """Whether a venue that opens and closes at these times of its own clock (HH:MM; a closing that is not after the
    opening is the next day's) is open all the time between."""
    if opens == closes:
        return True
    local = zone(time_zone)
    for day in (in_zone(begins, time_zone).date() - timedelta(days=back) for back in (0, 1)):
        to = day if closes > opens else day + timedelta(days=1)
        opening = datetime.combine(day, time.fromisoformat(opens), local)
        closing = datetime.combine(to, time.fromisoformat(closes), local)
        if opening.astimezone(UTC) <= begins and ends <= closing.astimezone(UTC):
            return True
    return False


def show(moment: datetime, time_zone: str, locale: str = "en_IN") -> str:
    """The moment as the venue's wall clock says it: ``Saturday, 5 December 2026, 7:30 PM IST``."""
    local = in_zone(moment, time_zone)
    # babel writes "am/pm" in lower case for en_IN; tickets read better with capitals
    text = str(format_datetime(local, "EEEE, d MMMM y, h:mm a", locale=locale))
    text = text.replace(" am", " AM").replace(" pm", " PM").replace("\u202f", " ")
    return f"{text} {local.tzname()}"
