"""The rules of a show, one by one: single seats, accessible places, partners, presales, prices, coupons, changes."""

from datetime import timedelta
from uuid import UUID

import pytest

from actors.show import BLOCKED, FREE, Inputs, Outcome, Show, decide
from sagas.messages import (
    AmendShow,
    BlockSeats,
    CancelShow,
    Changes,
    DropCoupon,
    Price,
    SetCoupon,
    StandingWish,
    UnblockSeats,
)
from sagas.refusals import (
    AccessibleOnly,
    ChangeRefused,
    CouponRefused,
    NotTogether,
    OrphanSeat,
    SeatTaken,
    ShowClosed,
    SoldOut,
    TicketTypeRefused,
)
from sagas.seat_plan import SeatPlan
from sagas.terms import Allocation, CouponTerms, Fees, KeptLeft, Presale, Rules, Tax, TicketType
from tests.actors.naive_choice import row, seated, standing
from tests.actors.test_show import ANN, BOB, NOON, PLAN, SHOW, Sale, terms

pytestmark = pytest.mark.pure

LONG_ROW = SeatPlan(
    (seated("stalls", row("A", 6), row("B", 6, accessible=(0,), companions=(1,))), standing("floor", 5))
)


class RuledSale(Sale):
    """A show on sale under these rules."""

    def __init__(self, plan: SeatPlan = LONG_ROW, times: dict[str, object] | None = None, **rules: object) -> None:
        super().__init__(plan, rules=Rules(**rules), max_live_holds=99, **(times or {}))  # type: ignore[arg-type]
        self.commands = 100

    def wish(self, buyer: UUID = ANN, *seats: str, **more: object) -> Outcome:
        return super().wish(buyer, *seats, **({"version": 2} | more))  # type: ignore[arg-type]

    def order(self, kind: type, **more: object) -> Outcome:
        self.commands += 1
        return self.tell(kind(command_id=UUID(int=self.commands), show_id=SHOW, **more))  # type: ignore[arg-type]

    def coupon(self, code: str = "TEN", **terms: object) -> Outcome:
        return self.order(SetCoupon, code=code, terms=CouponTerms(**terms))  # type: ignore[arg-type]

    def amend(self, **changes: object) -> Outcome:
        return self.order(AmendShow, changes=Changes(**changes))  # type: ignore[arg-type]


# Choosing.


def test_a_choice_that_leaves_one_seat_alone_is_refused_with_that_seat_and_another_choice():
    refusal = RuledSale(single_seats="refuse").wish(ANN, "7-1", "7-2").refusal
    assert isinstance(refusal, OrphanSeat)
    assert refusal.seats == ("7-0",)
    assert refusal.alternatives in (("7-0", "7-1"), ("7-2", "7-3"))


def test_a_single_seat_may_be_left_where_the_row_leaves_no_other_way():
    sale = RuledSale(single_seats="refuse")
    sale.wish(BOB, "7-3", "7-4", "7-5")
    assert sale.wish(ANN, "7-0", "7-1").name == "held"


def test_a_single_seat_may_be_left_where_the_show_allows_it_and_may_be_taken_where_it_does_not():
    assert RuledSale().wish(ANN, "7-1", "7-2").name == "held"
    sale = RuledSale(single_seats="refuse")
    sale.order(BlockSeats, seats=("7-1",))
    assert sale.wish(ANN, "7-0").name == "held"


def test_an_accessible_place_is_refused_to_those_who_do_not_ask_for_one():
    sale = RuledSale()
    refusal = sale.wish(ANN, "7-6", "7-7").refusal
    assert isinstance(refusal, AccessibleOnly)
    assert refusal.seats == ("7-6", "7-7")
    assert len(refusal.alternatives) == 2
    assert sale.wish(ANN, "7-6", "7-7", accessible=True).name == "held"


