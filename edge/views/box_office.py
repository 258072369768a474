"""How the box office looks to its staff: shifts, what they should have taken, and what was counted."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from sagas.money import Money


class CashUpLine(msgspec.Struct):
    """``difference`` is above zero where more was counted than the ledger says; null until it is counted."""

    method: str
    expected: Money
    counted: Money | None
    difference: Money | None


class ShiftView(msgspec.Struct):
    id: UUID
    seller_id: UUID
    seller_name: str
    opened_at: datetime
    closed_at: datetime | None
    cash_up: list[CashUpLine]


class ShiftList(msgspec.Struct):
    items: list[ShiftView]
    next_cursor: str | None


def shift(row: Any, taken: dict[tuple[str, str], int], counted: list[Any]) -> ShiftView:
    """A shift with its takings by (method, currency), and once it is closed with what was counted."""
    if row["closed_at"] is None:
        lines = [CashUpLine(method, Money(sum_, code), None, None) for (method, code), sum_ in taken.items()]
    else:
        lines = [
            CashUpLine(
                line.method, Money(line.expected, line.currency), Money(line.counted, line.currency),
                Money(line.counted - line.expected, line.currency),
            )
            for line in counted
        ]  # fmt: skip
    return ShiftView(
        row["id"], row["seller_id"], row["seller_name"] or "", row["opened_at"], row["closed_at"], lines
    )  # fmt: skip
