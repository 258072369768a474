"""The best available places: named cases of the rule, and the quick choice beside the naive one on any hall."""

from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.seat_choice import SeatChoice
from sagas.seat_plan import PlanSection, SeatPlan
from tests.actors.naive_choice import TAKEN, Naive, row, seated, standing

pytestmark = pytest.mark.pure


def choice_of(*sections: PlanSection) -> SeatChoice:
    plan = SeatPlan(sections)
    return SeatChoice(plan, bytearray(plan.places))


def choice_with(plan: SeatPlan, avoid_singles: bool = False) -> SeatChoice:
    return SeatChoice(plan, bytearray(plan.places), plan.accessible | plan.companions, avoid_singles)


def take(choice: SeatChoice, *ordinals: int) -> None:
    change(choice, list(ordinals), TAKEN)


def free(choice: SeatChoice, *ordinals: int) -> None:
    change(choice, list(ordinals), 0)


def change(choice: SeatChoice, ordinals: list[int], state: int) -> None:
    was_free = choice._shown[ordinals[0]] == 0
    for ordinal in ordinals:
        choice._shown[ordinal] = state
    choice.changed(ordinals, was_free, state == 0)


def every(choice: SeatChoice) -> list[int]:
    return list(range(len(choice.plan.sections)))


def test_a_party_sits_side_by_side_in_the_middle_of_the_front_row():
    choice = choice_of(seated("stalls", row("A", 9), row("B", 9)))
    assert choice.best(3, [0], together=True) == [3, 4, 5]


def test_of_two_places_as_near_to_the_middle_the_first_is_taken():
    choice = choice_of(seated("stalls", row("A", 5)))
    take(choice, 2)
    assert choice.best(1, [0], together=True) == [1]


def test_nobody_sits_together_across_an_aisle():
    choice = choice_of(seated("stalls", row("A", 2, 2), row("B", 4)))
    assert choice.best(3, [0], together=True) == [4, 5, 6]
    take(choice, 4, 5, 6, 7)
    assert choice.best(3, [0], together=True) == []


def test_a_party_goes_further_back_rather_than_be_parted():
    choice = choice_of(seated("stalls", row("A", 4), row("B", 4)))
    take(choice, 1)
    assert choice.best(3, [0], together=False) == [4, 5, 6]


def test_a_party_that_fits_nowhere_is_split_into_the_fewest_groups():
    choice = choice_of(seated("stalls", row("A", 3), row("B", 4), row("C", 2)))
    assert choice.best(6, [0], together=False) == [3, 4, 5, 6, 0, 1]
    assert choice.best(6, [0], together=True) == []


def test_the_first_section_that_seats_the_party_is_best_and_seats_go_before_standing():
    choice = choice_of(standing("floor", 5), seated("stalls", row("A", 2)), seated("balcony", row("A", 4)))
    assert choice.best(2, every(choice), together=True) == [5, 6]
    assert choice.best(4, every(choice), together=True) == [7, 8, 9, 10]
    assert choice.best(5, every(choice), together=True) == [0, 1, 2, 3, 4]


def test_standing_places_are_given_out_in_order_and_again_when_they_are_freed():
    choice = choice_of(standing("floor", 6))
    assert choice.best(3, [0], together=True) == [0, 1, 2]
    take(choice, 0, 1, 2)
    assert choice.best(2, [0], together=True) == [3, 4]
    take(choice, 3, 4)
    free(choice, 1)
    assert choice.best(2, [0], together=True) == [1, 5]
    assert choice.best(3, [0], together=False) == []


def test_a_party_that_no_standing_area_has_room_for_is_split_over_two():
    choice = choice_of(standing("floor", 2), standing("balcony", 1))
    assert choice.best(3, every(choice), together=False) == [0, 1, 2]
    assert choice.best(3, every(choice), together=True) == []


def test_only_the_asked_sections_are_looked_at():
    choice = choice_of(seated("stalls", row("A", 4)), seated("balcony", row("A", 4)))
    assert choice.best(2, [1], together=True) == [5, 6]


def test_more_than_are_left_is_refused_without_looking():
    choice = choice_of(seated("stalls", row("A", 3)))
    take(choice, 0)
    assert choice.left == [2]
    assert choice.best(3, [0], together=False) == []


def test_a_section_without_places_is_never_the_section_of_a_place():
    choice = choice_of(standing("closed", 0), standing("floor", 2), standing("shut", 0))
    assert [choice.section_of(ordinal) for ordinal in range(2)] == [1, 1]


def test_choosing_changes_no_state():
    choice = choice_of(seated("stalls", row("A", 3), row("B", 2)))
    take(choice, 1)
    before = bytes(choice.states)
    choice.best(4, [0], together=False)
    choice.best(5, [0], together=False)
    assert bytes(choice.states) == before


