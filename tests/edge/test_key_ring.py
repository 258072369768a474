"""The key ring of access tokens: keys change without logging anybody out; one that was taken out opens nothing."""

import itertools
import uuid

import pytest

from edge import tokens
from store.settings import SettingsError, read, settings

pytestmark = pytest.mark.pure

OLD, NEW, USER = "old-key-" * 5, "new-key-" * 5, uuid.uuid4()
REQUIRED = {
    "DATABASE_URL": "postgres://x", "REDIS_URL": "redis://x", "RABBITMQ_URL": "amqp://x", "JWT_SECRET": OLD,
    "BOOKING_NAMESPACE": str(uuid.uuid4()), "TICKET_SIGNING_KEY": "A" * 43 + "=", "RAZORPAY_URL": "http://x",
    "RAZORPAY_KEY_ID": "x", "RAZORPAY_KEY_SECRET": "x", "RAZORPAY_WEBHOOK_SECRET": "x",
}  # fmt: skip
BEFORE = REQUIRED | {"JWT_KID": "a"}
BOTH = BEFORE | {"JWT_OTHER_KEYS": f"b:{NEW}"}
AFTER = REQUIRED | {"JWT_KID": "b", "JWT_SECRET": NEW, "JWT_OTHER_KEYS": f"a:{OLD}"}
DONE = AFTER | {"JWT_OTHER_KEYS": ""}


@pytest.fixture
def edge_with(monkeypatch):
    """The edge's settings become these."""

    def change(environment):
        monkeypatch.setattr(tokens, "settings", lambda: read(environment))

    yield change
    settings.cache_clear()


def test_a_key_changes_without_logging_anybody_out(edge_with):
    """At every step of the rotation each edge accepts what any other has signed."""
    steps = [BEFORE, BOTH, AFTER]
    for earlier, later in itertools.pairwise(steps):
        for signs, checks in ((earlier, later), (later, earlier)):
            edge_with(signs)
            token = tokens.issue(USER, "buyer")
            edge_with(checks)
            assert tokens.verify(token).id == USER


def test_a_key_that_was_taken_out_opens_nothing(edge_with):
    edge_with(BOTH)
    token = tokens.issue(USER, "buyer")
    edge_with(DONE)
    with pytest.raises(tokens.BadToken):
        tokens.verify(token)


def test_a_token_names_its_session(edge_with):
    edge_with(BEFORE)
    session = uuid.uuid4()
    assert tokens.verify(tokens.issue(USER, "admin", session)) == (USER, "admin", session)


@pytest.mark.parametrize("others", ["b:short", f":{NEW}", NEW, f"b:{NEW},c:short"])
def test_a_key_ring_with_a_weak_or_nameless_key_is_refused(others):
    with pytest.raises(SettingsError, match="JWT_OTHER_KEYS"):
        read(BEFORE | {"JWT_OTHER_KEYS": others})
