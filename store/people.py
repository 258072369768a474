"""People: accounts, passwords (argon2id, off the event loop, so many at once), and refresh tokens.

A refresh token is used once.  Used again it has been stolen, or its answer was lost: within a short grace the family
lives on, after it the whole family is revoked."""

import asyncio
import hashlib
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import NamedTuple, TypeVar
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from tortoise.exceptions import IntegrityError

from sagas import clock
from sagas.identity import new_id
from store.tables import RefreshToken, User

#: OWASP's argon2id: 19 MiB, two passes, one lane; some 26 ms.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
#: At most this many passwords are worked on at once, so that log-ins cannot take the machine.
_workers = ThreadPoolExecutor(max_workers=max(1, (os.cpu_count() or 2) // 2), thread_name_prefix="argon2")
#: Checked for unknown addresses, so that they take as long as known ones.
_NOBODY = _hasher.hash(secrets.token_urlsafe(16))

ResultT = TypeVar("ResultT")

REFRESH_DAYS = 30
GRACE_SECONDS = 10


class EmailTaken(Exception):
    """There is an account with this address."""


class NotRefreshed(Exception):
    """The refresh token is unknown, ended or used before."""


class DemoAccount(NamedTuple):
    role: str
    name: str
    email: str
    password: str


async def make_user(email: str, password: str, name: str, role: str = "buyer") -> User:
    """A new account.  Raises EmailTaken."""
    hashed = await _off_loop(_hasher.hash, password)
    try:
        return await User.create(email=email.strip().lower(), name=name.strip(), password_hash=hashed, role=role)
    except IntegrityError as error:
        raise EmailTaken(email) from error


async def with_email(email: str) -> User | None:
    return await User.get_or_none(email=email.strip().lower())


async def with_id(user_id: UUID) -> User | None:
    return await User.get_or_none(id=user_id)


async def is_admin(user_id: UUID) -> bool:
    """As of now, whatever a token of the last minutes says."""
    return await User.filter(id=user_id, role="admin").exists()


async def log_in(email: str, password: str) -> User | None:
    """The account, if address and password fit; known and unknown addresses take equally long."""
    user = await with_email(email)
    fits = await _off_loop(_verify, user.password_hash if user else _NOBODY, password)
    return user if user and fits else None


async def begin_session(user_id: UUID) -> str:
    """A refresh token of a new family."""
    return await _issue(user_id, new_id())


async def refresh(token: str) -> tuple[User, str]:
    """The account and the next refresh token.  Raises NotRefreshed."""
    now = clock.now()
    row = await RefreshToken.get_or_none(token_hash=_hash(token)).prefetch_related("user")
    if row is None or row.revoked_at is not None or row.expires_at <= now:
        raise NotRefreshed
    first = await RefreshToken.filter(id=row.id, used_at=None).update(used_at=now)
    if not first and row.used_at and now - row.used_at > timedelta(seconds=GRACE_SECONDS):
        await RefreshToken.filter(family=row.family, revoked_at=None).update(revoked_at=now)
        raise NotRefreshed
    return row.user, await _issue(row.user.id, row.family)


async def end_session(token: str, everywhere: bool = False) -> None:
    """Revoke the token's family, or all of its owner's.  Nothing happens for a token that is not known."""
    row = await RefreshToken.get_or_none(token_hash=_hash(token))
    if row is None:
        return
    which = RefreshToken.filter(user_id=row.user_id) if everywhere else RefreshToken.filter(family=row.family)  # type: ignore[attr-defined]
    await which.filter(revoked_at=None).update(revoked_at=clock.now())


def demo_accounts() -> list[DemoAccount]:
    """The demo's accounts, as the environment names them; none in production."""
    found = []
    for role, name in (
        ("buyer", "Asha Rao"),
        ("organiser", "Vikram Sen"),
        ("scanner", "Meera Iyer"),
        ("admin", "Omar Khan"),
    ):
        email, password = os.environ.get(f"{role.upper()}_EMAIL"), os.environ.get(f"{role.upper()}_PASSWORD")
        if email and password and os.environ.get("FRONTROW_MODE") != "production":
            found.append(DemoAccount(role, name, email, password))
    return found


async def _issue(user_id: UUID, family: UUID) -> str:
    token = secrets.token_urlsafe(32)
    expires = clock.now() + timedelta(days=REFRESH_DAYS)
    await RefreshToken.create(user_id=user_id, family=family, token_hash=_hash(token), expires_at=expires)
    return token


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _verify(hashed: str, password: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


async def _off_loop(function: Callable[..., ResultT], *args: object) -> ResultT:
    return await asyncio.get_running_loop().run_in_executor(_workers, function, *args)
