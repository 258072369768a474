"""A stage for one test: its own database and virtual host, shows to book on, workers, and what became of it all."""

import asyncio
import itertools
import os
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import msgspec

from actors.lanes.publisher import NotAccepted, Publisher
from actors.lanes.wire import Options, Sealed, open_body, seal
from loadtest.chaos.broker import BrokerControl
from loadtest.chaos.numbered import Wish
from loadtest.chaos.numbered import winners as naive_winners
from loadtest.chaos.worker import LaneWorker, until
from sagas.identity import derived, new_id, seat_id
from sagas.messages import (
    ConfirmSeats,
    ExpireHold,
    HoldSeats,
    Message,
    OpenShow,
    Price,
    ReleaseSeats,
    ShowLaneMessage,
)
from sagas.seat_plan import PlanRow, PlanSeat, PlanSection, SeatPlan, encode

SHOW_LANES = 2
SAGA_LANES = 1
LANES = ("show.00", "show.01", "saga.00")
ROW_SEATS = 50
FAR = timedelta(days=30)

_numbers = itertools.count(1)
_decode = msgspec.json.Decoder(ShowLaneMessage).decode


def database_url(name: str) -> str:
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


class StagedShow(NamedTuple):
    """A show as its test knows it."""

    id: UUID
    number: int
    lane: str
    opening: OpenShow

    def seat(self, ordinal: int) -> str:
        return seat_id(self.number, ordinal)

    def hold(self, *ordinals: int, buyer: UUID | None = None, booking: UUID | None = None, **more: Any) -> HoldSeats:
        """A wish for these seats, of a buyer of its own unless one is named."""
        booking_id = booking or new_id()
        wish: dict[str, Any] = {
            "command_id": booking_id, "show_id": self.id, "booking_id": booking_id, "buyer_id": buyer or new_id(),
            "body_hash": "hash", "not_after": datetime.now(UTC) + FAR, "seats": tuple(map(self.seat, ordinals)),
            "method": "wallet",
        }  # fmt: skip
        return HoldSeats(**(wish | more))

    def confirm(self, wish: HoldSeats, command_id: UUID | None = None, **more: Any) -> ConfirmSeats:
        ids = {"show_id": self.id, "booking_id": wish.booking_id, "buyer_id": wish.buyer_id} | more
        return ConfirmSeats(command_id=command_id or new_id(), **ids)

    def release(self, wish: HoldSeats) -> ReleaseSeats:
        return ReleaseSeats(
            command_id=new_id(), show_id=self.id, booking_id=wish.booking_id, buyer_id=wish.buyer_id
        )  # fmt: skip

    def expire(self, wish: HoldSeats, held_until: datetime) -> ExpireHold:
        return ExpireHold(
            command_id=new_id(), show_id=self.id, booking_id=wish.booking_id, buyer_id=wish.buyer_id,
            held_until=held_until,
        )  # fmt: skip


