"""Access tokens: short-lived JWTs of one pinned algorithm, found by a key ring.  Nothing in a token is fetched."""

from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

import jwt

from sagas.clock import unix_seconds
from store.settings import settings

ALGORITHM = "HS256"
ISSUER = AUDIENCE = "frontrow"
ACCESS_SECONDS = 900
#: A longer token is refused before it is looked at.
LENGTH_LIMIT = 4096


class Who(NamedTuple):
    """Who asks."""

    id: UUID
    role: str


class BadToken(Exception):
    """Not a valid access token of ours."""


def _keys() -> dict[str, str]:
    """The key ring: tokens are signed with the first key and accepted with any."""
    return {"1": settings().jwt_secret}


def issue(user_id: UUID, role: str) -> str:
    now = int(unix_seconds())
    kid, key = next(iter(_keys().items()))
    claims = {
        "iss": ISSUER, "aud": AUDIENCE, "typ": "access", "sub": str(user_id), "role": role, "iat": now,
        "exp": now + ACCESS_SECONDS,
    }  # fmt: skip
    return jwt.encode(claims, key, ALGORITHM, headers={"kid": kid})


@lru_cache(maxsize=64)
def _kid(header: str) -> str:
    """The key id that a token's header names: a few headers serve all tokens, so each is read once."""
    return str(jwt.get_unverified_header(f"{header}.e30.")["kid"])


def verify(token: str) -> Who:
    """Whose token it is.  Raises BadToken."""
    if len(token) > LENGTH_LIMIT:
        raise BadToken("too long")
    try:
        key = _keys()[_kid(token.partition(".")[0])]
        claims = jwt.decode(
            token, key, [ALGORITHM], audience=AUDIENCE, issuer=ISSUER, leeway=30,
            options={"require": ["exp", "iat", "sub", "aud", "iss"]},
        )  # fmt: skip
        if claims.get("typ") != "access":
            raise BadToken("not an access token")
        return Who(UUID(claims["sub"]), str(claims.get("role", "buyer")))
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError) as error:
        raise BadToken(repr(error)) from error
