"""Time: the only place that reads a clock, parses a time or formats one.  Moments are aware datetimes in UTC."""

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_datetime


def now() -> datetime:
    """This machine's time.  Deciding never calls it: the database's clock rules there."""
    return datetime.now(UTC)


def monotonic_seconds() -> float:
    """Seconds since some fixed point, for measuring waits; never jumps back."""
    return time.monotonic()


def unix_seconds() -> float:
    return time.time()


def unix_milliseconds() -> int:
    return time.time_ns() // 1_000_000


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


def show(moment: datetime, time_zone: str, locale: str = "en_IN") -> str:
    """The moment as the venue's wall clock says it: ``Saturday, 5 December 2026, 7:30 PM IST``."""
    local = in_zone(moment, time_zone)
    # babel writes "am/pm" in lower case for en_IN; tickets read better with capitals
    text = str(format_datetime(local, "EEEE, d MMMM y, h:mm a", locale=locale))
    text = text.replace(" am", " AM").replace(" pm", " PM").replace("\u202f", " ")
    return f"{text} {local.tzname()}"
