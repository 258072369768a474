"""The buyers' own notes against the tables: what each was told is what was decided, and is still so.

A note is one buyer of one race: its wish, every answer it got, and what it was told in the end (see `loadtest.crowd`).
"""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from loadtest.checks.evidence import Evidence, Finding, RaceNotes

TOLD_IN_TIME = "every buyer of the races was told, within the wait"
TOLD_TRULY = "what each buyer was told is what was decided, seat by seat"
ACCEPTED_JOURNALLED = "every accepted wish is in the journal"
SOLD_RIGHT = "each race sold exactly what it had"
STILL_CONFIRMED = "every confirmation that a buyer saw still stands"

#: Refusals' fields that the lane decided; the rest of a problem is the edge's wording.
DECIDED_FIELDS = ("detail", "taken", "alternatives", "left", "limit", "of", "reason")


@dataclass(frozen=True, slots=True)
class Stored:
    """A buyer's booking as the tables have it, with the row of the journal that decided it."""

    state: str
    show_id: str
    lane: str
    generation: int
    offset: int
    place: int
    seats: frozenset[str]
    refusal: dict[str, Any]
    outcome: str | None


async def check(evidence: Evidence) -> list[Finding]:
    """All checks of the notes; without notes there is nothing to check, and the verdict says so."""
    rows = dict.fromkeys((TOLD_IN_TIME, TOLD_TRULY, ACCEPTED_JOURNALLED, SOLD_RIGHT, STILL_CONFIRMED), 0)
    wrong: dict[str, list[str]] = {name: [] for name in rows}
    for race in evidence.races:
        stored = await _stored(evidence.connection, race)
        journalled = await _journalled(evidence.connection, race.facts["show_id"])
        if len(race.notes) != race.facts["buyers"]:
            wrong[TOLD_IN_TIME].append(
                f"{race.facts['name']}: {len(race.notes)} notes of {race.facts['buyers']} buyers"
            )
        for note in race.notes:
            booking = stored.get(note["buyer_id"])
            about = f"{race.facts['name']}, buyer {note['buyer_id']}"
            rows[TOLD_IN_TIME] += 1
            if fault := time_fault(note, race.facts["told_within_seconds"]):
                wrong[TOLD_IN_TIME].append(f"{about}: {fault}")
            rows[TOLD_TRULY] += 1
            if fault := told_fault(note, booking):
                wrong[TOLD_TRULY].append(f"{about}: {fault}")
            for booking_id in accepted(note):
                rows[ACCEPTED_JOURNALLED] += 1
                if booking_id not in journalled:
                    wrong[ACCEPTED_JOURNALLED].append(f"{about}: {booking_id} was accepted, and no journal row has it")
            if note.get("payment"):
                rows[STILL_CONFIRMED] += 1
                if note["payment"]["status"] != "confirmed" or booking is None or booking.state != "confirmed":
                    state = booking.state if booking else "missing"
                    wrong[STILL_CONFIRMED].append(f"{about}: saw {note['payment']['status']}; the booking is {state}")
        rows[SOLD_RIGHT] += 1
        if fault := await _sold_fault(evidence.connection, race):
            wrong[SOLD_RIGHT].append(f"{race.facts['name']}: {fault}")
    return [Finding(name, rows[name], wrong[name]) for name in rows]


async def _stored(connection: Any, race: RaceNotes) -> dict[str, Stored]:
    found = await connection.fetch(
        """SELECT b.*, j.outcome FROM booking b LEFT JOIN journal j
            ON j.lane = b.lane AND j.generation = b.generation AND j."offset" = b."offset" AND j.booking_id = b.id
        WHERE b.buyer_id = ANY($1::uuid[])""",
        [UUID(note["buyer_id"]) for note in race.notes],
    )
    return {
        str(row["buyer_id"]): Stored(
            row["state"], str(row["show_id"]), row["lane"], row["generation"], row["offset"], row["place"],
            frozenset(place["id"] for place in json.loads(row["seats"])), json.loads(row["refusal"] or "{}"),
            row["outcome"],
        )
        for row in found
    }  # fmt: skip


async def _journalled(connection: Any, show_id: str) -> set[str]:
    query = "SELECT DISTINCT booking_id FROM journal WHERE show_id = $1::uuid AND command = 'hold_seats'"
    return {str(row["booking_id"]) for row in await connection.fetch(query, show_id)}


async def _sold_fault(connection: Any, race: RaceNotes) -> str:
    """Seats that were given in the race: each once, as many as there were, to those who say so."""
    given = [
        place["id"]
        for row in await connection.fetch(
            "SELECT result FROM journal WHERE show_id = $1::uuid AND command = 'hold_seats' AND outcome = 'held'"
            " AND decided",
            race.facts["show_id"],
        )
        for place in json.loads(row["result"])["places"]
    ]
    told = sum(len(note["answers"][-1]["body"].get("seats", [])) for note in race.notes if note["told"] == "held")
    must = race.facts["must_sell"]
    if (len(given), len(set(given)), told) == (must, must, must):
        return ""
    return (
        f"{must} seats were to be given; {len(given)} were, {len(set(given))} different ones, and buyers tell of {told}"
    )


def time_fault(note: dict[str, Any], within_seconds: float) -> str:
    """Why this buyer was not told in time."""
    if note["told"] in ("nothing", "") or note["told"].startswith("error"):
        statuses = [answer["status"] for answer in note["answers"]]
        return f"was told {note['told'] or 'nothing'} in the end; the answers were {statuses}"
    if note["request_seconds"] > within_seconds:
        return f"was told after {note['request_seconds']} s"
    return ""


def told_fault(note: dict[str, Any], booking: Stored | None) -> str:
    """Where the buyer's last answer and the tables differ."""
    if booking is None:
        return f"was told {note['told']}, and there is no booking"
    if booking.show_id != note["show_id"]:
        return f"the booking is of show {booking.show_id}"
    told = note["answers"][-1]["body"]
    if note["told"] == "held":
        where = tuple(told.get(name) for name in ("lane", "generation", "offset", "place"))
        if where != (booking.lane, booking.generation, booking.offset, booking.place):
            return (
                f"was told {where}; it is {booking.lane} {booking.generation}:{booking.offset}, place {booking.place}"
            )
        if booking.outcome != "held" or booking.state not in ("held", "confirmed", "expired"):
            return f"was told held; it was {booking.outcome}, and is {booking.state}"
        seats = frozenset(seat["id"] for seat in told.get("seats", []))
        return "" if seats == booking.seats else f"was told {sorted(seats)}; it has {sorted(booking.seats)}"
    refusal = told.get("refusal") or told
    if (booking.state, booking.outcome, booking.refusal.get("type")) != ("refused", note["told"], note["told"]):
        return f"was told {note['told']}; the journal says {booking.outcome}, and the booking is {booking.state}"
    differing = [name for name in DECIDED_FIELDS if refusal.get(name) != booking.refusal.get(name)]
    if differing:
        return f"the refusal it got differs in {', '.join(differing)}"
    return (
        "" if refusal.get("place") == booking.place else f"was told place {refusal.get('place')}; it is {booking.place}"
    )


def accepted(note: dict[str, Any]) -> set[str]:
    """The booking ids that answers of 202, 201 and 409 named."""
    return {
        str(answer["body"].get("id") or answer["body"].get("booking_id"))
        for answer in note["answers"] if answer["status"] in (201, 202, 409)
    }  # fmt: skip
