"""A hall's seat map as its maker gives it: drawn seat by seat, and every mistake named with its field."""

from itertools import pairwise

import msgspec
import pytest

from edge.hall_bodies import NewHall, draw
from edge.problems import Problem
from sagas.seat_plan import SeatPlan, encode

pytestmark = pytest.mark.pure


@pytest.fixture(autouse=True)
def _nothing_broke() -> None:
    """These need no running product."""


def seated(**more):
    return {"name": "Stalls", "kind": "seated", "tier": "Gold", "rows": 3, "seats_per_row": 4} | more


def drawn(*sections):
    body = msgspec.convert({"name": "Hall", "sections": list(sections)}, NewHall)
    return draw(body.sections)


def pointer_of(*sections):
    with pytest.raises(Problem) as caught:
        drawn(*sections)
    assert caught.value.status == 422
    return caught.value.fields["errors"][0]["pointer"]


def test_rows_are_lettered_and_seats_count_from_the_left():
    [section] = drawn(seated(rows=28))
    assert [row.label for row in section.rows][:3] == ["A", "B", "C"]
    assert [row.label for row in section.rows][25:] == ["Z", "AA", "AB"]
    assert [seat.label for seat in section.rows[0].seats] == ["1", "2", "3", "4"]
    xs = [seat.x for seat in section.rows[0].seats]
    assert xs == sorted(xs) and xs[0] == -xs[-1], "and the row lies about the middle"


def test_an_aisle_parts_two_seats():
    [section] = drawn(seated(aisles_after=[2]))
    xs = [seat.x for seat in section.rows[0].seats]
    assert [round(b - a, 2) for a, b in pairwise(xs)] == [1, 2, 1]


def test_accessible_places_are_named_by_row_and_seat():
    [section] = drawn(seated(accessible=["A-1", "C-4"]))
    marked = [f"{row.label}-{seat.label}" for row in section.rows for seat in row.seats if seat.accessible]
    assert marked == ["A-1", "C-4"]


def test_companions_sit_beside_accessible_places():
    [section] = drawn(seated(accessible=["A-1"], companions=["A-2"]))
    marked = [(seat.accessible, seat.companion) for seat in section.rows[0].seats]
    assert marked == [(True, False), (False, True), (False, False), (False, False)]
    assert pointer_of(seated(accessible=["A-1"], companions=["A-1"])) == "/sections/0/rows/0"
    assert pointer_of(seated(companions=["D-1"])) == "/sections/0/companions/0"


def test_sections_given_by_numbers_do_not_lie_on_one_another():
    sections = drawn(
        seated(name="One"), seated(name="Two"), {"name": "Floor", "kind": "standing", "tier": "F", "capacity": 9}
    )
    places = [(seat.x, seat.y) for section in sections for row in section.rows for seat in row.seats]
    assert len(places) == len(set(places)) == 24
    assert max(s.y for r in sections[0].rows for s in r.seats) < min(s.y for r in sections[1].rows for s in r.seats)
    assert sections[2].kind == "standing" and sections[2].places == 9


def test_rows_may_be_given_seat_by_seat():
    rows = [
        {
            "label": "P",
            "seats": [{"label": "7a", "x": 1.5, "y": -2, "accessible": True}, {"label": "8", "x": 2.5, "y": 0}],
        }
    ]
    [section] = drawn({"name": "Box", "kind": "seated", "tier": "Gold", "rows": rows})
    assert section.rows[0].label == "P"
    assert [(seat.label, seat.x, seat.y, seat.accessible) for seat in section.rows[0].seats] == [
        ("7a", 1.5, -2, True), ("8", 2.5, 0, False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("section", "pointer"),
    [
        (seated(seats_per_row=None), "/sections/0/seats_per_row"),
        (seated(aisles_after=[1, 4]), "/sections/0/aisles_after/1"),
        (seated(aisles_after=[1, 1]), "/sections/0/aisles_after/1"),
        (seated(accessible=["A-1", "A-5"]), "/sections/0/accessible/1"),
        (seated(companions=["A-5"]), "/sections/0/companions/0"),
        (seated(rows=2_000, seats_per_row=2_000), "/sections"),
        (seated(rows=[{"label": "A", "seats": [{"label": "1", "x": 0, "y": 0}] * 2}], seats_per_row=None),
         "/sections/0/rows/0/seats/1/label"),
        (seated(rows=[{"label": "A", "seats": [{"label": "1", "x": 0, "y": 0}]}] * 2, seats_per_row=None),
         "/sections/0/rows/1/label"),
        (seated(rows=[{"label": "A", "seats": [{"label": "1", "x": 0, "y": 0}]}]), "/sections/0/seats_per_row"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_field(section, pointer):
    assert pointer_of(section) == pointer


def test_two_sections_of_one_name_are_refused():
    assert pointer_of(seated(), seated()) == "/sections/1/name"


@pytest.mark.parametrize("wrong", [{"rows": 0}, {"rows": -1}, {"rows": 1e9}, {"rows": "3"}, {"rows": []}, {"tier": ""},
                                   {"name": "\0"}, {"price": 5}, {"kind": "lying"}])  # fmt: skip
def test_what_does_not_fit_is_refused_by_the_body_s_type(wrong):
    with pytest.raises(msgspec.ValidationError):
        drawn(seated(**wrong))


def test_equal_halls_have_one_plan():
    assert encode(SeatPlan(tuple(drawn(seated()))))[0] == encode(SeatPlan(tuple(drawn(seated()))))[0]
    assert encode(SeatPlan(tuple(drawn(seated()))))[0] != encode(SeatPlan(tuple(drawn(seated(aisles_after=[1])))))[0]
