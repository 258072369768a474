"""Any commands in any order: every outcome of ``decide`` beside a naive show that looks everything up in dicts."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, precondition, rule

from actors.show import FREE, STATE_NAMES, Inputs, Outcome, Show, apply, asked_of, decide
from loadtest.checks.naive_endings import Complaints, Row, owed_for
from loadtest.checks.naive_show import NaiveShow as ReplayedShow
from loadtest.checks.show_rules import ordinal_of
from sagas.identity import base32
from sagas.messages import (
    CancelSeats,
    CancelShow,
    ConfirmSeats,
    ExpireHold,
    ExtendHold,
    HoldSeats,
    OfferTicket,
    OpenShow,
    PostponeShow,
    Price,
    ReleaseSeats,
    ReviseOffer,
    WithdrawOffer,
)
from sagas.seat_plan import SeatPlan
from tests.actors.naive_choice import Naive, row, seated, standing

pytestmark = pytest.mark.pure

SHOW, NUMBER = UUID(int=77), 900
NOON = datetime(2026, 12, 5, 12, tzinfo=UTC)
BUYERS = [UUID(int=number) for number in range(1, 4)]
PLAN = SeatPlan((standing("floor", 4), seated("stalls", row("A", 2, 3), row("B", 4)), seated("balcony", row("A", 3))))
HOLD_SECONDS, LIVE_HOLDS, PER_BOOKING, PER_BUYER, OVER_SHOWS = 60, 2, 5, 8, 3
TERMS = OpenShow(
    command_id=UUID(int=5), show_id=SHOW, number=NUMBER, plan="", currency="INR",
    prices=(Price("floor", 1), Price("stalls", 20), Price("balcony", 300)), starts_at=NOON + timedelta(minutes=40),
    ends_at=NOON + timedelta(minutes=50), sale_opens_at=NOON, sale_closes_at=NOON + timedelta(minutes=30),
    hold_seconds=HOLD_SECONDS, max_seats_per_booking=PER_BOOKING, max_seats_per_buyer=PER_BUYER,
    max_live_holds=LIVE_HOLDS,
)  # fmt: skip


class NaiveShow:
    """Seats and bookings in dicts; what is asked is counted afresh."""

    def __init__(self, plan: SeatPlan = PLAN) -> None:
        self.plan = plan
        self.seats: dict[int, tuple[str, UUID | None]] = {at: ("free", None) for at in range(plan.places)}
        self.bookings: dict[UUID, dict[str, Any]] = {}
        self.cancelled = False
        self.starts_at, self.ends_at, self.closes_at = TERMS.starts_at, TERMS.ends_at, TERMS.sale_closes_at
        self.refund_until: datetime | None = None
        self.offers: dict[UUID, dict[str, Any]] = {}
        self.max_percent, self.resale_hours = 100, 2
        self.refund_hours, self.refund_percent = 24, 100

    def of_buyer(self, buyer: UUID, *states: str) -> list[dict[str, Any]]:
        return [b for b in self.bookings.values() if b["buyer"] == buyer and b["state"] in states]

    def hold(self, wish: HoldSeats, now: datetime, live_elsewhere: int) -> tuple[str, tuple[int, ...]]:
        wanted = (len(wish.seats) or wish.quantity) + sum(area.quantity for area in wish.standing)
        refused = self.refused_before(wish, wanted, now, live_elsewhere)
        return (refused, ()) if refused else self.choose(wish, now)

    def refused_before(self, wish: HoldSeats, wanted: int, now: datetime, live_elsewhere: int) -> str:
        """Why this may not even be asked."""
        held = self.of_buyer(wish.buyer_id, "held")
        live = self.of_buyer(wish.buyer_id, "held", "confirmed")
        if now > wish.not_after:
            return "not-in-time"
        closes_at = self.ends_at if wish.seller_id else min(self.closes_at, self.ends_at)
        if self.cancelled or now >= closes_at:
            return "show-closed"
        if not wish.seller_id and (
            wanted > PER_BOOKING
            or len(held) >= LIVE_HOLDS
            or live_elsewhere >= OVER_SHOWS
            or sum(len(b["seats"]) for b in live) + wanted > PER_BUYER
        ):
            return "limit-reached"
        return ""

    def choose(self, wish: HoldSeats, _now: datetime) -> tuple[str, tuple[int, ...]]:
        if wish.seats:
            known = {f"{base32(NUMBER)}-{base32(at)}": at for at in self.seats}
            chosen = [known.get(seat) for seat in wish.seats]
            good = all(at is not None and self.seats[at][0] == "free" for at in chosen) and len(set(chosen)) == len(
                chosen
            )
            return ("held", tuple(at for at in chosen if at is not None)) if good else ("seat-taken", ())
        sections = [at for at, s in enumerate(PLAN.sections) if wish.section_id in (None, s.id)]
        states = bytearray(STATE_NAMES.index(self.seats[at][0]) for at in range(PLAN.places))
        found = Naive(PLAN, states).best(wish.quantity, sections, wish.together)
        if found:
            return "held", tuple(found)
        of_sections = [range(PLAN.firsts[at], PLAN.firsts[at] + PLAN.sections[at].places) for at in sections]
        left = sum(self.seats[place][0] == "free" for places in of_sections for place in places)
        return ("not-together" if left >= wish.quantity else "sold-out"), ()

    def may_be_resold(self, price: int, face: int, now: datetime) -> bool:
        in_time = not self.cancelled and now < self.starts_at - timedelta(hours=self.resale_hours)
        return in_time and 1 <= price <= face * self.max_percent // 100

    def buy(self, offer: dict[str, Any] | None, wish: HoldSeats, now: datetime, live_elsewhere: int) -> str:
        refused = self.refused_before(wish, 1, now, live_elsewhere)
        if refused:
            return refused
        if offer is None or now >= self.starts_at - timedelta(hours=self.resale_hours):
            return "not-offered"
        if offer["buyer"]:
            return "being-bought"
        return "resale-refused" if self.bookings[offer["of"]]["buyer"] == wish.buyer_id else "held"

    def let_go(self, booking: UUID, now: datetime) -> None:
        """Whoever was buying a ticket has stopped."""
        listing = self.bookings[booking].get("listing")
        if listing in self.offers and self.offers[listing]["buyer"] == booking:
            self.offers[listing]["buyer"] = None
            if now >= self.starts_at - timedelta(hours=self.resale_hours):
                del self.offers[listing]

    def hand_over(self, booking: UUID, now: datetime) -> str:
        about = self.bookings[booking]
        offer = self.offers.get(about["listing"])
        late = about["state"] == "expired" and offer is not None and offer["buyer"] is None
        late = late and offer["price"] == about["price"] and now < self.starts_at - timedelta(hours=self.resale_hours)
        if self.cancelled or offer is None or not (late or offer["buyer"] == booking):
            about["state"] = "released" if about["state"] == "held" else about["state"]
            return "gone"
        seller, at = self.bookings[offer["of"]], offer["at"]
        seller["seats"] = tuple(other for other in seller["seats"] if other != at)
        seller["state"] = "confirmed" if seller["seats"] else "cancelled"
        about["seats"], about["state"] = (at,), "confirmed"
        self.seats[at] = ("sold", booking)
        del self.offers[about["listing"]]
        return "confirmed"

    def put(self, booking: UUID, state: str) -> None:
        about = self.bookings[booking]
        about["state"] = state
        if "listing" in about:
            return
        for at in about["seats"]:
            self.seats[at] = {"held": ("held", booking), "confirmed": ("sold", booking)}.get(state, ("free", None))

    def confirm(self, booking: UUID, now: datetime) -> str:
        about = self.bookings[booking]
        if "listing" in about and about["state"] != "confirmed":
            return self.hand_over(booking, now)
        if about["state"] == "held":
            self.put(booking, "released" if self.cancelled else "confirmed")
        elif about["state"] == "expired" and now < self.ends_at and not self.cancelled:
            about["seats"], is_free = self.again(about["seats"], now)
            if is_free:
                self.put(booking, "confirmed")
        return "confirmed" if about["state"] == "confirmed" else "gone"

    def again(self, seats: tuple[int, ...], now: datetime) -> tuple[tuple[int, ...], bool]:
        """The same places, or in a standing area any others that are free; and whether they can be had."""
        if all(self.seats[at][0] == "free" for at in seats):
            return seats, True
        found: list[int] = []
        for at in seats:
            others = [o for o in self.area_of(at) if self.is_open(o, now) and o not in (*found, *seats)]
            if self.seats[at][0] != "free" and not others:
                return seats, False
            found.append(at if self.seats[at][0] == "free" else others[0])
        return tuple(found), True

    def area_of(self, at: int) -> range:
        """The standing area in which the place is."""
        for section, first in zip(self.plan.sections, self.plan.firsts, strict=True):
            if section.kind == "standing" and at in range(first, first + section.places):
                return range(first, first + section.places)
        return range(0)

    def is_open(self, at: int, _now: datetime) -> bool:
        """Whether everybody may have the place."""
        return self.seats[at][0] == "free"

    def cancel(self, booking: UUID, seats: list[int], by: str, now: datetime) -> tuple[str, list[int]]:
        about = self.bookings[booking]
        wanted = seats or list(about["seats"])
        if about["state"] != "confirmed" or not set(wanted) <= set(about["seats"]):
            return "nothing-to-cancel", []
        if not self.whole(by, now) and now >= self.starts_at - timedelta(hours=self.refund_hours):
            return "too-late", []
        offers = {id: o for id, o in self.offers.items() if o["of"] == booking and o["at"] in wanted}
        if any(offer["buyer"] for offer in offers.values()):
            return "being-bought", []
        for id in offers:
            del self.offers[id]
        taken = [at for at in about["seats"] if at in wanted]
        for at in taken:
            self.seats[at] = ("free", None)
        about["seats"] = tuple(at for at in about["seats"] if at not in wanted)
        about["state"] = "confirmed" if about["seats"] else "cancelled"
        return "cancelled", taken

    def whole(self, by: str, now: datetime) -> bool:
        """Whether all that was paid comes back, whatever the policy says."""
        return by != "buyer" or self.cancelled or (self.refund_until is not None and now < self.refund_until)

    def release(self, booking: UUID, now: datetime) -> str:
        if self.bookings[booking]["state"] == "held":
            self.put(booking, "released")
            self.let_go(booking, now)
        return "released"

    def expire(self, booking: UUID, now: datetime) -> str:
        about = self.bookings[booking]
        if about["state"] != "held":
            return "not-held"
        if now < about["until"]:
            return "too-early"
        self.put(booking, "expired")
        self.let_go(booking, now)
        return "expired"


class AnyCommands(RuleBasedStateMachine):
    bookings = Bundle("bookings")
    listings = Bundle("listings")
    plan, terms = PLAN, TERMS

    def __init__(self) -> None:
        super().__init__()
        self.show, self.naive, self.now, self.asked = Show(SHOW, self.terms, self.plan), self.naive_show(), NOON, 0
        self.complaints = Complaints()
        self.replayed = ReplayedShow(str(SHOW), msgspec.to_builtins(self.plan), self.complaints)
        self._replay(self.terms, Outcome("opened"), Inputs())
        self.places: dict[UUID, Any] = {}

    def naive_show(self) -> NaiveShow:
        return NaiveShow()

    def tell(self, command: Any, inputs: Inputs | None = None) -> Outcome:
        self.show.places_of = {asked: self.places.get(asked, ()) for asked in asked_of(self.show, command)}
        outcome = decide(self.show, command, self.now, inputs or Inputs())
        if outcome.decided and outcome.places:
            self.places[command.booking_id] = outcome.places
        if outcome.handed_over:
            self.places[outcome.handed_over.booking_id] = outcome.handed_over.places
        if outcome.decided:
            apply(self.show, command, outcome)
            self._replay(command, outcome, inputs or Inputs())
        return outcome

    def _replay(self, command: Any, outcome: Outcome, inputs: Inputs) -> None:
        """Tell the verdict's own model of a show what the journal would tell it."""
        told = outcome.refusal.type() if outcome.refusal else outcome.name
        message, result, given = (msgspec.json.decode(msgspec.json.encode(part)) for part in (command, outcome, inputs))
        booking, name = str(getattr(command, "booking_id", None)), message["name"]
        self.replayed.take(Row("show.00", 0, 0, name, booking, told, True, self.now, message, result, given))

    def _hold(self, buyer: UUID, live_elsewhere: int, late: bool, **wish: Any) -> Any:
        self.asked += 1
        booking = UUID(int=1_000 + self.asked)
        command = HoldSeats(
            command_id=booking, booking_id=booking, show_id=SHOW, buyer_id=buyer, body_hash="",
            not_after=self.now - timedelta(seconds=late), **wish,
        )  # fmt: skip
        expected, seats = self.naive.hold(command, self.now, live_elsewhere)
        outcome = self.tell(command, Inputs(live_holds=live_elsewhere, live_holds_limit=OVER_SHOWS))
        assert (outcome.refusal.type() if outcome.refusal else outcome.name, outcome.seats) == (expected, seats)
        if expected != "held":
            return multiple()
        until = self.now + timedelta(seconds=HOLD_SECONDS)
        assert outcome.held_until == until
        self.check_amounts(outcome)
        self.naive.bookings[booking] = {"buyer": buyer, "seats": seats, "until": until}
        self.naive.put(booking, "held")
        return booking

    def check_amounts(self, outcome: Outcome) -> None:
        assert outcome.amounts is not None
        assert outcome.amounts.total == sum(1 if at < 4 else 20 if at < 13 else 300 for at in outcome.seats)

    buyers = st.sampled_from(BUYERS)
    elsewhere = st.sampled_from([0, 0, 0, 0, 3])
    lates = st.sampled_from([False] * 9 + [True])

    @rule(
        target=bookings, buyer=buyers, quantity=st.integers(1, 6), together=st.booleans(), elsewhere=elsewhere,
        section=st.sampled_from([None, "floor", "stalls", "balcony"]), late=lates,
    )  # fmt: skip
    def holds_the_best(
        self, buyer: UUID, quantity: int, together: bool, section: str | None, elsewhere: int, late: bool
    ) -> Any:
        return self._hold(buyer, elsewhere, late, quantity=quantity, together=together, section_id=section)

    @rule(target=bookings, buyer=buyers, seats=st.lists(st.integers(0, 16), min_size=1, max_size=4))
    def holds_chosen_seats(self, buyer: UUID, seats: list[int]) -> Any:
        return self._hold(buyer, 0, False, seats=tuple(f"{base32(NUMBER)}-{base32(at)}" for at in seats))

    @rule(booking=bookings)
    def confirms(self, booking: UUID) -> None:
        assert self.tell(ConfirmSeats(**self._about(booking))).name == self.naive.confirm(booking, self.now)

    @rule(
        booking=bookings, by=st.sampled_from(["buyer", "buyer", "organiser"]),
        pick=st.lists(st.integers(0, 16), max_size=2, unique=True),
    )  # fmt: skip
    def cancels_seats(self, booking: UUID, by: Any, pick: list[int]) -> None:
        places = {place.id: place for place in self.places[booking]}
        whole = self.naive.whole(by, self.now)
        expected, taken = self.naive.cancel(booking, pick, by, self.now)
        seats = tuple(f"{base32(NUMBER)}-{base32(at)}" for at in pick)
        outcome = self.tell(CancelSeats(**self._about(booking), seats=seats, by=by))
        assert (outcome.refusal.type() if outcome.refusal else outcome.name) == expected
        assert [ordinal_of(seat) for seat in outcome.taken_back] == taken == list(outcome.seats)
        owed = [
            owed_for(msgspec.to_builtins(places[seat]), self.naive.refund_percent, whole) for seat in outcome.taken_back
        ]
        assert outcome.back == sum(owed)

    @rule(booking=bookings, seconds=st.sampled_from([30, 120, 1_000]))
    def extends(self, booking: UUID, seconds: int) -> None:
        about = self.naive.bookings[booking]
        outcome = self.tell(ExtendHold(**self._about(booking), seconds=seconds))
        assert outcome.name == ("extended" if about["state"] == "held" else "not-held")
        if outcome.name == "extended":
            about["until"] = max(about["until"], self.now) + timedelta(seconds=min(seconds, 120))
            assert outcome.held_until == about["until"]

    @precondition(lambda self: self.asked > 8)
    @rule()
    def cancels_the_show(self) -> None:
        self.asked += 1
        refused = self.naive.cancelled or self.now >= self.naive.ends_at
        command = CancelShow(command_id=UUID(int=10_000 + self.asked), show_id=SHOW, reason="rain", by=BUYERS[0])
        assert self.tell(command).name == ("refused" if refused else "show-cancelled")
        if not refused:
            self.naive.cancelled = True
            self.naive.offers.clear()

    @precondition(lambda self: self.asked > 4)
    @rule(minutes=st.sampled_from([-10, 10, 90]), until=st.sampled_from([-5, 5, 200]))
    def postpones(self, minutes: int, until: int) -> None:
        self.asked += 1
        naive, starts = self.naive, self.naive.starts_at + timedelta(minutes=minutes)
        refund = self.now + timedelta(minutes=until)
        command = PostponeShow(
            command_id=UUID(int=10_000 + self.asked), show_id=SHOW, starts_at=starts,
            ends_at=starts + timedelta(minutes=10), sale_closes_at=starts, refund_until=refund, by=BUYERS[0],
        )  # fmt: skip
        may = not naive.cancelled and self.now < naive.ends_at and self.now < starts and self.now < refund <= starts
        assert self.tell(command).name == ("postponed" if may else "refused")
        if may:
            naive.starts_at, naive.ends_at, naive.closes_at = starts, command.ends_at, starts
            naive.refund_until = refund

    @rule(target=listings, booking=bookings, pick=st.integers(0, 16), price=st.sampled_from([0, 1, 9, 25]))
    def offers_any_ticket(self, booking: UUID, pick: int, price: int) -> Any:
        return self._offer(booking, pick, price)

    @precondition(lambda self: self._sold())
    @rule(target=listings, pick=st.integers(0, 16), percent=st.sampled_from([0, 50, 100, 100, 111]))
    def offers_a_ticket(self, pick: int, percent: int) -> Any:
        booking = self._sold()[pick % len(self._sold())]
        seats = self.naive.bookings[booking]["seats"]
        at = seats[pick % len(seats)]
        [place] = [place for place in self.places[booking] if ordinal_of(place.id) == at]
        paid = place.face or place.price - place.discount + place.fees + place.tax
        return self._offer(booking, at, paid * percent // 100)

    def _sold(self) -> list[UUID]:
        return [id for id, about in self.naive.bookings.items() if about["state"] == "confirmed" and about["seats"]]

    def _offer(self, booking: UUID, at: int, price: int) -> Any:
        about, naive = self._about(booking), self.naive
        live = naive.bookings[booking]["seats"]
        seat = f"{base32(NUMBER)}-{base32(at)}"
        place = next((place for place in self.places[booking] if place.id == seat), None)
        face = (place.face or place.price - place.discount + place.fees + place.tax) if place else 0
        may = naive.bookings[booking]["state"] == "confirmed" and at in live
        may = may and all(offer["at"] != at for offer in naive.offers.values())
        may = may and naive.may_be_resold(price, face, self.now)
        outcome = self.tell(OfferTicket(**about, seat=seat, price=price))
        assert outcome.name == ("offered" if may else "refused"), (outcome, naive.offers)
        if not may:
            return multiple()
        naive.offers[about["command_id"]] = {"of": booking, "at": at, "price": price, "face": face, "buyer": None}
        return about["command_id"]

    @rule(listing=listings, buyer=buyers, price=st.sampled_from([0, 1, 8, 400]))
    def revises_an_offer(self, listing: UUID, buyer: UUID, price: int) -> None:
        offer = self._own_offer(listing, buyer)
        may = offer is not None and self.naive.may_be_resold(price, offer["face"], self.now)
        command = ReviseOffer(command_id=self._id(), show_id=SHOW, listing_id=listing, buyer_id=buyer, price=price)
        assert self.tell(command).name == ("revised" if may else "refused")
        if may:
            offer["price"] = price

    @rule(listing=listings, buyer=buyers)
    def withdraws_an_offer(self, listing: UUID, buyer: UUID) -> None:
        may = self._own_offer(listing, buyer) is not None
        command = WithdrawOffer(command_id=self._id(), show_id=SHOW, listing_id=listing, buyer_id=buyer)
        assert self.tell(command).name == ("withdrawn" if may else "refused")
        if may:
            del self.naive.offers[listing]

    @precondition(lambda self: any(offer["buyer"] for offer in self.naive.offers.values()))
    @rule()
    def pays_for_an_offered_ticket(self) -> None:
        self.confirms(next(offer["buyer"] for offer in self.naive.offers.values() if offer["buyer"]))

    def _own_offer(self, listing: UUID, buyer: UUID) -> Any:
        offer = self.naive.offers.get(listing)
        theirs = offer and self.naive.bookings[offer["of"]]["buyer"] == buyer and offer["buyer"] is None
        return offer if theirs else None

    @rule(target=bookings, listing=listings, buyer=buyers, elsewhere=elsewhere, late=lates)
    def buys_an_offered_ticket(self, listing: UUID, buyer: UUID, elsewhere: int, late: bool) -> Any:
        self.asked += 1
        booking, offer = UUID(int=1_000 + self.asked), self.naive.offers.get(listing)
        command = HoldSeats(
            command_id=booking, booking_id=booking, show_id=SHOW, buyer_id=buyer, body_hash="", listing_id=listing,
            not_after=self.now - timedelta(seconds=late), version=2,
        )  # fmt: skip
        expected = self.naive.buy(offer, command, self.now, elsewhere)
        outcome = self.tell(command, Inputs(live_holds=elsewhere, live_holds_limit=OVER_SHOWS))
        assert (outcome.refusal.type() if outcome.refusal else outcome.name) == expected
        if expected != "held":
            return multiple()
        assert outcome.seats == () and outcome.amounts.total == offer["price"]
        offer["buyer"] = booking
        self.naive.bookings[booking] = {
            "buyer": buyer, "seats": (offer["at"],), "state": "held", "listing": listing, "price": offer["price"],
            "until": self.now + timedelta(seconds=HOLD_SECONDS),
        }  # fmt: skip
        return booking

    def _id(self) -> UUID:
        self.asked += 1
        return UUID(int=30_000 + self.asked)

    @rule(booking=bookings)
    def releases(self, booking: UUID) -> None:
        assert self.tell(ReleaseSeats(**self._about(booking))).name == self.naive.release(booking, self.now)

    @rule(booking=bookings)
    def expires(self, booking: UUID) -> None:
        about = self._about(booking)
        outcome = self.tell(ExpireHold(**about, held_until=self.naive.bookings[booking]["until"]))
        assert outcome.name == self.naive.expire(booking, self.now)

    @precondition(lambda self: bool(self.naive.bookings))
    @rule(booking=bookings)
    def waits_for_a_hold_to_end_and_expires_it(self, booking: UUID) -> None:
        self.now = max(self.now, self.naive.bookings[booking]["until"])
        self.expires(booking)

    @rule(booking=bookings)
    def asks_again_what_was_decided(self, booking: UUID) -> None:
        assert self.tell(ConfirmSeats(**self._about(booking)), Inputs(met="confirmed")).name == "repeat"

    @rule(seconds=st.sampled_from([1, 30, 59, 60]))
    def waits(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.asked > 5)
    @rule(minutes=st.sampled_from([30, 50]))
    def waits_for_long(self, minutes: int) -> None:
        self.now = max(self.now, NOON + timedelta(minutes=minutes))

    def _about(self, booking: UUID) -> dict[str, UUID]:
        self.asked += 1
        buyer = self.naive.bookings[booking]["buyer"]
        return {"command_id": UUID(int=10_000 + self.asked), "show_id": SHOW, "booking_id": booking, "buyer_id": buyer}

    @invariant()
    def every_seat_is_as_the_naive_show_says(self) -> None:
        assert [STATE_NAMES[state] for state in self.show.states] == [state for state, _ in self.naive.seats.values()]

    @invariant()
    def the_verdict_has_nothing_to_complain_of(self) -> None:
        assert not any(self.complaints.wrong.values()), self.complaints.wrong

    @invariant()
    def the_verdict_comes_to_the_same_seats(self) -> None:
        given = {ordinal_of(seat) for seat in self.replayed.owner}
        assert given == {at for at, (_, booking) in self.naive.seats.items() if booking is not None}

    @invariant()
    def counts_are_as_counted_afresh(self) -> None:
        for buyer in BUYERS:
            assert self.show.live_holds.get(buyer, 0) == len(self.naive.of_buyer(buyer, "held"))
        for section, first in zip(self.plan.sections, self.plan.firsts, strict=True):
            there = self.show.states[first : first + section.places].count(FREE)
            assert self.show.left_by_section()[section.id] == there

    @invariant()
    def what_is_offered_is_as_the_naive_show_says(self) -> None:
        told = {id: (offer.price, offer.buyer_booking_id) for id, offer in self.show.listings.items()}
        assert told == {id: (offer["price"], offer["buyer"]) for id, offer in self.naive.offers.items()}

    @invariant()
    def each_seat_belongs_to_one_booking(self) -> None:
        live = [
            at for b in self.naive.bookings.values() for at in b["seats"]
            if b["state"] == "confirmed" or (b["state"] == "held" and "listing" not in b)
        ]  # fmt: skip
        assert len(live) == len(set(live)) == sum(by is not None for _, by in self.naive.seats.values())


TestAnyCommands = AnyCommands.TestCase
TestAnyCommands.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
