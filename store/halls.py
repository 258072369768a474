"""Halls and their seat plans.  A plan never changes: an edited hall names another one, and shows keep theirs."""

from typing import Any
from uuid import UUID

import msgspec

from sagas.identity import derived
from sagas.seat_plan import PlanSection, SeatPlan, encode
from store.connection import pool
from store.sql import query


def numbered(hall_id: UUID, sections: list[PlanSection]) -> SeatPlan:
    """The hall's plan; sections are given best first, and get their ids here."""
    return SeatPlan(
        tuple(
            msgspec.structs.replace(section, id=str(derived(hall_id, "section", index)))
            for index, section in enumerate(sections)
        )
    )


async def keep_plan(connection: Any, plan: SeatPlan) -> str:
    """Keep a plan, if it is not there yet; its hash."""
    plan_hash, body = encode(plan)
    await connection.execute(query("seat_plan_keep"), plan_hash, body, plan.places)
    return plan_hash


async def make(connection: Any, hall_id: UUID, venue_id: UUID, name: str, plan: SeatPlan) -> None:
    plan_hash = await keep_plan(connection, plan)
    await connection.execute(query("hall_make"), hall_id, venue_id, name, plan_hash)


async def change(connection: Any, hall_id: UUID, organiser_id: UUID, name: str | None, plan: SeatPlan | None) -> Any:
    """The hall's row, or None when it is not the organiser's."""
    plan_hash = None if plan is None else await keep_plan(connection, plan)
    return await connection.fetchrow(query("hall_change"), hall_id, organiser_id, name, plan_hash)


async def seen(hall_id: UUID, user_id: UUID | None) -> Any:
    """A hall with its plan and venue, if its venue may be seen."""
    return await pool().fetchrow(query("hall_seen"), hall_id, user_id)


async def of_venue(venue_id: UUID) -> list[Any]:
    """A venue's halls with their plans, by name."""
    return list(await pool().fetch(query("halls_of_venue"), venue_id))
