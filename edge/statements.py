"""An organiser's statement: what it is owed, from the ledger, and every line that makes it."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge.acting import Acting
from edge.cursor import Page, decode_cursor, encode_cursor
from edge.figures import decimal, lines
from edge.operation import json, operation
from edge.problems import invalid
from sagas.clock import rfc3339
from sagas.identity import booking_code
from sagas.money import Money
from store import statements as rows

statements = Blueprint("statements")

Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$")]

COLUMNS = ("at", "kind", "booking", "event", "show_starts_at", "amount", "balance", "currency", "note", "transaction")


class StatementQuery(
    Page, frozen=True, forbid_unknown_fields=True, rename={"since": "from", "until": "to"}
):  # fmt: skip
    """Days are those in UTC; both are included."""

    since: date | None = None
    until: date | None = None
    currency: Currency | None = None


class ExportQuery(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from", "until": "to"}
):  # fmt: skip
    since: date | None = None
    until: date | None = None
    currency: Currency | None = None


class StatementSum(msgspec.Struct):
    kind: str
    lines: int
    amount: Money


class Takings(msgspec.Struct):
    """What the organiser took itself at the box office, less what it gave back there."""

    cash: Money
    terminal: Money


class BalanceView(msgspec.Struct):
    """``closing`` is ``opening`` and all sums; ``owed`` is ``closing`` less the organiser's own takings."""

    currency: str
    opening: Money
    sums: list[StatementSum]
    closing: Money
    taken: Takings
    owed: Money


class StatementLine(msgspec.Struct):
    """Amounts as the organiser sees them: above zero it is owed more.  ``kind`` is ``sale``, ``cancellation``,
    ``goodwill`` (its ``note`` is the reason), ``dispute``, ``provider-fee``, ``payout``… as in the ledger."""

    id: UUID
    at: datetime
    kind: str
    amount: Money
    note: str
    booking_id: UUID | None
    booking_code: str | None
    show_id: UUID | None
    event: str | None
    show_starts_at: datetime | None


class StatementView(msgspec.Struct):
    """Balances are of the whole time that was asked for, one for each currency; lines come page by page."""

    balances: list[BalanceView]
    lines: list[StatementLine]
    next_cursor: str | None


@operation(statements, "GET", "/v1/organiser/statement", query=StatementQuery, answers={200: StatementView})
async def get_statement(request: Request, query: StatementQuery, acting: Acting) -> HTTPResponse:
    """What your organiser is owed: balances, sums by kind, and every line, oldest first."""
    asked = _asked(query, acting)
    found = await rows.lines(asked, decode_cursor(query.cursor), query.limit + 1)
    page = [_line(row) for row in found[: query.limit]]
    more = encode_cursor(page[-1].at, page[-1].id) if len(found) > query.limit else None
    return json(StatementView([_balance(one) for one in await rows.balances(asked)], page, more))


@operation(
    statements, "GET", "/v1/organiser/statement.csv", query=ExportQuery, answers={200: None}, content_type="text/csv"
)
async def export_statement(request: Request, query: ExportQuery, acting: Acting) -> None:
    """Every line of the statement as CSV, with the balance after it."""
    asked = _asked(query, acting)
    balances = {one.currency: one.opening for one in await rows.balances(asked)}
    response = await request.respond(
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="statement.csv"', "Cache-Control": "private, no-store"},
    )
    await response.send(lines([COLUMNS]))
    await response.send(lines(_opening(currency, amount) for currency, amount in balances.items()))
    async for found in rows.all_lines(asked):
        told = []
        for row in found:
            balances[row["currency"]] = balances.get(row["currency"], 0) + row["amount"]
            told.append(_cells(row, balances[row["currency"]]))
        await response.send(lines(told))
    await response.eof()


def _opening(currency: str, amount: int) -> tuple[Any, ...]:
    return ("", "opening", "", "", "", "", decimal(amount, currency), currency, "", "")


def _cells(row: Any, balance: int) -> tuple[Any, ...]:
    code = booking_code(row["booking_id"]) if row["booking_id"] else ""
    starts_at = rfc3339(row["starts_at"]) if row["starts_at"] else ""
    return (
        rfc3339(row["at"]), row["kind"], code, row["title"] or "", starts_at, decimal(row["amount"], row["currency"]),
        decimal(balance, row["currency"]), row["currency"], row["note"], row["id"],
    )  # fmt: skip


def _line(row: Any) -> StatementLine:
    code = booking_code(row["booking_id"]) if row["booking_id"] else None
    return StatementLine(
        row["id"], row["at"], row["kind"], Money(row["amount"], row["currency"]), row["note"], row["booking_id"], code,
        row["show_id"], row["title"], row["starts_at"],
    )  # fmt: skip


def _balance(one: rows.Balance) -> BalanceView:
    def money(amount: int) -> Money:
        return Money(amount, one.currency)

    sums = [StatementSum(part.kind, part.lines, money(part.amount)) for part in one.sums]
    taken = Takings(money(one.cash), money(one.terminal))
    return BalanceView(one.currency, money(one.opening), sums, money(one.closing), taken, money(one.owed))


def _asked(query: StatementQuery | ExportQuery, acting: Acting) -> rows.Asked:
    if query.since and query.until and query.since > query.until:
        raise invalid("/to", "this day lies before the first")
    return rows.days(acting.organiser_id, query.currency, query.since, query.until)
