"""Who gets which seat: ``decide`` takes one command after another, in the lane's order, knows no I/O and no clock.

A ``Show`` is one show's whole state in compact arrays.  ``decide`` only reads it; ``apply`` folds an outcome in.  What
decide is told beside the command (``Inputs``) is journalled with it, so that the journal can be decided again."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from actors.seat_choice import SeatChoice
from sagas import clock
from sagas.identity import base32, ordinal_of
from sagas.messages import (
    ConfirmSeats,
    ExpireHold,
    HoldSeats,
    OpenShow,
    ReleaseSeats,
    ShowCommand,
)
from sagas.prices import Amounts, price
from sagas.refusals import (
    AnyRefusal,
    KeyReused,
    LimitReached,
    NotInTime,
    NotTogether,
    SeatTaken,
    ShowClosed,
    SoldOut,
)
from sagas.seat_plan import SeatPlan

FREE, HELD, SOLD, BLOCKED = range(4)
STATE_NAMES = ("free", "held", "sold", "blocked")
STATES = {name: state for state, name in enumerate(STATE_NAMES)}


class Inputs(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the lane looked up for a command in rows that lanes share, answered in the same transaction."""

    live_holds: int = 0
    live_holds_limit: int = 6
    met: str = ""
    """The outcome of the command with this id that was decided before, here or elsewhere."""
    met_on_other_show: bool = False


class Place(msgspec.Struct, frozen=True):
    """One place of a booking, as it was promised."""

    id: str
    label: str
    row: str
    section: str
    section_id: str
    price: int


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a command came to: its name, and the changes that follow from it.

    ``decided`` is false for what took no effect and may be sent again (a repeat, an expiry that came too early)."""

    name: str
    decided: bool = True
    seats: tuple[int, ...] = ()
    seat_state: int = FREE
    booking_state: str = ""
    held_until: datetime | None = None
    places: tuple[Place, ...] = ()
    amounts: Amounts | None = None
    refusal: AnyRefusal | None = None
    reason: str = ""


class Hold(msgspec.Struct):
    """A booking as its show knows it."""

    buyer_id: UUID
    seats: tuple[int, ...]
    state: str
    held_until: datetime | None


class Show:
    """One show's state: a byte for each place, and its bookings."""

    def __init__(self, show_id: UUID, terms: OpenShow, plan: SeatPlan, states: bytearray | None = None) -> None:
        self.id, self.terms, self.plan = show_id, terms, plan
        self.prefix = base32(terms.number) + "-"
        self.states = states if states is not None else bytearray(plan.places)
        self.choice = SeatChoice(plan, self.states)
        self.prices = {price.section_id: price.amount for price in terms.prices}
        self.section_index = {section.id: index for index, section in enumerate(plan.sections)}
        self.bookings: dict[UUID, Hold] = {}
        self.live_holds: dict[UUID, int] = {}
        self.buyer_seats: dict[UUID, int] = {}
        self.cancelled = False
        self.places = 0
        self.seats_version = 0
        self.hash = ""

    def remember(self, booking_id: UUID, hold: Hold) -> None:
        """Take in a booking that is already so, from the database or an outcome."""
        self._count(self.bookings.get(booking_id), -1)
        self.bookings[booking_id] = hold
        self._count(hold, +1)

    def _count(self, hold: Hold | None, step: int) -> None:
        if hold is None or hold.state not in ("held", "confirmed"):
            return
        self.buyer_seats[hold.buyer_id] = self.buyer_seats.get(hold.buyer_id, 0) + step * len(hold.seats)
        if hold.state == "held":
            self.live_holds[hold.buyer_id] = self.live_holds.get(hold.buyer_id, 0) + step

    def place(self, ordinal: int) -> Place:
        """The place as a booking shows it, with its price."""
        index = self.choice.section_of(ordinal)
        section, first = self.plan.sections[index], self.plan.firsts[index]
        seat_id = self.seat_id(ordinal)
        cost = self.prices[section.id]
        row_index = self.choice.row_of[ordinal]
        if row_index < 0:
            return Place(seat_id, f"{section.name} {ordinal - first + 1}", "", section.name, section.id, cost)
        row = section.rows[row_index - self.choice.rows_of_section[index].start]
        seat = row.seats[ordinal - self.choice.rows[row_index].blocks[0][0]]
        return Place(seat_id, seat.label, row.label, section.name, section.id, cost)

    def seat_id(self, ordinal: int) -> str:
        return f"{self.prefix}{base32(ordinal)}"

    def is_seated(self, seat: str) -> bool:
        """Whether the seat has a place of its own on the map; standing places are only counted."""
        return self.choice.row_of[self.ordinal(seat)] >= 0

    def ordinal(self, seat: str) -> int:
        return ordinal_of(seat, self.prefix, len(self.states))

    def left_by_section(self) -> dict[str, int]:
        return {section.id: left for section, left in zip(self.plan.sections, self.choice.left, strict=True)}


