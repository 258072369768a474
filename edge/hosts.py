"""Which names a request may ask for us by.  Whoever points another name at us, or makes one up, is told so with 421:
links, cookies and the check of where a request comes from all rest on the name.

Health is answered under any: what asks for it may know an address only."""

import ipaddress
import re
from functools import lru_cache
from urllib.parse import urlsplit

from sanic import Request

from edge.problems import Problem
from store.settings import Settings, settings

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]{2,45}\]|[a-z0-9_.-]{1,253})(:[0-9]{1,5})?", re.IGNORECASE | re.ASCII)


def check_host(request: Request) -> None:
    """Raises the problem of a request that asks for somebody else."""
    if request.path.startswith("/health/"):
        return
    given = request.headers.getall("host", [])
    if len(given) != 1 or not _HOST.fullmatch(given[0]):
        raise Problem(400, "A request has one Host header, with a name and perhaps a port.")
    if not _is_ours(given[0]):
        raise Problem(421, "This server does not answer under that name.")


@lru_cache(maxsize=1024)
def _is_ours(host: str) -> bool:
    return answers_to(host, settings())


def answers_to(host: str, told: Settings) -> bool:
    """Whether an edge with these settings is meant by a well-formed Host."""
    found = _HOST.fullmatch(host)
    name = found["name"].lower().strip("[]").rstrip(".") if found else ""
    if name in told.hosts or name == urlsplit(told.edge_url).hostname:
        return True
    return told.frontrow_mode == "development" and _is_near(name)


def _is_near(name: str) -> bool:
    """Whether the name is of this machine or a bare address, as one has it while developing."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