def test_a_party_that_asks_gets_an_accessible_place_with_its_companions_beside():
    assert RuledSale().best(2, accessible=True).seats == (6, 7)
    sale = RuledSale()
    sale.best(2, accessible=True)
    refusal = sale.best(1, accessible=True).refusal
    assert isinstance(refusal, SoldOut)
    assert refusal.left == 0


def test_unsold_accessible_places_are_released_so_many_hours_before_the_show():
    sale = RuledSale(accessible_release_hours=5)
    assert isinstance(sale.wish(ANN, "7-6").refusal, AccessibleOnly)
    sale.later(2 * 3600)
    assert sale.wish(ANN, "7-6").name == "held"


def test_everybody_else_finds_the_show_sold_out_while_accessible_places_are_kept():
    sale = RuledSale(SeatPlan((seated("stalls", row("A", 2, accessible=(0,))),)), {"prices": (Price("stalls", 5),)})
    assert sale.best(1).seats == (1,)
    refusal = sale.best(1, BOB).refusal
    assert isinstance(refusal, SoldOut)
    assert refusal.left == 0
    assert sale.show.left_by_section() == {"stalls": 1}


def test_a_show_of_before_there_were_rules_keeps_no_place_for_anybody():
    sale = Sale(SeatPlan((seated("stalls", row("A", 2, accessible=(0,))), standing("floor", 1))))
    assert sale.wish(ANN, "7-0").name == "held"


def test_a_refusal_of_before_there_were_rules_is_decided_again_as_it_was():
    sale = Sale()
    sale.wish(BOB, "7-5")
    refusal = sale.best(3, section_id="stalls", together=True).refusal
    assert refusal == NotTogether(detail="There are no 3 places side by side any more.", left=7)


def test_a_partners_places_are_for_those_with_its_code_until_they_are_released():
    until = NOON + timedelta(hours=1)
    sale = RuledSale(allocations=(Allocation("Bank", "CARD", ((0, 3),), until),))
    for code in ("", "CARDS"):
        refusal = sale.wish(ANN, "7-0", access_code=code).refusal
        assert isinstance(refusal, SeatTaken)
        assert "kept for others" in refusal.detail
    assert sale.best(3).seats == (3, 4, 5)
    assert sale.wish(ANN, "7-0", access_code="CARD").name == "held"
    sale.later(3600)
    assert sale.wish(ANN, "7-1").name == "held"


def test_a_partners_standing_places_are_counted_out():
    sale = RuledSale(allocations=(Allocation("Bank", "CARD", ((14, 3),)),))
    refusal = sale.best(3, section_id="floor").refusal
    assert isinstance(refusal, SoldOut)
    assert refusal.left == 2
    assert sale.best(3, section_id="floor", access_code="CARD").name == "held"


def test_what_partners_have_left_is_told_by_section_whether_it_was_released_or_not():
    until = NOON + timedelta(hours=1)
    allocations = (Allocation("Bank", "CARD", ((0, 3), (11, 4)), until), Allocation("Club", "CLUB", ((16, 1),)))
    sale = RuledSale(allocations=allocations)
    bank, club = {"stalls": 4, "floor": 3}, {"floor": 1}
    assert sale.show.kept_left() == (KeptLeft(bank, until), KeptLeft(club))
    assert sale.wish(ANN, "7-0", access_code="CARD").name == "held"
    assert sale.best(2, section_id="floor", access_code="CLUB").seats == (15, 16)
    sale.later(3600)
    assert sale.wish(BOB, "7-1").name == "held"
    assert sale.show.kept_left() == (KeptLeft({"stalls": 2, "floor": 3}, until), KeptLeft({"floor": 0}))
    sale.amend(allocations=())
    assert sale.show.kept_left() == ()


def test_seats_and_standing_places_are_held_in_one_booking_all_or_none():
    sale = RuledSale()
    held = sale.wish(ANN, "7-0", standing=(StandingWish("floor", 2),))
    assert held.seats == (0, 12, 13)
    refusal = sale.wish(BOB, "7-1", standing=(StandingWish("floor", 4),)).refusal
    assert isinstance(refusal, SoldOut)
    assert refusal.left == 3
    assert sale.show.states[1] == FREE


