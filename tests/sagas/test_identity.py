"""Ids: in the order of their making, the same when asked twice, and refused when they are not exactly ours."""

import time
from uuid import RFC_4122, UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas.identity import (
    ALPHABET,
    SAGA_SLOTS,
    base32,
    booking_code,
    booking_id_for,
    derived,
    new_id,
    ordinal_of,
    saga_lane,
    seat_id,
    show_lane,
)

pytestmark = pytest.mark.pure

NAMESPACE, BUYER = UUID(int=11), UUID(int=12)


def test_new_ids_are_version_7_of_the_standard_and_carry_the_time_of_their_making():
    before = time.time_ns() // 1_000_000
    made = new_id()
    after = time.time_ns() // 1_000_000
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before <= made.int >> 80 <= after


def test_ids_made_later_sort_later_and_none_is_made_twice():
    made = []
    for _ in range(5):
        made.append(new_id())
        time.sleep(0.002)
    assert made == sorted(made)
    assert len({new_id() for _ in range(10_000)}) == 10_000


def test_the_same_buyer_and_key_are_the_same_booking_and_any_other_is_not():
    booking = booking_id_for(NAMESPACE, BUYER, "key")
    assert booking == booking_id_for(NAMESPACE, BUYER, "key") == uuid5(NAMESPACE, f"{BUYER}:key")
    others = {
        booking_id_for(NAMESPACE, BUYER, "Key"),
        booking_id_for(NAMESPACE, UUID(int=13), "key"),
        booking_id_for(UUID(int=14), BUYER, "key"),
    }
    assert len(others | {booking}) == 4


def test_derived_ids_follow_from_parent_and_words():
    assert derived(BUYER, "wallet", "INR") == derived(BUYER, "wallet", "INR")
    assert len({derived(BUYER, "a"), derived(BUYER, "b"), derived(NAMESPACE, "a"), derived(BUYER, "a", 1)}) == 4


def test_seat_ids_use_letters_that_survive_being_read_aloud():
    assert seat_id(7, 0) == "7-0"
    assert seat_id(244, 111) == "7M-3F"
    assert not set("ILOU") & set(ALPHABET)
    assert len(ALPHABET) == len(set(ALPHABET)) == 32


@given(st.integers(0, 2**39), st.integers(0, 99_999))
def test_a_seat_id_leads_back_to_its_place(number: int, ordinal: int):
    prefix = base32(number) + "-"
    seat = seat_id(number, ordinal)
    assert len(seat) <= 16
    assert ordinal_of(seat, prefix, 100_000) == ordinal
    assert ordinal_of(seat, prefix, ordinal) == -1


@given(st.text(alphabet=ALPHABET + "-OIl ০", max_size=12))
def test_only_the_canonical_id_of_a_seat_is_taken(seat: str):
    ordinal = ordinal_of(seat, "7-", 1_000)
    assert ordinal == -1 or seat_id(7, ordinal) == seat


@pytest.mark.parametrize("seat", ["8-1", "7-", "7-01", "7-00", "7-1 ", "7-a", "7-O", "71", "", "7-ZZZZZZZZZ", "77-1"])
def test_foreign_and_odd_seat_ids_are_no_seat(seat: str):
    assert ordinal_of(seat, "7-", 1_000_000) == -1


def test_a_booking_code_is_eight_plain_letters_and_stays_the_same():
    code = booking_code(UUID(int=(12345 << 64)))
    assert code == booking_code(UUID(int=(12345 << 64)))
    assert len(code) == 8
    assert not set(code) & set("01ILOU")


def test_a_saga_keeps_its_lane_and_sagas_spread_over_all_lanes():
    sagas = [derived(NAMESPACE, number) for number in range(400)]
    for lanes in (1, 2, 4, 8, SAGA_SLOTS):
        assert {saga_lane(saga, lanes) for saga in sagas} == {f"saga.{lane:02d}" for lane in range(lanes)}
    assert (saga_lane(UUID(int=1), 4), saga_lane(UUID(int=1), 16)) == ("saga.03", "saga.03")
    assert show_lane(3) == "show.03"
