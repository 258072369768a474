"""What every movement of money books: double entry, debits above zero and credits below, each transaction summing to 0.

| account | whose | what it holds |
| --- | --- | --- |
| provider | - | what Razorpay has of ours (debit) |
| cash, terminal | organiser | what the organiser took at the box office itself (debit) |
| bank | - | what came to our bank account, less what we paid out (debit) |
| wallet | buyer | what a buyer's wallet holds (credit), never below zero |
| aside | buyer | what is kept aside of it for a dispute, or comes from a ticket sold on just now (credit) |
| booking | booking | money in for which nothing has been given yet, or that is on its way back (credit) |
| organiser | organiser | what we owe an organiser (credit) |
| service | - | what the service itself gives and takes: openings, corrections, fees for what sold nothing |
| by-hand | - | refunds that an operator has seen to outside (credit) |
| losses | - | what payers' banks took back, or somebody gave back by hand, of money that was no longer there (debit) |

What the provider settles is bank against provider; the fee that it keeps goes to the organiser of the sale at once.

A transaction's ``reference`` names the fact that it books, so that no fact is booked twice."""

from typing import Literal, NamedTuple
from uuid import UUID

from sagas.messages import MoneyCaptured

Account = Literal[
    "provider", "cash", "terminal", "bank", "wallet", "aside", "booking", "organiser", "service", "by-hand", "losses"
]


class Entry(NamedTuple):
    """``amount`` in minor units: debits above zero, credits below."""

    account: Account
    owner: UUID | None
    amount: int


class Posting(NamedTuple):
    """One transaction of the ledger, in one currency."""

    kind: str
    reference: str
    currency: str
    entries: tuple[Entry, ...]
    booking_id: UUID | None = None
    note: str = ""


#: What a payer's wallet says of a dispute that is lost, and of a top-up that was given back by hand.
_TAKEN = "Taken back by your bank"
_GIVEN_BACK = "Top-up given back"

#: Where the money of each way to pay is, once it is captured.
_SOURCES: dict[str, Account] = {"razorpay": "provider", "wallet": "wallet", "cash": "cash", "terminal": "terminal"}


def source(method: str, buyer_id: UUID, organiser_id: UUID | None) -> tuple[Account, UUID | None]:
    """The account, and its owner, from which money of this way to pay comes and to which it goes back."""
    account = _SOURCES[method]
    owner = {"wallet": buyer_id, "cash": organiser_id, "terminal": organiser_id}.get(account)
    return account, owner


def moved(
    kind: str, reference: str, currency: str, debit: tuple[Account, UUID | None], credit: tuple[Account, UUID | None],
    amount: int, booking_id: UUID | None = None, note: str = "",
) -> Posting:  # fmt: skip
    """An amount from one account to another."""
    return Posting(kind, reference, currency, (Entry(*debit, amount), Entry(*credit, -amount)), booking_id, note)


def captured(event: MoneyCaptured, buyer_id: UUID, organiser_id: UUID | None) -> Posting:
    """Money came in: it is the booking's, until its seats are confirmed or it goes back."""
    return moved(
        "capture", f"capture:{event.provider_payment_id}", event.currency,
        source(event.method, buyer_id, organiser_id), ("booking", event.booking_id), event.amount, event.booking_id,
        "Booking",
    )  # fmt: skip


def sold(booking_id: UUID, organiser_id: UUID, amount: int, currency: str) -> Posting:
    """The seats are the buyer's: what they cost is the organiser's."""
    return moved(
        "sale", f"sale:{booking_id}", currency, ("booking", booking_id), ("organiser", organiser_id), amount, booking_id
    )


def resold(booking_id: UUID, organiser_id: UUID, seller_id: UUID, price: int, fee: int, currency: str) -> Posting:
    """The seat was another buyer's: what it cost is theirs, less the organiser's fee.  Their own saga says what of it
    comes into their wallet."""
    entries = (
        Entry("booking", booking_id, price), Entry("aside", seller_id, fee - price),
        Entry("organiser", organiser_id, -fee),
    )  # fmt: skip
    return Posting("resale", f"sale:{booking_id}", currency, entries, booking_id)


def proceeds(
    listing_id: UUID, booking_id: UUID, seller_id: UUID, organiser_id: UUID, amount: int, kept: int, claim: int,
    currency: str,
) -> Posting:  # fmt: skip
    """A seller's part of what their ticket was sold for, in their wallet: without what is kept aside for a dispute, and
    what the organiser claims for one that is lost."""
    entries = (
        Entry("aside", seller_id, amount - kept), Entry("wallet", seller_id, kept + claim - amount),
        Entry("organiser", organiser_id, -claim),
    )  # fmt: skip
    return Posting("proceeds", f"proceeds:{listing_id}", currency, entries, booking_id, "Ticket sold")


def cancelled(
    cancellation_id: UUID, booking_id: UUID, organiser_id: UUID, amount: int, currency: str, *waited: UUID
) -> Posting:
    """Seats were taken back: what is owed for them is on its way to the buyer, what the policy kept stays.  ``waited``
    is the refund of a part that the payer's bank held until now."""
    reference = ":".join(map(str, ("cancellation", cancellation_id, *waited)))
    return moved(
        "cancellation", reference, currency, ("organiser", organiser_id), ("booking", booking_id), amount, booking_id
    )  # fmt: skip


def goodwill(
    refund_id: UUID, booking_id: UUID, organiser_id: UUID, amount: int, currency: str, reason: str
) -> Posting:  # fmt: skip
    """The organiser gives some of the money back, and the tickets stay good: it is on its way to the buyer."""
    return moved(
        "goodwill", f"goodwill:{refund_id}", currency, ("organiser", organiser_id), ("booking", booking_id), amount,
        booking_id, reason,
    )  # fmt: skip


