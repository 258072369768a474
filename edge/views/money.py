"""How money looks to its owner: wallets, top-ups, payments."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from edge.views.bookings import RefundView, refund_views
from sagas.money import Money
from store.settings import settings


class WalletView(msgspec.Struct):
    """``balances`` can be spent: one for each currency that was ever in it.  ``kept_aside`` is yours and cannot be
    spent for now: your bank disputes where it came from, or it comes from a ticket that was sold this moment."""

    balances: list[Money]
    kept_aside: list[Money]


class WalletEntry(msgspec.Struct):
    """``amount`` is above zero for what came in; ``balance_after`` is what the wallet held then."""

    id: UUID
    kind: str
    amount: Money
    balance_after: Money
    note: str
    booking_id: UUID | None
    at: datetime


class WalletEntryList(msgspec.Struct):
    items: list[WalletEntry]
    next_cursor: str | None


class TopUpView(msgspec.Struct, omit_defaults=True):
    """A payment to make into one's wallet; ``received`` is what has come in for it."""

    id: UUID
    amount: Money
    received: Money
    status: Literal["preparing", "ready", "authorized", "captured", "failed"]
    razorpay_order_id: str | None = None
    key_id: str | None = None
    checkout_url: str | None = None


class PaymentItem(msgspec.Struct):
    """What was asked for a booking, or for a top-up, and what of it went back."""

    id: UUID
    booking_id: UUID | None
    top_up_id: UUID | None
    method: str
    amount: Money
    status: str
    created_at: datetime
    refunds: list[RefundView]


class PaymentList(msgspec.Struct):
    items: list[PaymentItem]
    next_cursor: str | None


def wallet_entry(row: Any) -> WalletEntry:
    currency = row["currency"]
    return WalletEntry(
        row["id"], row["kind"], Money(row["amount"], currency), Money(row["balance_after"], currency), row["note"],
        row["booking_id"], row["at"],
    )  # fmt: skip


def top_up(row: Any) -> TopUpView:
    currency, order = row["currency"], row["razorpay_order_id"]
    view = TopUpView(row["id"], Money(row["amount"], currency), Money(row["received"], currency), row["status"])
    if order:
        view.razorpay_order_id, view.key_id = order, settings().razorpay_key_id
        back = f"{settings().edge_url}/profile"
        view.checkout_url = f"{settings().razorpay_url}/checkout?order_id={order}&callback_url={back}&redirect=get"
    return view


def payment_item(row: Any) -> PaymentItem:
    return PaymentItem(
        row["id"], None if row["top_up_id"] else row["booking_id"], row["top_up_id"], row["method"],
        Money(row["amount"], row["currency"]), row["status"], row["created_at"], refund_views(row["refunds"]),
    )  # fmt: skip
