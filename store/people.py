"""People: accounts, by address and by id; what their owners and the operator change about them."""

import os
import re
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import idna

from sagas.identity import new_id
from store import letter_links, mailing, passwords
from store.connection import pool
from store.sql import query
from store.tables import User


class EmailTaken(Exception):
    """There is an account with this address."""


class BadAddress(ValueError):
    """Not an address that letters can be sent to."""


class DemoAccount(NamedTuple):
    role: str
    name: str
    email: str
    password: str


#: What may stand before the @ without quotes (RFC 5322).
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")

#: Signs of a domain that would be taken for a full stop (by ``idna``) or for a k (the Kelvin sign, in lower case).
_LOOK_ALIKES = frozenset("\u3002\uff0e\uff61\u212a")


def address(email: str) -> str:
    """The one form in which an address is kept: lower case, its domain as the mail system knows it (ASCII).  Nothing is
    folded into what it looks like (full-width letters, a long s): that is another mailbox, and would be taken for this
    account's.  Raises BadAddress."""
    local, _, domain = email.strip().rpartition("@")
    if not _LOCAL_PART.fullmatch(local):
        raise BadAddress("Before the @ only letters of the Latin alphabet, digits and signs can be used")
    if _LOOK_ALIKES & set(domain):
        raise BadAddress("After the @ there is a sign that only looks like another")
    try:
        found = f"{local}@{idna.encode(domain.lower()).decode()}".lower()
    except idna.IDNAError:
        raise BadAddress("After the @ there must be a domain") from None
    if len(found) > 254:
        raise BadAddress("This is longer than an address can be")
    return found


def plain_address(email: str) -> str:
    """The address in its one form, or as it was written when it is none: to count attempts by."""
    try:
        return address(email)
    except BadAddress:
        return email.strip().lower()


async def make_user(
    email: str, password: str | None, name: str, role: str = "buyer", *, verified: bool = False, trace: str = ""
) -> User:
    """A new account; without a password for one who logs in elsewhere.  Where the address is not verified yet, the
    letter that welcomes its owner and asks them to is noted with it.  Raises EmailTaken, BadAddress,
    TooManyPasswords."""
    kept = address(email)
    password_hash = "" if password is None else await passwords.hashed(password)
    user_id = new_id()
    try:
        await pool().execute(
            query("user_make"), user_id, kept, name.strip(), password_hash, role, verified, new_id(),
            letter_links.VALID_MINUTES["verify"], new_id(), mailing.domain(), trace,
        )  # fmt: skip
    except asyncpg.UniqueViolationError as error:
        raise EmailTaken(email) from error
    return await User.get(id=user_id)


async def with_email(email: str) -> User | None:
    try:
        return await User.get_or_none(email=address(email))
    except BadAddress:
        return None


async def with_id(user_id: UUID) -> User | None:
    """The account, unless it was erased."""
    return await User.get_or_none(id=user_id, erased_at=None)


async def is_admin(user_id: UUID) -> bool:
    """As of now, whatever a token of the last minutes says."""
    return await User.filter(id=user_id, role="admin", suspended_at=None, erased_at=None).exists()


async def log_in(email: str, password: str) -> tuple[User | None, bool]:
    """The account of this address, if there is one, and whether the password is its own.  Known and unknown addresses
    take equally long.  Raises TooManyPasswords."""
    user = await with_email(email)
    return user, await passwords.fits(password, user.password_hash if user else None)


async def by_provider(provider: str, subject: str) -> User | None:
    """The account to which this account at a provider was linked."""
    user: User | None = await User.get_or_none(
        provider_logins__provider=provider, provider_logins__subject=subject, erased_at=None
    )
    return user


async def link_provider(user: User, provider: str, subject: str) -> User:
    """Link an account at a provider; the account to which it is linked now: who was linked first stays."""
    await pool().execute(query("provider_link"), new_id(), user.id, provider, subject)
    return await by_provider(provider, subject) or user


async def set_password(rows: Any, user: User, password_hash: str) -> bool:
    """False when it was changed meanwhile."""
    return str(await rows.execute(query("password_set"), user.id, password_hash, user.password_hash)) == "UPDATE 1"


async def rename(user_id: UUID, name: str) -> None:
    await User.filter(id=user_id, erased_at=None).update(name=name.strip())


class UserFilter(NamedTuple):
    """What the operator looks for; ``words`` in lower case, of address or name."""

    words: str | None
    role: str | None
    suspended: bool | None


async def page(wanted: UserFilter, before: tuple[datetime, UUID] | None, limit: int) -> list[Any]:
    """Accounts, newest first, those after the cursor."""
    at, last = before or (None, None)
    words = wanted.words and wanted.words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return list(await pool().fetch(query("users_page"), words, wanted.role, wanted.suspended, at, last, limit))


async def for_operator(user_id: UUID) -> Any | None:
    return await pool().fetchrow(query("user_for_operator"), user_id)


async def lock_admins(rows: Any) -> set[UUID]:
    """The admins who can act, locked until the transaction's end."""
    return {row["id"] for row in await rows.fetch(query("admins_lock"))}


async def for_change(rows: Any, user_id: UUID) -> Any | None:
    """An account's role and when it was suspended, locked until the transaction's end; None when it is not there."""
    return await rows.fetchrow(query("user_for_change"), user_id)


async def change(rows: Any, user_id: UUID, role: str | None, suspended: bool | None) -> Any:
    """The account, changed."""
    return await rows.fetchrow(query("user_change"), user_id, role, suspended)


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
