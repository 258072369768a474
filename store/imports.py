"""Importing a catalogue: each thing's id follows from its organiser and its ref, so importing twice changes nothing."""

from typing import Any
from uuid import UUID

import msgspec

from sagas.identity import derived
from sagas.seat_plan import SeatPlan
from store import events, halls, venues
from store.sql import query


def thing_id(organiser_id: UUID, kind: str, ref: str) -> UUID:
    return derived(organiser_id, "import", kind, ref)


class ShowsToCome(Exception):
    """The venue's time zone stays: the times of shows to come are told in it."""


async def begin(connection: Any, organiser_id: UUID) -> None:
    """One import of an organiser at a time; others wait for the end of this transaction."""
    await connection.execute(query("import_begin"), organiser_id)


async def has_venue(connection: Any, organiser_id: UUID, ref: str) -> bool:
    return await venues.own(connection, thing_id(organiser_id, "venue", ref), organiser_id) is not None


async def keep_venue(connection: Any, organiser_id: UUID, ref: str, values: dict[str, Any]) -> str:
    """``made``, ``changed`` or ``unchanged``.  Raises ShowsToCome."""
    venue_id = thing_id(organiser_id, "venue", ref)
    before = await venues.own(connection, venue_id, organiser_id)
    if before is None:
        await venues.make(connection, venue_id, organiser_id, values)
        return "made"
    if all(before[name] == values[name] for name in venues.FIELDS):
        return "unchanged"
    if before["time_zone"] != values["time_zone"] and await venues.has_shows_to_come(connection, venue_id):
        raise ShowsToCome
    await venues.change(connection, venue_id, values)
    return "changed"


async def keep_hall(connection: Any, organiser_id: UUID, ref: str, venue_ref: str, name: str, plan: SeatPlan) -> str:
    hall_id = thing_id(organiser_id, "hall", ref)
    before = await connection.fetchrow(query("hall_own"), hall_id, organiser_id)
    if before is None:
        await halls.make(connection, hall_id, thing_id(organiser_id, "venue", venue_ref), name, plan)
        return "made"
    plan_hash = await halls.keep_plan(connection, plan)
    if before["name"] == name and before["plan_id"] == plan_hash:
        return "unchanged"
    await halls.change(connection, hall_id, organiser_id, name, plan)
    return "changed"


async def keep_event(connection: Any, organiser_id: UUID, ref: str, values: dict[str, Any]) -> str:
    """A new one is a draft; one that was published stays so."""
    event_id = thing_id(organiser_id, "event", ref)
    before = await events.own(connection, event_id, organiser_id)
    if before is None:
        await events.make(connection, event_id, organiser_id, values)
        return "made"
    known = {name: before[name] for name in events.FIELDS} | {"tags": msgspec.json.decode(before["tags"])}
    if known == {name: values[name] for name in events.FIELDS}:
        return "unchanged"
    await events.change(connection, event_id, values)
    return "changed"
