"""Every message of the product.  Commands ask (one receiver, which may refuse); events report, in the past tense.

All are frozen and JSON-simple.  A command's ``command_id`` is the same when it is sent again and new for a fresh
attempt, and an event's ``event_id`` follows from the fact that it reports: repeats are recognised by these ids,
never by a booking's state.  ``version`` lets ``decide`` and ``advance`` know every shape a log can still hold.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from sagas.identity import derived
from sagas.terms import Allocation, CouponTerms, Fees, Presale, Resale, Rules, Tax, TicketType

#: How a booking is paid for.  ``cash``, ``terminal`` and ``comp`` (given away) are the box office's.
Method = Literal["razorpay", "wallet", "none", "cash", "terminal", "comp"]
#: Where money goes back to.
Target = Literal["source", "wallet"]


def _name(class_name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in class_name).lstrip("_")


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="name", tag=_name, omit_defaults=True):
    version: int = 1

    @classmethod
    def name(cls) -> str:
        """The message's name on the wire and in the journal: ``hold_seats``."""
        return str(cls.__struct_config__.tag)


# Commands to a show's lane: all that changes the show's seats or what is decided about them.


class ShowCommand(Message, frozen=True, kw_only=True):
    command_id: UUID
    show_id: UUID


class Price(msgspec.Struct, frozen=True):
    """What a place in a section costs, in minor units of the show's currency."""

    section_id: str
    amount: int


class OpenShow(ShowCommand, frozen=True, kw_only=True):
    """Put the seats of a stored seat plan (named by its hash) on sale, under these terms.

    Without ``rules`` it is of before there were any: nothing is kept for anybody then."""

    number: int
    plan: str
    currency: str
    prices: tuple[Price, ...]
    starts_at: datetime
    ends_at: datetime
    sale_opens_at: datetime
    sale_closes_at: datetime
    hold_seconds: int = 300
    max_seats_per_booking: int = 10
    max_seats_per_buyer: int | None = None
    max_live_holds: int = 2
    rules: Rules | None = None


