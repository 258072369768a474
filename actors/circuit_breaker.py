"""A circuit breaker: while the provider does not answer, calls fail at once instead of keeping a worker's thread.

Pure: the time is passed in, in seconds of any clock that only goes forward.

1. Closed: every call is let through.  So many failures in a row, without one answer between them, open it.
2. Open: no call is let through until a pause has passed.
3. Half open: one call is let through to try.  An answer closes the breaker; a failure opens it again, for longer.
   A trial that never reports is given up after a while, and another call may try."""

from typing import Literal

State = Literal["closed", "open", "half-open"]

#: Failures in a row that open it.
FAILURES = 5
#: The first pause, doubled by each trial that fails, and the longest.
PAUSE_SECONDS = (1.0, 30.0)
#: A trial that has said nothing for so long is given up: longer than a call may take.
TRIAL_SECONDS = 20.0


class CircuitBreaker:
    """One for each thing that may be away.  Not safe between threads by itself."""

    def __init__(self) -> None:
        self.state: State = "closed"
        self._failures = 0
        self._pause = PAUSE_SECONDS[0]
        self._until = 0.0

    def wait_seconds(self, now: float) -> float:
        """How long a call must wait; 0 when it may go ahead, and is then counted as a trial where one is due."""
        if self.state == "closed":
            return 0.0
        if now < self._until:
            return self._until - now
        self.state, self._until = "half-open", now + TRIAL_SECONDS
        return 0.0

    def answered(self) -> None:
        """There was an answer, whatever it was."""
        self.state, self._failures, self._pause = "closed", 0, PAUSE_SECONDS[0]

    def failed(self, now: float, at_least_seconds: float = 0.0) -> None:
        """There was no answer, or one that asks to be left alone for so long."""
        self._failures += 1
        if self.state == "open":  # a call that began before it opened
            self._until = max(self._until, now + at_least_seconds)
        elif self.state == "half-open" or at_least_seconds or self._failures >= FAILURES:
            self.state, self._until = "open", now + max(self._pause, at_least_seconds)
            self._pause = min(self._pause * 2, PAUSE_SECONDS[1])
