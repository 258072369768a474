"""A buyer's wallet and payments: what is in it, what moved, and putting money into it."""

from contextlib import suppress
from typing import Annotated
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from actors.lanes.publisher import NotAccepted
from actors.lanes.routes import PAYMENTS
from actors.lanes.wire import Options, seal
from edge import views
from edge.checkout import CheckoutAnswer, check_answer
from edge.context import context
from edge.cursor import Page, decode_cursor, decode_id_cursor, encode_cursor
from edge.operation import json, operation
from edge.problems import invalid, key_reused, not_found
from edge.request_headers import idempotency_key
from edge.show_bodies import check_currency
from edge.tokens import Who
from sagas.identity import booking_id_for, derived
from sagas.money import PAYABLE_MAX, Money, exponent
from store import top_ups, wallets
from store.connection import transaction
from store.settings import settings

wallet = Blueprint("wallet")

#: The least and the most of one top-up, in major units (INR 10,00,000.00).
TOP_UP_BOUNDS = (1, 1_000_000)


class NewTopUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``amount`` in minor units of the currency."""

    amount: Annotated[int, msgspec.Meta(ge=1, le=PAYABLE_MAX)]
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]


@operation(wallet, "GET", "/v1/wallet", answers={200: views.WalletView})
async def get_wallet(request: Request, who: Who) -> HTTPResponse:
    """What your wallet holds, in each currency, and what of it is kept aside."""
    found, aside = await wallets.balances(who.id), await wallets.kept_aside(who.id)
    return json(
        views.WalletView(
            [Money(row["balance"], row["currency"]) for row in found],
            [Money(row["amount"], row["currency"]) for row in aside],
        )
    )


@operation(wallet, "GET", "/v1/wallet/entries", query=Page, answers={200: views.WalletEntryList})
async def list_wallet_entries(request: Request, who: Who, query: Page) -> HTTPResponse:
    """What moved in your wallet, newest first."""
    found = await wallets.entries(who.id, decode_id_cursor(query.cursor), query.limit + 1)
    items = [views.wallet_entry(row) for row in found[: query.limit]]
    last = items[-1].id if len(found) > query.limit else None
    return json(views.WalletEntryList(items, encode_cursor(last) if last else None))


@operation(
    wallet, "POST", "/v1/wallet/topups", body=NewTopUp, key=True, answers={201: views.TopUpView}, problems=(503,)
)
async def create_top_up(request: Request, who: Who, body: NewTopUp) -> HTTPResponse:
    """Put money into your wallet: a payment to make, ready within seconds.  Whatever is paid for it is yours."""
    key = idempotency_key(request)
    _check_amount(body)
    top_up_id = derived(booking_id_for(settings().booking_namespace, who.id, key), "top-up")
    trace = request.ctx.traceparent
    async with transaction() as rows:
        command = await top_ups.begin(rows, top_up_id, who.id, body.amount, body.currency, trace)
    if command is not None:
        with suppress(NotAccepted):  # it is in the saga's outbox too, from which the sweep sends it
            await context(request).publisher.publish(seal(PAYMENTS, command, Options(trace)))
    found = await top_ups.find(top_up_id, who.id)
    assert found is not None, "it was there a moment ago"
    if (found["amount"], found["currency"]) != (body.amount, body.currency):
        raise key_reused()
    return json(views.top_up(found), 201, {"Location": f"/v1/wallet/topups/{top_up_id}"})


def _check_amount(body: NewTopUp) -> None:
    check_currency(body.currency)
    minor = 10 ** exponent(body.currency)
    least, most = (bound * minor for bound in TOP_UP_BOUNDS)
    if not least <= body.amount <= most:
        raise invalid("/amount", f"between {least} and {most} may be put into a wallet at once")


@operation(wallet, "GET", "/v1/wallet/topups/{top_up_id}", answers={200: views.TopUpView}, problems=(404,))
async def get_top_up(request: Request, top_up_id: UUID, who: Who) -> HTTPResponse:
    """A top-up as it stands."""
    found = await top_ups.find(top_up_id, who.id)
    if found is None:
        raise not_found()
    return json(views.top_up(found))


@operation(
    wallet, "POST", "/v1/wallet/topups/{top_up_id}/verify", body=CheckoutAnswer, answers={202: views.TopUpView},
    problems=(404, 503),
)  # fmt: skip
async def verify_top_up(request: Request, top_up_id: UUID, who: Who, body: CheckoutAnswer) -> HTTPResponse:
    """What Checkout handed back: its signature is checked, and the provider is asked what was paid."""
    found = await top_ups.find(top_up_id, who.id)
    if found is None:
        raise not_found()
    await check_answer(request, body, found["razorpay_order_id"], found["payment_id"], top_up_id)
    return json(views.top_up(found), 202)


@operation(wallet, "GET", "/v1/payments", query=Page, answers={200: views.PaymentList})
async def list_payments(request: Request, who: Who, query: Page) -> HTTPResponse:
    """Your payments with their refunds, newest first."""
    found = await wallets.payments(who.id, decode_cursor(query.cursor), query.limit + 1)
    items = [views.payment_item(row) for row in found[: query.limit]]
    last = items[-1] if len(found) > query.limit else None
    return json(views.PaymentList(items, encode_cursor(last.created_at, last.id) if last else None))
