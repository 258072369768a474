"""Which names an edge answers to, by its settings."""

import pytest

from edge.hosts import answers_to
from store.settings import read
from tests.store.test_settings import GOOD

pytestmark = pytest.mark.pure

SHOP = {"EDGE_URL": "https://tickets.example:8443", "ALLOWED_HOSTS": "edge, www.tickets.example"}


@pytest.mark.parametrize("host", ["tickets.example", "Tickets.Example:8443", "tickets.example.", "edge:8000",
                                  "www.tickets.example"])  # fmt: skip
def test_it_answers_to_its_public_name_and_to_those_that_it_is_told(host):
    for mode in ("development", "production"):
        assert answers_to(host, read(GOOD | SHOP | {"FRONTROW_MODE": mode}))


@pytest.mark.parametrize("host", ["localhost:8000", "a.localhost", "127.0.0.1:8000", "10.2.3.4", "[::1]:8000"])
def test_addresses_and_this_machine_are_names_while_developing_only(host):
    assert answers_to(host, read(GOOD | SHOP))
    assert not answers_to(host, read(GOOD | SHOP | {"FRONTROW_MODE": "production"}))


@pytest.mark.parametrize("host", ["evil.example", "tickets.example.evil.example", "xtickets.example", "", "[::g]",
                                  "1.2.3.4.evil.example", "evil.example:80:80", "t@evil.example"])  # fmt: skip
def test_it_answers_to_nobody_else(host):
    assert not answers_to(host, read(GOOD | SHOP))
