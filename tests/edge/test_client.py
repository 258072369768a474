"""The client's address: what X-Forwarded-For says is believed only of proxies that the settings name."""

import pytest

from edge import client

pytestmark = pytest.mark.pure


@pytest.fixture(autouse=True)
def _nothing_broke() -> None:
    """These need no running product."""


class Headers(dict):
    def getall(self, name: str, default: list[str]) -> list[str]:
        return super().get(name, default)


class Asked:
    """A request, as far as its address goes."""

    def __init__(self, peer: str, *forwarded: str) -> None:
        self.ip, self.headers = peer, Headers({"x-forwarded-for": list(forwarded)} if forwarded else {})


@pytest.fixture
def proxies(monkeypatch):
    """These proxies are ours."""
    from store.settings import Settings, _networks

    def trust(text: str) -> None:
        class Told:
            trusted_proxies = text
            proxy_networks = _networks(text)

        monkeypatch.setattr(client, "settings", Told)

    assert Settings.proxy_networks
    return trust


def test_a_thousand_forged_addresses_are_one_client(proxies):
    proxies("")
    asked = (Asked("198.51.100.7", f"10.{number // 250}.0.{number % 250}") for number in range(1000))
    assert {client.address(one) for one in asked} == {"198.51.100.7"}


def test_behind_a_proxy_of_ours_what_stands_before_its_own_word_is_not_believed(proxies):
    proxies("10.0.0.0/8, ::1/128")
    asked = (Asked("10.0.0.1", f"192.0.2.{number % 250}, 203.0.113.9") for number in range(1000))
    assert {client.address(one) for one in asked} == {"203.0.113.9"}
    assert client.address(Asked("10.0.0.1", "203.0.113.9, 10.0.0.2")) == "203.0.113.9"
    assert client.address(Asked("10.0.0.1", "192.0.2.1", "203.0.113.9")) == "203.0.113.9"
    assert client.address(Asked("::1", "203.0.113.9")) == "203.0.113.9"


@pytest.mark.parametrize("forwarded", ["", "nonsense", "203.0.113.9, nonsense", "203.0.113.9:80\r\nx: y", "' OR 1=1"])
def test_what_is_no_address_is_not_followed(proxies, forwarded):
    proxies("10.0.0.0/8")
    assert client.address(Asked("10.0.0.1", forwarded)) == "10.0.0.1"


def test_a_peer_that_is_no_proxy_of_ours_says_nothing(proxies):
    proxies("10.0.0.0/8")
    assert client.address(Asked("198.51.100.7", "203.0.113.9")) == "198.51.100.7"


def test_all_addresses_of_an_ipv6_network_are_one_client(proxies):
    proxies("")
    assert client.address(Asked("2001:db8::1")) == client.address(Asked("2001:db8::ffff:2")) == "2001:db8::/64"
    assert client.address(Asked("2001:db8:0:1::1")) != client.address(Asked("2001:db8::1"))
    assert client.address(Asked("::ffff:198.51.100.7")) == "198.51.100.7"
