"""Seat maps: a show's seats with their states, kept ready as bytes, and the changes that follow.

A map is made again only when the show's version has moved, at most twice a second: the stream tells the rest."""

import asyncio
import gzip
import zlib
from collections import OrderedDict, deque
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import structlog

from edge import views
from edge.kept_places import NOTHING, Keeping, Kept, keeping, name_of, public_left
from edge.news import News
from edge.show_cache import KnownShow, ShowCache
from sagas import clock
from sagas.clock import monotonic_seconds
from sagas.identity import base32
from sagas.money import Money
from store import catalogue
from store.live import SeatsChanged, changes_since, decode_seats, seats_channel

log = structlog.get_logger()

MAPS_KEPT = 64
REMAKE_SECONDS = 0.5
#: How often a feed asks Postgres whether it has missed something.
CHECK_SECONDS = 3.0
HISTORY_BATCHES = 256

_encode = msgspec.json.Encoder().encode


class SeatMap(NamedTuple):
    """A map as it is sent."""

    version: int
    body: bytes
    zipped: bytes
    made_at: float
    kept: Keeping
    prices: str

    @property
    def name(self) -> str:
        """What it shows, as its ETag: seats, prices, and what is kept change without one another."""
        prices = f"{zlib.crc32(self.prices.encode()):08x}"
        return ".".join([f"{self.version}", prices, *([name_of(self.kept)] if self.kept else ())])

    def is_of(self, show: KnownShow, kept: Keeping) -> bool:
        """Whether it has the show's prices, and what is kept of it: those change without any seat's changing hands."""
        return self.kept == kept and self.prices == show.row["prices"]


class Feed:
    """The changes of one show, for all who watch it."""

    def __init__(self) -> None:
        self.version = -1
        self.history: deque[SeatsChanged] = deque(maxlen=HISTORY_BATCHES)
        self.moved = asyncio.Event()
        self.watchers = 0
        self.behind = 0
        self.resets = 0
        self.keeping: Keeping = ()
        self.kept = NOTHING

    def hear(self, data: bytes) -> None:
        change = decode_seats(data)
        if change.version <= self.version:
            return
        if self.version >= 0 and change.since != self.version:
            self.history.clear()  # a version was missed: whoever is before it fetches the map again
        self.history.append(change)
        self.version = change.version
        self.wake()

    def lose(self, version: int) -> None:
        """Postgres is ahead, and what lies between was never told; or other places are kept now.  Whoever watches
        fetches the map again."""
        self.history.clear()
        self.version = max(self.version, version)
        self.resets += 1
        self.wake()

    def wake(self) -> None:
        self.moved.set()
        self.moved = asyncio.Event()

    def since(self, version: int) -> SeatsChanged | None:
        """All changes after this version as one; None when they are not all known."""
        after = [change for change in self.history if change.version > version]
        if not after or after[0].since > version:
            return None
        merged: dict[str, str] = {}
        for change in after:
            merged.update(change.changes)
        last = after[-1]
        return self.kept.shown(SeatsChanged(last.version, version, merged, last.left, last.kept), clock.now())