def test_a_standing_place_that_was_chosen_is_not_given_twice_within_a_booking():
    held = RuledSale().wish(ANN, "7-C", standing=(StandingWish("floor", 2),))
    assert held.seats == (12, 13, 14)


def test_the_cap_counts_seats_and_standing_places_together():
    assert RuledSale().wish(ANN, "7-0", standing=(StandingWish("floor", 5),)).name == "held"
    assert RuledSale().wish(ANN, "7-0", "7-1", standing=(StandingWish("floor", 5),)).name == "refused"


def test_a_party_that_cannot_sit_together_is_told_how_it_could_sit():
    sale = RuledSale()
    sale.wish(BOB, "7-2", "7-4")
    sale.wish(BOB, "7-9")
    refusal = sale.best(4, section_id="stalls", together=True).refusal
    assert isinstance(refusal, NotTogether)
    assert len(refusal.alternatives) == 4


# Blocking.


def test_blocked_seats_are_out_of_the_sale_until_they_are_unblocked():
    sale = RuledSale()
    blocked = sale.order(BlockSeats, seats=("7-0", "7-1"))
    assert (blocked.name, sale.states(blocked)) == ("blocked", {BLOCKED})
    assert isinstance(sale.wish(ANN, "7-0").refusal, SeatTaken)
    assert sale.order(BlockSeats, seats=("7-0", "7-2")).seats == (2,)
    assert sale.order(UnblockSeats, seats=("7-0", "7-5")).seats == (0,)
    assert sale.wish(ANN, "7-0").name == "held"


@pytest.mark.parametrize("kind", [BlockSeats, UnblockSeats])
def test_held_and_sold_seats_are_neither_blocked_nor_unblocked_and_then_none_is(kind: type):
    sale = RuledSale()
    sale.wish(ANN, "7-0")
    sale.order(BlockSeats, seats=("7-2",))
    before = bytes(sale.show.states)
    refused = sale.order(kind, seats=("7-0", "7-1", "7-2"))
    assert isinstance(refused.refusal, SeatTaken)
    assert refused.refusal.taken == ("7-0",)
    assert refused.booking_state == ""
    assert bytes(sale.show.states) == before


# Phases of the sale.


def test_before_the_general_sale_only_those_with_a_code_of_a_running_presale_may_buy():
    opens = NOON + timedelta(hours=2)
    sale = RuledSale(
        times={"sale_opens_at": opens},
        presales=(Presale("Fans", NOON + timedelta(hours=1), opens, ("LOVE", "FAITH")),),
    )
    assert isinstance(sale.best(1, access_code="LOVE").refusal, ShowClosed)
    sale.later(3600)
    for code in ("", "HATE"):
        refusal = sale.best(1, access_code=code).refusal
        assert isinstance(refusal, ShowClosed)
        assert refusal.reason == "not-open"
    assert sale.best(1, access_code="FAITH").name == "held"
    sale.later(3600)
    assert sale.best(1).name == "held"


def test_a_presale_may_end_before_the_general_sale_begins():
    until = NOON + timedelta(hours=1)
    sale = RuledSale(
        times={"sale_opens_at": NOON + timedelta(hours=2)}, presales=(Presale("Fans", NOON, until, ("LOVE",)),)
    )
    assert sale.best(1, access_code="LOVE").name == "held"
    sale.later(3600)
    assert isinstance(sale.best(1, access_code="LOVE").refusal, ShowClosed)


