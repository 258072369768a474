"""Shows that move to another time: their hall is kept for them before their lane is told.

The lane writes the move; were the hall another's by then, that could only fail there, with nobody listening.  So of two
who want one time at once the second is told, and by whom the hall is taken."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from actors.lanes.publisher import NotAccepted
from edge.context import Context
from edge.lane_calls import decide_soon
from edge.problems import Problem
from sagas.messages import AmendShow, PostponeShow
from store import catalogue
from store import shows as rows
from store.connection import transaction


@asynccontextmanager
async def hall_kept(row: Any, begins: datetime, ends: datetime, command_id: UUID) -> AsyncIterator[Any]:
    """Keep the show's hall for the move that this command will make, in one transaction with whatever else the caller
    notes of it.  Raises the problem of a hall that is taken."""
    try:
        async with transaction() as connection:
            await rows.want_hall(connection, row["id"], row["hall_id"], begins, ends, command_id)
            yield connection
    except rows.HallTaken as error:
        raise hall_taken(await catalogue.hall_taken(row["hall_id"], begins, ends, row["id"])) from error


async def decide_move(here: Context, row: Any, command: AmendShow | PostponeShow, traceparent: str) -> bool:
    """Have the lane move a show whose hall is kept; whether it was decided within 10 s.  Until then, and where nobody
    knows whether the lane has the command, it stays kept for a while."""
    try:
        decided = await decide_soon(here, row["lane"], command, traceparent)
    except Problem as problem:
        if not _is_perhaps_sent(problem):
            await rows.want_hall_no_more(command.command_id)
        raise
    if decided:
        await rows.want_hall_no_more(command.command_id)
    return decided


def _is_perhaps_sent(problem: Problem) -> bool:
    return isinstance(problem.__cause__, NotAccepted) and problem.__cause__.perhaps


def hall_taken(show: Any, index: int = 0) -> Problem:
    """The hall has another show then; it is named, if it could be found."""
    other = {"id": show["id"], "starts_at": show["starts_at"], "ends_at": show["ends_at"]} if show else None
    return Problem(
        409, "Another show has this hall at that time.", kind="hall-taken", title="The hall is taken", show=other,
        index=index,
    )  # fmt: skip
