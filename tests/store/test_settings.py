"""The settings: read from any mapping, and refused with one sentence that names all that is wrong."""

import base64
from uuid import UUID

import pytest

from store.settings import SettingsError, read

pytestmark = pytest.mark.pure

GOOD = {
    "DATABASE_URL": "postgres://frontrow:p4ss@db/frontrow",
    "REDIS_URL": "redis://cache",
    "RABBITMQ_URL": "amqp://frontrow:p4ss@broker/frontrow",
    "JWT_SECRET": "j" * 32,
    "BOOKING_NAMESPACE": "6f1a3a58-4a29-4a6b-8f6a-0a6a3c7c5a11",
    "TICKET_SIGNING_KEY": base64.b64encode(bytes(32)).decode(),
    "RAZORPAY_URL": "http://provider",
    "RAZORPAY_KEY_ID": "rzp_1",
    "RAZORPAY_KEY_SECRET": "a key of the provider",
    "RAZORPAY_WEBHOOK_SECRET": "a word of the webhooks",
}


def test_what_is_required_suffices_and_the_rest_has_defaults():
    settings = read(GOOD)
    assert settings.booking_namespace == UUID(GOOD["BOOKING_NAMESPACE"])
    assert (settings.show_lanes, settings.saga_lanes, settings.frontrow_mode) == (8, 4, "development")
    assert settings.signing_seed == bytes(32)


def test_numbers_and_choices_are_read_from_text_and_an_empty_text_is_no_answer():
    settings = read(GOOD | {"SHOW_LANES": "16", "LEASE_SECONDS": "0.5", "RATE_LIMITS": "off", "SMTP_HOST": ""})
    assert (settings.show_lanes, settings.lease_seconds, settings.rate_limits) == (16, 0.5, "off")
    assert settings.smtp_host == "127.0.0.1"


def test_all_that_is_missing_is_named_at_once():
    with pytest.raises(SettingsError) as error:
        read({"REDIS_URL": "redis://cache", "JWT_SECRET": ""})
    assert all(name in str(error.value) for name in GOOD if name != "REDIS_URL")
    assert "REDIS_URL" not in str(error.value)
    assert "missing: DATABASE_URL, RABBITMQ_URL" in str(error.value)
    assert ".env.example" in str(error.value)


def test_what_is_malformed_is_named_beside_what_is_missing():
    wrong = GOOD | {"SHOW_LANES": "eight", "BOOKING_NAMESPACE": "no uuid", "FRONTROW_MODE": "staging", "REDIS_URL": ""}
    with pytest.raises(SettingsError) as error:
        read(wrong)
    assert all(name in str(error.value) for name in ("SHOW_LANES", "BOOKING_NAMESPACE", "FRONTROW_MODE", "REDIS_URL"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TICKET_SIGNING_KEY", base64.b64encode(bytes(31)).decode()),
        ("TICKET_SIGNING_KEY", "not base64!"),
        ("JWT_SECRET", "j" * 31),
        ("SHOW_LANES", "0"),
        ("SHOW_LANES", "101"),
        ("SAGA_LANES", "3"),
        ("SAGA_LANES", "32"),
    ],
)
def test_values_that_cannot_work_are_refused(name: str, value: str):
    with pytest.raises(SettingsError, match=name):
        read(GOOD | {name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RATE_LIMITS", "off"),
        ("JWT_SECRET", "change-me" * 4),
        ("DATABASE_URL", "postgres://frontrow:secret@db/frontrow"),
        ("RABBITMQ_URL", "amqp://guest:guest@broker/"),
        ("RAZORPAY_WEBHOOK_SECRET", "sample"),
        ("RAZORPAY_WEBHOOK_OTHER_SECRETS", "a good word,change-me"),
    ],
)
def test_production_refuses_what_is_only_for_trying_out(name: str, value: str):
    read(GOOD | {name: value})
    read(GOOD | {"FRONTROW_MODE": "production"})
    with pytest.raises(SettingsError, match=name):
        read(GOOD | {"FRONTROW_MODE": "production", name: value})


def test_further_hosts_are_names_without_ports():
    assert read(GOOD).hosts == frozenset()
    assert read(GOOD | {"ALLOWED_HOSTS": " Shop.Example, 10.0.0.7,[::1] ,"}).hosts == {
        "shop.example",
        "10.0.0.7",
        "::1",
    }
    for wrong in ("https://shop.example", "shop.example:443", "*", "a b"):
        with pytest.raises(SettingsError, match="ALLOWED_HOSTS"):
            read(GOOD | {"ALLOWED_HOSTS": wrong})


def test_an_age_limit_is_read_as_the_broker_reads_it():
    for text, seconds in (("7D", 604_800), ("12h", 43_200), ("90s", 90), ("1Y", 31_536_000)):
        assert read(GOOD | {"LANE_MAX_AGE": text}).lane_max_age_seconds == seconds
    for text in ("a week", "7", "0D", "7d", "-1h"):
        with pytest.raises(SettingsError, match="LANE_MAX_AGE"):
            read(GOOD | {"LANE_MAX_AGE": text})


def test_webhook_secrets_are_the_one_and_the_others_and_never_an_empty_one():
    assert read(GOOD).webhook_secrets == (GOOD["RAZORPAY_WEBHOOK_SECRET"],)
    several = read(GOOD | {"RAZORPAY_WEBHOOK_OTHER_SECRETS": " the old word ,, another,"})
    assert several.webhook_secrets == (GOOD["RAZORPAY_WEBHOOK_SECRET"], "the old word", "another")