def test_the_box_office_sells_before_the_sale_after_it_and_until_the_show_ends():
    opens, closes = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
    times = {
        "sale_opens_at": opens,
        "sale_closes_at": closes,
        "starts_at": closes,
        "ends_at": closes + timedelta(hours=3),
    }
    sale = RuledSale(times=times)
    assert isinstance(sale.best(1).refusal, ShowClosed)
    assert sale.best(1, method="cash", seller_id=BOB).name == "held"
    sale.later(2 * 3600)
    assert isinstance(sale.best(1).refusal, ShowClosed)
    assert sale.best(1, method="cash", seller_id=BOB).name == "held"
    sale.later(3 * 3600)
    over = sale.best(1, method="cash", seller_id=BOB).refusal
    assert isinstance(over, ShowClosed)
    assert over.reason == "over"


def test_no_cap_of_a_buyer_stops_the_box_office():
    sale = Sale(LONG_ROW, max_seats_per_booking=1, max_seats_per_buyer=1, max_live_holds=1)
    assert sale.best(2).refusal is not None
    assert sale.best(2, method="terminal", seller_id=BOB).name == "held"
    assert sale.best(5, method="terminal", seller_id=BOB).name == "held"


def test_nobody_sells_what_is_taken_and_a_cancelled_show_is_closed_to_staff_too():
    sale = RuledSale()
    assert sale.wish(ANN, "7-1").name == "held"
    assert isinstance(sale.wish(BOB, "7-1", method="cash", seller_id=BOB).refusal, SeatTaken)
    sale.order(CancelShow, reason="rain", by=BOB)
    assert isinstance(sale.wish(BOB, "7-2", method="cash", seller_id=BOB).refusal, ShowClosed)


# Prices.


def test_a_complimentary_ticket_costs_nothing_whatever_is_charged_beside_the_price():
    sale = RuledSale(fees=Fees(per_ticket=300, per_booking=500, basis_points=250), tax=Tax(basis_points=1800))
    for version in (1, 2):
        given = sale.best(2, method="comp", seller_id=BOB, version=version)
        assert given.amounts is not None
        assert given.amounts.total == given.amounts.fees == given.amounts.tax == 0
        assert given.amounts.discount == given.amounts.seats == sum(place.discount for place in given.places) > 0
        sold = sale.best(2, method="cash", seller_id=BOB, version=version)
        assert sold.amounts is not None
        assert sold.amounts.total > sold.amounts.seats
    plain = Sale().best(1, method="comp", seller_id=BOB)
    assert plain.amounts is not None
    assert plain.amounts.total == 0


def test_each_place_costs_what_its_ticket_type_costs_in_its_section():
    sale = RuledSale(ticket_types=(TicketType("child", percent=50), TicketType("child", "floor", amount=1)))
    held = sale.wish(ANN, "7-0", "7-1", ticket_types=("child", ""), standing=(StandingWish("floor", 1, "child"),))
    assert [(p.price, p.ticket_type) for p in held.places] == [(250, "child"), (500, ""), (1, "child")]


def test_a_ticket_type_that_is_not_offered_there_is_refused():
    sale = RuledSale(ticket_types=(TicketType("senior", "floor", amount=1),))
    for outcome in (sale.wish(ANN, "7-0", ticket_types=("senior",)), sale.best(1, ticket_types=("baby",))):
        assert isinstance(outcome.refusal, TicketTypeRefused)
    assert sale.best(1, ticket_types=("senior",)).seats == (12,), "the party goes where its type is offered"


def test_fees_and_tax_are_in_the_total_and_shared_out_over_the_seats():
    sale = RuledSale(fees=Fees(per_ticket=10, per_booking=7, basis_points=100), tax=Tax(1800))
    held = sale.wish(ANN, "7-0", "7-1", "7-2")
    assert held.amounts is not None
    assert (held.amounts.seats, held.amounts.fees, held.amounts.tax) == (1500, 52, 279)
    assert held.amounts.total == 1831
    assert [place.fees for place in held.places] == [18, 17, 17]


