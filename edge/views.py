"""How things look from outside: rows become the API's answers, and these types are what ``/openapi.json`` describes."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from edge.problems import Problem, refusal_problem
from sagas import booking as booking_saga
from sagas.identity import booking_code
from sagas.money import Money
from sagas.prices import Amounts
from store.bookings import BookingRow
from store.sagas import restore
from store.settings import settings


class UserView(msgspec.Struct):
    id: UUID
    email: str
    name: str
    role: str
    email_verified: bool


class TokensView(msgspec.Struct):
    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str


class SessionView(msgspec.Struct):
    """One device on which somebody is logged in; ``seen_at`` is when it last asked for new tokens."""

    id: UUID
    device: str
    address: str
    began_at: datetime
    seen_at: datetime
    current: bool


class SessionList(msgspec.Struct):
    items: list[SessionView]
    next_cursor: str | None


class LogInView(msgspec.Struct):
    id: UUID
    at: datetime
    method: str
    succeeded: bool
    address: str
    device: str


class LogInList(msgspec.Struct):
    items: list[LogInView]
    next_cursor: str | None


class PersonalData(msgspec.Struct):
    """Everything that is held about a person, each part as its rows."""

    account: dict[str, Any]
    sessions: list[dict[str, Any]]
    logins: list[dict[str, Any]]
    provider_logins: list[dict[str, Any]]
    organisers: list[dict[str, Any]]
    invitations: list[dict[str, Any]]
    bookings: list[dict[str, Any]]
    payments: list[dict[str, Any]]
    refunds: list[dict[str, Any]]
    tickets: list[dict[str, Any]]
    wallets: list[dict[str, Any]]
    letters: list[dict[str, Any]]


class AccountView(msgspec.Struct):
    """An account, for the operator."""

    id: UUID
    email: str
    name: str
    role: str
    email_verified: bool
    suspended: bool
    suspended_at: datetime | None
    created_at: datetime


class AccountList(msgspec.Struct):
    items: list[AccountView]
    next_cursor: str | None


class EventItem(msgspec.Struct):
    id: UUID
    title: str
    kind: str
    city: str | None
    poster_url: str | None
    next_show_at: datetime | None
    from_price: Money | None
    status: str
    venue: str | None = None
    time_zone: str | None = None


class EventList(msgspec.Struct):
    items: list[EventItem]
    next_cursor: str | None


class FoundItem(msgspec.Struct):
    """An event or a venue that a search found, with its next show that can be booked."""

    kind: Literal["event", "venue"]
    id: UUID
    title: str
    city: str
    venue: str
    next_show_at: datetime
    event_kind: str | None
    poster_url: str | None


class FoundList(msgspec.Struct):
    items: list[FoundItem]
    next_cursor: None = None


class CityItem(msgspec.Struct):
    city: str
    country: str


class CityList(msgspec.Struct):
    items: list[CityItem]
    next_cursor: str | None


class VenueView(msgspec.Struct):
    id: UUID
    name: str
    city: str
    country: str
    address: str
    time_zone: str
    opens: str
    closes: str
    latitude: float | None
    longitude: float | None
    active: bool


class HallSeat(msgspec.Struct, omit_defaults=True):
    """A seat's width is 1; the middle of the stage's edge is (0, 0), and ``y`` grows away from it."""

    label: str
    x: float
    y: float
    accessible: bool = False
    companion: bool = False


class HallRow(msgspec.Struct):
    label: str
    seats: list[HallSeat]


class HallSection(msgspec.Struct, omit_defaults=True):
    """``rows`` only where a hall is shown with its plan; a standing section has none."""

    id: str
    name: str
    kind: Literal["seated", "standing"]
    tier: str
    places: int
    rows: list[HallRow] | None = None


class HallView(msgspec.Struct):
    id: UUID
    venue_id: UUID
    name: str
    places: int
    sections: list[HallSection]


class HallList(msgspec.Struct):
    items: list[HallView]
    next_cursor: None = None


class OwnEventItem(msgspec.Struct):
    id: UUID
    title: str
    kind: str
    status: str
    poster_url: str | None


class OwnEventList(msgspec.Struct):
    items: list[OwnEventItem]
    next_cursor: str | None


class VenueList(msgspec.Struct):
    items: list[VenueView]
    next_cursor: str | None


class TotalFigures(msgspec.Struct):
    sold: int
    held: int
    revenue: Money
    fees: Money
    tax: Money


class SectionFigures(msgspec.Struct):
    section: str
    sold: int
    held: int
    revenue: Money
    fees: Money
    tax: Money


class DayFigures(msgspec.Struct):
    """A day at the venue; revenue is what was paid for seats booked on it."""

    day: date
    sold: int
    revenue: Money


class ShowFigures(msgspec.Struct):
    show_id: UUID
    title: str
    starts_at: datetime
    places: int
    sold: int
    held: int
    revenue: Money


class FiguresView(msgspec.Struct):
    """``revenue`` is prices less discounts, without the fees and taxes beside; one total for each currency."""

    totals: list[TotalFigures]
    sections: list[SectionFigures]
    days: list[DayFigures]
    shows: list[ShowFigures]


class BadLine(msgspec.Struct):
    """A line of CSV (the first below the head is 2), or a pointer into JSON."""

    pointer: str
    detail: str


class ImportReport(msgspec.Struct):
    """What was, or (``dry_run``) would be done.  With errors nothing is done at all."""

    dry_run: bool
    venues: int
    halls: int
    events: int
    made: int
    changed: int
    unchanged: int
    errors: list[BadLine]


class ShowItem(msgspec.Struct):
    id: UUID
    starts_at: datetime
    ends_at: datetime
    status: str
    venue: str
    city: str
    hall: str
    time_zone: str
    currency: str
    from_price: Money
    left: int


class EventView(msgspec.Struct):
    id: UUID
    title: str
    kind: str
    description: str
    language: str
    rating: str
    duration_minutes: int | None
    tags: list[str]
    poster_url: str | None
    status: str
    shows: list[ShowItem]


class EventRef(msgspec.Struct):
    id: UUID
    title: str
    kind: str


class VenueRef(msgspec.Struct):
    id: UUID
    name: str
    city: str
    country: str
    address: str
    time_zone: str


class SectionView(msgspec.Struct):
    id: str
    name: str
    kind: Literal["seated", "standing"]
    tier: str
    price: Money
    total: int
    left: int


class TicketTypeView(msgspec.Struct, omit_defaults=True):
    """A ticket type, of one section or of all: at a price of its own, or at a percentage of the section's."""

    id: str
    name: str
    section_id: str | None = None
    price: Money | None = None
    percent: int | None = None


