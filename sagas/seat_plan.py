"""A seat plan: every place of a hall, in the order of its ordinals.  Immutable; named by the hash of its content."""

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Literal

import msgspec


class PlanSeat(msgspec.Struct, frozen=True, array_like=True):
    """One seat: its label within the row, and where it is drawn (a seat's width is 1).

    An accessible seat is kept for those who ask for one, a companion's seat beside it for whoever comes along."""

    label: str
    x: float
    y: float
    accessible: bool = False
    companion: bool = False


class PlanRow(msgspec.Struct, frozen=True, array_like=True):
    label: str
    seats: tuple[PlanSeat, ...]


class PlanSection(msgspec.Struct, frozen=True):
    """A part of the hall.  A standing section has a capacity and no rows."""

    id: str
    name: str
    kind: Literal["seated", "standing"]
    tier: str
    rows: tuple[PlanRow, ...] = ()
    capacity: int = 0

    @property
    def places(self) -> int:
        return self.capacity if self.kind == "standing" else sum(len(row.seats) for row in self.rows)


class SeatPlan(msgspec.Struct, frozen=True, dict=True):
    """Sections as the hall's maker lists them: best first.  Ordinals count through sections, rows and seats."""

    sections: tuple[PlanSection, ...]

    @cached_property
    def places(self) -> int:
        return sum(section.places for section in self.sections)

    @cached_property
    def accessible(self) -> frozenset[int]:
        """The ordinals of the accessible seats."""
        return self._marked(lambda seat: seat.accessible)

    @cached_property
    def companions(self) -> frozenset[int]:
        """The ordinals of the seats of companions."""
        return self._marked(lambda seat: seat.companion)

    def _marked(self, is_so: Callable[[PlanSeat], bool]) -> frozenset[int]:
        marked = set()
        for section, first in zip(self.sections, self.firsts, strict=True):
            seats = (seat for row in section.rows for seat in row.seats)
            marked |= {ordinal for ordinal, seat in enumerate(seats, first) if is_so(seat)}
        return frozenset(marked)

    @cached_property
    def firsts(self) -> tuple[int, ...]:
        """The ordinal of each section's first place."""
        firsts, ordinal = [], 0
        for section in self.sections:
            firsts.append(ordinal)
            ordinal += section.places
        return tuple(firsts)

    def by_section(self, runs: Iterable[tuple[int, int]]) -> Iterator[tuple[str, int, int]]:
        """Runs of places (first, how many) as (section id, first, end): one may go on in the next section."""
        ends = (*self.firsts[1:], self.places)
        for first, count in runs:
            index, end = bisect_right(self.firsts, first) - 1, first + count
            while first < end:
                here = min(end, ends[index])
                if first < here:
                    yield self.sections[index].id, first, here
                first, index = here, index + 1


def encode(plan: SeatPlan) -> tuple[str, str]:
    """The plan's hash and its content as text."""
    body = msgspec.json.encode(plan)
    return hashlib.sha256(body).hexdigest(), body.decode()


def decode(body: str) -> SeatPlan:
    return msgspec.json.decode(body, type=SeatPlan)


def row_label(index: int) -> str:
    """A…Z, AA…: rows as theatres letter them."""
    label = ""
    index += 1
    while index:
        index, letter = divmod(index - 1, 26)
        label = chr(ord("A") + letter) + label
    return label
