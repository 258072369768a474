"""Shows as their organisers make and see them.  Once a show is open, only its lane writes its row."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from sagas.messages import OpenShow
from sagas.terms import Fees, Rules, Tax
from store import catalogue
from store.connection import pool
from store.sql import query
from store.tables import Event, Hall

#: How long a hall is kept for a move of which nobody hears: so long a lane may be silent at worst.
WANTED_MINUTES = 10


class HallTaken(Exception):
    """Another show has the hall at the time that has this index."""

    def __init__(self, index: int) -> None:
        super().__init__(f"the hall is taken at time {index}")
        self.index = index


class Charges(NamedTuple):
    """What an organiser charges beside its prices, for shows that are made from now on."""

    fees: Fees | None
    tax: Tax | None


#: A show's lane, and the command that opens it there.
Made = tuple[str, OpenShow]


async def hall_to_use(hall_id: UUID, organiser_id: UUID, connection: Any = None) -> Any | None:
    """A hall with its plan and venue, if this organiser may use it: of its own venue or of the operator's."""
    return await (connection or pool()).fetchrow(query("hall_to_use"), hall_id, organiser_id)


async def event_to_show(event_id: UUID, organiser_id: UUID, connection: Any = None) -> Any | None:
    return await (connection or pool()).fetchrow(
        "SELECT * FROM event WHERE id = $1 AND organiser_id = $2", event_id, organiser_id
    )


async def make(
    connection: Any,
    event_id: UUID,
    hall: Any,
    times: list[tuple[datetime, datetime, datetime]],
    terms: dict[str, Any],
) -> list[Made]:
    """Insert shows at these times (start, end, close of the sale), under the same terms otherwise.
    An event that was cancelled goes on with them.  Raises HallTaken."""
    made: list[Made] = []
    await connection.execute(query("hall_lock"), f"{hall['hall_id']}")
    event, room = Event(id=event_id), Hall(id=hall["hall_id"], plan_id=hall["plan_id"])
    try:
        for begins, ends, closes in times:
            made.append(
                await catalogue.make_show(
                    event, room, starts_at=begins, ends_at=ends, sale_closes_at=closes, connection=connection, **terms
                )
            )
    except asyncpg.ExclusionViolationError as error:
        raise HallTaken(len(made)) from error
    await connection.execute(query("event_goes_on"), event_id)
    return made


async def want_hall(
    connection: Any, show_id: UUID, hall_id: UUID, begins: datetime, ends: datetime, command_id: UUID
) -> None:
    """Keep the hall for a show that would move, until the command is decided or some minutes are over.  Raises
    HallTaken."""
    await connection.execute(query("hall_lock"), f"{hall_id}")
    await connection.execute(query("hall_time_give_back"), hall_id)
    try:
        await connection.execute(query("hall_time_want"), show_id, hall_id, begins, ends, command_id, WANTED_MINUTES)
    except asyncpg.ExclusionViolationError as error:
        raise HallTaken(0) from error


async def want_hall_no_more(command_id: UUID) -> None:
    """The command was decided: the show has the hall for its time, whichever that is now."""
    await pool().execute("DELETE FROM hall_time WHERE wanted_by = $1", command_id)


async def own(show_id: UUID, organiser_id: UUID, connection: Any = None) -> Any | None:
    """A show of this organiser's, as ``catalogue.show`` has it, whether or not buyers may see it yet."""
    return await (connection or pool()).fetchrow(query("show_own"), show_id, organiser_id)


async def seen(show_id: UUID, user_id: UUID) -> Any | None:
    """An open show, if this account belongs to its organiser or is an admin's, whether or not buyers see it yet."""
    return await pool().fetchrow(query("show_seen"), show_id, user_id)


async def charges(organiser_id: UUID) -> Charges:
    row = await pool().fetchrow(query("charges_of_organiser"), organiser_id)
    if row is None:
        return Charges(None, None)
    return Charges(
        row["fees"] and msgspec.json.decode(row["fees"], type=Fees),
        row["tax"] and msgspec.json.decode(row["tax"], type=Tax),
    )


async def set_charges(connection: Any, organiser_id: UUID, new: Charges) -> None:
    fees, tax = (None if part is None else msgspec.json.encode(part).decode() for part in new)
    await connection.execute(query("charges_set"), organiser_id, fees, tax)


def with_charges(rules: Rules, charged: Charges) -> Rules:
    return msgspec.structs.replace(rules, fees=charged.fees, tax=charged.tax)


async def bookings(show_id: UUID, before: int | None, limit: int) -> list[Any]:
    """A show's bookings with their buyers, the latest first, those before this place."""
    return list(await pool().fetch(query("bookings_of_show"), show_id, before, limit))


async def head(show_id: UUID) -> Any | None:
    """Where a published show's journal stands: ``place``, ``hash`` and ``decided_at``."""
    return await pool().fetchrow(query("journal_head"), show_id)
