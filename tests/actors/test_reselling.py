"""Tickets that change hands: what becomes of the seller's booking, of the price's cap, and of what is being bought."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from actors.show import Inputs, Outcome, Show, apply, asked_of, decide
from sagas.messages import CancelSeats, ConfirmSeats, HoldSeats, OfferTicket, OpenShow, Price
from sagas.seat_plan import SeatPlan
from sagas.terms import Resale, Rules
from tests.actors.naive_choice import row, seated

pytestmark = pytest.mark.pure

SHOW, NOON = UUID(int=7), datetime(2026, 12, 5, 12, tzinfo=UTC)
SELLER, BUYER, THIRD = (UUID(int=n) for n in (1, 2, 3))


class House:
    """A show of four seats at 100 each, whose tickets may be resold for half as much again."""

    def __init__(self) -> None:
        terms = OpenShow(
            command_id=UUID(int=5), show_id=SHOW, number=900, plan="", currency="INR", prices=(Price("stalls", 100),),
            starts_at=NOON + timedelta(days=1), ends_at=NOON + timedelta(days=2), sale_opens_at=NOON,
            sale_closes_at=NOON + timedelta(days=1), rules=Rules(resale=Resale(150, 10, 2), refund_until_hours=1),
        )  # fmt: skip
        self.show = Show(SHOW, terms, SeatPlan((seated("stalls", row("A", 4)),)))
        self.places: dict[UUID, Any] = {}
        self.told = 100

    def tell(self, kind: Any, **more: Any) -> Outcome:
        self.told += 1
        command = kind(**({"command_id": UUID(int=self.told), "show_id": SHOW} | more))
        self.show.places_of = {asked: self.places[asked] for asked in asked_of(self.show, command)}
        outcome = decide(self.show, command, NOON, Inputs())
        apply(self.show, command, outcome)
        if outcome.places:
            self.places[command.booking_id] = outcome.places
        if outcome.handed_over:
            self.places[outcome.handed_over.booking_id] = outcome.handed_over.places
        return outcome

    def hold(self, buyer: UUID, **wish: Any) -> UUID:
        booking = UUID(int=self.told + 1_000)
        held = self.tell(
            HoldSeats, command_id=booking, booking_id=booking, buyer_id=buyer, body_hash="", not_after=NOON, **wish
        )
        assert held.name == "held", held
        return booking

    def buy(self, buyer: UUID, **wish: Any) -> tuple[UUID, Outcome]:
        booking = self.hold(buyer, **wish)
        return booking, self.tell(ConfirmSeats, booking_id=booking, buyer_id=buyer)

    def offer(self, booking: UUID, buyer: UUID, seat: int, price: int) -> Outcome:
        about = {"booking_id": booking, "buyer_id": buyer}
        return self.tell(OfferTicket, **about, seat=self.show.seat_id(seat), price=price)


def test_the_seller_keeps_the_other_seat_and_the_sold_one_is_not_theirs_to_cancel_or_offer():
    house = House()
    first, _ = house.buy(SELLER, seats=(house.show.seat_id(0), house.show.seat_id(1)))
    [listing] = house.offer(first, SELLER, 0, 120).offers
    second, sale = house.buy(BUYER, listing_id=listing.id, version=2)
    assert sale.handed_over and [place.status for place in sale.handed_over.places] == ["resold", ""]
    assert (house.show.bookings[first].seats, house.show.bookings[second].seats) == ((1,), (0,))
    about = {"booking_id": first, "buyer_id": SELLER, "by": "organiser"}
    assert house.tell(CancelSeats, **about, seats=(house.show.seat_id(0),)).name == "refused"
    assert house.offer(first, SELLER, 0, 100).name == "refused"
    everything = house.tell(CancelSeats, **about)
    assert (everything.taken_back, everything.back) == ((house.show.seat_id(1),), 100)
    theirs = house.tell(CancelSeats, booking_id=second, buyer_id=BUYER, by="organiser")
    assert (theirs.taken_back, theirs.back) == ((house.show.seat_id(0),), 120)


def test_a_buyer_who_changes_their_mind_gets_no_more_than_the_place_cost_at_first():
    house = House()
    first, _ = house.buy(SELLER, seats=(house.show.seat_id(0), house.show.seat_id(1)))
    dear, cheap = (house.offer(first, SELLER, seat, price).offers[0] for seat, price in ((0, 150), (1, 80)))
    for listing, back, retained in ((dear, 100, 50), (cheap, 80, 0)):
        booking, _ = house.buy(BUYER, listing_id=listing.id, version=2)
        gone = house.tell(CancelSeats, booking_id=booking, buyer_id=BUYER, by="buyer")
        assert (gone.back, gone.retained) == (back, retained)


def test_the_cap_is_of_what_the_place_cost_at_first_however_often_it_is_resold():
    house = House()
    first, _ = house.buy(SELLER, seats=(house.show.seat_id(0),))
    [listing] = house.offer(first, SELLER, 0, 150).offers
    assert listing.fee == 15
    second, _ = house.buy(BUYER, listing_id=listing.id, version=2)
    assert house.show.bookings[first].state == "cancelled"
    assert house.offer(second, BUYER, 0, 151).name == "refused"
    [again] = house.offer(second, BUYER, 0, 150).offers
    assert again.face == 100


def test_a_seat_is_not_taken_back_while_somebody_is_buying_it():
    house = House()
    first, _ = house.buy(SELLER, seats=(house.show.seat_id(0), house.show.seat_id(1)))
    [listing] = house.offer(first, SELLER, 0, 100).offers
    house.hold(BUYER, listing_id=listing.id, version=2)
    refused = house.tell(CancelSeats, booking_id=first, buyer_id=SELLER, by="organiser")
    assert refused.refusal and refused.refusal.type() == "being-bought"
    other = house.tell(CancelSeats, booking_id=first, buyer_id=SELLER, by="organiser", seats=(house.show.seat_id(1),))
    assert other.name == "cancelled"
