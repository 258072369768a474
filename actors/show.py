"""Who gets which seat: ``decide`` takes one command after another, in the lane's order, knows no I/O and no clock.

A ``Show`` is one show's whole state in compact arrays.  ``decide`` only reads it; ``apply`` folds an outcome in.  What
decide is told beside the command (``Inputs``) is journalled with it, so that the journal can be decided again."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from actors import amending, cancelling, choosing, reselling
from actors.admitting import closed, not_in_time, over_a_limit
from actors.promising import places_and_amounts, used_up
from actors.reselling import Offer
from actors.seat_choice import SeatChoice
from sagas import clock
from sagas.identity import base32, ordinal_of
from sagas.messages import (
    AmendShow,
    BlockSeats,
    CancelSeats,
    CancelShow,
    ConfirmSeats,
    DropCoupon,
    ExpireHold,
    ExtendHold,
    HoldSeats,
    MoveShow,
    OfferTicket,
    OpenShow,
    PostponeShow,
    ReleaseSeats,
    ReviseOffer,
    SetCoupon,
    ShowCommand,
    UnblockSeats,
    WithdrawOffer,
)
from sagas.prices import Amounts, price, type_prices
from sagas.refusals import AnyRefusal, KeyReused, ShowClosed
from sagas.seat_plan import SeatPlan
from sagas.terms import CouponTerms, KeptLeft, Rules

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


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """One place of a booking, as it was promised: its price, and its share of what is taken off and added.

    ``status`` is empty while it is the booking's, else why it is not any more (or, of a ``listing``, not yet); ``face``
    is what a resold place cost at first."""

    id: str
    label: str
    row: str
    section: str
    section_id: str
    price: int
    ticket_type: str = ""
    discount: int = 0
    fees: int = 0
    tax: int = 0
    tax_included: int = 0
    status: str = ""
    face: int = 0
    listing: UUID | None = None


class HandedOver(msgspec.Struct, frozen=True):
    """What becomes of a booking whose seat is another's now: its state and places."""

    booking_id: UUID
    state: str
    places: tuple[Place, ...]


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a command came to: its name, and the changes that follow from it.  ``places`` are the booking's from now on;
    of places that were taken back, ``taken_back`` are the ids, ``back`` what is owed and ``retained`` what is not.

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
    off_sale_until: datetime | None = None
    taken_back: tuple[str, ...] = ()
    back: int = 0
    retained: int = 0
    offers: tuple[Offer, ...] = ()
    handed_over: HandedOver | None = None


class Hold(msgspec.Struct):
    """A booking as its show knows it."""

    buyer_id: UUID
    seats: tuple[int, ...]
    state: str
    held_until: datetime | None
    coupon: str = ""
    listing: UUID | None = None


class Show:
    """One show's state: a byte for each place, and its bookings."""

    def __init__(self, show_id: UUID, terms: OpenShow, plan: SeatPlan, states: bytearray | None = None) -> None:
        self.id, self.plan = show_id, plan
        self.prefix = base32(terms.number) + "-"
        self.states = states if states is not None else bytearray(plan.places)
        self.set_terms(terms)
        self.section_index = {section.id: index for index, section in enumerate(plan.sections)}
        self.bookings: dict[UUID, Hold] = {}
        self.live_holds: dict[UUID, int] = {}
        self.buyer_seats: dict[UUID, int] = {}
        self.coupons: dict[str, CouponTerms] = {}
        self.coupon_uses: dict[tuple[str, UUID | None], int] = {}
        self.listings: dict[UUID, Offer] = {}
        self.places_of: dict[UUID, tuple[Place, ...]] = {}
        """The places of those bookings about which a command asks for more than where they are."""
        self.cancelled = False
        self.off_sale_until: datetime | None = None
        self.moved_at: datetime | None = None
        self.places = 0
        self.seats_version = 0
        self.hash = ""

    def set_terms(self, terms: OpenShow) -> None:
        """Sell under these terms from now on.  A show without rules of its own is ``simple``: it pays for none."""
        self.terms, self.rules = terms, terms.rules or Rules()
        self.prices = {price.section_id: price.amount for price in terms.prices}
        self.types = type_prices(self.prices, self.rules.ticket_types)
        self.keepers = choosing.keepers_of(self.plan, terms)
        self.simple = not (self.keepers or self.types or self.rules.fees or self.rules.tax or self._avoids_singles())
        self._choose_without(self.keepers)

    def _avoids_singles(self) -> bool:
        return self.rules.single_seats == "refuse"

    def _choose_without(self, keeping: tuple[choosing.Keeper, ...]) -> None:
        self._keeping = keeping
        kept = frozenset[int]().union(*(keeper.places for keeper in keeping))
        self.choice = SeatChoice(self.plan, self.states, kept, self._avoids_singles())

    def keep(self, now: datetime) -> None:
        """Let those places go that were kept until now."""
        keeping = tuple(keeper for keeper in self._keeping if keeper.keeps(now))
        if len(keeping) < len(self._keeping):
            self._choose_without(keeping)

    def keeps_accessible(self, ordinal: int) -> bool:
        """Whether the place is free, and kept for those who need an accessible one."""
        return self.states[ordinal] == FREE and any(
            ordinal in keeper.places for keeper in self._keeping if not keeper.access_code
        )

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
        if hold.coupon:
            for whose in (None, hold.buyer_id):
                use = (hold.coupon, whose)
                self.coupon_uses[use] = self.coupon_uses.get(use, 0) + step

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

    def kept_left(self) -> tuple[KeptLeft, ...]:
        """What is left of each partner's places, released or not."""
        return tuple(KeptLeft(self._left_in(kept.runs), kept.release_at) for kept in self.rules.allocations)

    def _left_in(self, runs: tuple[tuple[int, int], ...]) -> dict[str, int]:
        found: dict[str, int] = {}
        for section_id, first, end in self.plan.by_section(runs):
            found[section_id] = found.get(section_id, 0) + self.states.count(FREE, first, end)
        return found


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
        unopened = ShowClosed(detail="This show is not on sale yet.", reason="not-open")
        return _refused(unopened) if hasattr(command, "booking_id") else _changed("", unopened)
    return _DECIDE[type(command)](show, command, now, inputs)


