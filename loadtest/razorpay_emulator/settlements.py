"""Settlements: what the provider pays out to the merchant, with a line for each payment, refund and adjustment in it.

The provider settles by itself, two days after a capture; here a control call does, of all that is not settled yet.
A payment is credited less its fee (tax included); refunds that were processed and disputes that were lost are debited.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal

from .entities import Payment, Settlement, SettlementLine, SettlementRecord, fresh_id
from .state import State

#: The provider's days are India's.
INDIA = timedelta(hours=5, minutes=30)


def settle(state: State) -> list[Settlement]:
    """Pay out everything that has not been: one settlement for each currency."""
    settled = {line.entity_id for record in state.settlements.values() for line in record.lines}
    made: list[Settlement] = []
    now = int(time.time())
    by_currency: dict[str, list[SettlementLine]] = {}
    for line in _due(state, now):
        if line.entity_id not in settled:
            by_currency.setdefault(line.currency, []).append(line)
    for lines in by_currency.values():
        settlement = Settlement(
            id=fresh_id("setl_"),
            entity="settlement",
            amount=sum(line.credit - line.debit for line in lines),
            status="processed",
            fees=sum(line.fee for line in lines),
            tax=sum(line.tax for line in lines),
            utr=f"{now}{fresh_id()[-6:]}",
            created_at=now,
        )
        for line in lines:
            line.settlement_id, line.settlement_utr = settlement.id, settlement.utr
        state.settlements[settlement.id] = SettlementRecord(settlement, lines)
        state.changed("settlement", settlement.id)
        made.append(settlement)
    return made


def report(state: State, year: int, month: int, day: int | None) -> Iterator[SettlementLine]:
    """The lines that were settled in a month, or on one day of it."""
    for record in state.settlements.values():
        for line in record.lines:
            at = datetime.fromtimestamp(line.settled_at, UTC) + INDIA
            if (at.year, at.month) == (year, month) and day in (None, at.day):
                yield line


def _due(state: State, now: int) -> Iterator[SettlementLine]:
    for payment in state.payments.values():
        if payment.entity.captured:
            entity = payment.entity
            fee, tax = entity.fee or 0, entity.tax or 0
            yield _line(state, entity, now, entity.id, "payment", credit=entity.amount - fee, fee=fee, tax=tax)
    for refund in state.refunds.values():
        if refund.entity.status == "processed":
            of = state.payments[refund.entity.payment_id].entity
            yield _line(state, of, now, refund.entity.id, "refund", debit=refund.entity.amount)
    for dispute in state.disputes.values():
        if dispute.amount_deducted:
            of = state.payments[dispute.payment_id].entity
            id = "adj_" + dispute.id.partition("_")[2]
            yield _line(state, of, now, id, "adjustment", debit=dispute.amount_deducted, dispute_id=dispute.id)


def _line(
    state: State,
    payment: Payment,
    now: int,
    entity_id: str,
    kind: Literal["payment", "refund", "adjustment"],
    *,
    credit: int = 0,
    debit: int = 0,
    fee: int = 0,
    tax: int = 0,
    dispute_id: str | None = None,
) -> SettlementLine:
    order, card = state.orders[payment.order_id].entity, payment.card
    return SettlementLine(
        entity_id=entity_id,
        type=kind,
        debit=debit,
        credit=credit,
        amount=credit + fee + debit,
        currency=payment.currency,
        fee=fee,
        tax=tax,
        on_hold=False,
        settled=True,
        created_at=payment.created_at,
        settled_at=now,
        settlement_id="",
        posted_at=None,
        credit_type="default",
        description="Chargeback debit" if dispute_id else None,
        notes=payment.notes,
        payment_id=None if kind == "payment" else payment.id,
        settlement_utr="",
        order_id=payment.order_id,
        order_receipt=order.receipt,
        method=payment.method,
        card_network=card.network if card else None,
        card_issuer=card.issuer if card else None,
        card_type=card.type if card else None,
        dispute_id=dispute_id,
    )
