"""The reconciler's rows: what we know beside what the provider says, its runs, and what needs a human."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sagas.identity import new_id
from store.connection import pool
from store.decisions import columns
from store.sql import query


class Matter(NamedTuple):
    """Something that a human must look at; ``subject`` is the id of what it is about, ``tried`` one line each."""

    kind: str
    subject: str
    booking_id: UUID | None
    amount: int | None
    currency: str | None
    detail: str
    tried: str = ""


async def payments(ids: Sequence[str], orders: Sequence[str | None]) -> dict[str, Any]:
    """What we know of these payments at the provider, by their ids."""
    return {row["id"]: row for row in await pool().fetch(query("reconcile_payments"), ids, orders)}


async def captures(begin: datetime, end: datetime, after: str, limit: int) -> list[str]:
    """Our captured payments of this time, by id, after this one."""
    rows = await pool().fetch(query("reconcile_captures"), begin, end, after, limit)
    return [row["provider_payment_id"] for row in rows]


async def refunds(asked: Sequence[tuple[UUID | None, str]]) -> list[Any]:
    """A row for each refund at the provider: ours, with its status, or ``id`` null."""
    return list(await pool().fetch(query("reconcile_refunds"), *columns(list(asked), 2)))


async def disputed(provider_payment_ids: Sequence[str]) -> dict[str, Any]:
    rows = await pool().fetch(query("reconcile_disputed"), provider_payment_ids)
    return {row["provider_payment_id"]: row for row in rows}


async def told(event_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these events sagas have taken."""
    return {row["event_id"] for row in await pool().fetch(query("events_met"), event_ids)}


async def first_capture() -> datetime | None:
    found: datetime | None = await pool().fetchval(query("reconcile_first_capture"))
    return found


async def begin_run(begin: datetime, end: datetime, not_within_seconds: float = 0.0) -> UUID | None:
    """A new run, or None when one began so shortly ago."""
    run_id: UUID | None = await pool().fetchval(query("run_begin"), new_id(), begin, end, not_within_seconds)
    return run_id


async def end_run(connection: Any, run_id: UUID, counts: tuple[int, ...], sums: str, matters: list[Matter]) -> None:
    """What the run saw: ``counts`` of payments, refunds, disputes, settlement lines and repaired facts, and the
    unexplained sum.  What was open and this run did not find is settled."""
    if matters:
        rows = [(new_id(), *matter) for matter in matters]
        await connection.execute(query("matters_write"), *columns(rows, 8))
    await connection.execute(query("matters_end"), run_id)
    await connection.execute(query("run_end"), run_id, *counts, sums, "")
    await connection.execute(query("run_forget"))


async def fail_run(run_id: UUID, note: str) -> None:
    """The run did not see all; what it found is not believed."""
    await pool().execute(query("run_end"), run_id, 0, 0, 0, 0, 0, 0, "[]", note[:300])


async def last_run() -> Any | None:
    return await pool().fetchrow(query("run_last"))


async def matters_in_rows() -> list[Matter]:
    return [Matter(*row) for row in await pool().fetch(query("matters_in_rows"))]


async def open_matters(after: tuple[datetime, UUID] | None, limit: int) -> list[Any]:
    return list(await pool().fetch(query("matters_open"), *(after or (None, None)), limit))


async def open_subjects(kinds: Sequence[str], limit: int) -> list[str]:
    return [row["subject"] for row in await pool().fetch(query("matters_open_of"), kinds, limit)]
