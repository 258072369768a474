"""The booking saga on one screen: six steps, each beside its undo, and the pivot between them.

Money is the delicate step.  What is due may come in parts (a wallet's, and the rest by Razorpay) and is *kept*; any
other money of this booking (a second tab, a wrong amount) goes straight back, whatever the booking is doing.  Money
after an expiry asks the lane to seat it.  After the pivot seats may be cancelled: the lane says what is owed for them,
and the saga gives it back from what was kept, never more than came in.  So it does with what the organiser gives back
out of goodwill, as which counts what somebody gives back by hand at the provider.  What a payer's bank holds for a
dispute goes back only once that is won; what it takes back is no longer owed, also where our refund had failed."""

from collections.abc import Iterator
from typing import Any, Literal
from uuid import UUID

import msgspec

from sagas.disputes import Aside, Disputes, KeptAside, aside, is_opened, keeping_aside, told, without
from sagas.identity import derived
from sagas.messages import (
    AttemptPending,
    CancelTickets,
    CapturePayment,
    ConfirmSeats,
    DisputeChanged,
    Event,
    ExtendHold,
    GivenUp,
    HoldExpired,
    IssueTickets,
    KeepAside,
    LetterSent,
    MakePdf,
    Message,
    Method,
    MethodChosen,
    MoneyAuthorized,
    MoneyCaptured,
    MoneyKeptAside,
    MoneyRefunded,
    PaymentReady,
    PaymentRefused,
    PdfMade,
    RefundAgain,
    RefundAsked,
    RefundFailed,
    RefundMoney,
    RefundSeen,
    ReleaseSeats,
    RequestPayment,
    SagaCommand,
    SeatResold,
    SeatsCancelled,
    SeatsConfirmed,
    SeatsGone,
    SeatsHeld,
    SeatsReleased,
    SendLetter,
    Target,
    TicketsIssued,
)
from sagas.money import PAYABLE_MIN
from sagas.saga import Fields, Progress, Saga, Step

#: Why money went back that nobody here has asked for.
BY_HAND = "Given back by hand"

#: How long a hold is kept beyond its end, once, for an attempt that is pending at the bank.
EXTENSION_SECONDS = 120


class Part(msgspec.Struct, frozen=True):
    """Captured money that the booking keeps."""

    payment_id: UUID
    provider_payment_id: str
    method: Method
    amount: int


class Refund(msgspec.Struct, frozen=True, omit_defaults=True):
    """Money that goes back: ``method`` is where to, ``about`` the cancellation that it is for.  One that is given out
    of goodwill is about itself.  One that failed is done ``by_bank`` where the payer's bank took the money instead."""

    id: UUID
    payment_id: UUID
    provider_payment_id: str
    method: Method
    amount: int
    currency: str
    reason: str
    about: UUID | None = None
    state: Literal["pending", "done", "failed"] = "pending"
    failures: int = 0
    by_bank: bool = False

    @property
    def is_goodwill(self) -> bool:
        return self.about == self.id


