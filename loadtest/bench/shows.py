"""Shows for the bench: rows copied from the template's show by SQL, opened by their lanes like any other show."""

import asyncio
import hashlib
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from loadtest.bench.figures import NotMeasured
from loadtest.bench.ground import Ground
from loadtest.bench.wishes import Parcel, parcel, publish

PRICE_MINOR = 50_000
SEATS_PER_ROW, ROWS_PER_SECTION = 50, 40
OPENING_LIMIT_SECONDS, OPEN_AGAIN_SECONDS = 240.0, 60.0
#: What the template's row gives to a show of ours: everything but this.
OWN_COLUMNS = ("id", "number", "plan_id", "lane", "prices", "rules", "opened", "seats_version", "place", "left", "hash")


@dataclass(frozen=True, slots=True)
class Show:
    id: UUID
    lane: str
    seats: list[str]


async def make_shows(ground: Ground, seats: int, count: int = 1, lanes: list[str] | None = None) -> list[Show]:
    """So many shows of so many seats, on these lanes in turn, open for sale.  Their lane workers must run."""
    sections, plan, body = seat_plan(seats)
    await ground.database.execute(
        "INSERT INTO seat_plan (hash, body, seats) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", plan, body, seats
    )
    prices = [{"section_id": section, "amount": PRICE_MINOR} for section in sections]
    lanes = lanes or ground.show_lanes[:1]
    rows = [await _insert(ground, plan, prices, lanes[number % len(lanes)]) for number in range(count)]
    await _open(ground, rows)
    return [Show(row["id"], row["lane"], await _seat_ids(ground, row["id"]) if count <= 200 else []) for row in rows]


async def make_show(ground: Ground, seats: int, lane: str | None = None) -> Show:
    return (await make_shows(ground, seats, lanes=[lane] if lane else None))[0]


async def unopened_show(ground: Ground, seats: list[str]) -> UUID:
    """A show whose seats are rows only: no lane knows it."""
    row = await _insert(ground, None, [], "none")
    await ground.database.copy_records_to_table(
        "seat", records=[(row["id"], seat) for seat in seats], columns=["show_id", "id"]
    )
    found: UUID = row["id"]
    return found


def seat_plan(seats: int) -> tuple[list[str], str, str]:
    """Section ids, hash and body of a plan of so many seats in equal rows."""
    sections: list[dict[str, Any]] = []
    left = seats
    while left:
        rows: list[list[Any]] = []
        while left and len(rows) < ROWS_PER_SECTION:
            width = min(SEATS_PER_ROW, left)
            label = f"{len(rows) + 1}"
            rows.append([label, [[f"{n + 1}", float(n), float(len(rows))] for n in range(width)]])
            left -= width
        section_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"bench:{seats}:{len(sections)}"))
        section = {"id": section_id, "name": f"Block {len(sections) + 1}", "kind": "seated", "tier": "A", "rows": rows}
        sections.append(section)
    body = json.dumps({"sections": sections}, separators=(",", ":"))
    return [section["id"] for section in sections], hashlib.sha256(body.encode()).hexdigest(), body


async def _insert(ground: Ground, plan: str | None, prices: list[dict[str, Any]], lane: str) -> Any:
    """The template's row again, with what is its own."""
    template = "SELECT * FROM show WHERE opened ORDER BY number LIMIT 1"
    own: dict[str, Any] = {
        "id": str(uuid.uuid4()), "lane": lane, "prices": prices, "rules": None, "opened": False, "seats_version": 0,
        "place": 0, "left": {}, "hash": "", **({"plan_id": plan} if plan else {}),
    }  # fmt: skip
    columns = await ground.database.fetchval(
        "SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = 'show' AND is_generated = 'NEVER'"
    )
    return await ground.database.fetchrow(
        f"INSERT INTO show ({columns}) SELECT {columns} FROM (SELECT (jsonb_populate_record(NULL::show, to_jsonb(t)"
        f" || $1::jsonb || jsonb_build_object('number', nextval('show_number')))).* FROM ({template}) t) made"
        " RETURNING *",
        json.dumps(own),
    )


async def _open(ground: Ground, rows: list[Any]) -> None:
    ids, again_at = [row["id"] for row in rows], 0.0
    deadline = time.monotonic() + OPENING_LIMIT_SECONDS
    while waiting := await ground.database.fetch("SELECT id FROM show WHERE id = ANY($1::uuid[]) AND NOT opened", ids):
        if time.monotonic() > deadline:
            raise NotMeasured(f"{len(waiting)} shows were not opened within {OPENING_LIMIT_SECONDS:.0f} s")
        if time.monotonic() > again_at:
            unopened = {row["id"] for row in waiting}
            await publish([opening(row) for row in rows if row["id"] in unopened])
            again_at = time.monotonic() + OPEN_AGAIN_SECONDS
        await asyncio.sleep(0.05)


def opening(row: Any) -> Parcel:
    """The OpenShow of a show's row."""
    same = ("currency", "hold_seconds", "max_seats_per_booking", "max_seats_per_buyer", "max_live_holds", "number")
    times = ("starts_at", "ends_at", "sale_opens_at", "sale_closes_at")
    message = {
        "name": "open_show", "command_id": str(uuid.uuid5(row["id"], "open")), "show_id": str(row["id"]),
        "plan": row["plan_id"], "prices": json.loads(row["prices"]), **{name: row[name] for name in same},
        **{name: row[name].isoformat() for name in times},
    }  # fmt: skip
    return parcel(row["lane"], message)


async def _seat_ids(ground: Ground, show_id: UUID) -> list[str]:
    """In the order of the hall: ids count through it, and longer ones come later."""
    rows = await ground.database.fetch(
        'SELECT id FROM seat WHERE show_id = $1 ORDER BY length(id), id COLLATE "C"', show_id
    )
    return [row["id"] for row in rows]
