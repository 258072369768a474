"""Payers' banks that want money back: where each dispute stands, and what of a wallet is kept aside for it.

While a dispute is open, what it is about may still be in the payer's wallet: the money that they put into it, or what
another buyer has paid for a ticket that they had bought with it.  So much is kept aside, to be theirs again once the
dispute is won, and gone once it is lost."""

from typing import Any
from uuid import UUID

import msgspec

from sagas.messages import DisputeChanged


class Dispute(msgspec.Struct, frozen=True):
    id: str
    provider_payment_id: str
    amount: int
    status: str


class Aside(msgspec.Struct, frozen=True):
    """What of the payer's wallet is kept aside for a dispute."""

    dispute_id: str
    amount: int


Disputes = tuple[Dispute, ...]
KeptAside = tuple[Aside, ...]


def told(disputes: Disputes, event: DisputeChanged) -> Disputes:
    """Where each stands now; word that one is open may come after it has ended."""
    if event.status == "open" and any(dispute.id == event.dispute_id for dispute in disputes):
        return disputes
    others = tuple(dispute for dispute in disputes if dispute.id != event.dispute_id)
    return *others, Dispute(event.dispute_id, event.provider_payment_id, event.amount, event.status)


def is_opened(before: Disputes, after: Disputes, event: DisputeChanged) -> bool:
    """Whether it is new, and open."""
    return event.status == "open" and after is not before


def aside(kept: KeptAside, dispute_id: str = "") -> int:
    """What is kept aside, for one dispute or for all of them."""
    return sum(one.amount for one in kept if dispute_id in ("", one.dispute_id))


def without(kept: KeptAside, dispute_id: str) -> KeptAside:
    return tuple(one for one in kept if one.dispute_id != dispute_id)


def given_back(kept: KeptAside, disputes: Disputes, provider_payment_id: str, amount: int) -> KeptAside:
    """What is kept aside still when so much of a payment has gone back by hand: first what was kept of it."""
    of_payment = {dispute.id for dispute in disputes if dispute.provider_payment_id == provider_payment_id}
    still = []
    for one in kept:
        taken = min(amount, one.amount) if one.dispute_id in of_payment else 0
        amount -= taken
        if one.amount > taken:
            still.append(msgspec.structs.replace(one, amount=one.amount - taken))
    return tuple(still)


def keeping_aside(buyer_id: UUID, event: DisputeChanged, amount: int) -> dict[str, Any]:
    """What a KeepAside for this dispute says."""
    return {"buyer_id": buyer_id, "dispute_id": event.dispute_id, "amount": amount, "currency": event.currency}
