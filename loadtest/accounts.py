"""Accounts and access tokens for a crowd, made before the clock starts: rows by SQL, tokens signed as the edge does."""

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import jwt

from store.settings import settings

TOKEN_SECONDS = 1800
DOMAIN = "crowd.frontrow.example"


@dataclass(frozen=True, slots=True)
class Buyer:
    id: UUID
    email: str
    token: str


async def make_buyers(connection: Any, count: int) -> list[Buyer]:
    """So many accounts that nobody can log in to, each with a token that is valid now."""
    batch, now = uuid.uuid4().hex[:10], datetime.now(UTC)
    buyers = []
    for number in range(count):
        buyer_id = uuid.uuid4()
        buyers.append(Buyer(buyer_id, f"buyer-{number:05d}.{batch}@{DOMAIN}", token_for(buyer_id)))
    records = [(b.id, b.email, f"Buyer {number}", "x", "buyer", True, now) for number, b in enumerate(buyers)]
    columns = ["id", "email", "name", "password_hash", "role", "email_verified", "created_at"]
    await connection.copy_records_to_table("user", records=records, columns=columns)
    return buyers


def token_for(buyer_id: UUID, secret: str | None = None) -> str:
    """An access token, as the edge would have given it."""
    now = int(time.time())
    claims = {
        "iss": "frontrow", "aud": "frontrow", "typ": "access", "sub": str(buyer_id), "role": "buyer",
        "iat": now, "exp": now + TOKEN_SECONDS,
    }  # fmt: skip
    return jwt.encode(claims, secret or settings().jwt_secret, algorithm="HS256", headers={"kid": "1"})
