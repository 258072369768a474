"""Payouts: that an organiser was paid by bank, recorded by an admin, once, and never more than it is owed."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge.cursor import Page, decode_cursor, encode_cursor
from edge.operation import json, operation
from edge.problems import Problem, invalid, key_reused
from edge.request_headers import idempotency_key
from edge.statements import Currency
from edge.texts import ShortName
from edge.tokens import Who
from sagas import money
from sagas.identity import derived
from sagas.money import Money
from store import organisers, statements
from store import payouts as rows
from store.connection import transaction

payouts = Blueprint("payouts")


class NewPayout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``reference`` is the bank's, for one payout only; without an amount (minor units) it is all that is owed."""

    organiser_id: UUID
    currency: Currency
    reference: ShortName
    amount: Annotated[int, msgspec.Meta(ge=1, le=10**15)] | None = None
    note: ShortName | None = None


class PayoutView(msgspec.Struct):
    id: UUID
    organiser_id: UUID
    amount: Money
    account: str
    reference: str
    note: str
    recorded_by: UUID
    at: datetime


class PayoutList(msgspec.Struct):
    items: list[PayoutView]
    next_cursor: str | None


class PayoutQuery(Page, frozen=True, forbid_unknown_fields=True):
    organiser_id: UUID | None = None


@operation(
    payouts, "POST", "/v1/admin/payouts", body=NewPayout, key=True, answers={201: PayoutView}, problems=(409,)
)  # fmt: skip
async def record_payout(request: Request, who: Who, body: NewPayout) -> HTTPResponse:
    """Record that an organiser was paid by bank; at most what it is owed now."""
    payout_id = derived(who.id, "payout", idempotency_key(request))
    async with transaction() as connection:
        # whoever pays the same organiser at the same time waits here
        organiser = await organisers.lock(connection, body.organiser_id)
        if organiser is None:
            raise invalid("/organiser_id", "there is no such organiser")
        made = await rows.find(connection, payout_id)
        if made is None:
            made = await _record(connection, who, body, payout_id, organiser)
        elif not _same(made, body):
            raise key_reused()
    return json(_view(made), 201)


async def _record(connection: Any, who: Who, body: NewPayout, payout_id: UUID, organiser: Any) -> Any:
    if not organiser["payout_account"]:
        raise Problem(409, "This organiser has named no account to be paid to.", kind="no-payout-account")
    owed = await statements.owed(connection, body.organiser_id, body.currency)
    amount = owed if body.amount is None else body.amount
    if amount > owed or amount <= 0:
        told = money.show(Money(owed, body.currency)) if owed else f"nothing in {body.currency}"
        raise Problem(409, f"This organiser is owed {told} now.", kind="more-than-owed", owed=owed)
    payout = rows.PayoutRow(
        payout_id, body.organiser_id, body.currency, amount, organiser["payout_account"], body.reference.strip(),
        (body.note or "").strip(), who.id,
    )  # fmt: skip
    made = await rows.record(connection, payout)
    if made is None:
        raise Problem(409, "A payout with this reference is recorded already.", kind="reference-used")
    await organisers.record_change(
        connection, who.id, body.organiser_id, "payout.record", "payout", payout_id, amount=amount,
        currency=body.currency, reference=payout.reference,
    )  # fmt: skip
    return made


def _same(made: Any, body: NewPayout) -> bool:
    """Whether the payout is the one that is asked for again."""
    told = (body.organiser_id, body.currency, body.reference.strip(), (body.note or "").strip())
    return (made["organiser_id"], made["currency"], made["reference"], made["note"]) == told and (
        body.amount in (None, made["amount"])
    )


@operation(payouts, "GET", "/v1/admin/payouts", query=PayoutQuery, answers={200: PayoutList})
async def list_payouts(request: Request, who: Who, query: PayoutQuery) -> HTTPResponse:
    """Payouts to all organisers, or to one, newest first."""
    found = await rows.page(query.organiser_id, decode_cursor(query.cursor), query.limit + 1)
    items = [_view(row) for row in found[: query.limit]]
    more = encode_cursor(items[-1].at, items[-1].id) if len(found) > query.limit else None
    return json(PayoutList(items, more))


def _view(row: Any) -> PayoutView:
    return PayoutView(
        row["id"], row["organiser_id"], Money(row["amount"], row["currency"]), row["account"], row["reference"],
        row["note"], row["recorded_by"], row["at"],
    )  # fmt: skip
