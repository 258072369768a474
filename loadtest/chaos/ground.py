"""The ground of a run: the product on a private stack's parts, its shows, who publishes, and what was seen."""

import asyncio
import contextlib
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg

from loadtest.accounts import make_buyers
from loadtest.bench.ground import Ground
from loadtest.bench.shows import Show, make_shows
from loadtest.bench.wishes import Parcel
from loadtest.chaos.broker import BrokerControl
from loadtest.chaos.crew import Crew, Member
from loadtest.chaos.numbered import Feed
from loadtest.chaos.script import Act
from loadtest.chaos.storm import Storm
from loadtest.chaos.worker import until
from store.settings import settings

#: What a database says that is just gone, or just coming back.
RETRIED = (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError, asyncpg.InterfaceError)
CREW, BUYERS = 3, 12
FEED_SEATS, STORM_SEATS, SPARE_SEATS = 400, 1_000, 60
HOLD_SECONDS = 3_600
DECIDED_LIMIT_SECONDS = 240.0
#: Wishes sent at once, so that a fault always finds some decided, some in flight and some to come.
LOT = 10


class Database:
    """The run's own look at the tables; asked again when the connection was lost with a server that was killed."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def fetch(self, query: str, *arguments: Any) -> list[Any]:
        return list(await self._asked(self._pool.fetch, query, *arguments))

    async def fetchrow(self, query: str, *arguments: Any) -> Any:
        return await self._asked(self._pool.fetchrow, query, *arguments)

    async def fetchval(self, query: str, *arguments: Any) -> Any:
        return await self._asked(self._pool.fetchval, query, *arguments)

    async def execute(self, query: str, *arguments: Any) -> Any:
        return await self._asked(self._pool.execute, query, *arguments)

    async def copy_records_to_table(self, table: str, **rows: Any) -> Any:
        return await self._asked(self._pool.copy_records_to_table, table, **rows)

    async def close(self) -> None:
        await self._pool.close()

    async def _asked(self, ask: Any, *arguments: Any, **named: Any) -> Any:
        for _ in range(200):
            try:
                return await ask(*arguments, **named)
            except RETRIED:
                await asyncio.sleep(0.1)
        return await ask(*arguments, **named)


class Chaos:
    """All that the acts of a run work with, and all that they saw."""

    def __init__(self, folder: Path, seed: int, commands: int, patience: float, say: Callable[[str], None]) -> None:
        self.folder, self.seed, self.commands, self.patience, self.say = folder, seed, commands, patience, say
        self.lanes = [f"show.{number:02d}" for number in range(settings().show_lanes)]
        #: The storm's buyers have nothing to do with this one: its log may lose what nobody was promised.
        self.lone_lane = self.lanes[-1]
        self.broker = BrokerControl(settings().rabbitmq_url, urlsplit(settings().rabbitmq_url).path.lstrip("/"))
        self.product = Ground(folder, say)
        self.database: Any = None
        self.crew: Any = None
        self.feeds: dict[str, Feed] = {}
        self._unnumbered: dict[str, Feed] = {}
        self.spare: dict[str, Show] = {}
        self.roaming: Any = None
        self.storm: Any = None
        self.seen: Counter[str] = Counter()
        self.taken_over: dict[str, list[float]] = {"killed": [], "paused": []}
        self.outages: list[tuple[str, float, float]] = []
        self.stood_still: list[float] = []
        self.left: list[str] = []

    @contextlib.asynccontextmanager
    async def ready(self) -> AsyncIterator[None]:
        """Migrate, start everything, make the shows; everything has ended afterwards but the parts and the data."""
        self.product.database_url = settings().database_url
        try:
            await self.product.command("store.migrate")
            pool = await asyncpg.create_pool(settings().database_url, min_size=0, max_size=4)
            self.database = self.product.database = Database(pool)
            crew = Crew(CREW, {**os.environ, "LOG_FORMAT": "json"}, self.folder, self.database, self.seed)
            async with crew:
                self.crew = crew
                await self.product.start("edge", "saga", "payments", "sweeps")
                await until("every lane open", lambda: len(crew.opened()) >= len(self.lanes), 120)
                await self._make_shows()
                yield
            await self.product.end_all()
        finally:
            await self.product.end_all()
            if self.database is not None:
                await self.database.close()

    async def _make_shows(self) -> None:
        # the first show is made by the product's own command; the others are copies of its row
        await self.product.command("actors.demo", "race", "chaos", "--seats", "4", "--hold-seconds", f"{HOLD_SECONDS}")
        made = await make_shows(self.product, FEED_SEATS, 2 * len(self.lanes), self.lanes)
        spare = await make_shows(self.product, SPARE_SEATS, len(self.lanes), self.lanes)
        [self.roaming] = await make_shows(self.product, FEED_SEATS, 1, self.lanes)
        storm_lanes = self.lanes[:-1]
        asked = await make_shows(self.product, STORM_SEATS, len(storm_lanes), storm_lanes)
        self.spare = {show.lane: show for show in spare}
        each = self.commands // len(self.lanes)
        for lane in self.lanes:
            shows = [show for show in made if show.lane == lane]
            self.feeds[lane] = Feed(settings().rabbitmq_url, lane, shows, each, self.seed)
        host, port = self.product.edge_address
        buyers = await make_buyers(self.database, BUYERS)
        self.storm = Storm(f"http://{host}:{port}", asked, buyers, self.commands // 4, self.seed)

    def lane(self, act: Act) -> str:
        return self.lanes[act.lane]

    async def owner(self, act: Act) -> Member:
        found: Member = await self.crew.owner_of(self.lane(act))
        return found

    @contextlib.contextmanager
    def outage(self, name: str) -> Iterator[None]:
        """While this lasts, the edge must go on answering in time."""
        began = time.monotonic()
        yield
        self.outages.append((name, began, time.monotonic()))
        self.seen[name] += 1

    @contextlib.asynccontextmanager
    async def everybody_at_rest(self) -> AsyncIterator[None]:
        """Nobody publishes, neither the feeds nor the storm's buyers."""
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self.storm.at_rest())
            for feed in self.feeds.values():
                await stack.enter_async_context(feed.at_rest)
            yield

    async def all_decided(self, lanes: list[str]) -> None:
        """Wait until everything numbered on these lanes is decided, and their logs are at rest."""
        for lane in lanes:
            if self.feeds[lane].wishes:
                await self.decided(self.feeds[lane].wishes[-1].booking_id, DECIDED_LIMIT_SECONDS)
        before: list[Any] = []
        for _ in range(100):
            now = await self.database.fetch("SELECT lane, next_offset FROM lane WHERE lane = ANY($1) ORDER BY 1", lanes)
            if now == before:
                return
            before = now
            await asyncio.sleep(0.5)

    async def put(self, lane: str, parcels: list[Parcel]) -> list[str]:
        """Publish messages that have no number, in this order; what each came to."""
        if lane not in self.feeds and lane not in self._unnumbered:
            self._unnumbered[lane] = Feed(settings().rabbitmq_url, lane, [], 0, self.seed)
        feed = self.feeds.get(lane) or self._unnumbered[lane]
        async with feed.at_rest:
            await feed.fill(parcels)
        return [await self._outcome(one) for one in parcels]

    async def _outcome(self, one: Parcel) -> str:
        query = "SELECT outcome FROM journal WHERE lane = $1 AND publish_id = $2"
        decided = await until(
            f"{one.publish_id} decided",
            lambda: self.database.fetchval(query, one.lane, one.publish_id),
            DECIDED_LIMIT_SECONDS,
        )
        return str(decided)

    async def decided(self, booking_id: UUID, seconds: float) -> None:
        await until(
            f"booking {booking_id} decided",
            lambda: self.database.fetchval("SELECT count(*) FROM booking WHERE id = $1", booking_id),
            seconds,
        )

    async def lanes_go_on(self, seconds: float) -> None:
        """Wait until a wish that is published from now on is decided, on every lane."""
        numbers = {lane: len(feed.wishes) for lane, feed in self.feeds.items()}

        async def look() -> bool:
            for lane, number in list(numbers.items()):
                wishes = self.feeds[lane].wishes
                if len(wishes) > number + LOT and await self.database.fetchval(
                    "SELECT count(*) FROM booking WHERE id = $1", wishes[number + LOT].booking_id
                ):
                    del numbers[lane]
            return not numbers

        await until(f"{', '.join(numbers)} going on", look, seconds)

    async def lost(self, lane: str, note: str, seconds: float) -> None:
        """Wait until the lane has said that its log is not what it was."""
        await until(
            f"{lane} said to be {note}",
            lambda: self.database.fetchval(
                "SELECT count(*) FROM lost_command WHERE lane = $1 AND note LIKE $2 || '%'", lane, note
            ),
            seconds,
        )


async def feed_on(feed: Feed, goal: Callable[[], int], is_over: Callable[[int], bool]) -> None:
    """Send lot after lot: at leisure once the goal of the moment is reached, fast while it is behind."""
    while not is_over(len(feed.wishes)):
        await feed.send(LOT)
        await asyncio.sleep(0.35 if len(feed.wishes) >= goal() else 0.005)