def asked_of(show: Show, command: ShowCommand) -> tuple[UUID, ...]:
    """The bookings of which deciding needs to know more than where their places are."""
    if type(command) is ConfirmSeats:
        hold = show.bookings.get(command.booking_id)
        if hold is None or (hold.state != "expired" and hold.listing is None):
            return ()
        seller = reselling.seller_of(show, command.booking_id)
        return (command.booking_id,) if seller is None else (command.booking_id, seller)
    return (command.booking_id,) if isinstance(command, CancelSeats | OfferTicket) else ()


def apply(show: Show, command: Any, outcome: Outcome) -> None:
    """Fold a decided outcome into the show's state."""
    for offer in outcome.offers:
        if reselling.is_live(offer):
            show.listings[offer.id] = offer
        else:
            show.listings.pop(offer.id, None)
    if outcome.seats:
        was_free = show.states[outcome.seats[0]] == FREE
        for ordinal in outcome.seats:
            show.states[ordinal] = outcome.seat_state
        is_free = outcome.seat_state == FREE
        if was_free != is_free:
            show.choice.changed(list(outcome.seats), was_free, is_free)
    if type(command) is MoveShow:
        show.off_sale_until = outcome.off_sale_until
    elif type(command) is HoldSeats:
        if outcome.name == "held":
            seats = outcome.seats or tuple(show.ordinal(place.id) for place in outcome.places)
            hold = Hold(
                command.buyer_id, seats, "held", outcome.held_until, command.coupon, command.listing_id
            )  # fmt: skip
            show.remember(command.booking_id, hold)
    elif outcome.booking_state:
        _apply_to_booking(show, command, outcome)
    elif outcome.name == "amended":
        show.set_terms(amending.amended(show.terms, command.changes))
    elif outcome.name == "coupon-set":
        show.coupons[command.code] = command.terms
    elif outcome.name == "coupon-dropped":
        del show.coupons[command.code]
    elif outcome.name == "postponed":
        show.set_terms(cancelling.postponed_terms(show.terms, command))
    elif outcome.name == "show-cancelled":
        show.cancelled = True


def _apply_to_booking(show: Show, command: Any, outcome: Outcome) -> None:
    hold = show.bookings[command.booking_id]
    seats = hold.seats
    if outcome.places:
        show.places_of[command.booking_id] = outcome.places
        seats = tuple(show.ordinal(place.id) for place in outcome.places if not place.status)
    until = outcome.held_until or hold.held_until
    after = Hold(hold.buyer_id, seats, outcome.booking_state, until, hold.coupon, hold.listing)
    show.remember(command.booking_id, after)
    if (sold := outcome.handed_over) is not None:
        before = show.bookings[sold.booking_id]
        left = tuple(show.ordinal(place.id) for place in sold.places if not place.status)
        after = Hold(before.buyer_id, left, sold.state, before.held_until, before.coupon, before.listing)
        show.remember(sold.booking_id, after)


def _refused(refusal: AnyRefusal) -> Outcome:
    return Outcome("refused", booking_state="refused", refusal=refusal)


