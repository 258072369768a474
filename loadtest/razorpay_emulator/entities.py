"""Razorpay's entities as its documents show them (field for field, in their order), and ids of its kind.

What the provider keeps beside an entity without ever showing it is in the `…Record` around it.
"""

import secrets
import time
from typing import Any, Literal

from msgspec import Struct, field

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#: Ids begin with the time since 2014, in ten digits of base 62, so that they sort by age.
EPOCH_NS = 1_388_534_400 * 10**9

Notes = dict[str, Any] | list[Any]  # an empty set of notes is shown as [], as the provider does
Method = Literal["card", "upi", "netbanking", "wallet"]
Outcome = Literal["captured", "failed", "authorized", "pending"]

_newest_ns = 0


def fresh_id(prefix: str = "") -> str:
    """Fourteen base-62 characters: ten of time, never twice the same, and four of chance."""
    global _newest_ns
    _newest_ns = max(time.time_ns() - EPOCH_NS, _newest_ns + 1)
    number, digits = _newest_ns, []
    for _ in range(10):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    chance = secrets.randbelow(62**4)
    for _ in range(4):
        chance, digit = divmod(chance, 62)
        digits.insert(0, ALPHABET[digit])
    return prefix + "".join(reversed(digits))


class Order(Struct):
    id: str
    entity: Literal["order"]
    amount: int
    amount_paid: int
    amount_due: int
    currency: str
    receipt: str | None
    offer_id: str | None
    status: Literal["created", "attempted", "paid"]
    attempts: int
    notes: Notes
    created_at: int


class Card(Struct):
    id: str
    entity: Literal["card"] = "card"
    name: str = "Test Buyer"
    last4: str = "1111"
    network: str = "Visa"
    type: str = "debit"
    issuer: str | None = "HDFC"
    international: bool = False
    emi: bool = False
    sub_type: str = "consumer"
    token_iin: str | None = None


class Payment(Struct):
    id: str
    entity: Literal["payment"]
    amount: int
    currency: str
    base_amount: int
    status: Literal["created", "authorized", "captured", "refunded", "failed"]
    order_id: str
    invoice_id: str | None
    international: bool
    method: Method
    amount_refunded: int
    amount_transferred: int
    refund_status: Literal["partial", "full"] | None
    captured: bool
    description: str | None
    card_id: str | None
    card: Card | None
    bank: str | None
    wallet: str | None
    vpa: str | None
    email: str
    contact: str
    notes: Notes
    fee: int | None
    tax: int | None
    error_code: str | None
    error_description: str | None
    error_source: str | None
    error_step: str | None
    error_reason: str | None
    acquirer_data: dict[str, str | None]
    created_at: int


class Refund(Struct):
    id: str
    entity: Literal["refund"]
    amount: int
    currency: str
    payment_id: str
    notes: Notes
    receipt: str | None
    acquirer_data: dict[str, str | None]
    created_at: int
    batch_id: str | None
    status: Literal["pending", "processed", "failed"]
    speed_processed: str
    speed_requested: str


class Dispute(Struct):
    id: str
    entity: Literal["dispute"]
    payment_id: str
    amount: int
    currency: str
    amount_deducted: int
    reason_code: str
    respond_by: int
    status: Literal["open", "under_review", "won", "lost", "closed"]
    phase: str
    created_at: int


class Settlement(Struct):
    id: str
    entity: Literal["settlement"]
    amount: int
    status: Literal["processed"]
    fees: int
    tax: int
    utr: str
    created_at: int


class SettlementLine(Struct):
    """A line of the recon report, field for field."""

    entity_id: str
    type: Literal["payment", "refund", "adjustment"]
    debit: int
    credit: int
    amount: int
    currency: str
    fee: int
    tax: int
    on_hold: bool
    settled: bool
    created_at: int
    settled_at: int
    settlement_id: str
    posted_at: int | None
    credit_type: str
    description: str | None
    notes: Any
    payment_id: str | None
    settlement_utr: str
    order_id: str | None
    order_receipt: str | None
    method: str | None
    card_network: str | None
    card_issuer: str | None
    card_type: str | None
    dispute_id: str | None


class SettlementRecord(Struct):
    entity: Settlement
    lines: list[SettlementLine]


class WebhookPlay(Struct, forbid_unknown_fields=True, frozen=True):
    """How the webhooks of a payment are to arrive: how often, how late, in which order, or not at all."""

    copies: int = 1
    delay_ms: int = 0
    shuffle: bool = False
    drop: bool = False


USUAL = WebhookPlay()


class OrderRecord(Struct):
    entity: Order
    captures_automatically: bool
    payment_ids: list[str] = field(default_factory=list)


class PaymentRecord(Struct):
    entity: Payment
    play: WebhookPlay
    #: Played with force: captured even though its order has been paid by another payment.
    forced: bool = False
    refund_ids: list[str] = field(default_factory=list)


class RefundRecord(Struct):
    entity: Refund
    #: A refund that is going to end by itself: how, and when (Unix time).
    becomes: Literal["failed"] | None = None
    due_at: float = 0


class RefundKey(Struct):
    """What was first asked under an `X-Refund-Idempotency` key, and the refund that answered it."""

    payment_id: str
    body: str
    refund_id: str


class Delivery(Struct):
    """One copy of one event on its way to the shop."""

    id: str
    event_id: str
    event: str
    body: bytes
    created_at: float
    due_at: float
    attempts: int = 0
    given_up: bool = False
