"""Whose network address a request comes from: what proxies say of it counts only if we put them there."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from sanic import Request

from store.settings import settings

#: Those who have an IPv6 network have all addresses of it.
IPV6_PREFIX = 64


def address(request: Request) -> str:
    """The address of the client, as rate limits and histories count it: the peer's, or, if that is a proxy of ours
    (TRUSTED_PROXIES), the last one in X-Forwarded-For that is not."""
    peer = str(request.ip)
    if not settings().trusted_proxies:
        return _counted(peer)
    hops = [hop.strip() for line in request.headers.getall("x-forwarded-for", []) for hop in line.split(",")]
    while hops and _is_ours(peer) and _parsed(hops[-1]) is not None:
        peer = hops.pop()
    return _counted(peer)


@lru_cache(maxsize=10_000)
def _counted(text: str) -> str:
    found = _parsed(text)
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ip_network((int(found), IPV6_PREFIX), strict=False))
    return str(found) if found is not None else text


def _is_ours(text: str) -> bool:
    found = _parsed(text)
    return found is not None and any(found in network for network in settings().proxy_networks)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
