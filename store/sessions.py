"""Sessions: a person's being logged in on a device, and the refresh tokens that carry it on.

A refresh token gives the next one once.  Used again within a short grace, by one who asked at the same moment or whose
answer was lost, it gives the very same next token; later it must have been stolen, and its session ends."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from typing import Any, NamedTuple
from uuid import UUID

import structlog

from sagas.identity import new_id
from store.connection import pool
from store.settings import settings
from store.sql import query
from store.tables import User

log = structlog.get_logger()

REFRESH_DAYS = 30
GRACE_SECONDS = 10.0
#: The most sessions that are listed; nobody has so many devices.
LISTED = 100


class Where(NamedTuple):
    """From where somebody asks: their network address, and the device as people call it."""

    address: str
    device: str


class Begun(NamedTuple):
    """A session that goes on: what access tokens say, and the refresh token for the next."""

    session_id: UUID
    user_id: UUID
    role: str
    refresh_token: str


class NotRefreshed(Exception):
    """The refresh token is unknown, ended or used before."""


class NotLoggedIn(Exception):
    """The account was suspended or erased, or got another password, while somebody logged in to it."""


async def begin(user: User, method: str, where: Where) -> Begun:
    """A new session for somebody who has shown who they are.  Raises NotLoggedIn."""
    session_id, token = new_id(), secrets.token_urlsafe(32)
    begun = await pool().fetchval(
        query("session_begin"), session_id, user.id, user.password_hash, where.address, where.device, new_id(),
        _hash(token), REFRESH_DAYS, new_id(), method,
    )  # fmt: skip
    if not begun:
        raise NotLoggedIn
    return Begun(session_id, user.id, user.role, token)


async def failed(user_id: UUID, method: str, where: Where) -> None:
    """Note that somebody tried to log in to this account, and could not."""
    await pool().execute(query("log_in_failed"), new_id(), user_id, method, where.address, where.device)


async def was_reset(rows: Any, user_id: UUID, where: Where) -> None:
    """Note where somebody was who set a new password by a letter: strangers' guesses do not slow them down there."""
    await rows.execute(query("password_was_reset"), new_id(), user_id, where.address, where.device)


async def refresh(token: str, where: Where) -> Begun:
    """The session with its next refresh token.  Raises NotRefreshed."""
    following = _next_token(token)
    row = await pool().fetchrow(query("refresh_token_use"), _hash(token), _hash(following))
    if row is None:
        raise NotRefreshed
    if not row["first"] and (row["used_seconds_ago"] > GRACE_SECONDS or row["moved_on"]):
        await end(row["session_id"], "replayed token")
        log.warning("refresh_replayed", user_id=row["user_id"], session_id=row["session_id"])
        raise NotRefreshed
    await pool().execute(
        query("refresh_token_follow"), new_id(), row["session_id"], _hash(following), REFRESH_DAYS, *where
    )
    return Begun(row["session_id"], row["user_id"], row["role"], following)


async def of_token(token: str) -> Any | None:
    """``session_id`` and ``user_id`` of a refresh token, spent or not; None for one that is not known."""
    return await pool().fetchrow(query("session_of_token"), _hash(token))


async def end(session_id: UUID, why: str) -> None:
    await pool().execute(query("session_end"), session_id, why)


async def end_all(rows: Any, user_id: UUID, why: str, but: UUID | None = None) -> list[UUID]:
    """End a person's sessions, on a connection or the pool; those that ended."""
    return [row["id"] for row in await rows.fetch(query("sessions_end"), user_id, why, but)]


async def ended_lately(seconds: float) -> list[UUID]:
    """The sessions that ended within the last seconds, by the database's clock."""
    return [row["id"] for row in await pool().fetch(query("sessions_ended_lately"), seconds)]


async def live(user_id: UUID) -> list[Any]:
    """A person's sessions, the one used last first."""
    return list(await pool().fetch(query("sessions_live"), user_id, LISTED))


async def of(user_id: UUID, session_id: UUID) -> Any | None:
    """A session that has not ended, if it is this person's: when it began."""
    return await pool().fetchrow(query("session_of"), session_id, user_id)


async def log_ins(user_id: UUID, before: tuple[Any, UUID] | None, limit: int) -> list[Any]:
    """A person's log-ins, newest first, those after the cursor."""
    at, last = before or (None, None)
    return list(await pool().fetch(query("log_ins"), user_id, at, last, limit))


async def knows_address(email: str, address: str) -> bool:
    """Whether the account's owner has logged in from there before."""
    return bool(await pool().fetchval(query("knows_address"), email, address))


def _next_token(token: str) -> str:
    """The token that follows this one, which only we can tell: whoever asks twice gets the same."""
    key = settings().jwt_secret.encode()
    return urlsafe_b64encode(hmac.digest(key, b"refresh:" + token.encode(), "sha256")).decode().rstrip("=")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