def _hold(show: Show, wish: HoldSeats, now: datetime, inputs: Inputs) -> Outcome:
    refusal = not_in_time(wish, now) or closed(show, wish, now) or over_a_limit(show, wish, inputs)
    if refusal is not None:
        return _refused(refusal)
    if wish.listing_id is not None:
        return _hold_offered(show, wish, now)
    if show.simple and wish.version == 1 and wish.seller_id is None:
        seats = choosing.chosen(show, wish) if wish.seats else choosing.best(show, wish)
        if not isinstance(seats, tuple):
            return _refused(seats)
        places = tuple(show.place(ordinal) for ordinal in seats)
        amounts = price([place.price for place in places])
    else:
        seats = choosing.choose(show, wish, now)
        if not isinstance(seats, tuple):
            return _refused(seats)
        promised = places_and_amounts(show, wish, seats, now)
        if not isinstance(promised, tuple):
            return _refused(promised)
        places, amounts = promised
    return Outcome(
        "held",
        seats=seats,
        seat_state=HELD,
        booking_state="held",
        held_until=clock.after(now, show.terms.hold_seconds),
        places=places,
        amounts=amounts,
    )


def _hold_offered(show: Show, wish: HoldSeats, now: datetime) -> Outcome:
    """A ticket that another buyer offers: it stays theirs until the money is in."""
    found = reselling.wished(show, wish, now)
    if not isinstance(found, tuple):
        return _refused(found)
    offer, place = found
    return Outcome(
        "held",
        booking_state="held",
        held_until=clock.after(now, show.terms.hold_seconds),
        places=(place,),
        amounts=price([place.price]),
        offers=(offer,),
    )


def _hand_over(show: Show, command: ConfirmSeats, hold: Hold, now: datetime) -> Outcome:
    """The money for an offered ticket is in: it changes hands, or it is gone."""
    found = reselling.sold(show, command.booking_id, hold, now)
    if found is None:
        reason = "cancelled" if show.cancelled else "taken" if hold.state in ("held", "expired") else hold.state
        state = "released" if hold.state == "held" else ""
        return Outcome("gone", booking_state=state, reason=reason)
    return Outcome(
        "confirmed",
        seats=tuple(show.ordinal(place.id) for place in found.places),
        seat_state=SOLD,
        booking_state="confirmed",
        places=found.places,
        offers=(found.offer,),
        handed_over=HandedOver(found.offer.booking_id, found.seller_state, found.seller_places),
    )


def _confirm(show: Show, command: ConfirmSeats, now: datetime, _inputs: Inputs) -> Outcome:
    hold = show.bookings.get(command.booking_id)
    if hold is None:
        return Outcome("gone", reason="unknown")
    if hold.state == "confirmed":
        return Outcome("confirmed")
    if hold.listing is not None:
        return _hand_over(show, command, hold, now)
    if hold.state == "held" and show.cancelled:
        return Outcome("gone", seats=hold.seats, seat_state=FREE, booking_state="released", reason="cancelled")
    if hold.state == "held":
        return Outcome("confirmed", seats=hold.seats, seat_state=SOLD, booking_state="confirmed")
    if hold.state != "expired":
        return Outcome("gone", reason=hold.state)
    # late money: nobody else has the seats, so they are this buyer's after all
    if show.cancelled or now >= show.terms.ends_at:
        return Outcome("gone", reason="cancelled" if show.cancelled else "over")
    if hold.coupon and used_up(show, hold.coupon, hold.buyer_id):
        return Outcome("gone", reason="coupon")
    show.keep(now)
    found = cancelling.retaken(show, hold, show.places_of.get(command.booking_id, ()))
    if found is None:
        return Outcome("gone", reason="taken")
    seats, places = found
    return Outcome(
        "confirmed", seats=seats, seat_state=SOLD, booking_state="confirmed", places=places, reason="retaken"
    )


def _let_go(show: Show, booking_id: UUID, hold: Hold, name: str, now: datetime) -> Outcome:
    """The hold is over: its seats are free again; a ticket that another buyer offers is offered again."""
    if hold.listing is None:
        return Outcome(name, seats=hold.seats, seat_state=FREE, booking_state=name)
    return Outcome(name, booking_state=name, offers=reselling.let_go(show, booking_id, hold, now))


def _release(show: Show, command: ReleaseSeats, now: datetime, _inputs: Inputs) -> Outcome:
    hold = show.bookings.get(command.booking_id)
    if hold is not None and hold.state == "held":
        return _let_go(show, command.booking_id, hold, "released", now)
    return Outcome("released", reason=hold.state if hold else "unknown")


def _expire(show: Show, command: ExpireHold, now: datetime, _inputs: Inputs) -> Outcome:
    hold = show.bookings.get(command.booking_id)
    if hold is None or hold.state != "held":
        return Outcome("not-held", reason=hold.state if hold else "unknown")
    if hold.held_until is not None and now < hold.held_until:
        return Outcome("too-early", decided=False)
    return _let_go(show, command.booking_id, hold, "expired", now)