def test_where_single_seats_are_avoided_the_best_places_leave_none():
    choice = SeatChoice(SeatPlan((seated("stalls", row("A", 5)),)), bytearray(5), avoid_singles=True)
    assert choice.best(2, [0], together=True) == [0, 1]
    take(choice, 0, 1)
    assert choice.best(2, [0], together=True) == [2, 3], "the row leaves no other way"


def test_a_seat_by_an_aisle_is_alone_there():
    choice = SeatChoice(SeatPlan((seated("stalls", row("A", 2, 3)),)), bytearray(5), avoid_singles=True)
    assert choice.singles([0]) == [1]
    assert choice.singles([0, 1]) == []
    assert choice.singles([3]) == [2, 4]


def test_accessible_places_and_those_of_companions_are_kept_for_those_who_ask():
    plan = SeatPlan((seated("stalls", row("A", 4, accessible=(0,), companions=(1,)), row("B", 4)),))
    choice = choice_with(plan)
    assert (choice.left, choice.open) == ([8], [6])
    assert choice.best(3, [0], together=True) == [4, 5, 6]
    with choice.opened(plan.accessible | plan.companions):
        assert choice.best_accessible(2, [0], True, plan.accessible) == [0, 1]
    assert choice.best(7, [0], together=False) == []


def test_a_party_takes_no_more_accessible_places_than_it_must():
    plan = SeatPlan((seated("stalls", row("A", 5, accessible=(1, 2))),))
    choice = choice_with(plan)
    with choice.opened(plan.accessible):
        assert choice.best_accessible(2, [0], True, plan.accessible) == [2, 3]


def test_where_no_row_has_room_an_accessible_place_comes_with_the_best_others():
    plan = SeatPlan((seated("stalls", row("A", 1, 1, accessible=(0,)), row("B", 3)),))
    choice = choice_with(plan)
    with choice.opened(plan.accessible):
        assert choice.best_accessible(3, [0], True, plan.accessible) == []
        assert choice.best_accessible(3, [0], False, plan.accessible) == [0, 2, 3]


rows = st.lists(st.integers(1, 5), min_size=1, max_size=3)
halls = st.lists(
    st.one_of(st.lists(rows, min_size=1, max_size=4), st.integers(0, 6)), min_size=1, max_size=3
)  # fmt: skip
turns = st.lists(
    st.tuples(
        st.sampled_from(["best", "apart", "take", "free", "accessible", "opened"]),
        st.integers(1, 7),
        st.integers(0, 2**20),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=400, deadline=None)
@given(halls, st.integers(0, 2**40), turns, st.sampled_from([0, 0, 0b1001, 0b110]), st.booleans())
def test_what_is_remembered_about_full_rows_never_changes_the_choice(
    hall: list[list[list[int]] | int], taken: int, what: list, special: int, avoid: bool
):
    sections = [
        standing(f"s{at}", part) if isinstance(part, int) else seated(f"s{at}", *(row("R", *line) for line in part))
        for at, part in enumerate(hall)
    ]
    plan = SeatPlan(tuple(sections))
    kept = {ordinal for ordinal in range(plan.places) if special >> ordinal % 7 & 1}
    states = bytearray(TAKEN * (taken >> ordinal & 1) for ordinal in range(plan.places))
    choice = SeatChoice(plan, states, kept, avoid)
    for turn, size, luck in what:
        if turn in ("best", "apart"):
            asked = [index for index in every(choice) if luck >> index & 1] or every(choice)
            naive = Naive(plan, states, kept, avoid)
            found = choice.best(size, asked, together=turn == "best")
            assert found == naive.best(size, asked, together=turn == "best")
            if found and luck % 3:
                take(choice, *found)
            continue
        if turn in ("accessible", "opened"):
            with choice.opened(kept):
                naive = Naive(plan, states, (), avoid)
                if turn == "opened":
                    found = choice.best(size, every(choice), together=bool(luck & 1))
                    assert found == naive.best(size, every(choice), together=bool(luck & 1))
                else:
                    found = choice.best_accessible(size, every(choice), bool(luck & 1), kept)
                    assert found == naive.best_accessible(size, every(choice), bool(luck & 1), kept)
            if found and luck % 3:
                take(choice, *found)
            continue
        wanted = 0 if turn == "take" else TAKEN
        there = [ordinal for ordinal, state in enumerate(states) if state == wanted]
        if there:
            begin = luck % len(there)
            change(choice, there[begin : begin + size], TAKEN - wanted)
        firsts = [*accumulate((section.places for section in sections), initial=0)]
        assert choice.left == [states[a:b].count(0) for a, b in pairwise(firsts)]
        free = [at for at, state in enumerate(states) if state == 0 and at not in kept]
        assert choice.open == [sum(a <= at < b for at in free) for a, b in pairwise(firsts)]
