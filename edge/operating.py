"""What an operator sees and does: lanes with their backlog, what was given up, and shows that move to other lanes."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import structlog
from pika.exceptions import AMQPError
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from actors.lanes.log_end import LaneSeen
from actors.lanes.publisher import NotAccepted
from actors.lanes.wire import seal_again
from edge.context import Context, context
from edge.cursor import Page, decode_cursor, decode_name_cursor, encode_cursor
from edge.lane_calls import decide_soon
from edge.operation import json, operation
from edge.problems import Problem, invalid, not_found, unavailable
from edge.tokens import Who
from sagas.identity import derived
from sagas.messages import MoveShow
from store import catalogue, dead_letters, lanes, workers
from store.connection import transaction

log = structlog.get_logger()
operating = Blueprint("operating")

#: What is asked for more often than this is answered from the last look.
FRESH_SECONDS = 1.0
LOOK_SECONDS = 4.0
WORKER_SEEN_SECONDS = 5.0
LOST_SHOWN = 20
#: A show that moves is off sale for so long: longer than any edge believes in its old lane (12 s) and any wish on
#: its way there stays valid (10 s), so that no wish is granted before one that was sent earlier.
OFF_SALE_SECONDS = 25


class LostCommands(msgspec.Struct):
    """Where a log was not what it had been; ``to_offset`` is null when nobody can tell how far it had reached."""

    generation: int
    from_offset: int
    to_offset: int | None
    note: str
    noticed_at: datetime


class LaneView(msgspec.Struct):
    """A lane.  ``backlog`` (messages not decided yet), ``log_begins``, ``log_ends`` and ``undecided_since`` are null
    when the broker does not tell; ``backlog_unknown`` says why.  ``shows`` counts those that are not over."""

    lane: str
    kind: Literal["show", "saga"]
    owner: str | None
    leased_until: datetime | None
    generation: int
    next_offset: int
    decided_at: datetime | None
    shows: int
    backlog: int | None
    backlog_unknown: str | None
    log_begins: int | None
    log_ends: int | None
    undecided_since: datetime | None
    lost_commands: list[LostCommands]
    warnings: list[str]


class WorkerView(msgspec.Struct):
    id: str
    kind: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime


class LaneList(msgspec.Struct):
    items: list[LaneView]
    next_cursor: str | None
    workers: list[WorkerView]


class Retried(msgspec.Struct):
    at: datetime
    by: UUID


class DeadLetterView(msgspec.Struct):
    """A message that was given up.  ``queue`` may be a lane, then with the place in its log; ``body`` is masked."""

    id: UUID
    queue: str
    generation: int | None
    offset: int | None
    message: str
    command_id: str | None
    booking_id: UUID | None
    show_id: UUID | None
    reason: str
    body: str
    trace_id: str | None
    given_up_at: datetime
    retriable: bool
    retried: Retried | None


class DeadLetterList(msgspec.Struct):
    items: list[DeadLetterView]
    next_cursor: str | None


class Move(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``alone``: shows that are made later keep off this lane while the show is on it."""

    lane: Annotated[str, msgspec.Meta(pattern=r"^show\.[0-9]{2,}$", max_length=20)]
    alone: bool = False


class ShowPlace(msgspec.Struct):
    """Where a show is decided.  It is off sale until ``off_sale_until``; its holds and payments go on meanwhile."""

    show_id: UUID
    lane: str
    alone: bool
    moved_at: datetime | None
    off_sale_until: datetime | None


@operation(operating, "GET", "/v1/admin/lanes", query=Page, answers={200: LaneList})
async def list_lanes(request: Request, who: Who, query: Page) -> HTTPResponse:
    """Every lane: who has it, how far it is, what waits, what was lost; and the workers that are alive."""
    here, after = context(request), decode_name_cursor(query.cursor) or ""
    seen, why = await _look(here)
    rows = await lanes.overview(after, query.limit + 1)
    page, more = rows[: query.limit], len(rows) > query.limit
    lost = await lanes.lost([row["lane"] for row in page], LOST_SHOWN)
    items = [_lane_view(here, row, seen.get(row["lane"]), why, lost[row["lane"]]) for row in page]
    alive = [WorkerView(**dict(row)) for row in await workers.alive_now(WORKER_SEEN_SECONDS)]
    return json(LaneList(items, encode_cursor(page[-1]["lane"]) if more else None, alive))


async def _look(here: Context) -> tuple[dict[str, LaneSeen], str]:
    """The lanes' logs, or why nobody can look."""
    try:
        return await asyncio.wait_for(here.lane_logs.look(FRESH_SECONDS), LOOK_SECONDS), "the lane is new"
    except (AMQPError, OSError, TimeoutError) as error:
        return {}, f"the broker is out of reach: {type(error).__name__}"


