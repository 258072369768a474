"""Settlements: what the provider paid out to us, line by line, each once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sagas.ledger import fee_borne, settled
from store.connection import pool
from store.decisions import columns
from store.ledger import Books
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


async def book(connection: Any, limit: int) -> int:
    """Book lines that the ledger does not have yet, oldest first, each with its fee; how many they were."""
    lines, books = await connection.fetch(query("settlement_lines_unbooked"), limit), Books()
    if not lines:
        return 0
    for line in lines:
        entity_id, currency = line["entity_id"], line["currency"]
        books.add(settled(entity_id, line["credit"] - line["debit"], currency))
        books.add(fee_borne(entity_id, line["organiser_id"], line["booking_id"], line["fee"], currency))
    await books.write(connection, lines[0]["now"])
    await connection.execute(query("settlement_lines_booked"), lines[0]["now"], [line["entity_id"] for line in lines])
    return len(lines)
