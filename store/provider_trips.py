"""Trips to a login provider that are under way: kept in Redis for ten minutes, and taken once.

A lost trip is begun again; nothing else hangs on it."""

from typing import Any

import msgspec

TRIP_SECONDS = 600


class Trip(msgspec.Struct, frozen=True):
    """What must come back as it left: ``nonce`` and PKCE's ``verifier``; the browser that left, by its cookie's hash;
    and the page to go to afterwards."""

    provider: str
    nonce: str
    verifier: str
    browser: str
    next_path: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Trip).decode


async def begin(redis: Any, state: str, trip: Trip) -> None:
    await redis.set(f"trip:{state}", _encode(trip), ex=TRIP_SECONDS)


async def take(redis: Any, state: str) -> Trip | None:
    """The trip of this state, which is over by that; None for one that never was, or is over."""
    body = await redis.getdel(f"trip:{state}")
    return _decode(body) if body is not None else None
