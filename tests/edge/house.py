"""An organiser with a venue, a hall and events of its own, who puts on shows by the API."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from box_office import Buyer, Buyers

from sagas.identity import derived, new_id
from sagas.seat_plan import SeatPlan, encode
from tests.actors.naive_choice import row, seated, standing


@dataclass(frozen=True)
class House:
    id: UUID
    manager: Buyer
    rows: asyncpg.Pool
    venue: UUID
    hall: UUID
    stalls: str
    floor: str

    async def event(self, status: str = "published", duration: int | None = 120) -> UUID:
        event = new_id()
        await self.rows.execute(
            """INSERT INTO event (id, organiser_id, title, kind, description, language, rating, tags, status,
                duration_minutes) VALUES ($1, $2, $3, 'other', '', '', '', '[]', $4, $5)""",
            event, self.id, f"Evening {event}", status, duration,
        )  # fmt: skip
        return event

    def show(self, **more: Any) -> dict[str, Any]:
        """A body that is right but for what is changed; each starts at a time of its own."""
        starts = datetime.now(UTC) + timedelta(days=30, seconds=new_id().int % 10**9)
        prices = [{"section_id": self.stalls, "amount": 50_000}, {"section_id": self.floor, "amount": 20_000}]
        usual = {"hall_id": str(self.hall), "starts_at": starts.isoformat(), "currency": "INR", "prices": prices}
        return usual | more

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        return await self.manager.ask(method, path, **more)

    async def put_on(self, event: UUID | None = None, **more: Any) -> dict[str, Any]:
        event = event or await self.event()
        answer = await self.ask("POST", f"/v1/events/{event}/shows", json=self.show(**more))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def seats(self, show: dict[str, Any]) -> list[str]:
        found = (await self.ask("GET", f"/v1/shows/{show['id']}/seats")).json()
        return [seat["id"] for section in found["sections"] for line in section["rows"] for seat in line["seats"]]


async def make_house(
    rows: asyncpg.Pool, buyers: Buyers, zone: str = "Asia/Kolkata", opens: str = "00:00", closes: str = "00:00"
) -> House:
    """A body with a manager, and a venue with a hall of one section of two rows of 6 and a floor of 5."""
    organiser, venue, hall, manager = new_id(), new_id(), new_id(), await buyers.make(role="organiser")
    await rows.execute(
        """INSERT INTO organiser (id, legal_name, support_email, status, operator, created_at)
        VALUES ($1, 'House', 'house@example.com', 'approved', false, now())""",
        organiser,
    )
    await rows.execute(
        "INSERT INTO organiser_member (id, organiser_id, user_id, role, since) VALUES ($1, $2, $3, 'manager', now())",
        new_id(), organiser, manager.id,
    )  # fmt: skip
    await rows.execute(
        """INSERT INTO venue (id, organiser_id, name, city, country, address, time_zone, opens, closes, active)
        VALUES ($1, $2, 'House', 'Pune', 'IN', '1 Road', $3, $4, $5, true)""",
        venue, organiser, zone, opens, closes,
    )  # fmt: skip
    stalls, floor = (str(derived(hall, "section", index)) for index in (0, 1))
    lines = (row("A", 6), row("B", 6, accessible=(0,), companions=(1,)))
    plan, body = encode(SeatPlan((seated(stalls, *lines), standing(floor, 5))))
    await rows.execute("INSERT INTO seat_plan (hash, body, seats) VALUES ($1, $2, 17)", plan, body)
    await rows.execute("INSERT INTO hall (id, venue_id, name, plan_id) VALUES ($1, $2, 'Hall', $3)", hall, venue, plan)
    return House(organiser, manager, rows, venue, hall, stalls, floor)
