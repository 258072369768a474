"""Links in letters: what shows that somebody reads a mailbox.  Each is good for one purpose, once, and not for long.

A link's token follows from its id by a key of ours, so that a letter that is sent again is the same letter; the
database holds its hash alone."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from typing import Any, Literal
from uuid import UUID

from sagas.identity import new_id
from store.connection import pool
from store.mailing import domain
from store.settings import settings
from store.sql import query

Purpose = Literal["verify", "reset"]
Template = Literal["welcome", "verify", "reset"]

#: How long the links are good for, in minutes.
VALID_MINUTES: dict[Purpose, int] = {"verify": 48 * 60, "reset": 30}
#: How many letters with links one account gets in a quarter of an hour, whoever asks for them.
LETTERS_A_QUARTER = 3


async def ask_for(email: str, purpose: Purpose, template: Template, trace: str = "") -> None:
    """A link and its letter, for the account of this address, if there is one and it has not asked for many lately."""
    link_id = new_id()
    await pool().execute(
        query("link_letter"), email, link_id, purpose, VALID_MINUTES[purpose], new_id(), template, domain(), trace,
        LETTERS_A_QUARTER,
    )  # fmt: skip


async def token_for(link_id: UUID) -> str | None:
    """The token that the letter takes along, its hash noted; None once the link is used, or has run out."""
    text = hmac.digest(settings().jwt_secret.encode(), b"letter:" + link_id.bytes, "sha256")
    token = urlsafe_b64encode(text).decode().rstrip("=")
    noted = await pool().fetchval(query("link_token_note"), link_id, _hash(token))
    return token if noted else None


async def is_good(token: str, purpose: Purpose) -> bool:
    return bool(await pool().fetchval(query("link_is_good"), _hash(token), purpose))


async def verify_email(token: str) -> bool:
    """Spend the link: its address is verified.  False when it is not good, or the address is another by now."""
    return await pool().fetchval(query("email_verify"), _hash(token)) is not None


async def reset_password(rows: Any, token: str, password_hash: str) -> UUID | None:
    """Spend the link: its account has this password, and its address is verified, since the letter was read there.  The
    account's id; None when the link is not good."""
    found: UUID | None = await rows.fetchval(query("password_reset"), _hash(token), password_hash)
    return found


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
