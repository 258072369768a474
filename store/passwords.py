"""Passwords: argon2id, off the event loop, a bounded number at once, so that log-ins cannot take the machine."""

import asyncio
import os
import secrets
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

ResultT = TypeVar("ResultT")

#: OWASP's argon2id: 19 MiB, two passes, one lane; some 26 ms.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_WORKERS = max(1, (os.cpu_count() or 2) // 2)
#: Passwords worked on and waiting: more than about a second of work is refused.
PLACES = 40 * _WORKERS
_workers = ThreadPoolExecutor(max_workers=_WORKERS, thread_name_prefix="argon2")
_places = threading.BoundedSemaphore(PLACES)
#: Checked where there is no password, so that it takes as long as where there is one.
_NOBODYS = _hasher.hash(secrets.token_urlsafe(16))


class TooManyPasswords(Exception):
    """More passwords are waiting to be worked on than can be within a second or so."""


async def hashed(password: str) -> str:
    """Raises TooManyPasswords."""
    return await _off_loop(_hasher.hash, _plain(password))


async def fits(password: str, password_hash: str | None) -> bool:
    """Whether it is this one; without a hash (an unknown account, or one without password) no, after the same time.
    Raises TooManyPasswords."""
    found = await _off_loop(_verify, password_hash or _NOBODYS, _plain(password))
    return found and bool(password_hash)


def _plain(password: str) -> str:
    """The same letters typed on another keyboard are the same password."""
    return unicodedata.normalize("NFKC", password)


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


async def _off_loop(function: Callable[..., ResultT], *args: object) -> ResultT:
    if not _places.acquire(blocking=False):
        raise TooManyPasswords
    try:
        future: Future[ResultT] = _workers.submit(function, *args)
    except BaseException:
        _places.release()
        raise
    future.add_done_callback(lambda _: _places.release())  # also when nobody waits for it any more
    return await asyncio.wrap_future(future)
