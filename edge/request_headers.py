"""What clients say in headers: by which key they ask, how long they would wait for the decision, what they can read."""

import math
import re

from sanic import Request

from edge.problems import Problem

#: The longest a client may wait for a decision; more counts as this.
WAIT_SECONDS = 10.0
_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|\s|$))")


def idempotency_key(request: Request) -> str:
    keys = request.headers.getall("idempotency-key", [])
    if len(keys) > 1:
        raise Problem(400, "Send one Idempotency-Key header, not several.")
    key = keys[0] if keys else ""
    if not key:
        raise Problem(400, "Send an Idempotency-Key header: 1 to 255 visible ASCII characters, new for each booking.")
    if len(key) > 255 or not all("!" <= letter <= "~" for letter in key):
        raise Problem(400, "An Idempotency-Key has 1 to 255 visible ASCII characters.")
    return str(key)


def waiting(request: Request) -> float:
    """The seconds that ``Prefer: wait=N`` asks for; 0 without it."""
    for preference in request.headers.get("prefer", "").split(","):
        name, _, value = preference.strip().partition("=")
        if name.strip().lower() == "wait":
            try:
                seconds = float(value.strip().strip('"'))
            except ValueError:
                return 0.0
            return 0.0 if math.isnan(seconds) else min(max(seconds, 0.0), WAIT_SECONDS)
    return 0.0


def takes_gzip(request: Request) -> bool:
    """Whether the client can read gzip, and has not said that it would rather not."""
    return _GZIP.search(request.headers.get("accept-encoding", "")) is not None
