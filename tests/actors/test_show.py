"""Who gets which seat: one command after the other, what it comes to, and what it never comes to."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from actors.show import BLOCKED, FREE, HELD, SOLD, Inputs, Outcome, Place, Show, apply, decide
from sagas.identity import derived
from sagas.messages import ConfirmSeats, ExpireHold, HoldSeats, MoveShow, OpenShow, Price, ReleaseSeats
from sagas.refusals import (
    KeyReused,
    LimitReached,
    NotInTime,
    NotTogether,
    SeatTaken,
    ShowClosed,
    SoldOut,
)
from sagas.seat_plan import SeatPlan
from tests.actors.naive_choice import row, seated, standing

pytestmark = pytest.mark.pure

SHOW = UUID(int=77)
NOON = datetime(2026, 12, 5, 12, tzinfo=UTC)
ANN, BOB = UUID(int=1), UUID(int=2)
HOLD_SECONDS = 300
PLAN = SeatPlan((seated("stalls", row("A", 2, 2), row("B", 4)), standing("floor", 5)))


def terms(**changed: object) -> OpenShow:
    usual = {
        "command_id": UUID(int=5), "show_id": SHOW, "number": 7, "plan": "a hash", "currency": "INR",
        "prices": (Price("stalls", 500), Price("floor", 200)), "starts_at": NOON + timedelta(hours=7),
        "ends_at": NOON + timedelta(hours=9), "sale_opens_at": NOON - timedelta(hours=1),
        "sale_closes_at": NOON + timedelta(hours=6), "hold_seconds": HOLD_SECONDS, "max_seats_per_booking": 6,
    }  # fmt: skip
    return OpenShow(**usual | changed)  # type: ignore[arg-type]


class Sale:
    """A show on sale, told one command after the other at a time of its own."""

    def __init__(self, plan: SeatPlan = PLAN, **changed: object) -> None:
        self.show, self.now, self.wishes = Show(SHOW, terms(**changed), plan), NOON, 0
        self.places: dict[UUID, tuple[Place, ...]] = {}

    def wish(self, buyer: UUID = ANN, *seats: str, inputs: Inputs | None = None, **more: object) -> Outcome:
        """A wish of its own booking, numbered from 1."""
        self.wishes += 1
        usual = {
            "command_id": self.booking(self.wishes), "booking_id": self.booking(self.wishes), "show_id": SHOW,
            "buyer_id": buyer, "body_hash": "", "not_after": self.now + timedelta(seconds=10), "seats": seats,
        }  # fmt: skip
        return self.tell(HoldSeats(**usual | more), inputs)  # type: ignore[arg-type]

    def best(self, quantity: int, buyer: UUID = ANN, **more: object) -> Outcome:
        return self.wish(buyer, quantity=quantity, **more)

    def tell(
        self, command: HoldSeats | ConfirmSeats | ReleaseSeats | ExpireHold | MoveShow, inputs: Inputs | None = None
    ) -> Outcome:
        if isinstance(command, ConfirmSeats):
            self.show.places_of = {command.booking_id: self.places.get(command.booking_id, ())}
        outcome = decide(self.show, command, self.now, inputs or Inputs())
        if outcome.places:
            self.places[command.booking_id] = outcome.places  # type: ignore[union-attr]
        if outcome.decided:
            apply(self.show, command, outcome)
        return outcome

    @staticmethod
    def booking(number: int) -> UUID:
        return derived(SHOW, "booking", number)

    def _about(self, number: int) -> dict[str, UUID]:
        booking = self.booking(number)
        buyer = self.show.bookings[booking].buyer_id if booking in self.show.bookings else ANN
        return {"show_id": SHOW, "booking_id": booking, "buyer_id": buyer}

    def confirm(self, number: int) -> Outcome:
        return self.tell(ConfirmSeats(command_id=derived(SHOW, "confirm", number), **self._about(number)))

    def release(self, number: int) -> Outcome:
        return self.tell(ReleaseSeats(command_id=derived(SHOW, "release", number), **self._about(number)))

    def expire(self, number: int) -> Outcome:
        about = self._about(number)
        until = NOON + timedelta(seconds=HOLD_SECONDS)
        return self.tell(ExpireHold(command_id=derived(SHOW, "expire", number), held_until=until, **about))

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def states(self, outcome: Outcome) -> set[int]:
        return {self.show.states[ordinal] for ordinal in outcome.seats}


def test_a_show_is_opened_once():
    assert decide(None, terms(), NOON, Inputs()).name == "opened"
    assert not decide(Show(SHOW, terms(), PLAN), terms(), NOON, Inputs()).decided


def test_before_a_show_is_opened_every_wish_is_refused_as_not_open():
    wish = HoldSeats(
        command_id=UUID(int=1), booking_id=UUID(int=1), show_id=SHOW, buyer_id=ANN, body_hash="", quantity=1,
        not_after=NOON,
    )  # fmt: skip
    outcome = decide(None, wish, NOON, Inputs())
    assert isinstance(outcome.refusal, ShowClosed)
    assert outcome.refusal.reason == "not-open"


def test_a_hold_keeps_the_chosen_seats_at_their_prices_until_its_time():
    sale = Sale()
    held = sale.wish(ANN, "7-0", "7-1")
    assert (held.name, held.seats, sale.states(held)) == ("held", (0, 1), {HELD})
    assert held.held_until == NOON + timedelta(seconds=HOLD_SECONDS)
    assert [(place.row, place.label, place.price) for place in held.places] == [("A", "1", 500), ("A", "2", 500)]
    assert held.amounts is not None
    assert held.amounts.total == 1000
    assert sale.show.left_by_section() == {"stalls": 6, "floor": 5}


def test_a_seat_is_named_by_its_row_and_its_label_there():
    held = Sale().wish(ANN, "7-3", "7-5")
    assert [(place.row, place.label, place.section) for place in held.places] == [
        ("A", "4", "stalls"),
        ("B", "2", "stalls"),
    ]


def test_a_standing_place_is_named_after_its_section():
    held = Sale().best(2, section_id="floor")
    assert [(place.id, place.label, place.row) for place in held.places] == [
        ("7-8", "floor 1", ""),
        ("7-9", "floor 2", ""),
    ]


def test_the_first_wish_gets_the_seat_and_the_second_hears_what_is_taken_and_what_is_near():
    sale = Sale()
    sale.wish(ANN, "7-0", "7-1")
    refused = sale.wish(BOB, "7-1", "7-2")
    assert isinstance(refused.refusal, SeatTaken)
    assert refused.refusal.taken == ("7-1",)
    assert refused.refusal.alternatives == ("7-2", "7-3")
    assert sale.show.states[2] == FREE


@pytest.mark.parametrize("seat", ["8-0", "7-Z", "7-00", "7-", "7-0 ", "7-g", "7", "", "77-0", "7-ZZZZZZZZZ"])
def test_what_is_no_seat_of_this_show_is_taken(seat: str):
    refused = Sale().wish(ANN, seat)
    assert isinstance(refused.refusal, SeatTaken)
    assert refused.refusal.taken == (seat,)


def test_the_same_seat_twice_in_one_wish_is_refused_and_nothing_is_held():
    sale = Sale()
    assert isinstance(sale.wish(ANN, "7-0", "7-0").refusal, SeatTaken)
    assert set(sale.show.states) == {FREE}


def test_a_blocked_seat_is_taken():
    sale = Sale()
    sale.show.states[3] = BLOCKED
    sale.show.choice.changed([3], True, False)
    assert isinstance(sale.wish(ANN, "7-3").refusal, SeatTaken)


def test_sold_out_says_how_many_are_left_and_not_together_that_they_are_apart():
    sale = Sale(SeatPlan((seated("stalls", row("A", 2, 2)),)))
    apart = sale.best(4, together=True)
    assert isinstance(apart.refusal, NotTogether)
    assert apart.refusal.left == 4
    assert sale.best(3).name == "held"
    out = sale.best(2, BOB)
    assert isinstance(out.refusal, SoldOut)
    assert out.refusal.left == 1


def test_a_section_that_does_not_exist_is_sold_out():
    assert isinstance(Sale().best(1, section_id="gallery").refusal, SoldOut)


def test_a_confirmed_hold_is_sold_and_neither_expires_nor_is_released():
    sale = Sale()
    held = sale.wish(ANN, "7-0")
    assert sale.confirm(1).name == "confirmed"
    assert sale.states(held) == {SOLD}
    sale.later(HOLD_SECONDS)
    assert sale.expire(1).name == "not-held"
    assert sale.release(1).seats == ()
    assert sale.confirm(1).seats == ()
    assert sale.states(held) == {SOLD}


def test_a_hold_expires_at_its_time_and_not_before():
    sale = Sale()
    held = sale.wish(ANN, "7-0")
    sale.later(HOLD_SECONDS - 0.001)
    early = sale.expire(1)
    assert (early.name, early.decided) == ("too-early", False)
    sale.later(0.001)
    assert sale.expire(1).name == "expired"
    assert sale.states(held) == {FREE}
    assert sale.wish(BOB, "7-0").name == "held"


def test_money_that_comes_first_confirms_even_after_the_holds_time():
    sale = Sale()
    sale.wish(ANN, "7-0")
    sale.later(HOLD_SECONDS + 60)
    assert sale.confirm(1).name == "confirmed"


def test_late_money_gets_its_seats_back_only_while_all_of_them_are_free():
    sale = Sale()
    sale.wish(ANN, "7-0", "7-1")
    sale.wish(ANN, "7-4")
    sale.later(HOLD_SECONDS)
    sale.expire(1)
    sale.expire(2)
    sale.wish(BOB, "7-1")
    gone = sale.confirm(1)
    assert (gone.name, gone.reason, gone.seats) == ("gone", "taken", ())
    assert sale.show.states[0] == FREE
    retaken = sale.confirm(2)
    assert (retaken.name, retaken.reason, sale.states(retaken)) == ("confirmed", "retaken", {SOLD})


def test_late_money_is_not_seated_at_a_show_that_is_over_or_cancelled():
    for cancelled, seconds in ((True, HOLD_SECONDS), (False, 9 * 3600)):
        sale = Sale()
        sale.wish(ANN, "7-0")
        sale.later(seconds)
        sale.expire(1)
        sale.show.cancelled = cancelled
        assert sale.confirm(1).reason == ("cancelled" if cancelled else "over")


def test_a_released_hold_is_free_again_once_and_its_money_finds_it_gone():
    sale = Sale()
    held = sale.wish(ANN, "7-0")
    assert sale.release(1).seats == (0,)
    assert sale.states(held) == {FREE}
    sale.wish(BOB, "7-0")
    assert sale.release(1).seats == ()
    gone = sale.confirm(1)
    assert (gone.name, gone.reason) == ("gone", "released")
    assert sale.show.states[0] == HELD


def test_of_an_unknown_booking_nothing_is_confirmed_released_or_expired():
    sale = Sale()
    assert [sale.confirm(9).name, sale.release(9).name, sale.expire(9).name] == ["gone", "released", "not-held"]


def test_a_booking_has_at_most_so_many_places():
    refused = Sale(max_seats_per_booking=3).best(4).refusal
    assert isinstance(refused, LimitReached)
    assert (refused.limit, refused.of) == (3, "seats-per-booking")


@pytest.mark.parametrize("ending", ["confirm", "release", "expire"])
def test_a_buyer_has_at_most_two_live_holds_until_one_of_them_ends(ending: str):
    sale = Sale()
    sale.best(1)
    sale.best(1)
    refused = sale.best(1).refusal
    assert isinstance(refused, LimitReached)
    assert (refused.limit, refused.of) == (2, "live-holds")
    assert sale.best(1, BOB).name == "held"
    sale.later(HOLD_SECONDS)
    getattr(sale, ending)(1)
    assert sale.best(1).name == "held"


def test_a_buyers_live_holds_over_all_shows_are_bounded_by_what_the_lane_looked_up():
    sale = Sale()
    refused = sale.best(1, inputs=Inputs(live_holds=6, live_holds_limit=6)).refusal
    assert isinstance(refused, LimitReached)
    assert refused.of == "live-holds-over-shows"
    assert sale.best(1, inputs=Inputs(live_holds=5, live_holds_limit=6)).name == "held"


def test_a_buyers_places_count_while_held_and_sold_and_no_longer_when_freed():
    sale = Sale(max_seats_per_buyer=3, max_live_holds=9)
    sale.best(2)
    sale.confirm(1)
    refused = sale.best(2).refusal
    assert isinstance(refused, LimitReached)
    assert refused.of == "seats-per-buyer"
    assert sale.best(1).name == "held"
    sale.release(3)
    assert sale.best(1).name == "held"
    assert sale.best(3, BOB).name == "held"


def test_a_wish_seen_after_its_time_is_refused():
    sale = Sale()
    assert isinstance(sale.best(1, not_after=NOON - timedelta(microseconds=1)).refusal, NotInTime)
    assert sale.best(1, not_after=NOON).name == "held"


@pytest.mark.parametrize(
    ("hours", "reason"), [(-1.001, "not-open"), (-1, None), (5.999, None), (6, "over"), (9, "over")]
)
def test_wishes_are_taken_from_the_opening_of_the_sale_until_just_before_its_end(hours: float, reason: str | None):
    sale = Sale()
    sale.later(hours * 3600)
    refusal = sale.best(1).refusal
    assert reason == (refusal.reason if isinstance(refusal, ShowClosed) else None)


def test_a_sale_that_outlasts_the_show_ends_with_it():
    sale = Sale(sale_closes_at=NOON + timedelta(days=9))
    sale.later(9 * 3600)
    assert isinstance(sale.best(1).refusal, ShowClosed)


def test_a_cancelled_show_takes_no_wishes():
    sale = Sale()
    sale.show.cancelled = True
    refusal = sale.best(1).refusal
    assert isinstance(refusal, ShowClosed)
    assert refusal.reason == "cancelled"


def test_a_repeat_is_known_by_its_command_and_takes_no_effect():
    sale = Sale()
    sale.best(1)
    before = bytes(sale.show.states)
    repeat = sale.best(1, inputs=Inputs(met="held"))
    assert (repeat.name, repeat.decided, repeat.reason) == ("repeat", False, "held")
    assert bytes(sale.show.states) == before


def test_a_key_used_for_another_show_is_refused_and_takes_no_effect():
    outcome = Sale().best(1, inputs=Inputs(met="held", met_on_other_show=True))
    assert isinstance(outcome.refusal, KeyReused)
    assert not outcome.decided


def test_a_refusal_changes_nothing_in_the_show():
    sale = Sale()
    sale.wish(ANN, "7-0")
    before = (
        bytes(sale.show.states),
        dict(sale.show.live_holds),
        dict(sale.show.buyer_seats),
        sale.show.choice.left[:],
    )
    sale.wish(BOB, "7-0")
    sale.best(99, BOB)
    after = (bytes(sale.show.states), dict(sale.show.live_holds), dict(sale.show.buyer_seats), sale.show.choice.left[:])
    assert before == after


def move(**more: object) -> MoveShow:
    return MoveShow(command_id=UUID(int=9), show_id=SHOW, to="show.03", by=BOB, off_sale_seconds=15, **more)  # type: ignore[arg-type]


def test_a_show_that_moves_is_off_sale_for_its_seconds_and_not_longer():
    sale = Sale()
    assert sale.tell(move()) == Outcome("moved", reason="show.03", off_sale_until=NOON + timedelta(seconds=15))
    sale.later(14)
    refusal = sale.best(1).refusal
    assert isinstance(refusal, ShowClosed)
    assert refusal.reason == "moving"
    sale.later(1)
    assert sale.best(1).name == "held"


def test_while_a_show_moves_its_holds_are_confirmed_and_released():
    sale = Sale()
    sale.wish(ANN, "7-0")
    sale.wish(BOB, "7-1")
    sale.tell(move())
    assert [sale.confirm(1).name, sale.release(2).name] == ["confirmed", "released"]


def test_a_show_without_seats_yet_is_not_moved():
    outcome = decide(None, move(), NOON, Inputs())
    assert (outcome.name, outcome.booking_state, outcome.off_sale_until) == ("refused", "", None)