def _extend(show: Show, command: ExtendHold, now: datetime, _inputs: Inputs) -> Outcome:
    until = cancelling.extended(show.bookings.get(command.booking_id), command, now)
    return Outcome("extended", booking_state="held", held_until=until) if until else Outcome("not-held")


def _cancel_seats(show: Show, command: CancelSeats, now: datetime, _inputs: Inputs) -> Outcome:
    found = cancelling.taken_back(show, command, now)
    if not isinstance(found, cancelling.TakenBack):
        return Outcome("refused", refusal=found)
    is_left = any(not place.status for place in found.places)
    ended = reselling.ended(show, command.booking_id, found.seats)
    if not isinstance(ended, tuple):
        return Outcome("refused", refusal=ended)
    return Outcome(
        "cancelled",
        seats=tuple(show.ordinal(seat) for seat in found.seats),
        seat_state=FREE,
        booking_state="confirmed" if is_left else "cancelled",
        places=found.places,
        taken_back=found.seats,
        back=found.back,
        retained=found.retained,
        offers=ended,
    )


def _offer(show: Show, command: OfferTicket, now: datetime, _inputs: Inputs) -> Outcome:
    return _listed("offered", reselling.offered(show, command, now))


def _revise(show: Show, command: ReviseOffer, now: datetime, _inputs: Inputs) -> Outcome:
    return _listed("revised", reselling.revised(show, command, now))


def _withdraw(show: Show, command: WithdrawOffer, _now: datetime, _inputs: Inputs) -> Outcome:
    return _listed("withdrawn", reselling.withdrawn(show, command))


def _listed(name: str, found: Offer | AnyRefusal) -> Outcome:
    return Outcome(name, offers=(found,)) if isinstance(found, Offer) else Outcome("refused", refusal=found)


def _cancel_show(show: Show, _command: CancelShow, now: datetime, _inputs: Inputs) -> Outcome:
    refusal = cancelling.cancelling_refused(show, now)
    return _changed("", refusal) if refusal else Outcome("show-cancelled", offers=reselling.all_ended(show))


def _postpone(show: Show, command: PostponeShow, now: datetime, _inputs: Inputs) -> Outcome:
    return _changed("postponed", cancelling.postponing_refused(show, command, now))


def _move(_show: Show, command: MoveShow, now: datetime, _inputs: Inputs) -> Outcome:
    return Outcome("moved", reason=command.to, off_sale_until=clock.after(now, command.off_sale_seconds))


def _amend(show: Show, command: AmendShow, now: datetime, _inputs: Inputs) -> Outcome:
    return _changed("amended", amending.amendment_refused(show, command, now))


def _set_coupon(show: Show, command: SetCoupon, _now: datetime, _inputs: Inputs) -> Outcome:
    return _changed("coupon-set", amending.coupon_refused(show, command))


def _drop_coupon(show: Show, command: DropCoupon, _now: datetime, _inputs: Inputs) -> Outcome:
    return _changed("coupon-dropped", amending.coupon_refused(show, command))


def _block(show: Show, command: BlockSeats, _now: datetime, _inputs: Inputs) -> Outcome:
    seats = amending.block(show, command)
    return Outcome("blocked", seats=seats, seat_state=BLOCKED) if isinstance(seats, tuple) else _changed("", seats)


def _unblock(show: Show, command: UnblockSeats, _now: datetime, _inputs: Inputs) -> Outcome:
    seats = amending.unblock(show, command)
    return Outcome("unblocked", seats=seats, seat_state=FREE) if isinstance(seats, tuple) else _changed("", seats)


def _changed(name: str, refusal: AnyRefusal | None) -> Outcome:
    """An organiser's change, or why not; no booking is refused by it."""
    return Outcome(name) if refusal is None else Outcome("refused", refusal=refusal)


_DECIDE: dict[type[ShowCommand], Callable[[Show, Any, datetime, Inputs], Outcome]] = {
    HoldSeats: _hold,
    ConfirmSeats: _confirm,
    ReleaseSeats: _release,
    ExpireHold: _expire,
    ExtendHold: _extend,
    CancelSeats: _cancel_seats,
    CancelShow: _cancel_show,
    PostponeShow: _postpone,
    AmendShow: _amend,
    SetCoupon: _set_coupon,
    DropCoupon: _drop_coupon,
    BlockSeats: _block,
    UnblockSeats: _unblock,
    MoveShow: _move,
    OfferTicket: _offer,
    ReviseOffer: _revise,
    WithdrawOffer: _withdraw,
}
