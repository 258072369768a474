"""What the edge knows of shows: enough to refuse a senseless wish at once, and to know the show's lane.

Known shows stay usable while Postgres is down; only a show that was never asked for needs it."""

import asyncio
from collections import OrderedDict
from typing import Any, NamedTuple
from uuid import UUID

import structlog

from sagas.clock import monotonic_seconds
from sagas.identity import base32, ordinal_of
from sagas.seat_plan import SeatPlan, decode
from sagas.terms import NO_RULES, Rules, decode_rules
from store import catalogue
from store.connection import is_operating

log = structlog.get_logger()

FRESH_SECONDS = 3.0
#: A wish is checked against a show that may be older, since its lane decides: nobody waits for Postgres, which answers
#: late just when some other show is stormed.  A show that moves is off sale for longer (edge/operating.py).
WISHED_SECONDS = 12.0
SHOWS_KEPT = 500


class KnownShow(NamedTuple):
    """A show as buyers may see it."""

    row: Any
    plan: SeatPlan
    prefix: str
    sections: frozenset[str]
    standing: frozenset[str]
    rules: Rules

    def has_seat(self, seat: str) -> bool:
        return self.ordinal(seat) >= 0

    def ordinal(self, seat: str) -> int:
        """The seat's place in the plan, or -1 when it is none of this show's."""
        return ordinal_of(seat, self.prefix, self.plan.places)


def known(row: Any, plan: SeatPlan) -> KnownShow:
    """A show by its row, with its seat plan decoded."""
    return KnownShow(
        row,
        plan,
        base32(row["number"]) + "-",
        frozenset(section.id for section in plan.sections),
        frozenset(section.id for section in plan.sections if section.kind == "standing"),
        decode_rules(row["rules"]) or NO_RULES,
    )


class ShowCache:
    def __init__(self) -> None:
        self._shows: OrderedDict[UUID, tuple[KnownShow, float]] = OrderedDict()
        self._loading: dict[UUID, asyncio.Task[KnownShow | None]] = {}

    async def get(self, show_id: UUID) -> KnownShow | None:
        """The show, at most a few seconds old (older while Postgres is down); None when there is none to see."""
        found = self._shows.get(show_id)
        if found is not None and monotonic_seconds() < found[1] + FRESH_SECONDS:
            return found[0]
        try:
            return await asyncio.shield(self._asked(show_id))
        except Exception as error:
            if found is not None and is_operating(error):
                log.warning("show_from_memory", show_id=str(show_id), error=repr(error))
                # whoever wishes next need not wait in vain too
                self._shows[show_id] = (found[0], monotonic_seconds() - FRESH_SECONDS)
                return found[0]
            raise

    async def wished(self, show_id: UUID) -> KnownShow | None:
        """The show as it was lately, for a wish; it is asked for again beside where it is no longer fresh."""
        found, now = self._shows.get(show_id), monotonic_seconds()
        if found is None or now > found[1] + WISHED_SECONDS:
            return await self.get(show_id)
        if now > found[1] + FRESH_SECONDS:
            self._asked(show_id)
        return found[0]

    def _asked(self, show_id: UUID) -> asyncio.Task[KnownShow | None]:
        task = self._loading.get(show_id)
        if task is None:
            task = self._loading[show_id] = asyncio.get_running_loop().create_task(self._load(show_id))
            task.add_done_callback(lambda done: self._loaded(show_id, done))
        return task

    def _loaded(self, show_id: UUID, done: asyncio.Task[KnownShow | None]) -> None:
        if self._loading.get(show_id) is done:
            del self._loading[show_id]
        if not done.cancelled():
            done.exception()  # whoever waits is told; a show that is asked for beside has nobody who does

    def forget(self, show_id: UUID) -> None:
        """The show has changed: ask for it again, and do not believe what was asked for before."""
        self._shows.pop(show_id, None)
        self._loading.pop(show_id, None)

    async def _load(self, show_id: UUID) -> KnownShow | None:
        before = self._shows.get(show_id)
        row = await catalogue.show(show_id, before[0].row["plan_id"] if before else None)
        if row is None:
            show = None
        elif before is not None and row["plan_body"] is None:
            show = known(row, before[0].plan)
        else:
            show = known(row, await asyncio.to_thread(decode, row["plan_body"]))
        if self._loading.get(show_id) is not asyncio.current_task():  # it has changed since it was read
            return show
        self._shows.pop(show_id, None)
        if show is not None:
            self._shows[show_id] = (show, monotonic_seconds())
            if len(self._shows) > SHOWS_KEPT:
                self._shows.popitem(last=False)
        return show
