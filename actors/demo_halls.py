"""The demo's halls, drawn seat by seat: from an 80-seat club to an arena for 20,000.

Pure geometry, in the picture that ``sagas.hall_drawing`` tells of.  Sections are listed best first."""

from math import cos, radians, sin

from sagas.hall_drawing import ROW_DEPTH, straight_rows
from sagas.seat_plan import PlanRow, PlanSeat, PlanSection, row_label


def wedge_rows(rows: int, first_seats: int, *, centre: float, distance: float, angle: float) -> tuple[PlanRow, ...]:
    """A block of a bowl: rows that look at (0, ``centre``), the first one ``distance`` from it.

    ``angle`` in degrees is where the block stands: 0 opposite the stage, 90 on the right of the picture.  Every second
    row has a seat more, as the bowl widens.  Seat 1 is on the left of people who sit there."""
    out_x, out_y = sin(radians(angle)), cos(radians(angle))
    right_x, right_y = out_y, -out_x
    made = []
    for row in range(rows):
        away, width = distance + row * ROW_DEPTH, first_seats + row // 2
        offsets = [number - (width - 1) / 2 for number in range(width)]
        seats = tuple(
            PlanSeat(
                str(number),
                round(out_x * away + right_x * offset, 2),
                round(centre + out_y * away + right_y * offset, 2),
            )
            for number, offset in enumerate(offsets, 1)
        )
        made.append(PlanRow(row_label(row), seats))
    return tuple(made)


def _seated(name: str, tier: str, rows: tuple[PlanRow, ...]) -> PlanSection:
    return PlanSection(id="", name=name, kind="seated", tier=tier, rows=rows)


def _standing(name: str, tier: str, capacity: int) -> PlanSection:
    return PlanSection(id="", name=name, kind="standing", tier=tier, capacity=capacity)


def _block_angles(blocks: int, span: float) -> list[tuple[int, float]]:
    """The blocks of a bowl of so many degrees, as (number from the left, angle); those facing the stage first."""
    step = span / blocks
    angles = [(block, -span / 2 + step * (block + 0.5)) for block in range(blocks)]
    return sorted(angles, key=lambda numbered: (round(abs(numbered[1]), 6), numbered[0]))


def theatre() -> list[PlanSection]:
    """300 seats: slightly curved stalls with two aisles, and a balcony with one in the middle."""
    stalls_ends = ("L-1", "L-2", "L-17", "L-18")
    return [
        _seated("Front stalls", "Premium", straight_rows(5, 18, distance=4, aisles_after=(5, 13), curve=0.012)),
        _seated(
            "Stalls",
            "Standard",
            straight_rows(7, 18, distance=12, first_row=5, aisles_after=(5, 13), curve=0.012, accessible=stalls_ends),
        ),
        _seated("Balcony", "Balcony", straight_rows(6, 14, distance=25, aisles_after=(7,), curve=0.02)),
    ]


def concert_hall() -> list[PlanSection]:
    """1,200 seats: stalls in two parts, a circle and an upper circle, two aisles all the way up."""
    ends = ("X-1", "X-2", "X-29", "X-30")
    return [
        _seated("Front stalls", "Platinum", straight_rows(10, 30, distance=5, aisles_after=(8, 22), curve=0.007)),
        _seated("Circle", "Gold", straight_rows(8, 36, distance=46, aisles_after=(10, 26), curve=0.01)),
        _seated(
            "Rear stalls",
            "Silver",
            straight_rows(14, 30, distance=21, first_row=10, aisles_after=(8, 22), curve=0.007, accessible=ends),
        ),
        _seated("Upper circle", "Bronze", straight_rows(6, 32, distance=61, aisles_after=(9, 23), curve=0.01)),
    ]


def cinema() -> list[PlanSection]:
    """120 seats, the best ones at the back, as cinemas have it."""
    return [
        _seated("Recliners", "Recliner", straight_rows(1, 12, distance=19, first_row=9, aisles_after=(3, 9))),
        _seated(
            "Prime",
            "Prime",
            straight_rows(6, 12, distance=9.6, first_row=3, aisles_after=(3, 9), accessible=("I-1", "I-12")),
        ),
        _seated("Classic", "Classic", straight_rows(3, 12, distance=5, aisles_after=(3, 9))),
    ]


def arena() -> list[PlanSection]:
    """20,000 places: 6,000 standing before the stage, and 14,000 seats in 28 blocks of a horseshoe with two tiers."""
    centre, angles = 72.0, _block_angles(14, 240)
    lower = [
        _seated(
            f"Block {101 + number}",
            "Gold" if abs(angle) <= 60 else "Silver",
            wedge_rows(14, 22, centre=centre, distance=80, angle=angle),
        )
        for number, angle in angles
    ]
    upper = [
        _seated(f"Block {201 + number}", "Bronze", wedge_rows(20, 28, centre=centre, distance=105, angle=angle))
        for number, angle in angles
    ]
    return [*lower, _standing("Front standing", "Front", 2_000), *upper, _standing("Floor", "Floor", 4_000)]


def stadium() -> list[PlanSection]:
    """4,128 seats in two tiers all around a court."""
    centre, angles = 62.0, _block_angles(12, 360)
    lower = [
        _seated(f"Stand {1 + number}", "Courtside", wedge_rows(8, 14, centre=centre, distance=30, angle=angle))
        for number, angle in angles
    ]
    upper = [
        _seated(f"Stand {21 + number}", "Upper", wedge_rows(10, 20, centre=centre, distance=45, angle=angle))
        for number, angle in angles
    ]
    return [*lower, *upper]


def congress_hall() -> list[PlanSection]:
    """440 seats on a flat floor, one aisle in the middle."""
    return [
        _seated("Front", "Delegate", straight_rows(8, 20, distance=4, aisles_after=(10,), accessible=("A-1", "A-20"))),
        _seated("Hall", "General", straight_rows(14, 20, distance=17, first_row=8, aisles_after=(10,))),
    ]


def lecture_room() -> list[PlanSection]:
    """160 seats in one steep room."""
    return [_seated("Room", "General", straight_rows(10, 16, distance=3, aisles_after=(4, 12), curve=0.015))]


def club() -> list[PlanSection]:
    """80 seats close to the stage, and 40 places to stand at the bar."""
    return [
        _seated("Front rows", "Front", straight_rows(3, 10, distance=2.5, aisles_after=(5,))),
        _seated("Back rows", "Standard", straight_rows(5, 10, distance=7.5, first_row=3, aisles_after=(5,))),
        _standing("Bar", "Bar", 40),
    ]


def race_track(seats: int, rows: int) -> list[PlanSection]:
    """One section with so many seats in so many rows, the longer rows first."""
    shortest, longer = divmod(seats, rows)
    made = []
    for row in range(rows):
        [drawn] = straight_rows(1, shortest + (row < longer), distance=4 + row * ROW_DEPTH, first_row=row)
        made.append(drawn)
    return [_seated("Track", "Track", tuple(made))]