class ResaleView(msgspec.Struct):
    """What a ticket may be offered for again, and until how long before the show."""

    max_percent: int
    fee_percent: int
    until_hours: int


class PresaleView(msgspec.Struct):
    """When those with an access code may buy before the general sale."""

    name: str
    opens_at: datetime
    closes_at: datetime


class ShowView(msgspec.Struct):
    id: UUID
    event: EventRef
    venue: VenueRef
    hall: str
    status: str
    starts_at: datetime
    ends_at: datetime
    sale_opens_at: datetime
    sale_closes_at: datetime
    currency: str
    hold_seconds: int
    max_seats_per_booking: int
    max_seats_per_buyer: int | None
    max_live_holds: int
    single_seats: Literal["allow", "refuse"]
    accessible_release_hours: int | None
    refund_until_hours: int | None
    refund_percent: int
    resale: ResaleView
    presales: list[PresaleView]
    local_starts_at: datetime | None
    sections: list[SectionView]
    ticket_types: list[TicketTypeView]


class SeatView(msgspec.Struct, omit_defaults=True):
    id: str
    label: str
    state: Literal["free", "held", "sold", "blocked"]
    x: float
    y: float
    accessible: bool = False
    companion: bool = False


class RowView(msgspec.Struct):
    label: str
    seats: list[SeatView]


class SectionMap(msgspec.Struct):
    id: str
    name: str
    kind: Literal["seated", "standing"]
    tier: str
    price: Money
    left: int
    rows: list[RowView]


class SeatMapView(msgspec.Struct):
    show_id: UUID
    version: int
    sections: list[SectionMap]


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
    method: str
    status: Literal["preparing", "ready", "authorized", "captured", "failed"]
    razorpay_order_id: str | None = None
    key_id: str | None = None
    checkout_url: str | None = None


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


def booking(row: BookingRow, whole: Any = None) -> BookingView:
    """A decided booking.  ``whole`` is its row with saga, payment, tickets and refunds; a fresh outcome has none."""
    progress = restore(whole["progress"], whole["outbox"]) if whole is not None and whole["progress"] else None
    status = booking_saga.status(row.state, progress)
    currency = row.currency
    decided = row.state not in ("refused", "failed")
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
                _seat(status),
                Money(place.discount, currency),
                Money(place.fees, currency),
                Money(place.tax or place.tax_included, currency),
                Money(place.price - place.discount + place.fees + place.tax, currency),
            )
            for place in _places(row.seats)
        ],
        amounts=amounts_view(_amounts(row.amounts), currency) if decided else None,
        held_until=row.held_until if decided else None,
        payment=_payment(row, whole) if decided else None,
        refunds=[
            RefundView(refund.id, Money(refund.amount, refund.currency), refund.to, refund.status, refund.reason)
            for refund in (_refunds(whole["refunds"]) if whole is not None else [])
        ],
        tickets=_ids(whole["tickets"]) if whole is not None else [],
        refusal=refusal.body() if (refusal := refusal_of(row, whole)) else None,
    )


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
    return {"held": "held", "confirmed": "sold"}.get(status, "released")


def _payment(row: BookingRow, whole: Any) -> PaymentView:
    if whole is None or whole["payment_status"] is None:
        return PaymentView(row.method, "preparing")
    view = PaymentView(whole["payment_method"], whole["payment_status"])
    if view.method == "razorpay" and whole["razorpay_order_id"]:
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
