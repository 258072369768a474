"""Refusals: answers of "no" with a reason.  Part of the domain, stored on the booking; they know no HTTP.

A class's docstring is its title; ``detail`` is the sentence for the buyer.
"""

from datetime import datetime
from typing import Literal

import msgspec


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    detail: str

    @classmethod
    def type(cls) -> str:
        return str(cls.__struct_config__.tag)

    @classmethod
    def title(cls) -> str:
        return (cls.__doc__ or "").strip()


class SeatTaken(Refusal, frozen=True, tag="seat-taken"):
    """Somebody was faster"""

    taken: tuple[str, ...]
    alternatives: tuple[str, ...] = ()


class SoldOut(Refusal, frozen=True, tag="sold-out"):
    """Not enough places left"""

    left: int


class NotTogether(Refusal, frozen=True, tag="not-together", omit_defaults=True):
    """No places side by side"""

    left: int
    alternatives: tuple[str, ...] = ()


class OrphanSeat(Refusal, frozen=True, tag="orphan-seat"):
    """This would leave a single seat"""

    seats: tuple[str, ...]
    alternatives: tuple[str, ...]


class AccessibleOnly(Refusal, frozen=True, tag="accessible-only"):
    """These places are kept for those who need them"""

    seats: tuple[str, ...]
    alternatives: tuple[str, ...]


class TicketTypeRefused(Refusal, frozen=True, tag="ticket-type-refused"):
    """This ticket type is not offered there"""

    ticket_type: str


class CouponRefused(Refusal, frozen=True, tag="coupon-refused"):
    """This coupon cannot be used"""

    reason: Literal["unknown", "over", "used-up", "used-by-you"]


class LimitReached(Refusal, frozen=True, tag="limit-reached"):
    """More than one buyer may have"""

    limit: int
    of: str


class ShowClosed(Refusal, frozen=True, tag="show-closed"):
    """This show is not on sale"""

    reason: Literal["not-open", "over", "cancelled", "moving"]


class NotInTime(Refusal, frozen=True, tag="not-in-time"):
    """The wish came to its turn too late"""


class KeyReused(Refusal, frozen=True, tag="key-reused"):
    """This Idempotency-Key was used for another show"""


class ChangeRefused(Refusal, frozen=True, tag="change-refused"):
    """This can no longer be changed"""

    fields: tuple[str, ...]


class TooLate(Refusal, frozen=True, tag="too-late"):
    """It is too late to cancel"""

    until: datetime | None


class NothingToCancel(Refusal, frozen=True, tag="nothing-to-cancel"):
    """There is nothing to cancel"""

    seats: tuple[str, ...] = ()


class ResaleRefused(Refusal, frozen=True, tag="resale-refused", omit_defaults=True):
    """This ticket cannot be offered so"""

    reason: Literal["not-yours", "offered", "time", "price"]
    max_price: int | None = None


class NotOffered(Refusal, frozen=True, tag="not-offered"):
    """This ticket is not offered any more"""


class BeingBought(Refusal, frozen=True, tag="being-bought"):
    """Somebody is buying this ticket"""


class WalletTooLow(Refusal, frozen=True, tag="wallet-too-low"):
    """The wallet holds too little"""

    balance: int


class PaymentUnavailable(Refusal, frozen=True, tag="payment-unavailable"):
    """The payment could not be prepared"""


AnyRefusal = (
    SeatTaken
    | SoldOut
    | NotTogether
    | OrphanSeat
    | AccessibleOnly
    | TicketTypeRefused
    | CouponRefused
    | LimitReached
    | ShowClosed
    | NotInTime
    | KeyReused
    | ChangeRefused
    | TooLate
    | NothingToCancel
    | ResaleRefused
    | NotOffered
    | BeingBought
    | WalletTooLow
    | PaymentUnavailable
)
REFUSALS: tuple[type[Refusal], ...] = (
    SeatTaken,
    SoldOut,
    NotTogether,
    OrphanSeat,
    AccessibleOnly,
    TicketTypeRefused,
    CouponRefused,
    LimitReached,
    ShowClosed,
    NotInTime,
    KeyReused,
    ChangeRefused,
    TooLate,
    NothingToCancel,
    ResaleRefused,
    NotOffered,
    BeingBought,
    WalletTooLow,
    PaymentUnavailable,
)
