"""Payouts as rows: what organisers were paid by bank, each booked in the transaction that records it."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sagas.ledger import paid_out
from store.connection import pool
from store.ledger import Books
from store.sql import query


class PayoutRow(NamedTuple):
    """``account`` is where the money went; ``reference`` is the bank's."""

    id: UUID
    organiser_id: UUID
    currency: str
    amount: int
    account: str
    reference: str
    note: str
    recorded_by: UUID


async def find(rows: Any, payout_id: UUID) -> Any | None:
    return await rows.fetchrow(query("payout_find"), payout_id)


async def record(rows: Any, payout: PayoutRow) -> Any | None:
    """Note and book a payout; None, and nothing is done, when its id or its reference was recorded before."""
    made = await rows.fetchrow(query("payout_add"), *payout)
    if made is not None:
        books = Books()
        books.add(
            paid_out(payout.id, payout.organiser_id, payout.amount, payout.currency, f"Payout {payout.reference}")
        )
        await books.write(rows, made["at"])
    return made


async def page(organiser_id: UUID | None, before: tuple[datetime, UUID] | None, limit: int) -> list[Any]:
    return list(await pool().fetch(query("payouts_page"), organiser_id, *(before or (None, None)), limit))
