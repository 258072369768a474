"""The best available places of a show, found quickly in compact arrays.

"Best" means: the first section in the hall maker's order (seated before standing) that can seat the party side by
side; in it the row nearest the front; in the row the places nearest its middle.  An aisle parts a row.  When no row
can seat the party together, it is split into the fewest groups, each placed by the same rule."""

from array import array
from typing import NamedTuple

from sagas.seat_plan import PlanSection, SeatPlan

FREE = 0
_TAKEN_IS_ONE = bytes([0] + [1] * 255)
#: A state that only a choice in the making uses, for places it has already picked.
_PICKED = 9


class Row(NamedTuple):
    """Ordinals of one row: its blocks between aisles as (first, length), and the ordinal in its middle."""

    section: int
    blocks: tuple[tuple[int, int], ...]
    middle: float


class SeatChoice:
    """Where there is room.  Kept up to date with ``changed``; reads the show's states, which it does not own."""

    def __init__(self, plan: SeatPlan, states: bytearray) -> None:
        self.plan, self.states = plan, states
        self.rows: list[Row] = []
        self.rows_of_section: list[range] = []
        self.row_of = array("i", [-1]) * plan.places
        for index, section in enumerate(plan.sections):
            begin = len(self.rows)
            if section.kind == "seated":
                self._add_rows(index, section, plan.firsts[index])
            self.rows_of_section.append(range(begin, len(self.rows)))
        #: No free run of the row is longer than this; it is counted again when somebody looks for room there.
        self.longest = array("i", (sum(length for _, length in row.blocks) for row in self.rows))
        self.left = [
            states[first : first + section.places].count(FREE)
            for first, section in zip(plan.firsts, plan.sections, strict=True)
        ]
        #: No row of the section before this one has so long a free run; for standing, no place before it is free.
        self._seated_from: dict[tuple[int, int], int] = {}
        self._standing_from = list(plan.firsts)

    def section_of(self, ordinal: int) -> int:
        row = self.row_of[ordinal]
        if row >= 0:
            return self.rows[row].section
        firsts = self.plan.firsts
        return max(i for i, first in enumerate(firsts) if first <= ordinal and self.plan.sections[i].places)

    def changed(self, ordinals: list[int], was_free: bool, is_free: bool) -> None:
        """The states of these places have changed."""
        step = is_free - was_free
        for ordinal in ordinals:
            row = self.row_of[ordinal]
            section = self.section_of(ordinal)
            self.left[section] += step
            if row < 0:
                if is_free:
                    self._standing_from[section] = min(self._standing_from[section], ordinal)
                continue
            if is_free:
                self.longest[row] = self._longest(self.rows[row])
                for size in range(1, self.longest[row] + 1):
                    known = self._seated_from.get((section, size))
                    if known is not None and known > row:
                        self._seated_from[section, size] = row

    def best(self, quantity: int, sections: list[int], together: bool) -> list[int]:
        """The best free places for a party, or an empty list: not enough, or not side by side when that is asked."""
        if sum(self.left[section] for section in sections) < quantity:
            return []
        ordered = sorted(sections, key=lambda index: self.plan.sections[index].kind == "standing")
        if found := self._together(quantity, ordered):
            return found
        return [] if together else self._in_groups(quantity, ordered)

    def _together(self, quantity: int, sections: list[int], *, picking: bool = False) -> list[int]:
        """``picking``: some places only look taken, so nothing may be learnt about rows that seem full."""
        for section in sections:
            if self.left[section] < quantity:
                continue
            if self.plan.sections[section].kind == "standing":
                if found := self._standing(section, quantity):
                    return found
                continue
            rows = self.rows_of_section[section]
            row = begin = self._seated_from.get((section, quantity), rows.start)
            while row < rows.stop:
                if self.longest[row] >= quantity:
                    if found := self._middle_of(self.rows[row], quantity):
                        self._remember(section, quantity, begin, row)
                        return found
                    if not picking:
                        self.longest[row] = self._longest(self.rows[row])
                row += 1
            self._remember(section, quantity, begin, row)
        return []

    def _remember(self, section: int, quantity: int, begin: int, row: int) -> None:
        """Rows passed over for want of room stay passed over until one of their places is freed."""
        while begin < row and self.longest[begin] < quantity:
            begin += 1
        self._seated_from[section, quantity] = begin

    def _in_groups(self, quantity: int, sections: list[int]) -> list[int]:
        picked: list[int] = []
        kept = bytearray()
        try:
            size = quantity - 1
            while size and len(picked) < quantity:
                group = self._together(min(size, quantity - len(picked)), sections, picking=True)
                for ordinal in group:
                    kept.append(self.states[ordinal])
                    self.states[ordinal] = _PICKED
                picked += group
                size -= not group
        finally:
            for ordinal, state in zip(picked, kept, strict=True):
                self.states[ordinal] = state
        return picked if len(picked) == quantity else []

    def _middle_of(self, row: Row, quantity: int) -> list[int]:
        wanted = bytes(quantity)
        best, distance = -1, float("inf")
        half = (quantity - 1) / 2
        for first, length in row.blocks:
            block = self.states[first : first + length]
            at = block.find(wanted)
            while at >= 0:
                away = abs(first + at + half - row.middle)
                if away < distance:
                    best, distance = first + at, away
                at = block.find(wanted, at + 1)
        return list(range(best, best + quantity)) if best >= 0 else []

    def _standing(self, section: int, quantity: int) -> list[int]:
        first = self.plan.firsts[section]
        end = first + self.plan.sections[section].places
        found: list[int] = []
        at = self.states.find(FREE, self._standing_from[section], end)
        if at >= 0:
            self._standing_from[section] = at
        while at >= 0 and len(found) < quantity:
            found.append(at)
            at = self.states.find(FREE, at + 1, end)
        return found if len(found) == quantity else []

    def _longest(self, row: Row) -> int:
        longest = 0
        for first, length in row.blocks:
            runs = self.states[first : first + length].translate(_TAKEN_IS_ONE).split(b"\1")
            longest = max(longest, len(max(runs, key=len)))
        return longest

    def _add_rows(self, index: int, section: PlanSection, first: int) -> None:
        for row in section.rows:
            blocks, begin = [], 0
            for at in range(1, len(row.seats) + 1):
                if at == len(row.seats) or abs(row.seats[at].x - row.seats[at - 1].x) > 1.5:
                    blocks.append((first + begin, at - begin))
                    begin = at
            for at in range(len(row.seats)):
                self.row_of[first + at] = len(self.rows)
            self.rows.append(Row(index, tuple(blocks), first + (len(row.seats) - 1) / 2))
            first += len(row.seats)