def decide(show: Show | None, command: ShowCommand, now: datetime, inputs: Inputs) -> Outcome:
    """What the command comes to at this moment.  ``show`` is None until it has been opened."""
    if inputs.met_on_other_show:
        return Outcome(
            "refused", decided=False, refusal=KeyReused(detail="Use a new Idempotency-Key for each booking.")
        )
    if inputs.met:
        return Outcome("repeat", decided=False, reason=inputs.met)
    if type(command) is OpenShow:
        return Outcome("opened") if show is None else Outcome("repeat", decided=False, reason="opened")
    if show is None:
        return _refused(ShowClosed(detail="This show is not on sale yet.", reason="not-open"))
    return _DECIDE[type(command)](show, command, now, inputs)


def apply(show: Show, command: Any, outcome: Outcome) -> None:
    """Fold a decided outcome into the show's state."""
    if outcome.seats:
        was_free = show.states[outcome.seats[0]] == FREE
        for ordinal in outcome.seats:
            show.states[ordinal] = outcome.seat_state
        is_free = outcome.seat_state == FREE
        if was_free != is_free:
            show.choice.changed(list(outcome.seats), was_free, is_free)
    if type(command) is HoldSeats:
        if outcome.name == "held":
            hold = Hold(command.buyer_id, outcome.seats, "held", outcome.held_until)
            show.remember(command.booking_id, hold)
    elif outcome.booking_state:
        hold = show.bookings[command.booking_id]
        show.remember(command.booking_id, Hold(hold.buyer_id, hold.seats, outcome.booking_state, hold.held_until))


def _refused(refusal: AnyRefusal) -> Outcome:
    return Outcome("refused", booking_state="refused", refusal=refusal)


def _hold(show: Show, wish: HoldSeats, now: datetime, inputs: Inputs) -> Outcome:
    refusal = _not_in_time(wish, now) or _closed(show, now) or _over_a_limit(show, wish, inputs)
    if refusal is not None:
        return _refused(refusal)
    seats = _chosen(show, wish) if wish.seats else _best(show, wish)
    if not isinstance(seats, tuple):
        return _refused(seats)
    places = tuple(show.place(ordinal) for ordinal in seats)
    return Outcome(
        "held",
        seats=seats,
        seat_state=HELD,
        booking_state="held",
        held_until=clock.after(now, show.terms.hold_seconds),
        places=places,
        amounts=price([place.price for place in places]),
    )


def _not_in_time(wish: HoldSeats, now: datetime) -> AnyRefusal | None:
    if now <= wish.not_after:
        return None
    return NotInTime(detail="Your wish came to its turn too late to be sure that you still wait. Please try again.")


def _closed(show: Show, now: datetime) -> AnyRefusal | None:
    terms = show.terms
    if show.cancelled:
        return ShowClosed(detail="This show has been cancelled.", reason="cancelled")
    if now >= min(terms.sale_closes_at, terms.ends_at):
        return ShowClosed(detail="The sale for this show has ended.", reason="over")
    if now < terms.sale_opens_at:
        return ShowClosed(detail="The sale for this show has not begun yet.", reason="not-open")
    return None


