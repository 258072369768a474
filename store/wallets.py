"""What buyers see of their money: wallets, what moved in them, and payments."""

from datetime import datetime
from typing import Any
from uuid import UUID

from store.connection import pool
from store.sql import query


async def balances(user_id: UUID) -> list[Any]:
    return list(await pool().fetch(query("wallet_balances"), user_id))


async def kept_aside(user_id: UUID) -> list[Any]:
    """What of them is kept aside while the buyer's bank disputes where it came from."""
    return list(await pool().fetch(query("wallet_kept_aside"), user_id))


async def entries(user_id: UUID, before: UUID | None, limit: int) -> list[Any]:
    """What moved in the buyer's wallets, newest first; ``amount`` is above zero for what came in."""
    return list(await pool().fetch(query("wallet_entries_page"), user_id, before, limit))


async def payments(user_id: UUID, before: tuple[datetime, UUID] | None, limit: int) -> list[Any]:
    """What the buyer was asked to pay, newest first, with refunds as a JSON text."""
    return list(await pool().fetch(query("payments_of_buyer"), user_id, *(before or (None, None)), limit))
