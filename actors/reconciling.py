"""What becomes of each rupee at the provider, as our rows explain it.  Pure.

What the provider captured is kept for live tickets (``confirmed``) or by the policy under which they were cancelled
(``retained``), was given back (``refunded``), is promised and not given back yet (``owed``), was seen to by an operator
(``by_hand``), is in a wallet (``to_wallet``, ``topped_up``), was lost to the payer's bank (``disputed``), is owed and
waits for a dispute (``waiting``), or waits for its saga (``under_way``).  The rest is unexplained, and should be 0."""

from typing import Any

import msgspec

from actors.payment_gateway import ProviderPayment
from store.reconciling import Matter

#: The matters that a payment can be.
PAYMENT_KINDS = (
    "payment-unknown-order", "payment-capture-untold", "payment-amount-differs", "payment-unexplained",
    "payment-refunds-differ", "payment-unknown-to-provider",
)  # fmt: skip


class Sums(msgspec.Struct):
    """In minor units of one currency."""

    captured: int = 0
    confirmed: int = 0
    retained: int = 0
    refunded: int = 0
    owed: int = 0
    by_hand: int = 0
    to_wallet: int = 0
    topped_up: int = 0
    disputed: int = 0
    waiting: int = 0
    under_way: int = 0
    unexplained: int = 0

    def add(self, other: "Sums") -> None:
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Explained(msgspec.Struct, frozen=True):
    """One payment: where its money is, and what a human must see."""

    sums: Sums
    matters: tuple[Matter, ...] = ()


def is_captured(payment: ProviderPayment) -> bool:
    return payment.status in ("captured", "refunded")


def explain(payment: ProviderPayment, ours: Any, lost: int = 0) -> Explained:
    """A payment that the provider captured, of which it took back ``lost`` for disputes.  ``ours`` is what we know."""
    booking_id = ours["booking_id"] if ours is not None else None
    if ours is None or ours["amount"] is None:
        what = "unknown-order" if ours is None or ours["payment_id"] is None else "capture-untold"
        detail = f"The provider captured this for order {payment.order_id}, and we know nothing of it."
        matter = Matter(f"payment-{what}", payment.id, booking_id, payment.amount, payment.currency, detail)
        sums = Sums(captured=payment.amount, unexplained=payment.amount)
        return Explained(sums, (matter,))

    matters = []
    if (ours["amount"], ours["currency"]) != (payment.amount, payment.currency):
        noted = f"We noted {ours['amount']} {ours['currency']}."
        matters.append(_matter("payment-amount-differs", payment, booking_id, noted))
    sums = Sums(
        captured=payment.amount, refunded=ours["done"], owed=ours["owed"], by_hand=ours["by_hand"],
        to_wallet=ours["to_wallet"], disputed=lost, waiting=ours["waiting"],
    )  # fmt: skip
    kept = payment.amount - sums.refunded - sums.owed - sums.by_hand - sums.to_wallet - lost - sums.waiting
    rest = _share_out(kept, ours, sums)
    if rest:
        matters.append(_matter("payment-unexplained", payment, booking_id, f"{rest} of it are kept for nothing."))
    if (more := payment.amount_refunded - ours["done"]) != 0:
        said = f"The provider gave back {payment.amount_refunded} of it, we know of {ours['done']}."
        matters.append(_matter("payment-refunds-differ", payment, booking_id, said))
    sums.unexplained = abs(rest) + abs(more)
    if matters and not sums.unexplained:
        sums.unexplained = payment.amount
    return Explained(sums, tuple(matters))


def _share_out(kept: int, ours: Any, sums: Sums) -> int:
    """Say in ``sums`` what is kept of a payment for what; what is left for nothing."""
    if ours["topped_up"]:
        sums.topped_up = kept
        return 0
    room = max(ours["live"] - ours["kept_before"], 0)
    sums.confirmed = max(min(kept, room), 0)
    room = max(ours["live"] + ours["retained"] - ours["kept_before"] - sums.confirmed, 0)
    sums.retained = max(min(kept - sums.confirmed, room), 0)
    rest = kept - sums.confirmed - sums.retained
    if rest > 0 and ours["under_way"] and not ours["long_ago"]:
        sums.under_way, rest = rest, 0
    return rest


def unknown_to_them(provider_payment_id: str, ours: Any) -> Explained:
    """A capture of ours that the provider does not have."""
    amount = ours["amount"] or 0
    detail = "We noted this capture, and the provider has no such captured payment."
    matter = Matter(
        "payment-unknown-to-provider", provider_payment_id, ours["booking_id"], amount, ours["currency"], detail
    )
    return Explained(Sums(unexplained=amount), (matter,))


def _matter(kind: str, payment: ProviderPayment, booking_id: Any, detail: str) -> Matter:
    return Matter(kind, payment.id, booking_id, payment.amount, payment.currency, detail)
