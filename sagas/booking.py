"""The booking saga on one screen: six steps, each beside its undo, and the pivot between them.

Money is the delicate step.  The first right payment is *kept*; any other money of this booking (a second tab, a wrong
amount) is stray and goes straight back, whatever the booking is doing.  Money after an expiry asks the lane to seat it.
"""

from typing import Any
from uuid import UUID

import msgspec

from sagas.identity import derived
from sagas.messages import (
    CapturePayment,
    ConfirmSeats,
    Event,
    GivenUp,
    HoldExpired,
    IssueTickets,
    LetterSent,
    MakePdf,
    Message,
    Method,
    MethodChosen,
    MoneyAuthorized,
    MoneyCaptured,
    MoneyRefunded,
    PaymentReady,
    PaymentRefused,
    PdfMade,
    RefundMoney,
    ReleaseSeats,
    RequestPayment,
    SagaCommand,
    SeatsConfirmed,
    SeatsGone,
    SeatsHeld,
    SeatsReleased,
    SendLetter,
    TicketsIssued,
)
from sagas.saga import Progress, Saga, Step


class Facts(msgspec.Struct, frozen=True):
    """What a booking's saga knows: what was promised, how it is paid for, and which payment is kept."""

    booking_id: UUID
    show_id: UUID
    buyer_id: UUID
    method: Method
    amount: int
    currency: str
    kept: str = ""
    kept_method: Method = "none"
    authorized: str = ""
    stray: tuple[str, ...] = ()
    refusal: str = ""
    refusal_detail: str = ""
    balance: int | None = None

    @property
    def payment_id(self) -> UUID:
        """One payment for each way to pay; it is also the receipt that the provider's order carries."""
        return derived(self.booking_id, "payment", self.method)


def learn(facts: Facts, event: Event) -> Facts:
    """What the event teaches about the booking."""
    match event:
        case MoneyCaptured() if met(facts, event):
            return facts
        case MoneyCaptured() if facts.kept or not _is_right(facts, event):
            return msgspec.structs.replace(facts, stray=(*facts.stray, event.provider_payment_id))
        case MoneyCaptured():
            return msgspec.structs.replace(facts, kept=event.provider_payment_id, kept_method=event.method)
        case MoneyAuthorized() if _is_right(facts, event):
            return msgspec.structs.replace(facts, authorized=event.provider_payment_id)
        case MethodChosen():
            return msgspec.structs.replace(facts, method=event.method)
        case PaymentRefused():
            return msgspec.structs.replace(
                facts, refusal=event.reason, refusal_detail=event.detail, balance=event.balance
            )
        case _:
            return facts


def met(facts: Facts, event: Event) -> bool:
    """Whether this money was told of before, whoever tells it again."""
    return isinstance(event, MoneyCaptured) and event.provider_payment_id in (facts.kept, *facts.stray)


def stray(facts: Facts, event: Event) -> tuple[Facts, type[Message]] | None:
    """Money that is not the booking's one right payment goes back by itself."""
    if not isinstance(event, MoneyCaptured):
        return None
    if not facts.kept and _is_right(facts, event):
        return None
    theirs = msgspec.structs.replace(
        facts,
        method=event.method,
        kept=event.provider_payment_id,
        kept_method=event.method,
        amount=event.amount,
        currency=event.currency,
        refusal="double" if facts.kept else "wrong-amount",
    )
    return theirs, RefundMoney


def _is_right(facts: Facts, event: MoneyCaptured | MoneyAuthorized) -> bool:
    return (event.amount, event.currency) == (facts.amount, facts.currency)


def build(command: type[Message], facts: Facts, command_id: UUID, outcome: str, because: Event) -> SagaCommand | None:
    """The command as the booking's facts fill it in; None where there is nothing to ask yet."""
    whose: dict[str, Any] = {"command_id": command_id, "booking_id": facts.booking_id}
    seats: dict[str, Any] = {**whose, "show_id": facts.show_id, "buyer_id": facts.buyer_id}
    money: dict[str, Any] = {
        **whose,
        "payment_id": facts.payment_id,
        "amount": facts.amount,
        "currency": facts.currency,
    }
    if command is ConfirmSeats:
        return ConfirmSeats(**seats)
    if command is ReleaseSeats:
        return ReleaseSeats(**seats)
    if command is RequestPayment:
        return RequestPayment(**money, method=facts.method)
    if command is CapturePayment:
        if facts.method == "razorpay" and not facts.authorized:
            return None
        return CapturePayment(
            **money, buyer_id=facts.buyer_id, method=facts.method, provider_payment_id=facts.authorized
        )
    if command is RefundMoney:
        kept = msgspec.structs.replace(facts, method=facts.kept_method)
        return RefundMoney(
            **{**money, "payment_id": kept.payment_id},
            buyer_id=facts.buyer_id,
            method=facts.kept_method,
            provider_payment_id=facts.kept,
            refund_id=derived(kept.payment_id, "refund", facts.kept),
            reason=facts.refusal or outcome or "late",
        )
    if command is IssueTickets:
        return IssueTickets(**whose)
    if command is MakePdf:
        return MakePdf(**whose)
    if command is SendLetter:
        return SendLetter(**whose, template="refunded" if isinstance(because, MoneyRefunded) else "confirmed")
    raise TypeError(f"the booking saga never sends {command.name()}")


BOOKING = Saga(
    "booking",
    Step("seats", done=SeatsHeld, undo=ReleaseSeats, undone=(SeatsReleased, HoldExpired, SeatsGone),
         refused=(HoldExpired, GivenUp)),
    Step("payment", do=RequestPayment, done=PaymentReady, implied_by=(MoneyCaptured,), restarted_by=(MethodChosen,),
         refused=(PaymentRefused, HoldExpired, GivenUp)),
    Step("money", do=CapturePayment, done=MoneyCaptured, unasked=True, undo=RefundMoney, undone=(MoneyRefunded,),
         on={MoneyAuthorized: CapturePayment}, refused=(PaymentRefused, HoldExpired, GivenUp), reopens=("expired",)),
    Step("confirm", do=ConfirmSeats, done=SeatsConfirmed, refused=(SeatsGone,)),
    # -- pivot: the seats are theirs; from here on we only go forward --
    Step("tickets", do=IssueTickets, done=TicketsIssued),
    Step("letter", do=MakePdf, on={PdfMade: SendLetter}, done=LetterSent),
    pivot="tickets",
    learn=learn,
    met=met,
    build=build,
    stray=stray,
    outcomes={PaymentRefused: "failed", HoldExpired: "expired", GivenUp: "cancelled", SeatsGone: "expired"},
    beside={MoneyRefunded: SendLetter},
)  # fmt: skip


def begin(held: SeatsHeld) -> Progress:
    """The saga as the show's lane inserts it: the seats are held, and nobody has taken it up yet."""
    facts = Facts(
        booking_id=held.booking_id,
        show_id=held.show_id,
        buyer_id=held.buyer_id,
        method=held.method,
        amount=held.amount,
        currency=held.currency,
    )
    return Progress(facts=facts, step="seats")


def status(seats: str, at: Progress | None) -> str:
    """The booking's status for its buyer, from what the lane says of the seats and how far the saga has come."""
    if at is not None and "money" in at.undone:
        return "refunded"
    if at is not None and at.course == "back" and (at.step == "money" or "money" in at.done):
        return "refunding"
    if seats in ("held", "released") and at is not None and at.outcome in ("failed", "cancelled"):
        return at.outcome
    return "cancelled" if seats == "released" else seats
