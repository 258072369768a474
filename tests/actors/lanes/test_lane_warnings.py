"""What an operator is told of a lane's log: the backlog when it is known, and warnings long before anything is lost."""

from datetime import datetime, timedelta

import pytest

from actors.lanes.log_end import LaneSeen, LogSeen
from sagas.clock import now

pytestmark = pytest.mark.pure

LIMIT = timedelta(days=7)
AT = now()


def seen(first: int | None, last: int | None, next_offset: int, waited: timedelta | None = None) -> LaneSeen:
    since: datetime | None = None if waited is None else AT - waited
    return LaneSeen(next_offset, next_offset - 1 if next_offset else None, LogSeen(first, last, since, ""), AT)


def test_the_backlog_is_what_lies_between_the_next_offset_and_the_logs_end():
    assert seen(0, 9, 10).backlog == 0
    assert seen(0, 9, 4).backlog == 6
    assert LaneSeen(4, 3, LogSeen(None, None, None, "no log"), AT).backlog is None
    assert LaneSeen(4, 3, LogSeen(0, 9, None, "not told"), AT).backlog is None


def test_a_command_that_nears_the_age_limit_undecided_is_worth_a_warning_long_before():
    assert seen(0, 9, 4, timedelta(days=3)).warnings(LIMIT) == []
    [warning] = seen(0, 9, 4, timedelta(days=3, hours=14)).warnings(LIMIT)
    assert warning == "6 commands are undecided, the oldest since 3 d 14 h; the log forgets them after 7 d"


def test_a_head_trimmed_past_the_undecided_and_an_end_before_the_decided_are_told():
    assert "commands aged out undecided" in seen(6, 9, 4).warnings(LIMIT)[0]
    assert "it was cut" in seen(0, 2, 4).warnings(LIMIT)[0]
    assert seen(4, 9, 4).warnings(LIMIT) == [] and seen(0, 3, 4).warnings(LIMIT) == []
