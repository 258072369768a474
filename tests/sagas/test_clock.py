"""Times as they are written, and as the wall clock of the venue says them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from sagas import clock

pytestmark = pytest.mark.pure

NOON = datetime(2026, 12, 5, 12, tzinfo=UTC)


def test_times_are_written_in_utc_with_microseconds_only_where_there_are_some():
    assert clock.rfc3339(NOON) == "2026-12-05T12:00:00Z"
    assert clock.rfc3339(NOON + timedelta(microseconds=5)) == "2026-12-05T12:00:00.000005Z"
    assert clock.rfc3339(datetime(2026, 12, 5, 17, 30, tzinfo=timezone(timedelta(hours=5.5)))) == "2026-12-05T12:00:00Z"


def test_a_show_is_told_in_the_venues_own_time_in_summer_and_in_winter():
    assert clock.show(NOON, "Asia/Kolkata") == "Saturday, 5 December 2026, 5:30 PM IST"
    assert clock.show(NOON, "Europe/Berlin").endswith("1:00 PM CET")
    assert clock.show(datetime(2026, 7, 5, 12, tzinfo=UTC), "Europe/Berlin").endswith("2:00 PM CEST")


def test_the_same_moment_stays_the_same_moment_in_every_zone():
    assert clock.in_zone(NOON, "Asia/Tokyo") == NOON
    assert clock.after(NOON, 90.5) - NOON == timedelta(seconds=90.5)
    assert clock.from_unix(NOON.timestamp()) == NOON


def test_now_is_aware_and_the_monotonic_clock_does_not_go_back():
    assert clock.now().tzinfo is UTC
    assert clock.monotonic_seconds() <= clock.monotonic_seconds()
    assert abs(clock.unix_milliseconds() / 1000 - clock.unix_seconds()) < 5
