"""The journal, played again in its order against naive shows: who came first has the seat, and nobody else; at the end
the seats and bookings in the tables are those of the model."""

import json
from typing import Any

from loadtest.checks.evidence import Evidence, Finding
from loadtest.checks.naive_endings import TABLES_FOLLOW, Complaints, Row
from loadtest.checks.naive_show import NaiveShow

ROWS_FETCHED = 2000

ROWS = """SELECT lane, generation, "offset", show_id, booking_id, command, body, inputs, outcome, result, decided,
    decided_at
FROM journal WHERE show_id IS NOT NULL ORDER BY show_id, decided_at, generation, "offset\""""


async def check(evidence: Evidence) -> list[Finding]:
    """Play every show's journal, and compare the end with the tables."""
    complaints, shows = Complaints(), {}
    async for record in evidence.connection.cursor(ROWS, prefetch=ROWS_FETCHED):
        show_id = str(record["show_id"])
        if show_id not in shows:
            shows[show_id] = NaiveShow(show_id, await _plan(evidence.connection, show_id), complaints)
        shows[show_id].take(read_row(record))
    rows = {**complaints.rows, TABLES_FOLLOW: await _compare(evidence.connection, shows, complaints)}
    return [Finding(name, rows[name], complaints.wrong[name]) for name in complaints.wrong]


async def _plan(connection: Any, show_id: str) -> dict[str, Any] | None:
    body = await connection.fetchval(
        "SELECT p.body FROM show w JOIN seat_plan p ON p.hash = w.plan_id WHERE w.id = $1::uuid", show_id
    )
    return json.loads(body) if body else None


async def _compare(connection: Any, shows: dict[str, NaiveShow], complaints: Complaints) -> int:
    """The model's seats and bookings against the tables'; the number of rows compared."""
    modelled = {
        (show.id, seat): (owner, {"held": "held", "confirmed": "sold"}[show.bookings[owner].state])
        for show in shows.values() for seat, owner in show.owner.items()
    }  # fmt: skip
    modelled |= {(show.id, seat): ("None", "blocked") for show in shows.values() for seat in show.blocked}
    seats = await connection.fetch("SELECT show_id, id, state, booking_id FROM seat WHERE state <> 'free'")
    stored = {(str(seat["show_id"]), seat["id"]): (str(seat["booking_id"]), seat["state"]) for seat in seats}
    _differences("seat", modelled, stored, complaints)
    ours = {booking_id: b.state for show in shows.values() for booking_id, b in show.bookings.items()}
    bookings = await connection.fetch("SELECT id, state FROM booking")
    theirs = {str(booking["id"]): booking["state"] for booking in bookings}
    _differences("booking", ours, theirs, complaints)
    return len(stored) + len(theirs)


def _differences(kind: str, modelled: dict[Any, Any], stored: dict[Any, Any], complaints: Complaints) -> None:
    for key in modelled.keys() | stored.keys():
        if modelled.get(key) != stored.get(key):
            what = f"the journal comes to {modelled.get(key)}, the table says {stored.get(key)}"
            complaints.say(TABLES_FOLLOW, f"{kind} {key}", what)


def read_row(record: Any) -> Row:
    return Row(
        lane=record["lane"],
        generation=record["generation"],
        offset=record["offset"],
        command=record["command"],
        booking_id=str(record["booking_id"]),
        outcome=record["outcome"],
        decided=record["decided"],
        decided_at=record["decided_at"],
        message=json.loads(record["body"])["kwargs"]["message"],
        result=json.loads(record["result"]) if record["decided"] else {},
        inputs=json.loads(record["inputs"] or "{}"),
    )
