"""Places that partners keep: until they are released, the public sees them as not for sale, and not among those left.

The lane counts them as free, for they are to their partner's customers; only what is shown to everybody differs."""

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from sagas.identity import base32
from sagas.seat_plan import SeatPlan
from sagas.terms import NO_RULES, Allocation, Rules, decode_rules
from store import catalogue
from store.live import SeatsChanged

Keeping = tuple[Allocation, ...]
_encode = msgspec.json.Encoder().encode


def keeping(rules: Rules, now: datetime) -> Keeping:
    """The allocations that are not released yet."""
    return tuple(kept for kept in rules.allocations if kept.release_at is None or now < kept.release_at)


def name_of(kept: Keeping) -> str:
    """What is kept, as a short word: another one when something was released.  Empty where nothing is kept."""
    return f"{zlib.crc32(_encode([allocation.runs for allocation in kept])):08x}" if kept else ""


def sections_of(kept: Keeping, plan: SeatPlan, prefix: str) -> dict[str, str]:
    """The section of each kept place, by the place's id."""
    found = {}
    for allocation in kept:
        for first, count in allocation.runs:
            index = max(at for at, begin in enumerate(plan.firsts) if begin <= first and plan.sections[at].places)
            end = plan.firsts[index] + plan.sections[index].places
            for ordinal in range(first, first + count):
                while ordinal >= end:  # a run may go on in the next section
                    index += 1
                    end = plan.firsts[index] + plan.sections[index].places
                found[f"{prefix}{base32(ordinal)}"] = plan.sections[index].id
    return found


class Kept:
    """The kept places of a show, and which of them are taken: by what was read of them, and by changes since."""

    def __init__(self, sections: Mapping[str, str], taken: Iterable[str]) -> None:
        self._sections = sections
        self._taken = {seat for seat in taken if seat in sections}
        self._free = Counter(section for seat, section in sections.items() if seat not in self._taken)

    def hear(self, change: SeatsChanged) -> None:
        for seat, state in change.changes.items():
            if seat not in self._sections or (state != "free") == (seat in self._taken):
                continue
            if state == "free":
                self._taken.remove(seat)
            else:
                self._taken.add(seat)
            self._free[self._sections[seat]] += 1 if state == "free" else -1

    def hides(self, seat: str, state: str) -> bool:
        """Whether the public sees a seat of this state as blocked."""
        return state == "free" and seat in self._sections

    def left(self, left: Mapping[str, int]) -> dict[str, int]:
        """What is left by section, for the public."""
        return {section: max(0, count - self._free.get(section, 0)) for section, count in left.items()}

    def shown(self, change: SeatsChanged) -> SeatsChanged:
        """A change as the public sees it."""
        states = {seat: "blocked" if self.hides(seat, state) else state for seat, state in change.changes.items()}
        return SeatsChanged(change.version, change.since, states, self.left(change.left))


NOTHING = Kept({}, ())


async def kept_of(kept: Keeping, show_id: UUID, plan: SeatPlan, prefix: str) -> Kept:
    """What is kept of a show, as it is now."""
    if not kept:
        return NOTHING
    sections = sections_of(kept, plan, prefix)
    return Kept(sections, await catalogue.seats_taken([show_id], [list(sections)]))


async def left_of_each(rows: Sequence[Any], now: datetime) -> list[int]:
    """How many places of each show are left to the public."""
    left = [sum(msgspec.json.decode(row["left"]).values()) for row in rows]
    kept = {}
    for at, row in enumerate(rows):
        prefix = base32(row["number"]) + "-"
        runs = [run for allocation in keeping(decode_rules(row["rules"]) or NO_RULES, now) for run in allocation.runs]
        if runs:
            kept[at] = [f"{prefix}{base32(first + step)}" for first, count in runs for step in range(count)]
    if kept:
        taken = set(await catalogue.seats_taken([rows[at]["id"] for at in kept], list(kept.values())))
        for at, seats in kept.items():
            left[at] = max(0, left[at] - sum(seat not in taken for seat in seats))
    return left