def _lane_view(here: Context, row: Any, seen: LaneSeen | None, why: str, lost: list[Any]) -> LaneView:
    warnings = [] if row["served"] else ["nobody serves it"]
    return LaneView(
        lane=row["lane"], kind="saga" if row["lane"].startswith("saga.") else "show", owner=row["owner"],
        leased_until=row["leased_until"], generation=row["generation"], next_offset=row["next_offset"],
        decided_at=row["decided_at"], shows=row["shows"],
        backlog=seen.backlog if seen else None,
        backlog_unknown=why if seen is None else seen.log.reason or None,
        log_begins=seen.log.first_offset if seen else None, log_ends=seen.log.last_offset if seen else None,
        undecided_since=seen.log.undecided_since if seen else None,
        lost_commands=[
            LostCommands(one["generation"], one["from_offset"], one["to_offset"], one["note"], one["noticed_at"])
            for one in lost
        ],
        warnings=warnings + (here.lane_logs.warnings(seen) if seen else []),
    )  # fmt: skip


@operation(operating, "GET", "/v1/admin/dead-letters", query=Page, answers={200: DeadLetterList})
async def list_dead_letters(request: Request, who: Who, query: Page) -> HTTPResponse:
    """Every message that was given up, newest first, with the reason."""
    found = await dead_letters.latest(decode_cursor(query.cursor), query.limit + 1)
    page, more = found[: query.limit], len(found) > query.limit
    cursor = encode_cursor(page[-1]["given_up_at"], page[-1]["id"]) if more else None
    return json(DeadLetterList([_letter_view(row) for row in page], cursor))


@operation(
    operating, "POST", "/v1/admin/dead-letters/{letter_id}/retry", answers={202: DeadLetterView},
    problems=(404, 409),
)  # fmt: skip
async def retry_dead_letter(request: Request, letter_id: UUID, who: Who) -> HTTPResponse:
    """Send a dead letter again, once, with the same command id."""
    async with transaction() as connection:
        letter = await dead_letters.to_retry(connection, letter_id)
        if letter is None:
            raise not_found()
        if letter["retried_at"] is None:
            if not letter["retriable"]:
                raise Problem(409, "This cannot be sent again: it is no message, or a wish that its buyer repeats.")
            # sent before it is noted: whoever dies in between leaves it to be sent once more, which is the same command
            await _send_again(context(request), letter)
            letter = await dead_letters.retried(connection, letter_id, who.id)
            log.warning(
                "dead_letter_retried", id=str(letter_id), queue=letter["queue"], message=letter["message"],
                by=str(who.id), booking_id=letter["booking_id"],
            )  # fmt: skip
    return json(_letter_view(letter), 202)


async def _send_again(here: Context, letter: Any) -> None:
    """To where it was, or to its show's lane as it is now."""
    queue = letter["queue"]
    if letter["show_id"] and queue.startswith("show."):
        queue = await catalogue.lane_of(letter["show_id"]) or queue
    try:
        await here.publisher.publish(seal_again(queue, letter["sealed"]))
    except NotAccepted as error:
        raise unavailable("The message is not known to be accepted. Ask again.") from error


def _letter_view(row: Any) -> DeadLetterView:
    return DeadLetterView(
        id=row["id"], queue=row["queue"], generation=row["generation"], offset=row["offset"], message=row["message"],
        command_id=row["command_id"], booking_id=row["booking_id"], show_id=row["show_id"], reason=row["reason"],
        body=row["body"], trace_id=row["trace"][3:35] or None, given_up_at=row["given_up_at"],
        retriable=row["retriable"],
        retried=Retried(row["retried_at"], row["retried_by"]) if row["retried_at"] else None,
    )  # fmt: skip


@operation(
    operating, "POST", "/v1/admin/shows/{show_id}/move", body=Move,
    answers={200: ShowPlace, 202: ShowPlace}, problems=(404, 409),
)  # fmt: skip
async def move_show(request: Request, show_id: UUID, who: Who, body: Move) -> HTTPResponse:
    """Move a show to another lane; it is off sale for a moment, holds and payments go on."""
    show = await catalogue.whereabouts(show_id)
    if show is None:
        raise not_found()
    served = await lanes.is_served(body.lane)
    if served is None:
        raise invalid("/lane", f"there is no lane {body.lane}")
    if show["lane"] == body.lane:
        return json(_place_view(show_id, show))
    if not show["opened"]:
        raise Problem(409, "The show's seats are not made yet. Ask again in a moment.")
    if not served:
        raise Problem(409, f"Nobody serves {body.lane} at the moment.")
    command = MoveShow(
        # asked twice while the show has not left, it is the same command
        command_id=derived(show_id, "move", body.lane, show["lane"], show["moved_at"]), show_id=show_id, to=body.lane,
        by=who.id, off_sale_seconds=OFF_SALE_SECONDS, alone=body.alone,
    )  # fmt: skip
    log.warning("show_move_asked", show_id=str(show_id), lane=show["lane"], to=body.lane, by=str(who.id))
    decided = await decide_soon(context(request), show["lane"], command, request.ctx.traceparent)
    show = await catalogue.whereabouts(show_id) or show
    return json(_place_view(show_id, show), 200 if decided else 202)


def _place_view(show_id: UUID, show: Any) -> ShowPlace:
    return ShowPlace(show_id, show["lane"], show["alone"], show["moved_at"], show["off_sale_until"])
