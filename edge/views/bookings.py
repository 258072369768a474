"""How bookings look: rows become the API's answers."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from edge.problems import Problem, refusal_problem
from sagas import booking as booking_saga
from sagas.identity import booking_code
from sagas.money import Money, wallet_part
from sagas.prices import Amounts
from store.bookings import BookingRow
from store.sagas import restore
from store.settings import settings


class BookingSeat(msgspec.Struct):
    id: str
    label: str
    row: str
    section: str
    ticket_type: str | None
    price: Money
    status: str
    discount: Money
    fees: Money
    tax: Money
    total: Money


class AmountsView(msgspec.Struct):
    """``tax`` is in the total: added to it, or (``tax_inclusive``) contained in prices and fees already."""

    seats: Money
    discount: Money
    fees: Money
    tax: Money
    total: Money
    tax_inclusive: bool = False
    coupon: str | None = None


class PaymentView(msgspec.Struct, omit_defaults=True):
    """``from_wallet``: what the wallet pays of it, once the rest has come by Razorpay."""

    method: str
    status: Literal["preparing", "ready", "authorized", "captured", "failed"]
    razorpay_order_id: str | None = None
    key_id: str | None = None
    checkout_url: str | None = None
    from_wallet: Money | None = None


class RefundView(msgspec.Struct):
    id: UUID
    amount: Money
    to: str
    status: str
    reason: str


class BookingView(msgspec.Struct):
    """``offset`` is the wish's position in the lane's log, ``place`` its number among the show's wishes, ``ahead`` how
    many were before it while it is queued (null when unknown, or decided)."""

    id: UUID
    code: str
    show_id: UUID
    status: Literal["queued", "held", "refused", "failed", "confirmed", "expired", "cancelled", "refunding", "refunded"]
    ahead: int | None
    place: int | None
    lane: str | None
    generation: int | None
    offset: int | None
    seats: list[BookingSeat]
    amounts: AmountsView | None
    held_until: datetime | None
    payment: PaymentView | None
    refunds: list[RefundView]
    tickets: list[UUID]
    refusal: dict[str, Any] | None = None


class BookingList(msgspec.Struct):
    items: list[BookingView]
    next_cursor: str | None


class TimelineItem(msgspec.Struct):
    n: int
    event: str
    step: str
    at: datetime
    reason: str | None = None


class Timeline(msgspec.Struct):
    items: list[TimelineItem]
    next_cursor: None = None


class _StoredPlace(msgspec.Struct):
    id: str
    label: str
    row: str
    section: str
    section_id: str
    price: int
    ticket_type: str | None = None
    discount: int = 0
    fees: int = 0
    tax: int = 0
    tax_included: int = 0
    status: str = ""


class _StoredRefund(msgspec.Struct):
    id: UUID
    amount: int
    currency: str
    to: str
    status: str
    reason: str


_places = msgspec.json.Decoder(list[_StoredPlace]).decode
_amounts = msgspec.json.Decoder(Amounts).decode
_refunds = msgspec.json.Decoder(list[_StoredRefund]).decode
_ids = msgspec.json.Decoder(list[UUID]).decode


def queued(booking_id: UUID, show_id: UUID, method: str, ahead: int | None) -> BookingView:
    """A booking that was asked for and is not decided yet."""
    return BookingView(
        id=booking_id, code=booking_code(booking_id), show_id=show_id, status="queued", ahead=ahead, place=None,
        lane=None, generation=None, offset=None, seats=[], amounts=None, held_until=None,
        payment=PaymentView(method, "preparing"), refunds=[], tickets=[],
    )  # fmt: skip


def booking(row: BookingRow, whole: Any = None, from_wallet: int = 0) -> BookingView:
    """A decided booking.  ``whole`` is its row with saga, payment, tickets and refunds; a fresh outcome has none, and
    ``from_wallet`` is what its wish said then."""
    progress = restore(whole["progress"], whole["outbox"]) if whole is not None and whole["progress"] else None
    status = booking_saga.status(row.state, progress)
    currency = row.currency
    decided = row.state not in ("refused", "failed")
    amounts = _amounts(row.amounts)
    part = progress.facts.from_wallet if progress else wallet_part(from_wallet, amounts.total)
    return BookingView(
        id=row.id,
        code=booking_code(row.id),
        show_id=row.show_id,
        status=status,  # type: ignore[arg-type]
        ahead=None,
        place=row.place or None,
        lane=row.lane,
        generation=row.generation,
        offset=row.offset,
        seats=[
            BookingSeat(
                place.id,
                place.label,
                place.row,
                place.section,
                place.ticket_type,
                Money(place.price, currency),
                place.status or _seat(status),
                Money(place.discount, currency),
                Money(place.fees, currency),
                Money(place.tax or place.tax_included, currency),
                Money(place.price - place.discount + place.fees + place.tax, currency),
            )
            for place in _places(row.seats)
        ],
        amounts=amounts_view(amounts, currency) if decided else None,
        held_until=row.held_until if decided else None,
        payment=_payment(row, whole, part) if decided else None,
        refunds=refund_views(whole["refunds"]) if whole is not None else [],
        tickets=_ids(whole["tickets"]) if whole is not None else [],
        refusal=refusal.body() if (refusal := refusal_of(row, whole)) else None,
    )


def refund_views(text: str) -> list[RefundView]:
    """Refunds from the JSON in which a row holds them."""
    return [
        RefundView(refund.id, Money(refund.amount, refund.currency), refund.to, refund.status, refund.reason)
        for refund in _refunds(text)
    ]


def amounts_view(amounts: Amounts, currency: str) -> AmountsView:
    inclusive = amounts.tax_included is not msgspec.UNSET
    tax = amounts.tax_included if amounts.tax_included is not msgspec.UNSET else amounts.tax
    return AmountsView(
        seats=Money(amounts.seats, currency),
        discount=Money(amounts.discount, currency),
        fees=Money(amounts.fees, currency),
        tax=Money(tax, currency),
        total=Money(amounts.total, currency),
        tax_inclusive=inclusive,
        coupon=amounts.coupon or None,
    )


def _seat(status: str) -> str:
    """A seat of a booking, where it has no state of its own."""
    return {"held": "held", "confirmed": "sold"}.get(status, "released")


def _payment(row: BookingRow, whole: Any, from_wallet: int) -> PaymentView:
    if whole is None or whole["payment_status"] is None:
        view = PaymentView(row.method, "preparing")
    else:
        view = PaymentView(whole["payment_method"], whole["payment_status"])
    if view.method == "razorpay" and from_wallet:
        view.from_wallet = Money(from_wallet, row.currency)
    if view.method == "razorpay" and whole is not None and whole["razorpay_order_id"]:
        order = view.razorpay_order_id = whole["razorpay_order_id"]
        view.key_id = settings().razorpay_key_id
        back = f"{settings().edge_url}/bookings/{row.id}"
        view.checkout_url = f"{settings().razorpay_url}/checkout?order_id={order}&callback_url={back}&redirect=get"
    return view


def refusal_of(row: BookingRow, whole: Any = None) -> Problem | None:
    """The problem that a client who waits is answered with, when the booking was refused."""
    text = row.refusal
    if text is None and whole is not None and whole["progress"]:
        facts = restore(whole["progress"], whole["outbox"]).facts
        if facts.refusal in ("wallet-too-low", "payment-unavailable"):
            text = msgspec.json.encode(_payment_refusal(facts)).decode()
    return None if text is None else refusal_problem(text, booking_id=row.id, place=row.place)


def _payment_refusal(facts: booking_saga.Facts) -> dict[str, Any]:
    if facts.refusal == "wallet-too-low":
        return {
            "type": "wallet-too-low", "balance": facts.balance or 0,
            "detail": "Your wallet holds too little for this booking.",
        }  # fmt: skip
    return {"type": "payment-unavailable", "detail": "The payment could not be prepared. Please try again."}