class Waiting(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is owed for cancelled seats while the payer's bank holds it: it goes back if the dispute is won."""

    about: UUID
    provider_payment_id: str
    amount: int
    to: Target
    reason: str = ""


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a booking's saga knows: what was promised, how it is paid for, what is kept, and what goes back."""

    booking_id: UUID
    show_id: UUID
    buyer_id: UUID
    method: Method
    amount: int
    currency: str
    from_wallet: int = 0
    parts: tuple[Part, ...] = ()
    authorized: str = ""
    authorized_amount: int | None = None
    stray: tuple[str, ...] = ()
    refunds: tuple[Refund, ...] = ()
    disputes: Disputes = ()
    waiting: tuple[Waiting, ...] = ()
    unprinted: bool = False
    extended: bool = False
    seated: bool = False
    gone: str = ""
    refusal: str = ""
    refusal_detail: str = ""
    balance: int | None = None
    resold_by: UUID | None = None
    resale_fee: int = 0
    proceeds: int = 0
    kept_aside: KeptAside = ()
    claimed: int = 0

    @property
    def due(self) -> tuple[Method, int]:
        """What is asked for next, and how it is to be paid."""
        rest = self.amount - sum(part.amount for part in self.parts)
        if self.method == "razorpay" and self.from_wallet:
            return ("wallet", rest) if self.parts else ("razorpay", rest - self.from_wallet)
        return self.method, rest

    @property
    def payment_id(self) -> UUID:
        """One payment for each way to pay; it is also the receipt that the provider's order carries."""
        method, amount = self.due
        return derived(self.booking_id, "payment", method, *([amount] if amount != self.amount else []))

    @property
    def kept(self) -> frozenset[str]:
        """The payments that are kept, by the provider's ids."""
        return frozenset(part.provider_payment_id for part in self.parts)


def paid(facts: Facts) -> bool:
    """Whether all that the booking costs is in."""
    return bool(facts.parts) and sum(part.amount for part in facts.parts) == facts.amount


def left(facts: Facts, part: Part) -> int:
    """What can still be given back of a payment: neither given back before, nor held or taken by the payer's bank."""
    return max(
        part.amount
        - _given_back(facts, part.provider_payment_id)
        - _disputed(facts, part.provider_payment_id, "open", "lost"),
        0,
    )


def held(facts: Facts, part: Part) -> int:
    """What the payer's bank holds of a payment, and nobody waits for yet."""
    awaited = sum(one.amount for one in facts.waiting if one.provider_payment_id == part.provider_payment_id)
    return max(min(_disputed(facts, part.provider_payment_id, "open"), _there(facts, part)) - awaited, 0)


def there(facts: Facts, provider_payment_id: str) -> int:
    """What the booking has of a payment: neither given back before, nor taken by the payer's bank."""
    return sum(max(_there(facts, part), 0) for part in facts.parts if part.provider_payment_id == provider_payment_id)


def _there(facts: Facts, part: Part) -> int:
    return (
        part.amount - _given_back(facts, part.provider_payment_id) - _disputed(facts, part.provider_payment_id, "lost")
    )


def _given_back(facts: Facts, provider_payment_id: str) -> int:
    """By us, or to be: what the bank took instead is in its disputes."""
    return sum(
        refund.amount
        for refund in facts.refunds
        if refund.provider_payment_id == provider_payment_id and not refund.by_bank
    )


def _disputed(facts: Facts, provider_payment_id: str, *statuses: str) -> int:
    return sum(
        dispute.amount
        for dispute in facts.disputes
        if dispute.provider_payment_id == provider_payment_id and dispute.status in statuses
    )


Shares = list[tuple[Part, int]]


def shared_out(facts: Facts, owed: int) -> tuple[Shares, Shares]:
    """What is owed for cancelled seats, out of what is kept: what goes back now (the provider's part first, the
    wallet's last), and what waits for a dispute.  What the payer's bank has taken back is not owed once more."""
    parts = sorted(facts.parts, key=lambda part: part.method == "wallet")
    found: list[Shares] = []
    for room in (left, held):
        shares = []
        for part in parts:
            if amount := min(owed, room(facts, part)):
                shares.append((part, amount))
                owed -= amount
        found.append(shares)
    return found[0], found[1]


def coming_back(facts: Facts, owed: int) -> tuple[int, int]:
    """Of what is owed for seats that are cancelled now: what goes back at once, and what waits for a dispute."""
    now, later = shared_out(facts, owed)
    return sum(amount for _, amount in now), sum(amount for _, amount in later)


def _settled(facts: Facts) -> tuple[list[tuple[Waiting, Part, int]], tuple[Waiting, ...]]:
    """Of what waits for disputes: what can be given back as they stand now, and what waits still."""
    parts = {part.provider_payment_id: part for part in facts.parts}
    free = {id: left(facts, part) for id, part in parts.items()}
    bound = {id: held(msgspec.structs.replace(facts, waiting=()), part) for id, part in parts.items()}
    given, still = [], []
    for one in facts.waiting:
        id = one.provider_payment_id
        if amount := min(one.amount, free[id]):
            given.append((one, parts[id], amount))
            free[id] -= amount
        if rest := min(one.amount - amount, bound[id]):
            still.append(msgspec.structs.replace(one, amount=rest))
            bound[id] -= rest
    return given, tuple(still)


def disputed(facts: Facts) -> bool:
    """Whether a payer's bank wants money of this booking, or has taken it."""
    return any(dispute.status != "won" for dispute in facts.disputes)


def at_the_bank(facts: Facts, refund_id: UUID) -> bool:
    """Whether the payer's bank holds or has taken what this refund is to give back, or some of it."""
    return any(
        refund.id == refund_id and _uncovered(facts, refund.provider_payment_id, "open", "lost")
        for refund in facts.refunds
    )


def _uncovered(facts: Facts, provider_payment_id: str, *statuses: str) -> int:
    """How much of what is given back of a payment its payer's bank wants or has, too.  Of a stray one all is."""
    kept = sum(part.amount for part in facts.parts if part.provider_payment_id == provider_payment_id)
    wanted = _disputed(facts, provider_payment_id, *statuses)
    return max(min(wanted, wanted + _given_back(facts, provider_payment_id) - kept), 0)


def stands(facts: Facts) -> bool:
    """Whether something is kept of which nobody has been asked yet to give it back, or held by the payer's bank."""
    return any(left(facts, part) or held(facts, part) for part in facts.parts)


def learn(facts: Facts, event: Event) -> Facts:
    """What the event teaches about the booking."""
    match event:
        case MoneyCaptured() if met(facts, event):
            return facts
        case MoneyCaptured() if not _is_due(facts, event):
            return msgspec.structs.replace(facts, stray=(*facts.stray, event.provider_payment_id))
        case MoneyCaptured():
            part = Part(event.payment_id, event.provider_payment_id, event.method, event.amount)
            return msgspec.structs.replace(facts, parts=(*facts.parts, part))
        case MoneyAuthorized() if _is_due(facts, event):
            return msgspec.structs.replace(facts, authorized=event.provider_payment_id, authorized_amount=event.amount)
        case MethodChosen():
            return msgspec.structs.replace(facts, method=event.method, from_wallet=event.from_wallet)
        case PaymentRefused():
            return msgspec.structs.replace(
                facts, refusal=event.reason, refusal_detail=event.detail, balance=event.balance
            )
        case SeatsGone():
            return msgspec.structs.replace(facts, gone=event.reason)
        case SeatsConfirmed():
            return msgspec.structs.replace(facts, seated=True)
        case MoneyRefunded():
            return _refund_is(facts, event.refund_id, "done")
        case RefundSeen() if all(refund.id != event.refund_id for refund in facts.refunds):
            seen = Refund(
                event.refund_id, event.payment_id, event.provider_payment_id, "razorpay", event.amount, event.currency,
                BY_HAND, event.refund_id if facts.seated else None, "done",
            )  # fmt: skip
            return msgspec.structs.replace(facts, refunds=(*facts.refunds, seen))
        case RefundFailed():
            return _done_by_bank(_refund_is(facts, event.refund_id, "failed"))
        case DisputeChanged():
            facts = _done_by_bank(msgspec.structs.replace(facts, disputes=told(facts.disputes, event)))
            facts = _ended(facts, event)
            return msgspec.structs.replace(facts, waiting=_settled(facts)[1])
        case MoneyKeptAside():
            kept = (*facts.kept_aside, Aside(event.dispute_id, event.amount))
            return msgspec.structs.replace(facts, kept_aside=kept)
        case SeatResold():
            return _paid_by_another(facts, event.price - event.fee)
        case PdfMade():
            return msgspec.structs.replace(facts, unprinted=not event.file)
        case SeatsCancelled():
            _, later = shared_out(facts, event.amount)
            waiting = tuple(
                Waiting(event.cancellation_id, part.provider_payment_id, amount, event.to, event.reason)
                for part, amount in later
            )
            return msgspec.structs.replace(facts, waiting=(*facts.waiting, *waiting))
        case _:
            return facts


def _ended(facts: Facts, event: DisputeChanged) -> Facts:
    """A dispute that has ended keeps nothing aside; one that is lost claims what others paid for its tickets."""
    if event.status == "open":
        return facts
    kept = without(facts.kept_aside, event.dispute_id)
    lost = min(event.amount, _unclaimed(facts)) if event.status == "lost" else 0
    claim = min(lost, facts.proceeds - aside(kept))
    return msgspec.structs.replace(
        facts, kept_aside=kept, proceeds=facts.proceeds - claim, claimed=facts.claimed + claim
    )


def _paid_by_another(facts: Facts, amount: int) -> Facts:
    """What another buyer has paid for a ticket is the seller's, unless their bank has taken back what they had paid for
    it themselves; what the bank still holds of that is kept aside."""
    claim = min(amount, _unclaimed(facts))
    amount -= claim
    proceeds, kept = facts.proceeds + amount, list(facts.kept_aside)
    for dispute in facts.disputes:
        uncovered = dispute.amount - aside(facts.kept_aside, dispute.id) if dispute.status == "open" else 0
        if held := min(amount, uncovered):
            kept.append(Aside(dispute.id, held))
            amount -= held
    return msgspec.structs.replace(facts, proceeds=proceeds, kept_aside=tuple(kept), claimed=facts.claimed + claim)


def _unclaimed(facts: Facts) -> int:
    """What payers' banks took back of money that was not owed to the payer, and is not claimed from them yet."""
    lost = sum(dispute.amount for dispute in facts.disputes if dispute.status == "lost")
    return max(lost - sum(refund.amount for refund in facts.refunds if refund.by_bank) - facts.claimed, 0)


def _done_by_bank(facts: Facts) -> Facts:
    """A refund that failed is owed no longer once the payer's bank has taken all of it."""
    for refund in facts.refunds:
        if refund.state == "failed" and refund.amount <= _uncovered(facts, refund.provider_payment_id, "lost"):
            done = msgspec.structs.replace(refund, state="done", by_bank=True)
            others = tuple(done if other is refund else other for other in facts.refunds)
            facts = msgspec.structs.replace(facts, refunds=others)
    return facts


def _refund_is(facts: Facts, refund_id: UUID, state: Literal["done", "failed"]) -> Facts:
    """What was done stays done, whatever is told later."""

    def told(refund: Refund) -> Refund:
        if refund.id != refund_id or refund.state == "done" or (state == "failed" and refund.state == "failed"):
            return refund
        return msgspec.structs.replace(refund, state=state, failures=refund.failures + (state == "failed"))

    return msgspec.structs.replace(facts, refunds=tuple(map(told, facts.refunds)))


def sent(facts: Facts, command: SagaCommand) -> Facts:
    """What a command that goes out changes of what is known."""
    match command:
        case RefundMoney():
            before = next((refund for refund in facts.refunds if refund.id == command.refund_id), None)
            if before is not None:
                again = msgspec.structs.replace(before, state="pending")
                others = tuple(refund for refund in facts.refunds if refund is not before)
                return msgspec.structs.replace(facts, refunds=(*others, again))
            refund = Refund(
                command.refund_id, command.payment_id, command.provider_payment_id, command.method, command.amount,
                command.currency, command.reason, command.about,
            )  # fmt: skip
            return msgspec.structs.replace(facts, refunds=(*facts.refunds, refund))
        case ExtendHold():
            return msgspec.structs.replace(facts, extended=True)
        case _:
            return facts


def met(facts: Facts, event: Event) -> bool:
    """Whether this money was told of before, whoever tells it again."""
    return isinstance(event, MoneyCaptured) and event.provider_payment_id in (*facts.kept, *facts.stray)


def answers(at: Progress, event: Event) -> UUID | None:
    """Money that went back answers whichever command asked for it last: whoever tells of it (the provider, of an
    earlier attempt; an operator, who looked a moment ago) may not know that it was asked for once more."""
    if not isinstance(event, MoneyRefunded):
        return event.answers
    facts: Facts = at.facts
    refund = next((refund for refund in facts.refunds if refund.id == event.refund_id), None)
    if refund is None or refund.state == "done":
        return event.answers
    for command in at.awaiting:
        if isinstance(command, RefundMoney) and command.refund_id == refund.id:
            return command.command_id
    undoing = at.course == "back" and at.step == "money"
    return at.awaited if undoing and _is_undo(facts, refund) else event.answers


def moves(before: Facts, after: Facts, event: Event) -> bool:
    """Money that the booking does not need is not its money, and giving it back anew is no step of its own.  A refund
    that failed keeps the booking where it is, until it is asked for again or the payer's bank has taken its money."""
    match event:
        case MoneyCaptured():
            return after.parts is not before.parts
        case RefundAgain():
            return any(refund.id == event.refund_id and _is_undo(after, refund) for refund in after.refunds)
        case RefundFailed() | DisputeChanged() | RefundSeen():
            return not any(refund.state == "failed" and _is_undo(after, refund) for refund in after.refunds)
        case _:
            return True


def _is_undo(facts: Facts, refund: Refund) -> bool:
    return refund.about is None and refund.provider_payment_id in facts.kept


def _is_due(facts: Facts, event: MoneyCaptured | MoneyAuthorized) -> bool:
    """Whether this is money that the booking asks for: the whole, or the part that is due next."""
    if event.currency != facts.currency or paid(facts):
        return False
    method: Method = event.method if isinstance(event, MoneyCaptured) else "razorpay"
    return (event.amount == facts.amount and not facts.parts) or (method, event.amount) == facts.due


def build(command: type[Message], facts: Facts, outcome: str, because: Event) -> Fields | None:
    """A step's command as the booking's facts fill it in."""
    seats: Fields = {"show_id": facts.show_id, "buyer_id": facts.buyer_id}
    method, amount = facts.due
    money: Fields = {
        "payment_id": facts.payment_id, "method": method, "amount": amount, "currency": facts.currency,
    }  # fmt: skip
    if command in (ConfirmSeats, ReleaseSeats):
        return seats
    if command is RequestPayment:
        return money
    if command is CapturePayment:
        if method == "razorpay" and not (facts.authorized and facts.authorized_amount in (None, amount)):
            return None  # an authorized payment is taken whole, or left to lapse
        return money | {"buyer_id": facts.buyer_id, "provider_payment_id": facts.authorized}
    if command is RefundMoney:
        if isinstance(because, RefundAgain):
            return _again(facts, because)
        return _undo(facts, outcome)
    if command in (IssueTickets, MakePdf):
        return {}
    if command is SendLetter:
        return {"template": "confirmed"}
    raise TypeError(f"the booking saga never sends {command.name()} by itself")


def _undo(facts: Facts, outcome: str) -> Fields | None:
    """What is left of the last payment; None while the payer's bank holds all that is.  What it held goes back as a
    refund of its own."""
    part = next((part for part in reversed(facts.parts) if left(facts, part)), None)
    if part is None:
        return None
    closed = "show-closed" if facts.gone in ("cancelled", "over") else ""
    fields = _back(facts, part, left(facts, part), facts.refusal or closed or outcome or "late")
    if before := sum(refund.provider_payment_id == part.provider_payment_id for refund in facts.refunds):
        fields["refund_id"] = derived(fields["refund_id"], "rest", before)
    return fields


def _back(facts: Facts, part: Part, amount: int, reason: str) -> Fields:
    """A payment, or what is left of it, to where it came from.  What the provider gives back to nobody, for it is too
    little, goes to the wallet."""
    too_little = part.method == "razorpay" and amount < PAYABLE_MIN
    return {
        "payment_id": part.payment_id, "buyer_id": facts.buyer_id,
        "method": "wallet" if too_little else part.method, "amount": amount,
        "currency": facts.currency, "provider_payment_id": part.provider_payment_id, "reason": reason,
        "refund_id": derived(part.payment_id, "refund", part.provider_payment_id),
    }  # fmt: skip


def _again(facts: Facts, because: RefundAgain) -> Fields | None:
    """A refund that failed, once more; not what the payer's bank wants back, holds or has taken since."""
    refund = next((refund for refund in facts.refunds if refund.id == because.refund_id), None)
    if refund is None or refund.state != "failed" or at_the_bank(facts, refund.id):
        return None
    return {
        "payment_id": refund.payment_id, "buyer_id": facts.buyer_id, "method": refund.method, "amount": refund.amount,
        "currency": refund.currency, "provider_payment_id": refund.provider_payment_id, "reason": refund.reason,
        "refund_id": refund.id, "about": refund.about, "attempt": refund.failures,
    }  # fmt: skip


def beside(before: Facts, after: Facts, event: Event) -> Iterator[tuple[type[Message], Fields]]:
    """What an event calls for beside the main line."""
    match event:
        case MoneyCaptured() if after.stray is not before.stray:
            part = Part(event.payment_id, event.provider_payment_id, event.method, event.amount)
            reason = "double" if after.kept else "wrong-amount"
            yield RefundMoney, _back(after, part, event.amount, reason) | {"currency": event.currency}
        case AttemptPending() if not (after.extended or paid(after)):
            seats = {"show_id": after.show_id, "buyer_id": after.buyer_id}
            yield ExtendHold, seats | {"seconds": EXTENSION_SECONDS}
        case SeatsCancelled():
            yield CancelTickets, {"seats": event.seats}
            for part, amount in shared_out(before, event.amount)[0]:
                yield RefundMoney, _for_seats(after, part, amount, event.cancellation_id, event.to, event.reason)
            if event.left:
                yield MakePdf, {"anew": True}
            yield SendLetter, {"template": "cancelled", "about": event.cancellation_id}
        case RefundAsked():
            yield from _goodwill(after, event)
        case SeatResold():
            yield CancelTickets, {"seats": (event.seat,)}
            if event.left:
                yield MakePdf, {"anew": True}
            yield SendLetter, {"template": "sold", "about": event.listing_id}
        case DisputeChanged():
            for one, part, amount in _settled(msgspec.structs.replace(after, waiting=before.waiting))[0]:
                yield RefundMoney, _for_seats(after, part, amount, one.about, one.to, one.reason, event.dispute_id)
            spare = min(event.amount, after.proceeds - aside(after.kept_aside))
            if is_opened(before.disputes, after.disputes, event) and spare:
                yield KeepAside, keeping_aside(after.buyer_id, event, spare)
            if event.status == "won" and after.unprinted and not disputed(after):
                yield MakePdf, {"anew": True}
                yield SendLetter, {"template": "confirmed"}
        case MoneyRefunded() | RefundSeen():
            refund = next((refund for refund in after.refunds if refund.id == event.refund_id), None)
            about = refund.about if refund else None
            yield SendLetter, {"template": "money-back" if about else "refunded", "about": event.refund_id}
        case RefundAgain():
            fields = _again(after, event)
            if fields is not None and not moves(before, after, event):
                yield RefundMoney, fields
        case _:
            return


def _for_seats(
    facts: Facts, part: Part, amount: int, cancellation_id: UUID, to: Target, reason: str, *dispute: str
) -> Fields:
    """A refund for cancelled seats; ``dispute`` is the one that it has waited for."""
    return (
        _back(facts, part, amount, reason or "cancelled")
        | ({"method": "wallet"} if to == "wallet" else {})
        | {
            "refund_id": derived(cancellation_id, "refund", part.provider_payment_id, *dispute),
            "about": cancellation_id,
        }
    )


def _goodwill(facts: Facts, event: RefundAsked) -> Iterator[tuple[type[Message], Fields]]:
    """What the organiser gives back of a payment, as long as so much is left of it."""
    if any(refund.id == event.refund_id for refund in facts.refunds):
        return
    for part in facts.parts:
        if part.payment_id == event.payment_id and 0 < event.amount <= left(facts, part):
            where = {"method": "wallet"} if event.to == "wallet" else {}
            own = {"refund_id": event.refund_id, "about": event.refund_id}
            yield RefundMoney, _back(facts, part, event.amount, event.reason) | own | where
            return


BOOKING = Saga(
    "booking",
    Step("seats", done=SeatsHeld, undo=ReleaseSeats, undone=(SeatsReleased, HoldExpired, SeatsGone),
         refused=(HoldExpired, GivenUp)),
    Step("payment", do=RequestPayment, done=PaymentReady, implied_by=(MoneyCaptured,), restarted_by=(MethodChosen,),
         refused=(PaymentRefused, HoldExpired, GivenUp)),
    Step("money", do=CapturePayment, done=MoneyCaptured, unasked=True, undo=RefundMoney, undone=(MoneyRefunded,),
         on={MoneyAuthorized: CapturePayment}, refused=(PaymentRefused, HoldExpired, GivenUp), reopens=("expired",),
         enough=paid, stands=stands, again=(RefundAgain,), freed_by=(DisputeChanged, RefundSeen, RefundFailed)),
    Step("confirm", do=ConfirmSeats, done=SeatsConfirmed, refused=(SeatsGone,)),
    # -- pivot: the seats are theirs; from here on we only go forward --
    Step("tickets", do=IssueTickets, done=TicketsIssued),
    Step("letter", do=MakePdf, on={PdfMade: SendLetter}, done=LetterSent),
    pivot="tickets",
    learn=learn,
    sent=sent,
    met=met,
    build=build,
    moves=moves,
    beside=beside,
    answers=answers,
    outcomes={PaymentRefused: "failed", HoldExpired: "expired", GivenUp: "cancelled", SeatsGone: "expired"},
    beyond=(RefundAsked,),
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
        from_wallet=held.from_wallet,
        resold_by=held.resold_by,
        resale_fee=held.resale_fee,
    )
    return Progress(facts=facts, step="seats")


def status(seats: str, at: Progress | None) -> str:
    """The booking's status for its buyer, from what the lane says of the seats and how far the saga has come."""
    if at is not None and seats == "cancelled":
        return _cancelled(at.facts)
    if at is not None and ("money" in at.undone or (at.course == "ended" and _was_undone(at.facts))):
        return "refunded"
    if at is not None and at.course == "back" and (at.step == "money" or "money" in at.done):
        return "refunding"
    if seats in ("held", "released") and at is not None and at.outcome in ("failed", "cancelled"):
        return at.outcome
    return "cancelled" if seats == "released" else seats


def _was_undone(facts: Any) -> bool:
    return any(_is_undo(facts, refund) for refund in facts.refunds)


def _cancelled(facts: Any) -> str:
    owed = [refund for refund in facts.refunds if refund.about is not None and not refund.is_goodwill]
    if facts.waiting or any(refund.state != "done" for refund in owed):
        return "refunding"
    return "refunded" if owed else "cancelled"
