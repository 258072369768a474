"""The best available places of a show, found quickly in compact arrays.

"Best" means: the first section in the hall maker's order (seated before standing) that can seat the party side by
side; in it the row nearest the front; in the row the places nearest its middle.  An aisle parts a row.  When no row
can seat the party together, it is split into the fewest groups, each placed by the same rule.

Where single seats are avoided, a row's places that leave no free seat alone between others go before those that do.
A party that asks for an accessible place gets, in the best row that has one, places side by side with as few accessible
ones among them as can be, at least one; where no row has room, an accessible place and the best other places."""

from array import array
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sagas.seat_plan import PlanSection, SeatPlan

FREE = 0
_TAKEN_IS_ONE = bytes([0] + [1] * 255)
#: States that only a choice knows: a free place that is not for everybody, and one that was picked in the making.
_KEPT, _PICKED = 8, 9


class Row(NamedTuple):
    """Ordinals of one row: its blocks between aisles as (first, length), and the ordinal in its middle."""

    section: int
    blocks: tuple[tuple[int, int], ...]
    middle: float


class SeatChoice:
    """Where there is room.  Kept up to date with ``changed``; reads the show's states, which it does not own.

    ``kept`` places are not for everybody: they count as free in ``left``, not in ``open``, and no choice takes them
    unless they are ``opened``.  Where nothing is kept, both counts and both states are one."""

    def __init__(
        self, plan: SeatPlan, states: bytearray, kept: Collection[int] = (), avoid_singles: bool = False
    ) -> None:
        self.plan, self._shown, self.kept, self.avoid_singles = plan, states, kept, avoid_singles
        self.states = states
        if kept:
            self.states = bytearray(states)
            for ordinal in kept:
                self.states[ordinal] = self.states[ordinal] or _KEPT
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
        self.open = self.left
        if kept:
            self.open = [
                self.states[first : first + section.places].count(FREE)
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
            if self.kept:
                self._change_kept(ordinal, section, is_free)
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

    def _change_kept(self, ordinal: int, section: int, is_free: bool) -> None:
        was = self.states[ordinal]
        self.states[ordinal] = _KEPT if is_free and ordinal in self.kept else self._shown[ordinal]
        self.open[section] += (self.states[ordinal] == FREE) - (was == FREE)

    @contextmanager
    def opened(self, ordinals: Collection[int]) -> Iterator[None]:
        """While these kept places are for the one who asks, too."""
        there = [ordinal for ordinal in ordinals if self.states[ordinal] == _KEPT]
        if not there:
            yield
            return
        remembered = self._seated_from, self._standing_from
        self._seated_from, self._standing_from = {}, list(self.plan.firsts)
        self._mark(there, FREE)
        try:
            yield
        finally:
            self._mark(there, _KEPT)
            self._seated_from, self._standing_from = remembered

    def _mark(self, ordinals: list[int], state: int) -> None:
        for ordinal in ordinals:
            self.states[ordinal] = state
            self.open[self.section_of(ordinal)] += 1 if state == FREE else -1
        for row in {self.row_of[ordinal] for ordinal in ordinals} - {-1}:
            self.longest[row] = self._longest(self.rows[row])

    def best(self, quantity: int, sections: list[int], together: bool) -> list[int]:
        """The best free places for a party, or an empty list: not enough, or not side by side when that is asked."""
        if sum(self.open[section] for section in sections) < quantity:
            return []
        ordered = sorted(sections, key=lambda index: self.plan.sections[index].kind == "standing")
        if found := self._together(quantity, ordered):
            return found
        return [] if together else self._in_groups(quantity, ordered)

    def best_accessible(
        self, quantity: int, sections: list[int], together: bool, accessible: Collection[int]
    ) -> list[int]:
        """The best places with an accessible one among them, or an empty list."""
        rows = [row for index in sections for row in self.rows_of_section[index]]
        for row in rows:
            if self.longest[row] >= quantity and (found := self._accessible_in(row, quantity, accessible)):
                return found
        if together:
            return []
        one = next((found for row in rows if (found := self._accessible_in(row, 1, accessible))), [])
        if not one:
            return []
        free = [ordinal for ordinal in accessible if self.states[ordinal] == FREE]
        for spared in (free, one):  # other accessible places are left to others, if that can be
            if rest := self._rest(quantity - 1, sections, self.section_of(one[0]), spared):
                return one + rest
        return []

    def _rest(self, quantity: int, sections: list[int], here: int, spared: list[int]) -> list[int]:
        """The best places beside one that was picked before, in its section rather than elsewhere."""
        kept = bytearray(self.states[ordinal] for ordinal in spared)
        for ordinal in spared:
            self.states[ordinal] = _PICKED
        try:
            ordered = sorted(sections, key=lambda index: self.plan.sections[index].kind == "standing")
            for where in ([here], ordered):
                if rest := self._together(quantity, where, picking=True) or self._in_groups(quantity, where):
                    return rest
            return []
        finally:
            for ordinal, state in zip(spared, kept, strict=True):
                self.states[ordinal] = state

    def _accessible_in(self, row: int, quantity: int, accessible: Collection[int]) -> list[int]:
        """Places side by side in a row, with the fewest accessible ones but one, nearest its middle."""
        middle, half = self.rows[row].middle, (quantity - 1) / 2
        windows = [
            (taken, self.avoid_singles and bool(self.singles(window)), abs(window.start + half - middle), window.start)
            for window in self._windows(row, quantity)
            if (taken := sum(ordinal in accessible for ordinal in window))
        ]
        return list(range(min(windows)[-1], min(windows)[-1] + quantity)) if windows else []

    def _windows(self, row: int, quantity: int) -> Iterator[range]:
        """Free places side by side, so many, wherever the row has them."""
        wanted = bytes(quantity)
        for first, length in self.rows[row].blocks:
            block = self.states[first : first + length]
            at = block.find(wanted)
            while at >= 0:
                yield range(first + at, first + at + quantity)
                at = block.find(wanted, at + 1)

    def singles(self, ordinals: Collection[int]) -> list[int]:
        """The free seats that would be left alone between others, were these taken."""
        alone = []
        for ordinal in sorted({beside for at in ordinals for beside in (at - 1, at + 1)} - set(ordinals)):
            block = self._block_of(ordinal)
            if ordinal not in block or self.states[ordinal] != FREE:
                continue
            beside = [at for at in (ordinal - 1, ordinal + 1) if at in block]
            reached = any(at in ordinals for at in beside)
            if reached and not any(self.states[at] == FREE and at not in ordinals for at in beside):
                alone.append(ordinal)
        return alone

    def _block_of(self, ordinal: int) -> range:
        """The seats between two aisles among which this one is; none for a standing place, or none at all."""
        row = self.row_of[ordinal] if 0 <= ordinal < len(self.row_of) else -1
        if row < 0:
            return range(0)
        return next(
            range(first, first + length) for first, length in self.rows[row].blocks if first <= ordinal < first + length
        )

    def without_singles(self, row: int, quantity: int, near: float) -> list[int]:
        """Places side by side in a row that leave no seat alone, nearest to where one wants to be; or an empty list."""
        windows = [
            (abs(window.start + (quantity - 1) / 2 - near), window.start)
            for window in self._windows(row, quantity)
            if not self.singles(window)
        ]
        return list(range(min(windows)[1], min(windows)[1] + quantity)) if windows else []

    def _together(self, quantity: int, sections: list[int], *, picking: bool = False) -> list[int]:
        """``picking``: some places only look taken, so nothing may be learnt about rows that seem full."""
        for section in sections:
            if self.open[section] < quantity:
                continue
            if self.plan.sections[section].kind == "standing":
                if found := self.standing(section, quantity):
                    return found
                continue
            rows = self.rows_of_section[section]
            row = begin = self._seated_from.get((section, quantity), rows.start)
            while row < rows.stop:
                if self.longest[row] >= quantity:
                    if found := self._in_row(row, quantity):
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

    def _in_row(self, row: int, quantity: int) -> list[int]:
        if self.avoid_singles and (found := self.without_singles(row, quantity, self.rows[row].middle)):
            return found
        return self._middle_of(self.rows[row], quantity)

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

    def standing(self, section: int, quantity: int) -> list[int]:
        """The first free places of a standing area, or an empty list when there are not so many."""
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
