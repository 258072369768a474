"""A hall drawn from what its maker says: so many rows of so many seats, with aisles; every seat gets its place.

All sections of a hall share one picture: the middle of the stage's edge is (0, 0), ``y`` grows away from the stage, a
seat's width is 1.  Within a row the step from seat to seat is 1, and 2 across an aisle: by a step above 1.5 the rest of
the product knows that an aisle parts two seats."""

from collections.abc import Sequence

from sagas.seat_plan import PlanRow, PlanSeat, row_label

#: What an aisle adds to the step between two seats.
AISLE_WIDTH = 1.0
#: From one row to the next, from the stage to the first, and between two sections.
ROW_DEPTH = 1.4
FIRST_ROW = 4.0
SECTION_GAP = 2.0


def straight_rows(
    rows: int,
    seats_per_row: int,
    *,
    distance: float,
    first_row: int = 0,
    aisles_after: Sequence[int] = (),
    curve: float = 0.0,
    accessible: Sequence[str] | frozenset[str] = (),
    companions: Sequence[str] | frozenset[str] = (),
) -> tuple[PlanRow, ...]:
    """Rows across the hall, the first one at this ``distance`` from the stage and lettered by ``first_row`` (0 is A).

    ``curve`` bends the ends towards the stage; ``accessible`` and ``companions`` name seats as row-seat,
    ``"A-1"``."""
    across = [AISLE_WIDTH * sum(aisle <= seat for aisle in aisles_after) + seat for seat in range(seats_per_row)]
    middle = across[-1] / 2
    made = []
    for row in range(rows):
        label = row_label(first_row + row)
        seats = []
        for number, at in enumerate(across, 1):
            x = at - middle
            y = distance + row * ROW_DEPTH - curve * x * x
            name = f"{label}-{number}"
            seats.append(PlanSeat(str(number), round(x, 2), round(y, 2), name in accessible, name in companions))
        made.append(PlanRow(label, tuple(seats)))
    return tuple(made)


def behind(distance: float, rows: Sequence[PlanRow]) -> float:
    """Where the next section begins, behind these rows, or at ``distance`` when they are none."""
    return max([distance, *(seat.y + SECTION_GAP + ROW_DEPTH for row in rows for seat in row.seats)])
