"""Wishes for one show are taken up in the order of their arrival, a few at a time; the others wait and cost nothing.

An event loop takes whatever came together one step further before it takes any the next step.  With a crowd asking for
one show, whoever asks for another would wait for all of the crowd at every step, and the lane for the last of them."""

import asyncio
from collections import deque
from uuid import UUID

from sanic import Request

#: So many share one call of the limiter's script, and come to the lane together: fewer cost more than they win.
AT_ONCE = 32


class Turn:
    """A request's turn: from its first look until it is known whether it may be asked.  Ended once, however often."""

    def __init__(self, turns: "Turns", show_id: UUID) -> None:
        self._turns, self._show_id, self._over = turns, show_id, False

    def end(self) -> None:
        if not self._over:
            self._over = True
            self._turns.leave(self._show_id)


class Turns:
    """Who has a turn, show by show, and who waits for one."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._taken: dict[UUID, int] = {}
        self._waiting: dict[UUID, deque[asyncio.Future[None]]] = {}

    async def take(self, show_id: UUID) -> Turn:
        taken = self._taken.get(show_id, 0)
        if taken < self._at_once:
            self._taken[show_id] = taken + 1
            return Turn(self, show_id)
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(show_id, deque()).append(waiting)
        try:
            await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled():  # the turn came as the client left
                self.leave(show_id)
            raise
        return Turn(self, show_id)

    def leave(self, show_id: UUID) -> None:
        """Whoever waits longest has the turn now."""
        waiting = self._waiting.get(show_id)
        while waiting:
            first = waiting.popleft()
            if not waiting:
                del self._waiting[show_id]
            if not first.done():
                return first.set_result(None)
        self._taken[show_id] -= 1
        if not self._taken[show_id]:
            del self._taken[show_id]


def end_turn(request: Request) -> None:
    """The next may be taken up; nothing happens for an operation without turns."""
    turn: Turn | None = getattr(request.ctx, "turn", None)
    if turn is not None:
        turn.end()
