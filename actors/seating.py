"""The show lanes at work: read a batch, decide it in memory, write it in one transaction, tell what follows.

1. Move the lane's offset (``actors/lane_actor.py``); the batch's time comes from this statement.
2. Look up what lanes share: commands met before, buyers' live holds.
3. Decide command after command (``actors/show.py``), folding each outcome into the show in memory, and write bookings,
   seats, sagas and journal in bulk, portion after portion.
4. Write where that leaves shows and buyers.  Commit.
5. Tell: outcomes to waiting edges, seat changes to maps, events to saga lanes.

Whenever a commit is not known to have happened, the memory is dropped: it is only ever what the tables say."""

import asyncio
from collections import OrderedDict
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from actors.batch import PORTION, Batch, Decided, Loaded, Read, hold_of, offer_of, read
from actors.lane_actor import LaneActor
from actors.lanes.publisher import Publisher
from actors.lanes.session import Arrived, Session
from actors.show import STATES, Show
from sagas.identity import base32, ordinal_of
from sagas.seat_plan import SeatPlan
from sagas.seat_plan import decode as decode_plan
from store import decisions, live
from store.catalogue import terms_of
from store.decisions import ShowRows

log = structlog.get_logger()

#: Seat plans kept decoded; shows share them.
PLANS_KEPT = 64
#: Messages decided before other lanes of this process have a turn: a quiet show does not wait for a stormed one.
YIELD_AFTER = 16


class ShowLanes(LaneActor[Read, Decided]):
    """The show lanes of this worker process."""

    def __init__(self, publisher: Publisher, redis: Any, owner: str) -> None:
        super().__init__(publisher, owner)
        self._redis = redis
        self._plans: OrderedDict[str, SeatPlan] = OrderedDict()

    def read(self, arrived: Arrived) -> Read:
        return read(arrived)

    async def decide(self, connection: Any, session: Session, now: datetime, batch: list[Read], poison: int) -> Decided:
        work = Batch(self._load, session, connection, now)
        await work.look_up(batch)
        try:
            for begin in range(0, len(batch), PORTION):
                for number, message in enumerate(batch[begin : begin + PORTION], 1):
                    await work.decide(message, poison)
                    if number % YIELD_AFTER == 0:
                        await asyncio.sleep(0)
                await work.write_portion()
            return await work.finish()
        finally:
            await work.abandon()

    async def tell(self, decided: Decided) -> None:
        try:
            await live.announce(self._redis, decided.news)
        except Exception as error:
            log.warning("outcomes_not_told", error=repr(error), hint="waiting edges ask Postgres at their deadline")
        await self.publish("events", decided.events)

    async def _load(self, connection: Any, lane: str, show_ids: list[UUID]) -> dict[UUID, Loaded]:
        """These shows as the tables say."""
        rows = await decisions.shows(connection, show_ids)
        return {show_id: await self._loaded(connection, lane, show_id, rows.get(show_id)) for show_id in show_ids}

    async def _loaded(self, connection: Any, lane: str, show_id: UUID, rows: ShowRows | None) -> Loaded:
        if rows is None or rows.show["lane"] != lane:
            return "elsewhere" if rows else "no such show"
        if not rows.show["opened"]:
            return None
        try:
            return restored(rows, await self._plan(connection, rows.show["plan_id"]))
        except (ValueError, KeyError, IndexError) as error:
            log.error("show_quarantined", show_id=str(show_id), exc_info=error)
            return repr(error)

    async def _plan(self, connection: Any, plan_hash: str) -> SeatPlan:
        plan = self._plans.pop(plan_hash, None) or decode_plan(await decisions.plan(connection, plan_hash))
        self._plans[plan_hash] = plan
        if len(self._plans) > PLANS_KEPT:
            self._plans.popitem(last=False)
        return plan


def restored(rows: ShowRows, plan: SeatPlan) -> Show:
    """A show as its rows tell.  Raises ValueError, KeyError or IndexError where they make no sense."""
    row, prefix = rows.show, base32(rows.show["number"]) + "-"
    states = bytearray(plan.places)
    for seat in rows.seats_not_free:
        states[ordinal_of(seat["id"], prefix, plan.places)] = STATES[seat["state"]]
    show = Show(row["id"], terms_of(row), plan, states)
    show.cancelled, show.places, show.seats_version = row["cancelled"], row["place"], row["seats_version"]
    show.hash, show.off_sale_until, show.moved_at = row["hash"], row["off_sale_until"], row["moved_at"]
    show.coupons = rows.coupons
    show.listings = {row["id"]: offer_of(row) for row in rows.listings}
    for booking in rows.bookings_live:
        show.remember(booking["id"], hold_of(show, booking))
    return show
