"""Settlements: what the provider paid out to us, line by line, each once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from store.connection import pool
from store.decisions import columns
from store.sql import query


class SettlementLineRow(NamedTuple):
    """``kind`` is payment, refund or adjustment; ``fee`` includes ``tax``; all amounts in minor units of ``currency``.

    ``credit`` less ``debit`` is what the line adds to the payout; ``settled_at`` is Unix time."""

    entity_id: str
    kind: str
    amount: int
    currency: str
    fee: int
    tax: int
    credit: int
    debit: int
    settlement_id: str
    settled_at: int
    provider_payment_id: str | None
    dispute_id: str | None


async def keep(lines: Sequence[SettlementLineRow]) -> None:
    """Note these lines; those that were noted before stay as they are."""
    await pool().execute(query("settlement_lines_keep"), *columns(list(lines), 12))


async def unbooked(connection: Any, limit: int) -> list[Any]:
    """Lines that the ledger does not have yet, oldest first."""
    return list(await connection.fetch(query("settlement_lines_unbooked"), limit))


async def booked(connection: Any, now: datetime, entity_ids: list[str]) -> None:
    """The ledger has these lines, in this transaction."""
    await connection.execute(query("settlement_lines_booked"), now, entity_ids)
