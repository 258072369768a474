"""Small halls for tests, and the rule of the best places as ``seat_choice`` documents it, without cleverness."""

from collections.abc import Collection
from itertools import pairwise

from sagas.seat_plan import PlanRow, PlanSeat, PlanSection, SeatPlan

TAKEN = 2


def row(label: str, *blocks: int, accessible: tuple[int, ...] = (), companions: tuple[int, ...] = ()) -> PlanRow:
    """A row whose blocks have so many seats each, with an aisle between; some of them (from 0) of special use."""
    seats, x = [], 0.0
    for block in blocks:
        for at in range(block):
            n = len(seats)
            seats.append(PlanSeat(str(n + 1), x + at, 0.0, n in accessible, n in companions))
        x += block + 1.0
    return PlanRow(label, tuple(seats))


def seated(name: str, *rows: PlanRow) -> PlanSection:
    return PlanSection(id=name, name=name, kind="seated", tier="A", rows=rows)


def standing(name: str, capacity: int) -> PlanSection:
    return PlanSection(id=name, name=name, kind="standing", tier="B", capacity=capacity)


class Naive:
    """The rule as ``seat_choice`` documents it, looked up from scratch each time.  What is kept counts as taken."""

    def __init__(
        self, plan: SeatPlan, states: bytearray, kept: Collection[int] = (), avoid_singles: bool = False
    ) -> None:
        self.plan, self.states, self.avoid_singles = plan, bytearray(states), avoid_singles
        for ordinal in kept:
            self.states[ordinal] = TAKEN

    def best(self, quantity: int, sections: list[int], together: bool) -> list[int]:
        seats_first = sorted(sections, key=lambda index: self.plan.sections[index].kind == "standing")
        if sum(self._left(index) for index in sections) < quantity:
            return []
        if found := self._side_by_side(quantity, seats_first):
            return found
        if together:
            return []
        picked: list[int] = []
        while len(picked) < quantity:
            sizes = range(min(quantity - 1, quantity - len(picked)), 0, -1)
            group = next(filter(None, (self._side_by_side(size, seats_first) for size in sizes)), [])
            if not group:
                return []
            for ordinal in group:
                self.states[ordinal] = TAKEN
            picked += group
        return picked

    def best_accessible(
        self, quantity: int, sections: list[int], together: bool, accessible: Collection[int]
    ) -> list[int]:
        if found := self._with_accessible(quantity, sections, accessible):
            return found
        one = [] if together else self._with_accessible(1, sections, accessible)
        if not one:
            return []
        [here] = [index for index in sections if one[0] in self._places(index)]
        for spared in (accessible, one):
            for where in ([here], sections):
                rest = Naive(self.plan, self.states, spared, self.avoid_singles).best(quantity - 1, where, False)
                if rest:
                    return one + rest
        return []

    def _places(self, index: int) -> range:
        return range(self.plan.firsts[index], self.plan.firsts[index] + self.plan.sections[index].places)

    def _with_accessible(self, size: int, sections: list[int], accessible: Collection[int]) -> list[int]:
        for index in sections:
            first = self.plan.firsts[index]
            for line in self.plan.sections[index].rows:
                found = {
                    begin: sum(at in accessible for at in range(first + begin, first + begin + size))
                    for begin in self._windows(size, line, first)
                }
                found = {begin: count for begin, count in found.items() if count}
                if found:
                    best = min(
                        found,
                        key=lambda at: (found[at], self._lonely(line, first, at, size), self._away(line, at, size)),
                    )
                    return list(range(first + best, first + best + size))
                first += len(line.seats)
        return []

    def _left(self, index: int) -> int:
        return sum(self.states[at] == 0 for at in self._places(index))

    def _side_by_side(self, size: int, sections: list[int]) -> list[int]:
        for index in sections:
            section, first = self.plan.sections[index], self.plan.firsts[index]
            if section.kind == "standing":
                places = [at for at in range(first, first + section.capacity) if self.states[at] == 0]
                if len(places) >= size:
                    return places[:size]
                continue
            for line in section.rows:
                if found := self._in_row(size, line, first):
                    return found
                first += len(line.seats)
        return []

    def _in_row(self, size: int, line: PlanRow, first: int) -> list[int]:
        best = min(
            self._windows(size, line, first),
            key=lambda begin: (self._lonely(line, first, begin, size), self._away(line, begin, size)),
            default=None,
        )
        return [] if best is None else list(range(first + best, first + best + size))

    def _windows(self, size: int, line: PlanRow, first: int) -> list[int]:
        gaps = aisles(line)
        return [
            begin
            for begin in range(len(line.seats) - size + 1)
            if not any(gaps[begin : begin + size - 1]) and not any(self.states[first + begin : first + begin + size])
        ]

    def _away(self, line: PlanRow, begin: int, size: int) -> float:
        return abs(begin + (size - 1) / 2 - (len(line.seats) - 1) / 2)

    def _lonely(self, line: PlanRow, first: int, begin: int, size: int) -> bool:
        return self.avoid_singles and bool(self.singles(line, first, set(range(begin, begin + size))))

    def singles(self, line: PlanRow, first: int, taken: Collection[int]) -> list[int]:
        """Seats of the row (from 0) that are alone once these are taken, and were not before."""
        before = [self.states[first + at] == 0 for at in range(len(line.seats))]
        after = [free and at not in taken for at, free in enumerate(before)]
        return [at for at in range(len(before)) if alone(line, after, at) and not alone(line, before, at)]


def aisles(line: PlanRow) -> list[bool]:
    return [other.x - one.x > 1.5 for one, other in pairwise(line.seats)]


def alone(line: PlanRow, free: list[bool], at: int) -> bool:
    """Whether a free seat has no free neighbour on its side of an aisle."""
    gaps = aisles(line)
    left = at > 0 and not gaps[at - 1] and free[at - 1]
    right = at + 1 < len(free) and not gaps[at] and free[at + 1]
    return free[at] and not left and not right
