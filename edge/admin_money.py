"""What an operator sees of the money at the provider: how all of it is explained, and what needs a human."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge.cursor import Page, decode_cursor, encode_cursor
from edge.operation import json, operation
from edge.tokens import Who
from sagas.money import Money
from store import reconciling

admin_money = Blueprint("admin-money")


class Sum(msgspec.Struct):
    """Where the money that the provider captured is.  ``confirmed`` is kept for live tickets and ``retained`` by the
    policy under which some were cancelled; ``owed`` is promised and not given back yet; ``by_hand`` an operator saw to;
    ``to_wallet`` was given back into wallets, ``topped_up`` came for them; ``disputed`` was lost to payers' banks;
    ``waiting`` is owed if an open dispute is won; ``under_way`` waits for its booking.  ``unexplained`` should be 0."""

    captured: Money
    confirmed: Money
    retained: Money
    refunded: Money
    owed: Money
    by_hand: Money
    to_wallet: Money
    topped_up: Money
    disputed: Money
    waiting: Money
    under_way: Money
    unexplained: Money


class RunView(msgspec.Struct):
    """The last comparison of the provider's lists with ours: payments begun between these times, and how many there
    were; ``repaired`` counts facts that we had missed and that their sagas were told of."""

    id: UUID
    began_at: datetime
    ended_at: datetime
    from_at: datetime
    to_at: datetime
    payments: int
    refunds: int
    disputes: int
    settlement_lines: int
    repaired: int


class MatterView(msgspec.Struct):
    """Something that needs a human.  ``subject`` is the id of what it is about: a payment, refund or dispute at the
    provider, a refund of ours, a webhook."""

    id: UUID
    kind: str
    subject: str
    booking_id: UUID | None
    amount: Money | None
    detail: str
    tried: list[str]
    seen_at: datetime
    last_seen_at: datetime


class MoneyView(msgspec.Struct):
    """``reconciled`` is null until the first comparison has ended."""

    reconciled: RunView | None
    sums: list[Sum]
    items: list[MatterView]
    next_cursor: str | None


@operation(admin_money, "GET", "/v1/admin/money", query=Page, answers={200: MoneyView})
async def get_money(request: Request, who: Who, query: Page) -> HTTPResponse:
    """The money at the provider as the last comparison explained it, and what needs a human, oldest first."""
    run = await reconciling.last_run()
    found = await reconciling.open_matters(decode_cursor(query.cursor), query.limit + 1)
    page, more = found[: query.limit], len(found) > query.limit
    cursor = encode_cursor(page[-1]["seen_at"], page[-1]["id"]) if more else None
    view = None if run is None else RunView(**{name: run[name] for name in RunView.__struct_fields__})
    sums = msgspec.json.decode(run["sums"]) if run is not None else {}
    amounts = [
        Sum(**{name: Money(parts[name], currency) for name in Sum.__struct_fields__})
        for currency, parts in sorted(sums.items())
    ]
    return json(MoneyView(view, amounts, [_matter_view(row) for row in page], cursor))


def _matter_view(row: Any) -> MatterView:
    return MatterView(
        id=row["id"], kind=row["kind"], subject=row["subject"], booking_id=row["booking_id"],
        amount=None if row["amount"] is None else Money(row["amount"], row["currency"]), detail=row["detail"],
        tried=row["tried"].splitlines(), seen_at=row["seen_at"], last_seen_at=row["last_seen_at"],
    )  # fmt: skip
