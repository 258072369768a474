"""What an organiser is owed, from the ledger: balances, sums by kind, and the lines that make them."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from store.connection import pool
from store.sql import query

#: So many lines are read at once for an export.
LINES_AT_ONCE = 2_000
_BEGINNING, _END = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)

#: The line at which a page ended: its time and its transaction.
After = tuple[datetime, UUID] | None


class Asked(NamedTuple):
    """Whose books, in which currency (None: all), from a moment on and until before another."""

    organiser_id: UUID
    currency: str | None
    since: datetime
    until: datetime


class Sum(NamedTuple):
    """``kind`` is the ledger's; ``amount`` as the organiser sees it: what it is owed is above 0."""

    kind: str
    lines: int
    amount: int


class Balance(NamedTuple):
    """One currency's.  ``cash`` and ``terminal`` are what the organiser has taken itself at the box office."""

    currency: str
    opening: int
    sums: list[Sum]
    cash: int
    terminal: int

    @property
    def closing(self) -> int:
        return self.opening + sum(one.amount for one in self.sums)

    @property
    def owed(self) -> int:
        """What is to be paid out: the organiser's own takings are in its hands already."""
        return self.closing - self.cash - self.terminal


def days(organiser_id: UUID, currency: str | None, first: date | None, last: date | None) -> Asked:
    """The books of these days in UTC, both included; None: from the beginning, to now."""
    since = datetime.combine(first, time(), UTC) if first else _BEGINNING
    until = datetime.combine(last, time(), UTC) + timedelta(days=1) if last and last < _END.date() else _END
    return Asked(organiser_id, currency, since, until)


async def balances(asked: Asked, rows: Any = None) -> list[Balance]:
    """Each currency in which anything was booked until then, in their order."""
    found: dict[str, Balance] = {}
    for row in await (rows or pool()).fetch(query("statement_sums"), *asked):
        balance = found.get(row["currency"]) or Balance(row["currency"], 0, [], 0, 0)
        if row["account"] != "organiser":
            balance = balance._replace(**{row["account"]: getattr(balance, row["account"]) + row["amount"]})
        elif row["kind"] is None:
            balance = balance._replace(opening=-row["amount"])
        else:
            balance.sums.append(Sum(row["kind"], row["entries"], -row["amount"]))
        found[row["currency"]] = balance
    return list(found.values())


async def all_balances(rows: Any, organiser_id: UUID) -> list[Balance]:
    """Those of now, as this transaction sees them."""
    return await balances(Asked(organiser_id, None, _BEGINNING, _END), rows)


async def owed(rows: Any, organiser_id: UUID, currency: str) -> int:
    """What this organiser is owed now, as this transaction sees it."""
    found = await balances(Asked(organiser_id, currency, _BEGINNING, _END), rows)
    return found[0].owed if found else 0


async def lines(asked: Asked, after: After, limit: int) -> list[Any]:
    return list(await pool().fetch(query("statement_lines"), *asked, *(after or (None, None)), limit))


async def all_lines(asked: Asked) -> AsyncIterator[list[Any]]:
    """Every line, some at a time."""
    after: After = None
    while found := await lines(asked, after, LINES_AT_ONCE):
        yield found
        after = found[-1]["at"], found[-1]["id"]