class Changes(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is to be changed of a show's terms and rules; what is left out stays as it is."""

    prices: tuple[Price, ...] | UnsetType = UNSET
    starts_at: datetime | UnsetType = UNSET
    ends_at: datetime | UnsetType = UNSET
    sale_opens_at: datetime | UnsetType = UNSET
    sale_closes_at: datetime | UnsetType = UNSET
    hold_seconds: int | UnsetType = UNSET
    max_seats_per_booking: int | UnsetType = UNSET
    max_seats_per_buyer: int | UnsetType | None = UNSET
    max_live_holds: int | UnsetType = UNSET
    single_seats: Literal["allow", "refuse"] | UnsetType = UNSET
    accessible_release_hours: int | UnsetType | None = UNSET
    ticket_types: tuple[TicketType, ...] | UnsetType = UNSET
    fees: Fees | UnsetType | None = UNSET
    tax: Tax | UnsetType | None = UNSET
    presales: tuple[Presale, ...] | UnsetType = UNSET
    allocations: tuple[Allocation, ...] | UnsetType = UNSET
    refund_until_hours: int | UnsetType | None = UNSET
    refund_percent: int | UnsetType = UNSET
    resale: Resale | UnsetType = UNSET


class AmendShow(ShowCommand, frozen=True, kw_only=True):
    """Change the show's terms.  What buyers have relied on (times, refunds, resale) stays once places are taken."""

    changes: Changes


class BlockSeats(ShowCommand, frozen=True, kw_only=True):
    """Take free seats out of the sale: all of them or none."""

    seats: tuple[str, ...]


class UnblockSeats(ShowCommand, frozen=True, kw_only=True):
    """Put blocked seats back on sale: all of them or none."""

    seats: tuple[str, ...]


class SetCoupon(ShowCommand, frozen=True, kw_only=True):
    """Make a coupon of this show (``new``: refused when there is one of that code), or change it.  Uses count on."""

    code: str
    terms: CouponTerms
    new: bool = False


class DropCoupon(ShowCommand, frozen=True, kw_only=True):
    """End a coupon.  Bookings that used it keep what they were promised."""

    code: str


class StandingWish(msgspec.Struct, frozen=True, omit_defaults=True):
    """Places in a standing area beside seats, all of one ticket type."""

    section_id: str
    quantity: int
    ticket_type: str = ""


class HoldSeats(ShowCommand, frozen=True, kw_only=True):
    """A buyer's wish: chosen ``seats``, or the best available ``quantity``.  The command's id is the booking's.

    Its version is 2 when it says more than that: ``ticket_types`` (one for each place, "" for the section's own price),
    ``standing`` places beside, an ``accessible`` place, a ``coupon`` or an ``access_code``; with a coupon it is 3 since
    what a coupon leaves is let off if that is too little to be paid.  ``from_wallet`` is what the buyer's wallet pays
    of it beside Razorpay.  ``seller_id`` is who sells at the box office: to whoever stands there, so that a buyer's
    caps say nothing.

    With a ``listing_id`` it is the one ticket that another buyer offers, and nothing else."""

    booking_id: UUID
    buyer_id: UUID
    body_hash: str
    not_after: datetime
    seats: tuple[str, ...] = ()
    quantity: int = 0
    section_id: str | None = None
    together: bool = False
    method: Method = "razorpay"
    from_wallet: int = 0
    seller_id: UUID | None = None
    ticket_types: tuple[str, ...] = ()
    standing: tuple[StandingWish, ...] = ()
    accessible: bool = False
    coupon: str = ""
    access_code: str = ""
    listing_id: UUID | None = None

    @property
    def wanted(self) -> int:
        """How many places are wished for."""
        own = len(self.seats) or self.quantity or int(self.listing_id is not None)
        return own + sum(area.quantity for area in self.standing)


class ConfirmSeats(ShowCommand, frozen=True, kw_only=True):
    """The money is in: the seats are sold.  After an expiry the lane re-takes them if all are still free."""

    booking_id: UUID
    buyer_id: UUID


class ReleaseSeats(ShowCommand, frozen=True, kw_only=True):
    """The booking was given up before it was confirmed: its seats are free again."""

    booking_id: UUID
    buyer_id: UUID


class ExpireHold(ShowCommand, frozen=True, kw_only=True):
    """The hold's time has passed.  It lapses when this is decided, not before."""

    booking_id: UUID
    buyer_id: UUID
    held_until: datetime


class ExtendHold(ShowCommand, frozen=True, kw_only=True):
    """An attempt to pay is pending at the bank: keep the seats so much longer, once."""

    booking_id: UUID
    buyer_id: UUID
    seconds: int


class CancelSeats(ShowCommand, frozen=True, kw_only=True):
    """Take back seats of a confirmed booking (none named: all that are left) and say what is owed for them.

    A buyer is bound by the policy under which they bought; organiser and operator give all back, fees included.
    ``actor_id`` is who asked."""

    booking_id: UUID
    buyer_id: UUID
    seats: tuple[str, ...] = ()
    by: Literal["buyer", "organiser", "operator"]
    to: Target = "source"
    reason: str = ""
    actor_id: UUID | None = None


class CancelShow(ShowCommand, frozen=True, kw_only=True):
    """Close the show for good.  Its bookings are released and cancelled one by one, in slices, behind it."""

    reason: str
    by: UUID


class PostponeShow(ShowCommand, frozen=True, kw_only=True):
    """Another time for the show: tickets stay good, and until ``refund_until`` buyers may take all their money back."""

    starts_at: datetime
    ends_at: datetime
    sale_closes_at: datetime
    refund_until: datetime
    by: UUID


class OfferTicket(ShowCommand, frozen=True, kw_only=True):
    """Offer a bought seat to other buyers at a ``price``.  The command's id is the listing's."""

    booking_id: UUID
    buyer_id: UUID
    seat: str
    price: int


class ReviseOffer(ShowCommand, frozen=True, kw_only=True):
    """Another price for what is offered, as long as nobody is buying it."""

    listing_id: UUID
    buyer_id: UUID
    price: int


class WithdrawOffer(ShowCommand, frozen=True, kw_only=True):
    """Offer it no more, as long as nobody is buying it."""

    listing_id: UUID
    buyer_id: UUID


class MoveShow(ShowCommand, frozen=True, kw_only=True):
    """Take the show to another lane, with all that is held and being paid, at an operator's (``by``) wish.

    It is off sale for some seconds then, until every edge knows its new lane: nobody is overtaken by who came later.
    ``alone`` keeps shows that are made later off that lane."""

    to: str
    by: UUID
    off_sale_seconds: int
    alone: bool = False


class Fence(Message, frozen=True, kw_only=True):
    """Says nothing; a consumer that published one and has not met it yet knows that there is more to read."""


# Commands of the booking saga to others than the lane.


class BookingCommand(Message, frozen=True, kw_only=True):
    command_id: UUID
    booking_id: UUID


class RequestPayment(BookingCommand, frozen=True, kw_only=True):
    """Make a way to pay: an order at the provider, or nothing for a wallet or a total of 0."""

    payment_id: UUID
    method: Method
    amount: int
    currency: str


class CapturePayment(BookingCommand, frozen=True, kw_only=True):
    """Take the money: from the wallet, or an authorized payment at the provider."""

    payment_id: UUID
    buyer_id: UUID
    method: Method
    amount: int
    currency: str
    provider_payment_id: str = ""


class RefundMoney(BookingCommand, frozen=True, kw_only=True):
    """Give a captured payment back, or a part of it.  ``method`` is where it goes: its source, or the wallet;
    ``about`` the cancellation that it is for, or the refund itself where it is given out of goodwill.

    ``attempt`` counts up when the provider failed to refund: to it, that is another refund."""

    payment_id: UUID
    buyer_id: UUID
    method: Method
    provider_payment_id: str
    refund_id: UUID
    amount: int
    currency: str
    reason: str
    attempt: int = 0
    about: UUID | None = None


class CancelTickets(BookingCommand, frozen=True, kw_only=True):
    """The tickets of these seats open no door any more."""

    seats: tuple[str, ...]


class IssueTickets(BookingCommand, frozen=True, kw_only=True):
    """One ticket for each seat of the confirmed booking."""


class MakePdf(BookingCommand, frozen=True, kw_only=True):
    """Print the booking's tickets; ``anew`` because some were cancelled."""

    anew: bool = False


class PrintInvoice(Message, frozen=True, kw_only=True):
    """Print an invoice or credit note that somebody asks for."""

    invoice_id: UUID


class KeepAside(BookingCommand, frozen=True, kw_only=True):
    """Keep so much of the buyer's wallet aside for a dispute, as far as it is there."""

    buyer_id: UUID
    dispute_id: str
    amount: int
    currency: str


class SendLetter(BookingCommand, frozen=True, kw_only=True):
    """Send one letter, once: unique by booking, template and what it is ``about`` (a refund, a cancellation)."""

    template: str
    about: UUID | None = None


class SendPersonalLetter(Message, frozen=True, kw_only=True):
    """Send one letter to a person about their account, once; the delivery log says which."""

    letter_id: UUID


class CheckPayment(BookingCommand, frozen=True, kw_only=True):
    """Ask the provider what has become of a payment: the buyer came back from Checkout, or nobody told us anything."""

    payment_id: UUID


class TakeWebhook(Message, frozen=True, kw_only=True):
    """What the provider sent, as it sent it; the signature has been verified."""

    event_id: str
    kind: str
    body: str


# Events: all are read from the saga's lane.


class Event(Message, frozen=True, kw_only=True):
    """``answers`` is the id of the command that this event answers, where there was one."""

    event_id: UUID
    booking_id: UUID
    answers: UUID | None = None


class SeatsHeld(Event, frozen=True, kw_only=True):
    """``resold_by`` is the buyer who gives their seat up for it, and gets the amount less ``resale_fee``."""

    show_id: UUID
    buyer_id: UUID
    method: Method
    amount: int
    currency: str
    from_wallet: int = 0
    resold_by: UUID | None = None
    resale_fee: int = 0


class HoldExpired(Event, frozen=True, kw_only=True):
    pass


class SeatsReleased(Event, frozen=True, kw_only=True):
    pass


class SeatsConfirmed(Event, frozen=True, kw_only=True):
    pass


class SeatsGone(Event, frozen=True, kw_only=True):
    """The seats could not be confirmed; ``reason`` says why."""

    reason: str


class HoldExtended(Event, frozen=True, kw_only=True):
    """Until when the hold runs now; None where it could not be extended."""

    held_until: datetime | None


class SeatsCancelled(Event, frozen=True, kw_only=True):
    """Seats of a confirmed booking were taken back; ``amount`` is what the buyer gets for them, ``retained`` what the
    policy kept, ``left`` how many seats the booking still has."""

    cancellation_id: UUID
    seats: tuple[str, ...]
    amount: int
    retained: int
    to: Target
    by: str
    reason: str = ""
    left: int = 0


class SeatResold(Event, frozen=True, kw_only=True):
    """A seat of this booking is another buyer's now, who paid ``price``; ``fee`` of it is the organiser's."""

    listing_id: UUID
    seat: str
    price: int
    fee: int
    left: int = 0


class PaymentReady(Event, frozen=True, kw_only=True):
    payment_id: UUID
    method: Method
    order_id: str = ""


class PaymentRefused(Event, frozen=True, kw_only=True):
    """The way to pay could not be made, or the wallet holds too little; ``reason`` is a refusal's type."""

    payment_id: UUID
    reason: str
    detail: str = ""
    balance: int | None = None


class AttemptFailed(Event, frozen=True, kw_only=True):
    """One attempt to pay failed.  A line in the timeline: the buyer may try again while the hold runs."""

    payment_id: UUID
    provider_payment_id: str
    reason: str


class AttemptPending(Event, frozen=True, kw_only=True):
    """The bank has not answered yet."""

    payment_id: UUID
    provider_payment_id: str


class MoneyAuthorized(Event, frozen=True, kw_only=True):
    payment_id: UUID
    provider_payment_id: str
    amount: int
    currency: str


class MoneyCaptured(Event, frozen=True, kw_only=True):
    payment_id: UUID
    provider_payment_id: str
    method: Method
    amount: int
    currency: str


class MoneyRefunded(Event, frozen=True, kw_only=True):
    """``by`` is the operator who has seen to it by hand."""

    refund_id: UUID
    payment_id: UUID
    provider_payment_id: str = ""
    amount: int = 0
    provider_refund_id: str = ""
    by: UUID | None = None
    reason: str = ""


class RefundSeen(Event, frozen=True, kw_only=True):
    """The provider gave back what we never asked for: somebody did so by hand, on its own pages."""

    refund_id: UUID
    payment_id: UUID
    provider_payment_id: str
    provider_refund_id: str
    amount: int
    currency: str


class RefundFailed(Event, frozen=True, kw_only=True):
    """The provider could not give the money back, or the box office has to; it stays owed, in front of a human."""

    refund_id: UUID
    payment_id: UUID
    reason: str


class RefundAgain(Event, frozen=True, kw_only=True):
    """An operator (``by``) has the provider asked once more for a refund that failed; ``reason`` says why."""

    refund_id: UUID
    by: UUID
    reason: str


class RefundAsked(Event, frozen=True, kw_only=True):
    """The organiser (``by``, for a ``reason``) gives some of a payment back out of goodwill: all of this or nothing.
    The tickets stay good."""

    refund_id: UUID
    payment_id: UUID
    amount: int
    to: Target
    by: UUID
    reason: str


class DisputeChanged(Event, frozen=True, kw_only=True):
    """The payer's bank wants the money back: ``status`` open, won (it stays ours) or lost (it is gone)."""

    dispute_id: str
    payment_id: UUID
    provider_payment_id: str
    amount: int
    currency: str
    status: Literal["open", "won", "lost"]
    reason: str = ""


class MoneyKeptAside(Event, frozen=True, kw_only=True):
    """What of the buyer's wallet is kept aside for a dispute."""

    dispute_id: str
    amount: int


class TicketsIssued(Event, frozen=True, kw_only=True):
    count: int


class TicketsCancelled(Event, frozen=True, kw_only=True):
    count: int


class PdfMade(Event, frozen=True, kw_only=True):
    file: str


class LetterSent(Event, frozen=True, kw_only=True):
    template: str
    about: UUID | None = None


class MethodChosen(Event, frozen=True, kw_only=True):
    """The buyer wants to pay in another way; what was prepared stays payable until the hold ends."""

    method: Method
    from_wallet: int = 0


class GivenUp(Event, frozen=True, kw_only=True):
    """The buyer or an operator no longer wants the booking."""

    reason: str


ShowLaneMessage = (
    OpenShow
    | AmendShow
    | BlockSeats
    | UnblockSeats
    | SetCoupon
    | DropCoupon
    | HoldSeats
    | ConfirmSeats
    | ReleaseSeats
    | ExpireHold
    | ExtendHold
    | CancelSeats
    | CancelShow
    | PostponeShow
    | OfferTicket
    | ReviseOffer
    | WithdrawOffer
    | MoveShow
    | Fence
)
SagaEvent = (
    SeatsHeld
    | HoldExpired
    | HoldExtended
    | SeatsCancelled
    | SeatResold
    | SeatsReleased
    | SeatsConfirmed
    | SeatsGone
    | PaymentReady
    | PaymentRefused
    | AttemptFailed
    | AttemptPending
    | MoneyAuthorized
    | MoneyCaptured
    | MoneyRefunded
    | RefundSeen
    | RefundFailed
    | RefundAgain
    | RefundAsked
    | DisputeChanged
    | MoneyKeptAside
    | TicketsIssued
    | TicketsCancelled
    | PdfMade
    | LetterSent
    | MethodChosen
    | GivenUp
)


class Several(Message, frozen=True, kw_only=True):
    """What one batch of a show's lane tells one saga lane, in one message; each event is taken by itself."""

    events: tuple[SagaEvent, ...]


SagaLaneMessage = SagaEvent | Several | Fence
SagaCommand = (
    ConfirmSeats
    | ReleaseSeats
    | ExtendHold
    | RequestPayment
    | CapturePayment
    | RefundMoney
    | KeepAside
    | IssueTickets
    | CancelTickets
    | MakePdf
    | SendLetter
)


def event_id_for(parent: UUID, event: type[Message], *facts: object) -> UUID:
    """The id of the event that reports this about its parent (a command, a payment, a booking)."""
    return derived(parent, event.name(), *facts)
