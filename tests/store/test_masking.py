"""Masking: nothing secret or personal is readable in what people are shown of a message, however deep it lies."""

import json

import pytest

from store.masking import MASK, masked, masked_text

pytestmark = pytest.mark.pure

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "key", ["password", "client_secret", "refresh_token", "Authorization", "card", "code", "email", "contact", "vpa"]
)
def test_what_a_name_gives_away_is_masked(key):
    assert masked({key: {"deep": "inside"}, "amount": 5}) == {key: MASK, "amount": 5}


@pytest.mark.parametrize(
    "text", ["asha@example.com", JWT, "4111 1111 1111 1111", "4111111111111111", "+91 98765 43210"]
)
def test_what_looks_secret_or_personal_is_masked_wherever_it_stands(text):
    assert masked({"note": f"of {text}, he said"}) == {"note": f"of {MASK}, he said"}
    assert masked_text(f"junk {text} junk") == f"junk {MASK} junk"


def test_a_webhooks_body_inside_a_message_is_looked_into():
    inner = json.dumps({"payload": {"card": {"last4": "1111"}, "email": "asha@example.com", "amount": 500}})
    told = json.loads(masked_text(json.dumps({"kwargs": {"message": {"body": inner}}})))
    assert json.loads(told["kwargs"]["message"]["body"]) == {"payload": {"card": MASK, "email": MASK, "amount": 500}}


def test_ids_times_and_amounts_stay_readable():
    told = {"id": "019aa0b2-7c6d-7d7c-bdef-db41c551aaeb", "at": "2026-11-20T17:13:32.427584Z", "amount": 125_000}
    assert masked(told) == told


@pytest.mark.parametrize("text", ["a" * 1_000_000, "eyJ-" * 16_000, "a." * 32_000, "1 " * 32_000, "+" * 1_000_000])
def test_no_text_takes_long(text):
    """Bounded as they are, the patterns are done at once; without the bounds this test does not come to its end."""
    assert masked_text(text)


def test_what_is_nested_beyond_reason_is_masked_and_raises_nothing():
    deep = "[" * 5_000 + "]" * 5_000
    assert masked_text(deep)
    assert MASK in masked_text("[" * 40 + "1" + "]" * 40)