def test_tax_that_the_prices_contain_adds_nothing():
    held = RuledSale(tax=Tax(1800, inclusive=True)).wish(ANN, "7-0")
    assert held.amounts is not None
    assert (held.amounts.total, held.amounts.tax, held.amounts.tax_included) == (500, 0, 76)


def test_a_hold_keeps_its_price_when_prices_change():
    sale = RuledSale()
    held = sale.wish(ANN, "7-0")
    assert sale.amend(prices=(Price("stalls", 900), Price("floor", 1))).name == "amended"
    sale.confirm(1)
    assert held.places[0].price == 500
    assert sale.wish(BOB, "7-1").places[0].price == 900


# Coupons.


def test_a_coupon_is_used_as_often_as_it_can_be_and_no_more():
    sale = RuledSale()
    sale.coupon(percent=10, max_uses=2, max_uses_per_buyer=1)
    held = sale.wish(ANN, "7-0", coupon="TEN")
    assert held.amounts is not None
    assert (held.amounts.discount, held.amounts.total, held.amounts.coupon) == (50, 450, "TEN")
    reasons = []
    for buyer, seat in ((ANN, "7-1"), (BOB, "7-2"), (UUID(int=9), "7-3")):
        refusal = sale.wish(buyer, seat, coupon="TEN").refusal
        reasons.append(refusal.reason if isinstance(refusal, CouponRefused) else None)
    assert reasons == ["used-by-you", None, "used-up"]


@pytest.mark.parametrize("ending", ["release", "expire"])
def test_a_coupon_is_given_back_when_the_hold_ends_unpaid_and_not_when_it_is_paid(ending: str):
    sale = RuledSale()
    sale.coupon(percent=10, max_uses=1)
    sale.wish(ANN, "7-0", coupon="TEN")
    sale.later(300)
    getattr(sale, ending)(1)
    assert sale.wish(BOB, "7-1", coupon="TEN").name == "held"
    sale.confirm(2)
    assert isinstance(sale.wish(ANN, "7-2", coupon="TEN").refusal, CouponRefused)


def test_what_a_coupon_leaves_is_let_off_since_wishes_say_so():
    sale = RuledSale()
    sale.coupon(amount=401)
    kept, let_off = (sale.wish(ANN, seat, coupon="TEN", version=version) for seat, version in (("7-0", 2), ("7-1", 3)))
    assert (kept.amounts.total, let_off.amounts.total) == (99, 0)  # type: ignore[union-attr]
    assert (let_off.places[0].discount, let_off.amounts.coupon) == (500, "TEN")  # type: ignore[union-attr]


def test_late_money_does_not_use_a_coupon_that_somebody_else_has_used_meanwhile():
    sale = RuledSale()
    sale.coupon(percent=10, max_uses=1)
    sale.wish(ANN, "7-0", coupon="TEN")
    sale.later(300)
    sale.expire(1)
    sale.wish(BOB, "7-1", coupon="TEN")
    gone = sale.confirm(1)
    assert (gone.name, gone.reason) == ("gone", "coupon")


def test_late_money_keeps_the_promise_of_a_coupon_that_has_ended_since():
    sale = RuledSale()
    sale.coupon(percent=10, until=NOON + timedelta(seconds=10))
    sale.wish(ANN, "7-0", coupon="TEN")
    sale.later(300)
    sale.expire(1)
    assert isinstance(sale.wish(BOB, "7-1", coupon="TEN").refusal, CouponRefused)
    assert sale.confirm(1).name == "confirmed"


def test_of_two_who_make_a_coupon_of_the_same_code_the_second_is_refused_and_changes_nothing():
    sale = RuledSale()
    made = [
        sale.order(SetCoupon, code="TEN", terms=CouponTerms(percent=percent), new=True) for percent in (10, 90)
    ]  # fmt: skip
    assert [outcome.name for outcome in made] == ["coupon-set", "refused"]
    assert sale.show.coupons["TEN"].percent == 10
    assert sale.coupon(percent=20).name == "coupon-set"


