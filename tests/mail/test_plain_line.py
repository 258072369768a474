"""One printable line out of anything that a person can type."""

import pytest

from mail.plain_line import plain_line

pytestmark = pytest.mark.pure


def test_breaks_and_controls_become_single_spaces():
    assert plain_line("Ham\r\nlet\t\x00 \u2028the\x85Dane ", 50) == "Ham let the Dane"


def test_marks_that_turn_the_reading_direction_go_and_right_to_left_letters_stay():
    assert plain_line("\u202etxt.exe\u2066 שלום", 50) == "txt.exe שלום"


def test_joiners_stay_because_scripts_and_emoji_need_them():
    assert plain_line("क्‍ष 👩‍🎤", 50) == "क्‍ष 👩‍🎤"


def test_what_is_too_long_ends_in_an_ellipsis_within_the_limit():
    line = plain_line("x" * 5000, 20)
    assert line == "x" * 19 + "…"


def test_piled_up_marks_are_kept_to_what_a_script_needs():
    assert len(plain_line("a" + "\u0301" * 200, 100)) == 5


def test_half_a_surrogate_pair_can_be_encoded_afterwards():
    assert plain_line("a\ud800b", 10).encode() == "a\ufffdb".encode()
