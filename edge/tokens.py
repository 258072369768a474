"""Access tokens: short-lived JWTs of one pinned algorithm, found by a key ring.  Nothing in a token is fetched."""

from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

import jwt
from jwt.algorithms import HMACAlgorithm

from sagas.clock import unix_seconds
from store.settings import settings

ALGORITHM = "HS256"
ISSUER = AUDIENCE = "frontrow"
ACCESS_SECONDS = 900
#: A longer token is refused before it is looked at.
LENGTH_LIMIT = 4096


class _LookedAtOnce(HMACAlgorithm):
    """HMAC, whose secrets PyJWT would look at with each token: whether they are really keys of another kind."""

    @lru_cache(maxsize=64)  # noqa: B019  there is one, for ever
    def prepare_key(self, key: str | bytes) -> bytes:
        return super().prepare_key(key)


jwt.unregister_algorithm(ALGORITHM)
jwt.register_algorithm(ALGORITHM, _LookedAtOnce(HMACAlgorithm.SHA256))


class Who(NamedTuple):
    """Who asks, and in which session.  A token that names none (a tool's, made with our key) ends only by its time."""

    id: UUID
    role: str
    session: UUID | None = None


class BadToken(Exception):
    """Not a valid access token of ours."""


def issue(user_id: UUID, role: str, session: UUID | None = None) -> str:
    now = int(unix_seconds())
    claims = {
        "iss": ISSUER, "aud": AUDIENCE, "typ": "access", "sub": str(user_id), "role": role, "iat": now,
        "exp": now + ACCESS_SECONDS,
    }  # fmt: skip
    if session is not None:
        claims["sid"] = str(session)
    kid = settings().jwt_kid
    return jwt.encode(claims, settings().jwt_keys[kid], ALGORITHM, headers={"kid": kid})


@lru_cache(maxsize=64)
def _kid(header: str) -> str:
    """The key id that a token's header names: a few headers serve all tokens, so each is read once."""
    return str(jwt.get_unverified_header(f"{header}.e30.")["kid"])


def verify(token: str) -> Who:
    """Whose token it is.  Raises BadToken."""
    if len(token) > LENGTH_LIMIT:
        raise BadToken("too long")
    try:
        key = settings().jwt_keys[_kid(token.partition(".")[0])]
        claims = jwt.decode(
            token, key, [ALGORITHM], audience=AUDIENCE, issuer=ISSUER, leeway=30,
            options={"require": ["exp", "iat", "sub", "aud", "iss"]},
        )  # fmt: skip
        if claims.get("typ") != "access":
            raise BadToken("not an access token")
        session = claims.get("sid")
        return Who(UUID(claims["sub"]), str(claims.get("role", "buyer")), UUID(session) if session else None)
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadToken(repr(error)) from error
