"""The seat map of a hall as its maker gives it, checked, and drawn as sections of a plan.

Every mistake is told with the field where it stands: `/sections/1/accessible/0`."""

from typing import Annotated

import msgspec

from edge.problems import invalid
from edge.texts import Label, Name, ShortName, Tier
from sagas.hall_drawing import FIRST_ROW, behind, straight_rows
from sagas.seat_plan import PlanRow, PlanSeat, PlanSection

#: A hall as large as the largest stadiums.
PLACES_MAX = 150_000
#: A body that names each seat of such a hall.
HALL_BYTES_MAX = 12_000_000

Coordinate = Annotated[float, msgspec.Meta(ge=-10_000, le=10_000)]
Count = Annotated[int, msgspec.Meta(ge=1, le=2_000)]
#: Row and seat, as "A-1".
SeatName = Annotated[str, msgspec.Meta(min_length=3, max_length=41)]


class SeatBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    label: Label
    x: Coordinate
    y: Coordinate
    accessible: bool = False
    companion: bool = False


class RowBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    label: Label
    seats: Annotated[list[SeatBody], msgspec.Meta(min_length=1, max_length=2_000)]


class SeatedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="seated"):
    """``rows`` is a number (then with ``seats_per_row``), or all rows with the place of each seat."""

    name: ShortName
    tier: Tier
    rows: Count | Annotated[list[RowBody], msgspec.Meta(min_length=1, max_length=2_000)]
    seats_per_row: Count | None = None
    aisles_after: Annotated[list[Count], msgspec.Meta(max_length=20)] = []
    accessible: Annotated[list[SeatName], msgspec.Meta(max_length=5_000)] = []
    companions: Annotated[list[SeatName], msgspec.Meta(max_length=5_000)] = []


class StandingBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="standing"):
    name: ShortName
    tier: Tier
    capacity: Annotated[int, msgspec.Meta(ge=1, le=PLACES_MAX)]


Sections = Annotated[list[SeatedBody | StandingBody], msgspec.Meta(min_length=1, max_length=500)]


class NewHall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    sections: Sections


class HallChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name | None = None
    sections: Sections | None = None


def draw(sections: list[SeatedBody | StandingBody]) -> list[PlanSection]:
    """The sections as drawn; those given by numbers stand one behind the other.  Raises Problem, naming the field."""
    _bound(sections)
    names, drawn, distance = set[str](), [], FIRST_ROW
    for index, section in enumerate(sections):
        at = f"/sections/{index}"
        if section.name in names:
            raise invalid(f"{at}/name", "two sections have this name")
        names.add(section.name)
        if isinstance(section, StandingBody):
            plan = PlanSection("", section.name, "standing", section.tier, capacity=section.capacity)
        else:
            rows = _rows(section, at, distance)
            distance = behind(distance, rows) if isinstance(section.rows, int) else distance
            plan = PlanSection("", section.name, "seated", section.tier, rows)
        drawn.append(plan)
    return drawn


def _bound(sections: list[SeatedBody | StandingBody]) -> None:
    """How many places there will be, before any is drawn."""
    places = 0
    for section in sections:
        if isinstance(section, StandingBody):
            places += section.capacity
        elif isinstance(section.rows, int):
            places += section.rows * (section.seats_per_row or 0)
        else:
            places += sum(len(row.seats) for row in section.rows)
    if places > PLACES_MAX:
        raise invalid("/sections", f"a hall has at most {PLACES_MAX:,} places; these are {places:,}")


def _rows(section: SeatedBody, at: str, distance: float) -> tuple[PlanRow, ...]:
    if isinstance(section.rows, int):
        rows = _counted_rows(section, section.rows, at, distance)
    else:
        rows = _given_rows(section, section.rows, at)
    there = {f"{row.label}-{seat.label}" for row in rows for seat in row.seats}
    for name, named in (("accessible", section.accessible), ("companions", section.companions)):
        for number, seat in enumerate(named):
            if seat not in there:
                raise invalid(f"{at}/{name}/{number}", f"there is no seat {seat} in this section")
    for number, row in enumerate(rows):
        if any(seat.accessible and seat.companion for seat in row.seats):
            raise invalid(f"{at}/rows/{number}", f"a seat of row {row.label} is both accessible and a companion's")
    return rows


def _counted_rows(section: SeatedBody, rows: int, at: str, distance: float) -> tuple[PlanRow, ...]:
    if section.seats_per_row is None:
        raise invalid(f"{at}/seats_per_row", "say how many seats a row has")
    for number, aisle in enumerate(section.aisles_after):
        if aisle >= section.seats_per_row:
            raise invalid(f"{at}/aisles_after/{number}", f"an aisle lies between two of {section.seats_per_row} seats")
        if aisle in section.aisles_after[:number]:
            raise invalid(f"{at}/aisles_after/{number}", "this aisle was given before")
    return straight_rows(
        rows, section.seats_per_row, distance=distance, aisles_after=section.aisles_after,
        accessible=frozenset(section.accessible), companions=frozenset(section.companions),
    )  # fmt: skip


def _given_rows(section: SeatedBody, rows: list[RowBody], at: str) -> tuple[PlanRow, ...]:
    for name, value in (("seats_per_row", section.seats_per_row), ("aisles_after", section.aisles_after)):
        if value:
            raise invalid(f"{at}/{name}", "this goes with a number of rows; here each seat has its place")
    accessible, companions = frozenset(section.accessible), frozenset(section.companions)
    labels, made = set[str](), []
    for number, row in enumerate(rows):
        if row.label in labels:
            raise invalid(f"{at}/rows/{number}/label", "two rows have this label")
        labels.add(row.label)
        seats, seen = [], set[str]()
        for place, seat in enumerate(row.seats):
            if seat.label in seen:
                raise invalid(f"{at}/rows/{number}/seats/{place}/label", "two seats of this row have this label")
            seen.add(seat.label)
            name = f"{row.label}-{seat.label}"
            marks = seat.accessible or name in accessible, seat.companion or name in companions
            seats.append(PlanSeat(seat.label, round(seat.x, 2), round(seat.y, 2), *marks))
        made.append(PlanRow(row.label, tuple(seats)))
    return tuple(made)