class Stage:
    """Everything of one test; workers that it started end with it."""

    def __init__(self, url: str, pool: asyncpg.Pool, broker: BrokerControl, folder: Path) -> None:
        self.database_url, self.pool, self.broker, self._folder = url, pool, broker, folder
        self.publisher = Publisher(broker.url)
        self.workers: list[LaneWorker] = []

    async def close(self) -> None:
        endings = await asyncio.gather(*(worker.end() for worker in self.workers), return_exceptions=True)
        await self.publisher.close()
        await self.pool.close()
        late = [ending for ending in endings if isinstance(ending, BaseException)]
        assert not late, late

    def worker(self, kind: str = "lane", **settings: str) -> LaneWorker:
        """Start a worker process; settings stand for environment variables."""
        environment = {
            **os.environ, "DATABASE_URL": self.database_url, "RABBITMQ_URL": self.broker.url,
            "SHOW_LANES": f"{SHOW_LANES}", "SAGA_LANES": f"{SAGA_LANES}", "LOG_FORMAT": "json", "LOG_LEVEL": "INFO",
            "MAX_LIVE_HOLDS_PER_BUYER": "6", **settings,
        }  # fmt: skip
        worker = LaneWorker(kind, environment, self._folder / f"{kind}-{len(self.workers)}.log")
        self.workers.append(worker)
        worker.start()
        return worker

    async def show(self, seats: int, lane: str = "show.00", opened: bool = True, **terms: Any) -> StagedShow:
        """Insert a show of one section (rows of 50), and have its lane open it."""
        show_id, hall_id, number, now = new_id(), new_id(), next(_numbers), datetime.now(UTC)
        labels = [tuple(map(str, range(row, min(row + ROW_SEATS, seats)))) for row in range(0, seats, ROW_SEATS)]
        rows = tuple(
            PlanRow(f"R{y}", tuple(PlanSeat(label, x, y) for x, label in enumerate(row)))
            for y, row in enumerate(labels)
        )
        section = PlanSection(id=str(derived(hall_id, "section", 0)), name="Stalls", kind="seated", tier="a", rows=rows)
        plan, body = encode(SeatPlan((section,)))
        prices = (Price(section_id=section.id, amount=500),)
        opening = OpenShow(
            command_id=derived(show_id, "open"), show_id=show_id, number=number, plan=plan, currency="INR",
            prices=prices, starts_at=now + FAR, ends_at=now + 2 * FAR,
            sale_opens_at=now - FAR, sale_closes_at=now + FAR,
            hold_seconds=terms.get("hold_seconds", 3600), max_live_holds=terms.get("max_live_holds", 2),
        )  # fmt: skip
        async with self.pool.acquire() as connection, connection.transaction():
            organiser, venue, event = new_id(), new_id(), new_id()
            await connection.execute(
                """INSERT INTO organiser (id, legal_name, support_email, status, operator, created_at)
                VALUES ($1, 'Stage', 'stage@stage.example', 'approved', false, now())""",
                organiser,
            )
            await connection.execute(
                """INSERT INTO venue (id, organiser_id, name, city, country, address, time_zone, opens, closes, active)
                VALUES ($1, $2, 'Stage', 'Pune', 'IN', '1 Road', 'Asia/Kolkata', '00:00', '23:59', true)""",
                venue, organiser,
            )  # fmt: skip
            await connection.execute(
                "INSERT INTO seat_plan (hash, body, seats) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                plan, body, seats,
            )  # fmt: skip
            await connection.execute(
                "INSERT INTO hall (id, venue_id, name, plan_id) VALUES ($1, $2, 'Hall', $3)", hall_id, venue, plan
            )
            await connection.execute(
                """INSERT INTO event (id, organiser_id, title, kind, description, language, rating, tags, status)
                VALUES ($1, $2, 'Play', 'theatre', '', '', '', '[]', 'published')""",
                event, organiser,
            )  # fmt: skip
            await connection.execute(
                """INSERT INTO show (id, number, event_id, hall_id, plan_id, lane, currency, prices, starts_at, ends_at,
                    sale_opens_at, sale_closes_at, hold_seconds, max_seats_per_booking, max_live_holds, opened,
                    cancelled, seats_version, place, "left", hash)
                VALUES ($1, $2, $3, $4, $5, $6, 'INR', $7::jsonb, $8, $9, $10, $11, $12, 10, $13, false, false,
                    0, 0, '{}', '')""",
                show_id, number, event, hall_id, plan, lane, msgspec.json.encode(prices).decode(), opening.starts_at,
                opening.ends_at, opening.sale_opens_at, opening.sale_closes_at, opening.hold_seconds,
                opening.max_live_holds,
            )  # fmt: skip
        show = StagedShow(show_id, number, lane, opening)
        if opened:
            await self.send(lane, opening)
            await until("the show opened", lambda: self.value("SELECT opened FROM show WHERE id = $1", show_id))
        return show

    async def send(self, lane: str, *messages: Message, options: Options | None = None) -> list[Sealed]:
        """Publish in this order, each again until it is accepted: a lane may have no owner yet, or no connection."""
        sealed = [seal(lane, message, options or Options()) for message in messages]
        left = sealed
        for attempt in range(400):
            outcomes = await self.publisher.publish_all(left)
            failed = [at for at, outcome in enumerate(outcomes) if outcome is not None]
            if not failed:
                return sealed
            assert all(isinstance(outcomes[at], NotAccepted) for at in failed), outcomes[failed[0]]
            left = left[failed[0] :] if attempt == 0 else [left[at] for at in failed]
            await asyncio.sleep(0.05)
        raise AssertionError(f"{len(left)} messages were not accepted within 20 s")

    async def value(self, query: str, *arguments: Any) -> Any:
        return await self.pool.fetchval(query, *arguments)

    async def rows(self, query: str, *arguments: Any) -> list[Any]:
        return list(await self.pool.fetch(query, *arguments))

    async def journal(self, lane: str = "show.00") -> list[Any]:
        table = "saga_journal" if lane.startswith("saga.") else "journal"
        messages = "AND part = 0" if lane.startswith("saga.") else ""
        return await self.rows(f'SELECT * FROM {table} WHERE lane = $1 {messages} ORDER BY generation, "offset"', lane)

    async def row_of(self, sealed: Sealed, seconds: float = 20.0) -> Any:
        """The journal's row of this very message, once it is there."""
        table = "saga_journal" if sealed.queue.startswith("saga.") else "journal"
        message = "AND part = 0" if table == "saga_journal" else ""
        return await until(
            f"a row of {sealed.publish_id} in {table}",
            lambda: self.pool.fetchrow(
                f"SELECT * FROM {table} WHERE lane = $1 AND publish_id = $2 {message}", sealed.queue, sealed.publish_id
            ),
            seconds,
        )

    async def bookings(self, show: StagedShow) -> dict[UUID, str]:
        return {row["id"]: row["state"] for row in await self.rows("SELECT * FROM booking WHERE show_id = $1", show.id)}

    async def seats(self, show: StagedShow) -> dict[str, tuple[str, UUID | None]]:
        rows = await self.rows("SELECT id, state, booking_id FROM seat WHERE show_id = $1", show.id)
        return {row["id"]: (row["state"], row["booking_id"]) for row in rows if row["state"] != "free"}

    async def all_decided(self, wishes: Iterable[HoldSeats], seconds: float = 40.0) -> None:
        ids = [wish.booking_id for wish in wishes]
        await until(
            f"{len(ids)} wishes decided",
            lambda: self.value("SELECT count(*) >= $2 FROM booking WHERE id = ANY($1)", ids, len(set(ids))),
            seconds,
        )


