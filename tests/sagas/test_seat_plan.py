"""A seat plan: ordinals through all its sections, and a name that follows from its content."""

import pytest

from sagas.seat_plan import PlanRow, PlanSeat, PlanSection, SeatPlan, decode, encode, row_label

pytestmark = pytest.mark.pure

ROW = PlanRow("A", (PlanSeat("1", 0.0, 0.0), PlanSeat("2", 1.0, 0.0, accessible=True)))
PLAN = SeatPlan(
    (
        PlanSection(id="1", name="Stalls", kind="seated", tier="A", rows=(ROW, ROW)),
        PlanSection(id="2", name="Floor", kind="standing", tier="B", capacity=30),
        PlanSection(id="3", name="Balcony", kind="seated", tier="C", rows=(ROW,)),
    )
)


def test_ordinals_count_through_sections_rows_and_seats():
    assert PLAN.places == 36
    assert PLAN.firsts == (0, 4, 34)


def test_a_plan_is_named_by_its_content_and_read_back_the_same():
    name, body = encode(PLAN)
    assert decode(body) == PLAN
    assert encode(decode(body)) == (name, body)
    assert encode(SeatPlan(PLAN.sections[:2]))[0] != name


def test_runs_of_places_are_told_apart_by_section():
    runs = ((1, 1), (2, 33), (35, 1))
    assert list(PLAN.by_section(runs)) == [("1", 1, 2), ("1", 2, 4), ("2", 4, 34), ("3", 34, 35), ("3", 35, 36)]
    empty = PlanSection(id="0", name="Closed", kind="seated", tier="A")
    between = SeatPlan((empty, PLAN.sections[0], empty, PLAN.sections[1], empty))
    assert list(between.by_section(((0, 6),))) == [("1", 0, 4), ("2", 4, 6)]


def test_rows_are_lettered_as_theatres_do():
    assert [row_label(index) for index in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]
