"""The provider's own lists, page by page: what it says of all payments, refunds, disputes and settlements of a time.

A list is newest first; its end is fixed when the walk begins, so that what comes meanwhile moves nothing."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from actors.payment_gateway import (
    PAGE,
    Declined,
    ProviderId,
    ProviderPayment,
    ProviderRefund,
    ask,
    client,
    typed,
)

EntityT = TypeVar("EntityT")
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$")]


class ProviderDispute(msgspec.Struct, frozen=True):
    """A payer's bank wants a payment back, or had wanted it."""

    id: ProviderId
    payment_id: ProviderId
    status: str
    amount: Annotated[int, msgspec.Meta(ge=1, le=10**15)]
    currency: Currency
    amount_deducted: int = 0
    reason_code: str = ""

    @property
    def outcome(self) -> Literal["open", "won", "lost"]:
        """Where it stands: one that is closed is lost if money was taken for it, else the money stayed ours."""
        match self.status:
            case "lost" | "won":
                return self.status
            case "closed":
                return "lost" if self.amount_deducted else "won"
            case _:
                return "open"


class SettlementLine(msgspec.Struct, frozen=True):
    """A line of the settlement report: a payment, a refund or an adjustment that is part of a payout.

    ``fee`` includes ``tax``; a payment is paid out less its fee, a refund or a lost dispute is a ``debit``."""

    entity_id: ProviderId
    type: Annotated[str, msgspec.Meta(max_length=20)]
    amount: int
    currency: Currency
    credit: int
    debit: int
    fee: int
    tax: int
    settlement_id: ProviderId
    settled_at: int
    payment_id: str | None = None
    dispute_id: str | None = None


class _Order(msgspec.Struct, frozen=True):
    receipt: str | None = None


def payments_between(begin: int, end: int) -> Iterator[list[ProviderPayment]]:
    """All attempts to pay that were begun between these Unix times, in pages.  Raises Declined, Unknown."""
    return _pages(client().payment.all, {"from": begin, "to": end}, ProviderPayment)


def refunds_between(begin: int, end: int) -> Iterator[list[ProviderRefund]]:
    return _pages(client().refund.all, {"from": begin, "to": end}, ProviderRefund)


def disputes_between(begin: int, end: int) -> Iterator[list[ProviderDispute]]:
    return _pages(client().dispute.all, {"from": begin, "to": end}, ProviderDispute)


def settled_on(day: date) -> Iterator[list[SettlementLine]]:
    """What was paid out on that day (of the provider's), in pages.  Raises Declined, Unknown."""
    when = {"year": day.year, "month": f"{day.month:02}", "day": f"{day.day:02}"}
    return _pages(client().settlement.report, when, SettlementLine)


def find_payment(provider_payment_id: str) -> ProviderPayment | None:
    """A payment at the provider, or None if it has none of that id.  Raises Unknown."""
    try:
        return typed(ask(client().payment.fetch, provider_payment_id), ProviderPayment)
    except Declined:
        return None


def find_dispute(dispute_id: str) -> ProviderDispute:
    """Where a dispute stands.  Raises Declined, Unknown."""
    return typed(ask(client().dispute.fetch, dispute_id), ProviderDispute)


def receipt_of(order_id: str) -> str:
    """The receipt that an order carries: our payment's id, if it is ours.  Raises Unknown."""
    try:
        return typed(ask(client().order.fetch, order_id), _Order).receipt or ""
    except Declined:
        return ""


def _pages(call: Callable[..., Any], wanted: dict[str, Any], kind: type[EntityT]) -> Iterator[list[EntityT]]:
    seen = 0
    while True:
        items = ask(call, {**wanted, "count": PAGE, "skip": seen}).get("items")
        page = typed(items, list[kind])  # type: ignore[valid-type]
        if page:
            yield page
        seen += len(page)
        if len(page) < PAGE:
            return