def refunded(
    refund_id: UUID, booking_id: UUID, target: tuple[Account, UUID | None], amount: int, currency: str
) -> Posting:
    """Money went back to where it came from, into a wallet, or by an operator's hand; or the payer's bank had taken it,
    and whoever bore that bears it no longer."""
    return moved(
        "refund", f"refund:{refund_id}", currency, ("booking", booking_id), target, amount, booking_id, "Refund"
    )


def kept_aside(dispute_id: str, user_id: UUID, amount: int, currency: str) -> Posting:
    """So much of a wallet cannot be spent while the payer's bank disputes where it came from."""
    return moved(
        "aside", f"aside:{dispute_id}", currency, ("wallet", user_id), ("aside", user_id), amount, None,
        "Kept aside: your bank disputes a payment",
    )  # fmt: skip


def freed(dispute_id: str, user_id: UUID, amount: int, currency: str) -> Posting:
    """The dispute is won: what was kept aside can be spent again."""
    return moved(
        "freed", f"freed:{dispute_id}", currency, ("aside", user_id), ("wallet", user_id), amount, None,
        "Kept aside no longer",
    )  # fmt: skip


class FromPayer(NamedTuple):
    """What the payer has of what their bank took back: kept aside, and in the wallet."""

    user_id: UUID
    aside: int
    wallet: int

    @property
    def entries(self) -> tuple[Entry, ...]:
        return Entry("aside", self.user_id, self.aside), Entry("wallet", self.user_id, self.wallet)


def dispute_lost(
    dispute_id: str, booking_id: UUID, organiser_id: UUID, payer: FromPayer, amount: int, currency: str
) -> Posting:  # fmt: skip
    """The payer's bank took the money back: the organiser bears it, less what the payer still has of what others paid
    them for their tickets."""
    borne = amount - payer.aside - payer.wallet
    entries = (*payer.entries, Entry("organiser", organiser_id, borne), Entry("provider", None, -amount))
    return Posting("dispute", f"dispute:{dispute_id}", currency, entries, booking_id, _TAKEN)


def unsold_lost(dispute_id: str, booking_id: UUID, there: int, amount: int, currency: str) -> Posting:
    """So for a booking that has no seats: its money has gone back by the bank.  What had been given back before
    (``there`` is what had not) is a loss."""
    of_booking = min(there, amount)
    entries = (
        Entry("booking", booking_id, of_booking), Entry("losses", None, amount - of_booking),
        Entry("provider", None, -amount),
    )  # fmt: skip
    return Posting("dispute", f"dispute:{dispute_id}", currency, entries, booking_id)


def sold_for_less(booking_id: UUID, organiser_id: UUID, amount: int, currency: str) -> Posting:
    """The seats were confirmed for money that the payer's bank had taken back: the organiser bears that."""
    return moved(
        "dispute-borne", f"dispute-borne:{booking_id}", currency, ("organiser", organiser_id), ("booking", booking_id),
        amount, booking_id,
    )  # fmt: skip


def topped_up(provider_payment_id: str, user_id: UUID, amount: int, currency: str) -> Posting:
    """A buyer put money into their wallet."""
    return moved(
        "top-up", f"capture:{provider_payment_id}", currency, ("provider", None), ("wallet", user_id), amount, None,
        "Top-up",
    )  # fmt: skip


def top_up_lost(dispute_id: str, payer: FromPayer, amount: int, currency: str) -> Posting:
    """The payer's bank took a top-up back: what the payer still has pays for it, the service the rest."""
    return Posting("dispute", f"dispute:{dispute_id}", currency, _out_of_wallet(payer, amount), None, _TAKEN)


def top_up_given_back(refund_id: UUID, payer: FromPayer, amount: int, currency: str) -> Posting:
    """So when somebody gave it back by hand."""
    return Posting("refund", f"refund:{refund_id}", currency, _out_of_wallet(payer, amount), None, _GIVEN_BACK)


def _out_of_wallet(payer: FromPayer, amount: int) -> tuple[Entry, ...]:
    lost = amount - payer.aside - payer.wallet
    return *payer.entries, Entry("losses", None, lost), Entry("provider", None, -amount)


def given(reference: str, user_id: UUID, amount: int, currency: str, note: str) -> Posting:
    """The service puts money into a wallet."""
    return moved("gift", reference, currency, ("service", None), ("wallet", user_id), amount, None, note)


def paid_out(payout_id: UUID, organiser_id: UUID, amount: int, currency: str, note: str) -> Posting:
    """An organiser was paid what it was owed."""
    return moved(
        "payout", f"payout:{payout_id}", currency, ("organiser", organiser_id), ("bank", None), amount, None, note
    )


def settled(entity_id: str, amount: int, currency: str) -> Posting:
    """The provider moved money to our bank (or, below 0, kept it back) for a payment, refund or adjustment."""
    return moved("settlement", f"settlement:{entity_id}", currency, ("bank", None), ("provider", None), amount)


def fee_borne(
    entity_id: str, organiser_id: UUID | None, booking_id: UUID | None, amount: int, currency: str
) -> Posting:  # fmt: skip
    """What the provider kept for its work: the organiser bears it, or the service where nothing was sold."""
    bearer: tuple[Account, UUID | None] = ("service", None) if organiser_id is None else ("organiser", organiser_id)
    return moved(
        "provider-fee", f"provider-fee:{entity_id}", currency, bearer, ("provider", None), amount, booking_id,
        "Payment provider's fee",
    )  # fmt: skip
