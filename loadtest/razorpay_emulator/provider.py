"""The rules of money at the provider: orders, payments, capture, refunds, disputes, and the events each step sends.

An order goes created → attempted → paid and stays paid. A payment goes created → authorized → captured → refunded, or
fails; an attempt opened before another one paid the order may still succeed. Each method changes the state at once and
without waiting, so a call is done whole or not at all, whatever becomes of its connection.
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Literal, TypeVar

import structlog

from . import errors
from .entities import (
    USUAL,
    Card,
    Dispute,
    Method,
    Notes,
    Order,
    OrderRecord,
    Outcome,
    Payment,
    PaymentRecord,
    Refund,
    RefundKey,
    RefundRecord,
    WebhookPlay,
    fresh_id,
)
from .faults import Faults
from .intake import OrderWish, RefundWish, least_amount
from .settings import Settings
from .state import State
from .webhooks import Event, Webhooks

log = structlog.get_logger()

#: What the provider keeps: 2 %, and 18 % tax on that.
FEE_PERCENT = 2
TAX_PERCENT = 18
DISPUTE_ANSWER_SECONDS = 7 * 24 * 3600

Settled = Literal["captured", "failed", "authorized"]
DisputeOutcome = Literal["under_review", "won", "lost", "closed"]
Record = TypeVar("Record")

#: How each way to pay fails: description, source, step, reason.
FAILURES: dict[str, tuple[str, str, str, str]] = {
    "card": (
        "Your payment has been declined by the bank. Try another payment method or contact your bank.",
        "issuer_bank",
        "payment_authorization",
        "payment_failed",
    ),
    "upi": (
        "Payment was unsuccessful as you entered an incorrect UPI PIN.",
        "customer",
        "payment_authentication",
        "incorrect_pin",
    ),
    "netbanking": ("Payment failed", "bank", "payment_authorization", "payment_failed"),
    "wallet": (
        "Payment was unsuccessful as the wallet balance is too low.",
        "customer",
        "payment_authorization",
        "insufficient_funds",
    ),
}


class Provider:
    def __init__(self, settings: Settings, state: State, webhooks: Webhooks, faults: Faults) -> None:
        self.settings = settings
        self.state = state
        self.webhooks = webhooks
        self.faults = faults
        self._refund_keys_in_progress: set[str] = set()

    def start(self) -> None:
        """Refunds that were about to fail when the emulator stopped still do."""
        for refund in self.state.refunds.values():
            if refund.becomes is not None and refund.entity.status == "pending":
                self._settle_later(refund)

    def create_order(self, wish: OrderWish) -> Order:
        earlier = self.state.orders_by_receipt.get(wish.receipt or "")
        if earlier and self.settings.unique_receipts:
            raise errors.Refused("Order receipt should be unique.", field="receipt", metadata={"order_id": earlier[0]})
        order = Order(
            id=fresh_id("order_"),
            entity="order",
            amount=wish.amount,
            amount_paid=0,
            amount_due=wish.amount,
            currency=wish.currency,
            receipt=wish.receipt,
            offer_id=None,
            status="created",
            attempts=0,
            notes=wish.notes,
            created_at=int(time.time()),
        )
        automatic = wish.captures_automatically
        self.state.add_order(
            OrderRecord(order, self.settings.captures_automatically if automatic is None else automatic)
        )
        return order

    def order(self, order_id: str) -> OrderRecord:
        return _found(self.state.orders.get(order_id))

    def payment(self, payment_id: str) -> PaymentRecord:
        return _found(self.state.payments.get(payment_id))

    def refund_record(self, refund_id: str) -> RefundRecord:
        return _found(self.state.refunds.get(refund_id))

    def write_notes(self, kind: str, record: OrderRecord | PaymentRecord | RefundRecord, notes: Notes) -> None:
        record.entity.notes = notes
        self.state.changed(kind, record.entity.id)

    def pay(
        self,
        order: OrderRecord,
        outcome: Outcome,
        method: Method = "card",
        *,
        amount: int | None = None,
        play: WebhookPlay = USUAL,
        force: bool = False,
        email: str = "buyer@example.com",
        contact: str = "+919000090000",
    ) -> PaymentRecord:
        """Open an attempt on the order and end it at once, unless it is to stay pending."""
        payment = self._open(order, method, amount, play, force, email, contact)
        if outcome != "pending":
            self.settle(payment, outcome)
        return payment

    def _open(
        self,
        order: OrderRecord,
        method: Method,
        amount: int | None,
        play: WebhookPlay,
        force: bool,
        email: str,
        contact: str,
    ) -> PaymentRecord:
        if order.entity.status == "paid" and not force:
            raise errors.order_paid(order.entity.id)
        minor = order.entity.amount if amount is None else amount
        card = Card(fresh_id("card_")) if method == "card" else None
        payment = Payment(
            id=fresh_id("pay_"),
            entity="payment",
            amount=minor,
            currency=order.entity.currency,
            base_amount=minor,
            status="created",
            order_id=order.entity.id,
            invoice_id=None,
            international=False,
            method=method,
            amount_refunded=0,
            amount_transferred=0,
            refund_status=None,
            captured=False,
            description=None,
            card_id=card.id if card else None,
            card=card,
            bank="HDFC" if method == "netbanking" else None,
            wallet="payzapp" if method == "wallet" else None,
            vpa="buyer@okbank" if method == "upi" else None,
            email=email,
            contact=contact,
            notes=order.entity.notes,
            fee=None,
            tax=None,
            error_code=None,
            error_description=None,
            error_source=None,
            error_step=None,
            error_reason=None,
            acquirer_data={},
            created_at=int(time.time()),
        )
        record = PaymentRecord(payment, play, forced=force)
        self.state.payments[payment.id] = record
        self.state.changed("payment", payment.id)
        order.payment_ids.append(payment.id)
        order.entity.attempts += 1
        if order.entity.status == "created":
            order.entity.status = "attempted"
        self.state.changed("order", order.entity.id)
        return record

    def settle(
        self, payment: PaymentRecord, outcome: Settled, play: WebhookPlay | None = None, late: bool = False
    ) -> None:
        """End an attempt that is still open, or, `late`, let the bank allow one that had failed.

        `captured` on an order that is captured by hand stays authorized.
        """
        entity = payment.entity
        if entity.status != "created" and not (late and entity.status == "failed" and outcome != "failed"):
            raise errors.Refused(f"The payment is not pending any more: it is {entity.status}.")
        payment.play = play or payment.play
        if outcome == "failed":
            self.webhooks.send([self._fail(payment)], payment.play)
            return
        events = [self._authorize(payment)]
        disputed = False
        if outcome == "captured" and self.order(entity.order_id).captures_automatically:
            events += self._capture(payment)
            disputed = True
        self.webhooks.send(events, payment.play)
        if disputed:
            self._maybe_dispute(payment)

    def _authorize(self, payment: PaymentRecord) -> Event:
        entity = payment.entity
        entity.status = "authorized"
        entity.error_code = entity.error_description = entity.error_source = None
        entity.error_step = entity.error_reason = None
        number = str(int.from_bytes(entity.id[-6:].encode()) % 10**12).zfill(12)
        references: dict[Method, dict[str, str | None]] = {
            "card": {"auth_code": number[:6], "rrn": number},
            "upi": {"rrn": number},
            "netbanking": {"bank_transaction_id": number[:10]},
            "wallet": {"transaction_id": None},
        }
        entity.acquirer_data = references[entity.method]
        self.state.changed("payment", entity.id)
        return self._event("payment.authorized", payment=entity)

    def _fail(self, payment: PaymentRecord) -> Event:
        entity = payment.entity
        description, source, step, reason = FAILURES[entity.method]
        entity.status = "failed"
        entity.error_code = "BAD_REQUEST_ERROR"
        entity.error_description = description
        entity.error_source = source
        entity.error_step = step
        entity.error_reason = reason
        self.state.changed("payment", entity.id)
        return self._event("payment.failed", payment=entity)

    def _capture(self, payment: PaymentRecord) -> list[Event]:
        entity, order = payment.entity, self.order(payment.entity.order_id).entity
        fee = entity.amount * FEE_PERCENT // 100
        entity.tax = fee * TAX_PERCENT // 100
        entity.fee = fee + entity.tax
        entity.status = "captured"
        entity.captured = True
        order.amount_paid += entity.amount
        order.amount_due = max(0, order.amount - order.amount_paid)
        self.state.changed("payment", entity.id)
        self.state.changed("order", order.id)
        events = [self._event("payment.captured", payment=entity)]
        if order.status != "paid" and order.amount_due == 0:
            order.status = "paid"
            events.append(self._event("order.paid", payment=entity, order=order))
        return events

    def capture(self, payment: PaymentRecord, amount: int, currency: str | None) -> Payment:
        entity = payment.entity
        if entity.captured:
            raise errors.Refused("This payment has already been captured", metadata={"payment_id": entity.id})
        if entity.status != "authorized":
            raise errors.Refused(
                "Only payments which have been authorized and not yet captured can be captured",
                metadata={"payment_id": entity.id},
            )
        if self.order(entity.order_id).entity.status == "paid" and not payment.forced:
            raise errors.order_paid(entity.order_id)
        if amount != entity.amount or (currency or entity.currency) != entity.currency:
            raise errors.Refused("Capture amount must be equal to the amount authorized", field="amount")
        self.webhooks.send(self._capture(payment), payment.play)
        self._maybe_dispute(payment)
        return entity

    def signature(self, payment: Payment) -> str | None:
        """What Checkout hands back with a payment that succeeded."""
        if payment.status in ("created", "failed"):
            return None
        message = f"{payment.order_id}|{payment.id}".encode()
        return hmac.new(self.settings.key_secret.encode(), message, hashlib.sha256).hexdigest()

    def refund(self, payment: PaymentRecord, wish: RefundWish, key: str | None = None) -> Refund:
        """Give back all that is left, or a part; the same key and body give the same refund."""
        if key is not None and (earlier := self.state.refund_keys.get(key)):
            if (earlier.payment_id, earlier.body) != (payment.entity.id, wish.fingerprint):
                raise errors.Refused("Different request body sent for the same Idempotency Header")
            return self.refund_record(earlier.refund_id).entity
        refund = self._make_refund(payment, wish)
        if key is not None:
            self.state.refund_keys[key] = RefundKey(payment.entity.id, wish.fingerprint, refund.entity.id)
            self.state.changed("refund_key", key)
        return refund.entity

    def claim_refund_key(self, key: str | None) -> Callable[[], None]:
        """Mark the key as in progress and hand back what ends that; a second call meanwhile is a conflict."""
        if key is None:
            return lambda: None
        if key in self._refund_keys_in_progress:
            raise errors.Refused(
                "Request failed because another request is in progress with the same idempotency key",
                status=409,
                reason="conflict",
            )
        self._refund_keys_in_progress.add(key)
        return lambda: self._refund_keys_in_progress.discard(key)

    def _make_refund(self, payment: PaymentRecord, wish: RefundWish) -> RefundRecord:
        entity = payment.entity
        if entity.status == "refunded":
            raise errors.Refused("The payment has been fully refunded already", metadata={"payment_id": entity.id})
        if entity.status != "captured":
            raise errors.Refused("The payment status should be captured for action to be taken")
        left = entity.amount - entity.amount_refunded
        amount = left if wish.amount is None else wish.amount
        if amount > left:
            raise errors.Refused("The total refund amount is greater than the refund payment amount", field="amount")
        least = least_amount(entity.currency)
        if amount < least.minor and wish.amount is not None:
            raise errors.Refused(f"The amount must be at least {least.text}", field="amount")
        weather = self.faults.befalls("refund-fails", "refund-pending")
        refund = Refund(
            id=fresh_id("rfnd_"),
            entity="refund",
            amount=amount,
            currency=entity.currency,
            payment_id=entity.id,
            notes=wish.notes,
            receipt=wish.receipt,
            acquirer_data={"arn": None},
            created_at=int(time.time()),
            batch_id=None,
            status="pending" if weather else "processed",
            speed_processed="normal",
            speed_requested=wish.speed,
        )
        record = RefundRecord(refund)
        self.state.refunds[refund.id] = record
        payment.refund_ids.append(refund.id)
        self._count_refunds(payment)
        events = [self._event("refund.created", refund=refund, payment=entity)]
        if weather == "refund-fails":
            record.becomes, record.due_at = "failed", time.time() + self.settings.refund_seconds
            self._settle_later(record)
        elif weather is None:
            events.append(self._processed(record, payment))
        self.state.changed("refund", refund.id)
        self.webhooks.send(events)
        return record

    def settle_refund(
        self, record: RefundRecord, outcome: Literal["processed", "failed"], play: WebhookPlay = USUAL
    ) -> None:
        refund = record.entity
        if refund.status != "pending":
            raise errors.Refused(f"The refund is not pending any more: it is {refund.status}.")
        payment = self.payment(refund.payment_id)
        if outcome == "processed":
            event = self._processed(record, payment)
        else:
            refund.status = "failed"
            self._count_refunds(payment)
            event = self._event("refund.failed", refund=refund, payment=payment.entity)
        self.state.changed("refund", refund.id)
        self.webhooks.send([event], play)

    def _processed(self, record: RefundRecord, payment: PaymentRecord) -> Event:
        record.entity.status = "processed"
        record.entity.acquirer_data = {"arn": str(int.from_bytes(record.entity.id[-8:].encode()) % 10**23).zfill(23)}
        return self._event("refund.processed", refund=record.entity, payment=payment.entity)

    def _settle_later(self, record: RefundRecord) -> None:
        def end() -> None:
            if record.entity.status == "pending" and record.becomes is not None:
                self.settle_refund(record, record.becomes)

        asyncio.get_running_loop().call_later(max(0, record.due_at - time.time()), end)

    def _count_refunds(self, payment: PaymentRecord) -> None:
        """A refund under way counts; one that failed gives its amount free again."""
        entity = payment.entity
        refunds = [self.state.refunds[refund_id].entity for refund_id in payment.refund_ids]
        entity.amount_refunded = sum(refund.amount for refund in refunds if refund.status != "failed")
        whole = entity.amount_refunded >= entity.amount
        entity.status = "refunded" if whole else "captured"
        entity.refund_status = "full" if whole else "partial" if entity.amount_refunded else None
        self.state.changed("payment", entity.id)

    def dispute(self, payment: PaymentRecord, amount: int | None = None, play: WebhookPlay = USUAL) -> Dispute:
        """The buyer's bank takes the payment, or a part of it, back into question."""
        entity = payment.entity
        if not entity.captured:
            raise errors.Refused("Only a captured payment can be disputed")
        if amount is not None and amount > entity.amount:
            raise errors.Refused("No more than the payment can be disputed", field="amount")
        now = int(time.time())
        dispute = Dispute(
            id=fresh_id("disp_"),
            entity="dispute",
            payment_id=entity.id,
            amount=amount or entity.amount,
            currency=entity.currency,
            amount_deducted=0,
            reason_code="goods_or_services_not_received_or_partially_received",
            respond_by=now + DISPUTE_ANSWER_SECONDS,
            status="open",
            phase="chargeback",
            created_at=now,
        )
        self.state.disputes[dispute.id] = dispute
        self.state.changed("dispute", dispute.id)
        self.webhooks.send([self._event("payment.dispute.created", payment=entity, dispute=dispute)], play)
        return dispute

    def settle_dispute(self, dispute: Dispute, outcome: DisputeOutcome) -> None:
        """The bank goes on with a dispute, or ends it; one that is lost takes the money."""
        if dispute.status not in ("open", "under_review"):
            raise errors.Refused(f"The dispute is over: it is {dispute.status}.")
        dispute.status = outcome
        dispute.amount_deducted = dispute.amount if outcome == "lost" else 0
        self.state.changed("dispute", dispute.id)
        payment = self.payment(dispute.payment_id).entity
        self.webhooks.send([self._event(f"payment.dispute.{outcome}", payment=payment, dispute=dispute)])

    def _maybe_dispute(self, payment: PaymentRecord) -> None:
        if self.faults.befalls("dispute"):
            self.dispute(payment)

    def _event(self, name: str, **entities: Payment | Order | Refund | Dispute) -> Event:
        return Event.of(name, self.webhooks.account, **entities)


def _found(record: Record | None) -> Record:
    if record is None:
        raise errors.unknown_id()
    return record
