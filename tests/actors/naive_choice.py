"""Small halls for tests, and the rule of the best places as ``seat_choice`` documents it, without cleverness."""

from itertools import pairwise

from sagas.seat_plan import PlanRow, PlanSeat, PlanSection, SeatPlan

TAKEN = 2


def row(label: str, *blocks: int) -> PlanRow:
    """A row whose blocks have so many seats each, with an aisle between."""
    seats, x = [], 0.0
    for block in blocks:
        seats += [PlanSeat(str(len(seats) + at + 1), x + at, 0.0) for at in range(block)]
        x += block + 1.0
    return PlanRow(label, tuple(seats))


def seated(name: str, *rows: PlanRow) -> PlanSection:
    return PlanSection(id=name, name=name, kind="seated", tier="A", rows=rows)


def standing(name: str, capacity: int) -> PlanSection:
    return PlanSection(id=name, name=name, kind="standing", tier="B", capacity=capacity)


class Naive:
    """The rule as ``seat_choice`` documents it, looked up from scratch each time."""

    def __init__(self, plan: SeatPlan, states: bytearray) -> None:
        self.plan, self.states = plan, bytearray(states)

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

    def _left(self, index: int) -> int:
        first = self.plan.firsts[index]
        return self.states[first : first + self.plan.sections[index].places].count(0)

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
        gaps = [other.x - one.x > 1.5 for one, other in pairwise(line.seats)]
        middle = (len(line.seats) - 1) / 2
        found = [
            begin
            for begin in range(len(line.seats) - size + 1)
            if not any(gaps[begin : begin + size - 1]) and not any(self.states[first + begin : first + begin + size])
        ]
        best = min(found, key=lambda begin: abs(begin + (size - 1) / 2 - middle), default=None)
        return [] if best is None else list(range(first + best, first + best + size))
