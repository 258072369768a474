"""The top-up saga: an order at the provider, and every payment of it is the buyer's own, in their wallet.

There is nothing to undo: what comes in late, twice or in another amount is in the wallet all the same.  What the
payer's bank disputes is kept aside.  What it takes back leaves the wallet again, and so does what somebody gives back
by hand at the provider, each as far as it is there."""

from collections.abc import Iterator
from uuid import UUID

import msgspec

from sagas.disputes import Aside, Disputes, KeptAside, given_back, is_opened, keeping_aside, told, without
from sagas.identity import derived
from sagas.messages import (
    CapturePayment,
    DisputeChanged,
    Event,
    KeepAside,
    Message,
    MoneyAuthorized,
    MoneyCaptured,
    MoneyKeptAside,
    PaymentReady,
    PaymentRefused,
    RefundSeen,
    RequestPayment,
    SagaCommand,
)
from sagas.saga import Fields, Progress, Saga, Step


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a top-up's saga knows.  ``booking_id`` is the saga's own id: the word that all messages have for it."""

    booking_id: UUID
    buyer_id: UUID
    amount: int
    currency: str
    kept: tuple[str, ...] = ()
    given_back: tuple[UUID, ...] = ()
    authorized: tuple[str, int] | None = None
    refusal: str = ""
    disputes: Disputes = ()
    kept_aside: KeptAside = ()

    @property
    def payment_id(self) -> UUID:
        return derived(self.booking_id, "payment", "razorpay")


def learn(facts: Facts, event: Event) -> Facts:
    match event:
        case MoneyCaptured() if not met(facts, event):
            return msgspec.structs.replace(facts, kept=(*facts.kept, event.provider_payment_id))
        case MoneyAuthorized():
            return msgspec.structs.replace(facts, authorized=(event.provider_payment_id, event.amount))
        case DisputeChanged():
            kept = facts.kept_aside if event.status == "open" else without(facts.kept_aside, event.dispute_id)
            return msgspec.structs.replace(facts, disputes=told(facts.disputes, event), kept_aside=kept)
        case RefundSeen() if event.refund_id not in facts.given_back:
            still = given_back(facts.kept_aside, facts.disputes, event.provider_payment_id, event.amount)
            return msgspec.structs.replace(facts, given_back=(*facts.given_back, event.refund_id), kept_aside=still)
        case MoneyKeptAside():
            kept = (*facts.kept_aside, Aside(event.dispute_id, event.amount))
            return msgspec.structs.replace(facts, kept_aside=kept)
        case PaymentRefused():
            return msgspec.structs.replace(facts, refusal=event.reason)
        case _:
            return facts


def met(facts: Facts, event: Event) -> bool:
    """Whether this money was told of before."""
    return isinstance(event, MoneyCaptured) and event.provider_payment_id in facts.kept


def build(command: type[Message], facts: Facts, _outcome: str, _because: Event) -> Fields | None:
    asked: Fields = {"payment_id": facts.payment_id, "method": "razorpay", "currency": facts.currency}
    if command is RequestPayment:
        return asked | {"amount": facts.amount}
    if facts.authorized is None:
        return None
    provider_payment_id, amount = facts.authorized
    return asked | {"amount": amount, "buyer_id": facts.buyer_id, "provider_payment_id": provider_payment_id}


def _sent(facts: Facts, _command: SagaCommand) -> Facts:
    return facts


def _moves(_before: Facts, _after: Facts, _event: Event) -> bool:
    return True


def _beside(before: Facts, after: Facts, event: Event) -> Iterator[tuple[type[Message], Fields]]:
    if isinstance(event, DisputeChanged) and is_opened(before.disputes, after.disputes, event):
        yield KeepAside, keeping_aside(after.buyer_id, event, event.amount)


TOP_UP = Saga(
    "top-up",
    Step("payment", do=RequestPayment, done=PaymentReady, implied_by=(MoneyCaptured,), refused=(PaymentRefused,)),
    Step("money", do=CapturePayment, done=MoneyCaptured, unasked=True, on={MoneyAuthorized: CapturePayment}),
    pivot="money",
    learn=learn,
    sent=_sent,
    met=met,
    build=build,
    moves=_moves,
    beside=_beside,
    outcomes={PaymentRefused: "failed"},
)


def begin(top_up_id: UUID, buyer_id: UUID, amount: int, currency: str) -> Progress:
    """The saga as it is inserted: its order is asked for."""
    facts = Facts(booking_id=top_up_id, buyer_id=buyer_id, amount=amount, currency=currency)
    command = RequestPayment(
        command_id=derived(top_up_id, RequestPayment.name(), 0), booking_id=top_up_id, payment_id=facts.payment_id,
        method="razorpay", amount=amount, currency=currency,
    )  # fmt: skip
    return Progress(facts=facts, step="payment", awaited=command.command_id, awaiting=(command,), issued=1)