def some_wishes(show: StagedShow, count: int, seats: int, seed: int = 7) -> list[HoldSeats]:
    """So many buyers, each with a wish for one or two seats of the show's first ones, drawn by a fixed seed."""
    draw = random.Random(seed)
    return [show.hold(*draw.sample(range(seats), draw.choice((1, 1, 2)))) for _ in range(count)]


def winners(log: list[tuple[int, str, bytes]]) -> dict[UUID, tuple[str, ...]]:
    """Bookings that the naive model gives their seats to, in the order of this log."""
    asked: dict[UUID, Wish] = {}
    for _, _, body in log:
        try:
            command = _decode(open_body(body).message)
        except ValueError:
            continue
        if isinstance(command, HoldSeats) and command.command_id not in asked:
            wish = Wish(len(asked), command.show_id, command.booking_id, command.seats)
            asked[command.command_id] = wish
    return naive_winners([*asked.values()])


def assert_unbroken(journal: list[Any]) -> None:
    """Every row names the offset of the row before it in its generation, and no command was decided twice."""
    before: dict[int, int | None] = {}
    for row in journal:
        previous = before.get(row["generation"])
        assert row["previous_offset"] == previous, f"the chain breaks at {row['generation']}, {row['offset']}"
        before[row["generation"]] = row["offset"]
    if journal and "command_id" in dict(journal[0]):
        decided = [row["command_id"] for row in journal if row["decided"]]
        assert len(decided) == len(set(decided))
    times = [row["decided_at"] for row in journal]
    assert times == sorted(times), "a lane's time went back"


async def assert_as_in_the_log(stage: Stage, show: StagedShow) -> None:
    """The journal is the log, message for message; the winners are the naive model's; seats and bookings agree."""
    log = await stage.broker.log(show.lane)
    await until(
        "the end of the log decided",
        lambda: stage.value("SELECT next_offset > $2 FROM lane WHERE lane = $1", show.lane, log[-1][0]),
    )
    journal = await stage.journal(show.lane)
    assert_unbroken(journal)
    rows = [(row["offset"], row["publish_id"]) for row in journal]
    assert rows[: len(log)] == [(offset, publish_id) for offset, publish_id, _ in log]
    expected = winners(log)
    states = await stage.bookings(show)
    assert {booking for booking, state in states.items() if state == "held"} == set(expected)
    held = {seat: ("held", booking) for booking, seats in expected.items() for seat in seats}
    assert await stage.seats(show) == held
    sagas = {row["id"] for row in await stage.rows("SELECT id FROM saga")}
    assert set(expected) <= sagas