def test_a_coupon_ends_at_its_time_when_it_is_dropped_and_where_it_never_was():
    sale = RuledSale()
    sale.coupon("SOON", amount=5, until=NOON)
    sale.coupon("GONE", amount=5)
    assert sale.order(DropCoupon, code="GONE").name == "coupon-dropped"
    reasons = [sale.wish(ANN, "7-0", coupon=code).refusal.reason for code in ("SOON", "GONE", "EVER")]  # type: ignore[union-attr]
    assert reasons == ["over", "unknown", "unknown"]
    assert isinstance(sale.order(DropCoupon, code="EVER").refusal, CouponRefused)


def test_a_coupon_never_takes_off_more_than_the_seats_cost_and_nothing_is_charged_then():
    sale = RuledSale(fees=Fees(per_ticket=10, per_booking=10), tax=Tax(1800))
    sale.coupon("FREE", amount=9_999)
    held = sale.wish(ANN, "7-0", "7-1", coupon="FREE")
    assert held.amounts is not None
    assert (held.amounts.discount, held.amounts.total) == (1000, 0)


# Changes.


def test_what_buyers_have_relied_on_stays_while_places_are_held_or_sold():
    sale = RuledSale()
    later = sale.show.terms.ends_at + timedelta(hours=1)
    assert sale.amend(ends_at=later, refund_percent=50).name == "amended"
    sale.wish(ANN, "7-0")
    for changes in ({"ends_at": NOON + timedelta(hours=8)}, {"refund_percent": 10}, {"refund_until_hours": None}):
        refusal = sale.amend(**changes).refusal
        assert isinstance(refusal, ChangeRefused)
        assert set(refusal.fields) == set(changes)
    assert sale.amend(hold_seconds=60, max_seats_per_booking=1, refund_percent=50).name == "amended"
    sale.release(1)
    assert sale.amend(refund_percent=10).name == "amended"


def test_an_amendment_counts_from_then_on():
    sale = RuledSale()
    sale.amend(max_seats_per_booking=1, single_seats="refuse", hold_seconds=60)
    assert sale.best(2).name == "refused"
    assert sale.wish(ANN, "7-1").name == "refused"
    assert sale.wish(ANN, "7-0").held_until == NOON + timedelta(seconds=60)


@pytest.mark.parametrize(
    "changes",
    [
        {"prices": (Price("stalls", 1),)},
        {"prices": (Price("stalls", 1), Price("floor", 1), Price("roof", 1))},
        {"starts_at": NOON + timedelta(days=9)},
        {"sale_opens_at": NOON + timedelta(days=9)},
        {"allocations": (Allocation("Far", "X", ((15, 3),)),)},
    ],
)
def test_terms_that_make_no_sense_are_refused(changes: dict[str, object]):
    sale = RuledSale()
    before = sale.show.terms
    assert isinstance(sale.amend(**changes).refusal, ChangeRefused)
    assert sale.show.terms == before


def test_a_show_that_is_over_is_not_changed():
    sale = RuledSale()
    sale.later(10 * 3600)
    assert isinstance(sale.amend(hold_seconds=9).refusal, ChangeRefused)


def test_an_organisers_command_before_the_show_is_open_refuses_no_booking():
    command = BlockSeats(command_id=UUID(int=1), show_id=SHOW, seats=("7-0",))
    outcome = decide(None, command, NOON, Inputs())
    assert isinstance(outcome.refusal, ShowClosed)
    assert outcome.booking_state == ""


def test_a_show_without_rules_of_its_own_is_decided_as_cheaply_as_ever():
    assert Show(SHOW, terms(rules=Rules()), PLAN).simple
    assert Show(SHOW, terms(), PLAN).simple
    sale = RuledSale(PLAN)
    sale.amend(single_seats="refuse")
    assert not sale.show.simple
    sale.amend(single_seats="allow")
    assert sale.show.simple
