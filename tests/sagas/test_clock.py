"""Times as they are written, and as the wall clock of the venue says them."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

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


@pytest.mark.parametrize(
    ("local", "zone", "moment"),
    [
        ("2027-03-27T20:00:00", "Europe/Berlin", "2027-03-27T19:00:00Z"),
        ("2027-03-28T03:00:00", "Europe/Berlin", "2027-03-28T01:00:00Z"),
        ("2027-07-01T20:00:00", "Asia/Kolkata", "2027-07-01T14:30:00Z"),
        ("2027-03-28T02:30:00", "Europe/Berlin", None),
        ("2027-10-31T02:00:00", "Europe/Berlin", None),
        ("2027-10-31T02:59:59", "Europe/Berlin", None),
        ("2027-10-31T03:00:00", "Europe/Berlin", "2027-10-31T02:00:00Z"),
        ("2011-12-30T12:00:00", "Pacific/Apia", None),
    ],
)
def test_a_time_on_the_wall_is_one_moment_or_refused(local: str, zone: str, moment: str | None):
    wall = datetime.fromisoformat(local)
    if moment is None:
        with pytest.raises(clock.NoSuchTime, match=r"does not exist|comes twice"):
            clock.of_wall_clock(wall, zone)
    else:
        assert clock.rfc3339(clock.of_wall_clock(wall, zone)) == moment


@pytest.mark.parametrize(
    ("begins", "ends", "opens", "closes", "within"),
    [
        ("10:00", "12:00", "10:00", "12:00", True),
        ("09:59", "12:00", "10:00", "12:00", False),
        ("10:00", "12:01", "10:00", "12:00", False),
        ("23:00", "25:59", "10:00", "02:00", True),
        ("24:30", "26:00", "10:00", "02:00", True),
        ("24:30", "26:01", "10:00", "02:00", False),
        ("01:00", "30:00", "00:00", "00:00", True),
    ],
)
def test_a_venue_that_closes_before_it_opens_closes_the_next_day(
    begins: str, ends: str, opens: str, closes: str, within: bool
):
    def at(time: str) -> datetime:
        hours, minutes = time.split(":")
        return datetime(2027, 6, 1, tzinfo=ZoneInfo("Europe/Berlin")) + timedelta(
            hours=int(hours), minutes=int(minutes)
        )

    assert clock.is_within_hours(at(begins), at(ends), "Europe/Berlin", opens, closes) == within


def test_a_night_that_is_an_hour_longer_has_room_for_a_longer_show():
    """Clocks are put back between 2 and 3: from 22:00 to 03:00 it is six hours."""
    begins = datetime(2027, 10, 30, 20, tzinfo=UTC)
    assert clock.is_within_hours(begins, begins + timedelta(hours=6), "Europe/Berlin", "22:00", "03:00")
    assert not clock.is_within_hours(begins, begins + timedelta(hours=6, seconds=1), "Europe/Berlin", "22:00", "03:00")
