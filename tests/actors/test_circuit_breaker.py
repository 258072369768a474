"""The circuit breaker, by a clock of the test's own."""

import pytest

from actors.circuit_breaker import FAILURES, PAUSE_SECONDS, TRIAL_SECONDS, CircuitBreaker

pytestmark = pytest.mark.pure


def opened(now: float = 0.0) -> CircuitBreaker:
    breaker = CircuitBreaker()
    for _ in range(FAILURES):
        breaker.failed(now)
    return breaker


def test_it_opens_after_some_failures_in_a_row_and_not_before():
    breaker = CircuitBreaker()
    for _ in range(FAILURES - 1):
        breaker.failed(0.0)
        assert (breaker.state, breaker.wait_seconds(0.0)) == ("closed", 0.0)
    breaker.failed(0.0)
    assert (breaker.state, breaker.wait_seconds(0.0)) == ("open", PAUSE_SECONDS[0])


def test_an_answer_between_failures_keeps_it_closed():
    breaker = CircuitBreaker()
    for _ in range(10 * FAILURES):
        breaker.failed(0.0)
        breaker.answered()
    assert breaker.state == "closed"


def test_one_call_tries_after_the_pause_and_the_others_wait():
    breaker = opened()
    assert breaker.wait_seconds(PAUSE_SECONDS[0] - 0.01) > 0
    assert breaker.wait_seconds(PAUSE_SECONDS[0]) == 0.0 and breaker.state == "half-open"
    assert breaker.wait_seconds(PAUSE_SECONDS[0]) == TRIAL_SECONDS
    breaker.answered()
    assert (breaker.state, breaker.wait_seconds(PAUSE_SECONDS[0])) == ("closed", 0.0)


def test_each_trial_that_fails_doubles_the_pause_up_to_a_bound():
    breaker, now, pauses = opened(), 0.0, []
    for _ in range(8):
        pauses.append(breaker.wait_seconds(now))
        now += pauses[-1]
        assert breaker.wait_seconds(now) == 0.0
        breaker.failed(now)
    assert pauses == [min(PAUSE_SECONDS[0] * 2**n, PAUSE_SECONDS[1]) for n in range(8)]
    breaker.answered()
    again = [breaker.failed(now) for _ in range(FAILURES)]
    assert again and breaker.wait_seconds(now) == PAUSE_SECONDS[0]


def test_a_trial_that_never_reports_makes_room_for_another():
    breaker = opened()
    assert breaker.wait_seconds(1.0) == 0.0
    assert breaker.wait_seconds(1.0 + TRIAL_SECONDS / 2) == TRIAL_SECONDS / 2
    assert breaker.wait_seconds(1.0 + TRIAL_SECONDS) == 0.0


def test_who_is_told_to_wait_waits_at_once_and_so_long():
    breaker = CircuitBreaker()
    breaker.failed(5.0, at_least_seconds=40.0)
    assert (breaker.state, breaker.wait_seconds(5.0)) == ("open", 40.0)
    breaker.failed(6.0, at_least_seconds=50.0)
    assert breaker.wait_seconds(6.0) == 50.0


def test_failures_of_calls_that_began_before_it_opened_do_not_lengthen_the_pause():
    breaker = opened()
    for _ in range(16):
        breaker.failed(0.5)
    assert breaker.wait_seconds(0.5) == PAUSE_SECONDS[0] - 0.5
