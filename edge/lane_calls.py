"""Calls that wait for a lane: what a show's decides of an organiser's command, and what a saga makes of an event."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from actors.lanes.publisher import NotAccepted
from actors.lanes.wire import BODY_LIMIT_BYTES, Options, Sealed, seal
from edge.context import Context
from edge.problems import Problem, refusal_problem, unavailable
from edge.request_headers import WAIT_SECONDS
from sagas.messages import ShowCommand
from store import journal

#: How often it is looked whether a saga has taken an event up.
LOOK_SECONDS = 0.05

SeenT = TypeVar("SeenT")


def sealed_for(here: Context, lane: str, command: ShowCommand, traceparent: str) -> Sealed:
    """The command, ready to be sent; 413 when it says more than a lane takes."""
    sealed = seal(lane, command, Options(traceparent, here.id))
    if len(sealed.body) > BODY_LIMIT_BYTES:
        raise Problem(413, f"All this is more than a show's rules can hold ({BODY_LIMIT_BYTES} bytes).")
    return sealed


async def decide_soon(here: Context, lane: str, command: ShowCommand, traceparent: str) -> bool:
    """Have the lane decide a command; whether it was decided within 10 s.  Raises the problem of a refusal."""
    sealed = sealed_for(here, lane, command, traceparent)
    expected = here.news.expect(command.command_id)
    try:
        try:
            await here.publisher.publish(sealed)
        except NotAccepted as error:
            raise unavailable("The change is not known to be accepted.  See whether it was made.") from error
        try:
            refusal = (await asyncio.wait_for(asyncio.shield(expected), WAIT_SECONDS)).refusal
        except TimeoutError:
            result = await journal.result_of(command.command_id)
            if result is None:
                return False
            refusal = None if result.refusal is None else bytes(result.refusal).decode()
    finally:
        here.news.forget(command.command_id, expected)
    if refusal is not None:
        raise refusal_problem(refusal)
    return True


async def once_taken_up(look: Callable[[], Awaitable[SeenT | None]]) -> SeenT | None:
    """What is seen once the saga has taken its event up; None when it has not come to it in time."""
    for _ in range(round(WAIT_SECONDS / LOOK_SECONDS)):
        if (seen := await look()) is not None:
            return seen
        await asyncio.sleep(LOOK_SECONDS)
    return None
