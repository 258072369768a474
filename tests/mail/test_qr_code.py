"""A ticket's code says what was signed, and nothing else can be made to say it."""

import re

import pytest

from mail import qr_code
from mail.qr_code import BadCode
from tests.mail.samples import SEED, claims

pytestmark = pytest.mark.pure
KEY = qr_code.public_key(SEED)


def test_a_signed_ticket_is_read_back_as_it_was():
    assert qr_code.check(qr_code.sign(claims(), SEED), KEY) == claims()


def test_the_longest_and_the_strangest_seat_ids_are_read_back():
    for seat_id in ("1", "हॉल-१", "x" * qr_code.SEAT_ID_BYTES_MAX):
        code = qr_code.sign(claims(seat_id=seat_id), SEED)
        assert qr_code.check(code, KEY).seat_id == seat_id
        assert len(code) <= qr_code.CODE_CHARS_MAX


def test_a_code_needs_only_the_letters_that_a_qr_code_packs_well():
    assert re.fullmatch(r"[A-Z2-7]{150,190}", qr_code.sign(claims(), SEED))


def test_a_new_nonce_is_a_new_code():
    assert qr_code.sign(claims(), SEED) != qr_code.sign(claims(nonce=b"87654321"), SEED)


def test_no_changed_letter_passes():
    code = qr_code.sign(claims(), SEED)
    for at in range(len(code)):
        changed = code[:at] + ("A" if code[at] != "A" else "B") + code[at + 1 :]
        with pytest.raises(BadCode):
            qr_code.check(changed, KEY)


def test_a_ticket_has_one_spelling():
    """The last letter has bits to spare, so other letters would stand for the same bytes."""
    code = qr_code.sign(claims(), SEED)
    for last in set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") - {code[-1]}:
        with pytest.raises(BadCode):
            qr_code.check(code[:-1] + last, KEY)
    with pytest.raises(BadCode):
        qr_code.check(code.lower(), KEY)


def test_another_key_s_ticket_is_refused():
    with pytest.raises(BadCode, match="signature is not ours"):
        qr_code.check(qr_code.sign(claims(), b"x" * 32), KEY)


@pytest.mark.parametrize("code", ["", "A", "AE" * 20, "hello world", "ÄÖ", "A" * 100_000, "FR-7K3M9Q", "=" * 8, "AE\n"])
def test_what_is_not_a_code_is_refused_with_a_sentence(code: str):
    with pytest.raises(BadCode, match=r"^The code .*\.$"):
        qr_code.check(code, KEY)


@pytest.mark.parametrize("wrong", [{"seat_id": ""}, {"seat_id": "x" * 65}, {"nonce": b"short"}])
def test_claims_beyond_the_limits_are_not_signed(wrong: dict):
    with pytest.raises(ValueError, match="must have"):
        qr_code.sign(claims(**wrong), SEED)


def test_a_seed_of_the_wrong_length_is_named():
    with pytest.raises(ValueError, match="32 bytes, not 3"):
        qr_code.sign(claims(), b"abc")


def test_the_picture_is_small_black_on_white_and_loads_nothing():
    picture = qr_code.svg(qr_code.sign(claims(), SEED))
    assert 'viewBox="0 0 57 57"' in picture  # 49 modules and the quiet zone of 4 on each side
    assert "#fff" in picture and "#000" in picture
    assert "href" not in picture and "url(" not in picture