class SeatMaps:
    def __init__(self, redis: Any, news: News, shows: ShowCache) -> None:
        self._redis, self._news, self._shows = redis, news, shows
        self._maps: OrderedDict[UUID, SeatMap] = OrderedDict()
        self._making: dict[UUID, asyncio.Task[SeatMap]] = {}
        self._feeds: dict[UUID, Feed] = {}
        self._checking: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._checking = asyncio.get_running_loop().create_task(self._check())

    async def stop(self) -> None:
        if self._checking:
            self._checking.cancel()

    async def get(self, show: KnownShow) -> SeatMap:
        show_id = show.row["id"]
        known = self._maps.get(show_id)
        if known is not None and known.is_of(show, keeping(show.rules, clock.now())):
            feed = self._feeds.get(show_id)
            told = feed.version if feed is not None else known.version
            fresh = monotonic_seconds() - known.made_at < REMAKE_SECONDS and known.version >= told
            if fresh or (await catalogue.seats_versions([show_id])).get(show_id) == known.version:
                return known
        task = self._making.get(show_id)
        if task is None:
            task = self._making[show_id] = asyncio.get_running_loop().create_task(self._make(show))
            task.add_done_callback(lambda done: self._making.pop(show_id, None) and done.exception())
        return await asyncio.shield(task)

    async def _make(self, show: KnownShow) -> SeatMap:
        row = await catalogue.seats(show.row["id"])
        made = await asyncio.to_thread(_render, show, row, keeping(show.rules, clock.now()))
        self._maps[show.row["id"]] = made
        self._maps.move_to_end(show.row["id"])
        if len(self._maps) > MAPS_KEPT:
            self._maps.popitem(last=False)
        return made

    async def watch(self, show: KnownShow, since: int) -> Feed:
        """The show's feed, which can tell what followed ``since`` if that is still known.  Hand it to ``leave``."""
        show_id: UUID = show.row["id"]
        feed, is_new = self._feeds.get(show_id), show_id not in self._feeds
        if feed is None:
            feed = self._feeds[show_id] = Feed()
        feed.watchers += 1
        try:
            if is_new:
                await self._news.listen(seats_channel(show_id), feed.hear)
            self._keep(show, feed)
            if feed.version < 0 or (feed.version > since and feed.since(since) is None):
                await self._catch_up(show_id, feed, since)
        except BaseException:  # also when the client has left meanwhile
            await self.leave(show_id, feed)
            raise
        return feed

    async def leave(self, show_id: UUID, feed: Feed) -> None:
        feed.watchers -= 1
        if not feed.watchers and self._feeds.get(show_id) is feed:
            del self._feeds[show_id]
            await self._news.unlisten(seats_channel(show_id), feed.hear)

    async def _catch_up(self, show_id: UUID, feed: Feed, since: int) -> None:
        version = (await catalogue.seats_versions([show_id])).get(show_id, 0)
        try:
            kept = await changes_since(self._redis, show_id, since)
        except Exception as error:
            log.warning("changes_unknown", show_id=str(show_id), error=repr(error))
            kept = None
        if kept and kept[-1].version >= feed.version:
            feed.history.clear()
            feed.history.extend(kept)
            feed.version = kept[-1].version
        feed.version = max(feed.version, version)

    def _keep(self, show: KnownShow, feed: Feed) -> None:
        """Have the feed know what partners keep now; whoever watched while they kept other places is told."""
        kept = keeping(show.rules, clock.now())
        if kept == feed.keeping:
            return
        feed.keeping, feed.kept = kept, Kept(kept, show.prefix, show.plan.places)
        feed.lose(feed.version)

    async def _check(self) -> None:
        """Messages may be lost; the version in Postgres says when.  And what partners keep is released at a time."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            if not self._feeds:
                continue
            try:
                versions = await catalogue.seats_versions(list(self._feeds))
            except Exception as error:
                log.warning("versions_unknown", error=repr(error))
                continue
            for show_id, version in versions.items():
                if (feed := self._feeds.get(show_id)) is None:
                    continue
                feed.behind = feed.behind + 1 if version > feed.version else 0
                if feed.behind >= 2:
                    feed.lose(version)
            try:
                await self._check_kept()
            except Exception as error:
                log.warning("keeping_unknown", error=repr(error))

    async def _check_kept(self) -> None:
        """Where something is kept, or was until now: what."""
        keeping = await catalogue.shows_that_keep(list(self._feeds))
        for show_id, feed in list(self._feeds.items()):
            if not (feed.keeping or show_id in keeping):
                continue
            try:
                show = await self._shows.get(show_id)
                if show is None:
                    continue
                self._keep(show, feed)
            except Exception as error:
                log.warning("kept_unknown", show_id=str(show_id), error=repr(error))


def _render(show: KnownShow, row: Any, keeping: Keeping) -> SeatMap:
    states = dict(zip(row["ids"], row["states"], strict=True))
    kept = Kept(keeping, show.prefix, show.plan.places)
    left = public_left(row, clock.now())
    prices = {price["section_id"]: price["amount"] for price in msgspec.json.decode(show.row["prices"])}
    sections, ordinal = [], 0
    for section in show.plan.sections:
        rows = []
        for plan_row in section.rows:
            seats = []
            for seat in plan_row.seats:
                seat_id = f"{show.prefix}{base32(ordinal)}"
                state = states.get(seat_id, "free")
                if kept.hides(ordinal, state):
                    state = "blocked"
                seats.append(
                    views.SeatView(seat_id, seat.label, state, seat.x, seat.y, seat.accessible, seat.companion)
                )
                ordinal += 1
            rows.append(views.RowView(plan_row.label, seats))
        ordinal += section.capacity if section.kind == "standing" else 0
        price = Money(prices[section.id], show.row["currency"])
        sections.append(
            views.SectionMap(
                section.id, section.name, section.kind, section.tier, price, left.get(section.id, section.places), rows
            )
        )
    body = _encode(views.SeatMapView(show.row["id"], row["seats_version"], sections, name_of(keeping)))
    zipped = gzip.compress(body, 3)
    return SeatMap(row["seats_version"], body, zipped, monotonic_seconds(), keeping, show.row["prices"])