def _over_a_limit(show: Show, wish: HoldSeats, inputs: Inputs) -> AnyRefusal | None:
    terms, wanted = show.terms, len(wish.seats) or wish.quantity
    if wanted > terms.max_seats_per_booking:
        limit = terms.max_seats_per_booking
        return LimitReached(detail=f"A booking may have at most {limit} places.", limit=limit, of="seats-per-booking")
    if show.live_holds.get(wish.buyer_id, 0) >= terms.max_live_holds:
        limit = terms.max_live_holds
        text = f"You already hold {limit} unpaid bookings for this show. Pay for one, or let it end."
        return LimitReached(detail=text, limit=limit, of="live-holds")
    if inputs.live_holds >= inputs.live_holds_limit:
        limit = inputs.live_holds_limit
        text = f"You already hold {limit} unpaid bookings. Pay for one, or let it end."
        return LimitReached(detail=text, limit=limit, of="live-holds-over-shows")
    cap = terms.max_seats_per_buyer
    if cap is not None and show.buyer_seats.get(wish.buyer_id, 0) + wanted > cap:
        return LimitReached(detail=f"A buyer may have at most {cap} places.", limit=cap, of="seats-per-buyer")
    return None


def _chosen(show: Show, wish: HoldSeats) -> tuple[int, ...] | AnyRefusal:
    seats = tuple(show.ordinal(seat) for seat in wish.seats)
    taken = tuple(seat for seat, at in zip(wish.seats, seats, strict=True) if at < 0 or show.states[at] != FREE)
    if not taken and len(set(seats)) == len(seats):
        return seats
    section = show.choice.section_of(seats[0]) if seats[0] >= 0 else 0
    near = show.choice.best(len(seats), [section], together=False)
    return SeatTaken(
        detail="Some of these seats are no longer free." if len(seats) > 1 else "This seat is no longer free.",
        taken=taken,
        alternatives=tuple(show.seat_id(ordinal) for ordinal in near),
    )


def _best(show: Show, wish: HoldSeats) -> tuple[int, ...] | AnyRefusal:
    every = range(len(show.plan.sections))
    sections = list(every) if wish.section_id is None else [show.section_index.get(wish.section_id, -1)]
    if sections == [-1]:
        return SoldOut(detail="There is no such section at this show.", left=0)
    found = show.choice.best(wish.quantity, sections, wish.together)
    if found:
        return tuple(found)
    left = sum(show.choice.left[section] for section in sections)
    if left < wish.quantity:
        return SoldOut(detail=f"Only {left} places are left." if left else "All places are taken.", left=left)
    return NotTogether(detail=f"There are no {wish.quantity} places side by side any more.", left=left)


def _confirm(show: Show, command: ConfirmSeats, now: datetime, _inputs: Inputs) -> Outcome:
    hold = show.bookings.get(command.booking_id)
    if hold is None:
        return Outcome("gone", reason="unknown")
    if hold.state == "confirmed":
        return Outcome("confirmed")
    if hold.state == "held":
        return Outcome("confirmed", seats=hold.seats, seat_state=SOLD, booking_state="confirmed")
    if hold.state != "expired":
        return Outcome("gone", reason=hold.state)
    # late money: nobody else has the seats, so they are this buyer's after all
    if show.cancelled or now >= show.terms.ends_at:
        return Outcome("gone", reason="over")
    if all(show.states[ordinal] == FREE for ordinal in hold.seats):
        return Outcome("confirmed", seats=hold.seats, seat_state=SOLD, booking_state="confirmed", reason="retaken")
    return Outcome("gone", reason="taken")


def _release(show: Show, command: ReleaseSeats, _now: datetime, _inputs: Inputs) -> Outcome:
    hold = show.bookings.get(command.booking_id)
    if hold is not None and hold.state == "held":
        return Outcome("released", seats=hold.seats, seat_state=FREE, booking_state="released")
    return Outcome("released", reason=hold.state if hold else "unknown")


def _expire(show: Show, command: ExpireHold, now: datetime, _inputs: Inputs) -> Outcome:
    hold = show.bookings.get(command.booking_id)
    if hold is None or hold.state != "held":
        return Outcome("not-held", reason=hold.state if hold else "unknown")
    if hold.held_until is not None and now < hold.held_until:
        return Outcome("too-early", decided=False)
    return Outcome("expired", seats=hold.seats, seat_state=FREE, booking_state="expired")


_DECIDE: dict[type[ShowCommand], Callable[[Show, Any, datetime, Inputs], Outcome]] = {
    HoldSeats: _hold,
    ConfirmSeats: _confirm,
    ReleaseSeats: _release,
    ExpireHold: _expire,
}
