"""Any commands under all rules of a show: what is kept, single seats, ticket types, coupons, blocks and amendments."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from actors.show import Outcome
from sagas.identity import base32
from sagas.messages import (
    AmendShow,
    BlockSeats,
    Changes,
    DropCoupon,
    HoldSeats,
    Price,
    SetCoupon,
    StandingWish,
    UnblockSeats,
)
from sagas.seat_plan import SeatPlan
from sagas.terms import Allocation, CouponTerms, Fees, Resale, Rules, Tax, TicketType
from tests.actors.naive_choice import Naive, row, seated, standing
from tests.actors.test_show_any_commands import BUYERS, NOON, NUMBER, SHOW, TERMS, AnyCommands, NaiveShow

pytestmark = pytest.mark.pure

PLAN = SeatPlan(
    (standing("floor", 4), seated("stalls", row("A", 2, 4, accessible=(3,), companions=(2,)), row("B", 4)),
     seated("balcony", row("A", 4)))
)  # fmt: skip
FLOOR, STALLS, BALCONY = range(4), range(4, 14), range(14, 18)
ACCESSIBLE, KEPT, PARTNERS = {7}, {6, 7}, {16, 17}
RELEASED_AT = NOON + timedelta(minutes=4)
RULES = Rules(
    single_seats="refuse", fees=Fees(per_ticket=3, per_booking=5, basis_points=250), tax=Tax(basis_points=1800),
    ticket_types=(
        TicketType("child", percent=50), TicketType("senior", "stalls", amount=13), TicketType("child", "balcony", 7)
    ),
    allocations=(Allocation("Partner", "FRIENDS", ((16, 2),), RELEASED_AT),), refund_until_hours=0, refund_percent=80,
    resale=Resale(max_percent=110, fee_percent=10, until_hours=0),
)  # fmt: skip
CHANGES = [
    Changes(single_seats="allow"),
    Changes(single_seats="refuse", prices=(Price("floor", 2), Price("stalls", 31), Price("balcony", 0))),
    Changes(ticket_types=(), max_seats_per_booking=5),
    Changes(ends_at=TERMS.ends_at + timedelta(minutes=1)),
    Changes(refund_percent=50),
    Changes(tax=Tax(basis_points=500, inclusive=True), fees=None),
    Changes(accessible_release_hours=0),
    Changes(sale_closes_at=NOON - timedelta(days=1)),
    Changes(prices=(Price("floor", 2),)),
]


class NaiveRuledShow(NaiveShow):
    """As the simpler one, with all rules looked up in the terms as they are at that moment."""

    def __init__(self) -> None:
        super().__init__(PLAN)
        self.rules, self.prices = RULES, {p.section_id: p.amount for p in TERMS.prices}
        self.refund_hours, self.refund_percent = 0, 80
        self.resale_hours, self.max_percent = 0, 110
        self.coupons: dict[str, CouponTerms] = {}
        self.coupon_of: dict[UUID, str] = {}

    def price(self, at: int, kind: str) -> int | None:
        section = "floor" if at in FLOOR else "stalls" if at in STALLS else "balcony"
        own = [k for k in self.rules.ticket_types if k.name == kind and k.section_id == section]
        general = [k for k in self.rules.ticket_types if k.name == kind and k.section_id is None]
        if not kind:
            return self.prices[section]
        for found in own + general:
            return found.amount if found.amount is not None else (self.prices[section] * found.percent + 50) // 100
        return None

    def kept(self, wish: HoldSeats, now: datetime) -> set[int]:
        kept = set()
        if not wish.accessible and not (self.rules.accessible_release_hours is not None and now >= self.starts_at):
            kept |= KEPT
        if wish.access_code != "FRIENDS" and now < RELEASED_AT:
            kept |= PARTNERS
        return kept

    def choose(self, wish: HoldSeats, now: datetime) -> tuple[str, tuple[int, ...]]:
        kept = self.kept(wish, now)
        refusal, seats = self._chosen(wish, kept) if wish.seats else self._best(wish, kept)
        if refusal == "held":
            refusal, seats = self._standing(wish, kept, seats)
        if (
            refusal == "held"
            and wish.seats
            and self.rules.single_seats == "refuse"
            and self._leaves_single(seats, kept)
        ):
            return "orphan-seat", ()
        if refusal != "held":
            return refusal, ()
        if any(self.price(at, kind) is None for at, kind in zip(seats, kinds_of(wish), strict=True)):
            return "ticket-type-refused", ()
        if wish.coupon and not self.usable(wish.coupon, wish.buyer_id, now):
            return "coupon-refused", ()
        return "held", seats

    def _chosen(self, wish: HoldSeats, kept: set[int]) -> tuple[str, tuple[int, ...]]:
        known = {f"{base32(NUMBER)}-{base32(at)}": at for at in self.seats}
        chosen = [known.get(seat, -1) for seat in wish.seats]
        away = [at for at in chosen if at < 0 or self.seats[at][0] != "free" or at in kept]
        if away:
            only = all(at >= 0 and self.seats[at][0] == "free" and at in KEPT & kept for at in away)
            return ("accessible-only" if only else "seat-taken"), ()
        return ("seat-taken" if len(set(chosen)) < len(chosen) else "held"), tuple(chosen)

    def _naive(self, kept: set[int]) -> Naive:
        states = bytearray(int(self.seats[at][0] != "free") for at in self.seats)
        return Naive(PLAN, states, kept, self.rules.single_seats == "refuse")

    def _best(self, wish: HoldSeats, kept: set[int]) -> tuple[str, tuple[int, ...]]:
        sections = [at for at, s in enumerate(PLAN.sections) if wish.section_id in (None, s.id)]
        sections = [at for at in sections if PLAN.sections[at].id not in {area.section_id for area in wish.standing}]
        kinds = {kind for kind in wish.ticket_types if kind}
        offered = [at for at in sections if all(self.price(PLAN.firsts[at], kind) is not None for kind in kinds)]
        if not offered:
            return ("ticket-type-refused" if kinds else "sold-out"), ()
        if wish.accessible:
            found = self._naive(kept).best_accessible(wish.quantity, offered, wish.together, ACCESSIBLE)
        else:
            found = self._naive(kept).best(wish.quantity, offered, wish.together)
        if found:
            return "held", tuple(found)
        free = [at for at in self.seats if self.seats[at][0] == "free" and at not in kept]
        left = sum(PLAN.firsts[i] <= at < PLAN.firsts[i] + PLAN.sections[i].places for i in offered for at in free)
        there = {at for at in free if any(at in range(PLAN.firsts[i], PLAN.firsts[i] + PLAN.sections[i].places)
                                          for i in offered)}  # fmt: skip
        none_accessible = wish.accessible and not ACCESSIBLE & there
        return ("sold-out" if none_accessible or left < wish.quantity else "not-together"), ()

    def _standing(self, wish: HoldSeats, kept: set[int], seats: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        for area in wish.standing:
            there = [at for at in FLOOR if self.seats[at][0] == "free" and at not in seats and at not in kept]
            if len(there) < area.quantity:
                return "sold-out", ()
            seats += tuple(there[: area.quantity])
        return "held", seats

    def _leaves_single(self, seats: tuple[int, ...], kept: set[int]) -> bool:
        for section, first in zip(PLAN.sections, PLAN.firsts, strict=True):
            for line in section.rows:
                here = {at - first for at in seats if first <= at < first + len(line.seats)}
                naive = self._naive(kept)
                if here and naive.singles(line, first, here):
                    windows = naive._windows(len(here), line, first)
                    if any(not naive.singles(line, first, range(b, b + len(here))) for b in windows):
                        return True
                first += len(line.seats)
        return False

    def usable(self, code: str, buyer: UUID, now: datetime) -> bool:
        terms = self.coupons.get(code)
        used = [
            b for b, c in self.coupon_of.items() if c == code and self.bookings[b]["state"] in ("held", "confirmed")
        ]
        own = [b for b in used if self.bookings[b]["buyer"] == buyer]
        return (
            terms is not None
            and not (terms.until and now >= terms.until)
            and (terms.max_uses is None or len(used) < terms.max_uses)
            and (terms.max_uses_per_buyer is None or len(own) < terms.max_uses_per_buyer)
        )

    def confirm(self, booking: UUID, now: datetime) -> str:
        code, about = self.coupon_of.get(booking, ""), self.bookings[booking]
        if about["state"] == "expired" and code in self.coupons:
            endless = msgspec.structs.replace(self.coupons[code], until=None)
            self.coupons[code], before = endless, self.coupons[code]
            usable = self.usable(code, about["buyer"], now)
            self.coupons[code] = before
            if not usable:
                return "gone"
        return super().confirm(booking, now)

    def turn(self, seats: list[int], was: str, to_be: str) -> bool:
        if any(at not in self.seats or self.seats[at][0] not in (was, to_be) for at in seats):
            return False
        for at in seats:
            self.seats[at] = (to_be, None)
        return True


def kinds_of(wish: HoldSeats) -> list[str]:
    own = len(wish.seats) or wish.quantity
    kinds = list(wish.ticket_types) + [""] * (own - len(wish.ticket_types))
    return kinds + [area.ticket_type for area in wish.standing for _ in range(area.quantity)]


def ids(seats: list[int]) -> tuple[str, ...]:
    return tuple(f"{base32(NUMBER)}-{base32(at)}" for at in seats)


class AnyRules(AnyCommands):
    plan, terms = PLAN, msgspec.structs.replace(TERMS, rules=RULES)
    naive: NaiveRuledShow
    given_away = False
    bookings = AnyCommands.bookings
    kinds = st.sampled_from(["", "", "child", "senior", "dog"])
    extras = st.fixed_dictionaries(
        {}, optional={
            "accessible": st.just(True), "access_code": st.sampled_from(["FRIENDS", "FOES"]),
            "coupon": st.sampled_from(["TEN", "ALL", "ONCE", "NONE"]),
            "standing": st.tuples(st.builds(StandingWish, st.just("floor"), st.integers(1, 2), kinds)),
        },
    )  # fmt: skip

    def naive_show(self) -> NaiveShow:
        return NaiveRuledShow()

    def check_amounts(self, outcome: Outcome) -> None:
        """Shares add up to the amounts, and the amounts to the total; nothing is below zero."""
        amounts, places = outcome.amounts, outcome.places
        assert amounts is not None
        assert amounts.seats == sum(place.price for place in places)
        assert amounts.discount == sum(place.discount for place in places) <= amounts.seats
        assert amounts.fees == sum(place.fees for place in places) >= 0
        assert amounts.tax == sum(place.tax for place in places) >= 0
        assert (amounts.tax_included or 0) == sum(place.tax_included for place in places)
        assert all(0 <= place.discount <= place.price for place in places)
        assert amounts.total == 0 or not self.given_away
        for place, at in zip(places, outcome.seats, strict=True):
            assert place.price == self.naive.price(at, place.ticket_type)

    def _wished(self, buyer: UUID, **wish: Any) -> Any:
        version = 2 if {"ticket_types", "standing", "accessible", "coupon", "access_code"} & set(wish) else 1
        booking = self._hold(buyer, 0, False, version=version, **wish)
        if isinstance(booking, UUID) and "coupon" in wish:
            self.naive.coupon_of[booking] = wish["coupon"]
        return booking

    @rule(
        target=bookings, buyer=st.sampled_from(BUYERS), quantity=st.integers(1, 4), together=st.booleans(),
        section=st.sampled_from([None, None, "stalls", "balcony"]), kinds=st.lists(kinds, max_size=4), extras=extras,
    )  # fmt: skip
    def holds_the_best_by_rules(self, buyer: UUID, quantity: int, kinds: list[str], extras: Any, **more: Any) -> Any:
        more["section_id"] = more.pop("section")
        types = {"ticket_types": tuple(kinds[:quantity])} if kinds else {}
        return self._wished(buyer, quantity=quantity, **types, **more, **extras)

    @rule(
        target=bookings, buyer=st.sampled_from(BUYERS), kinds=st.lists(kinds, max_size=3), extras=extras,
        seats=st.lists(st.integers(0, 18), min_size=1, max_size=3),
    )  # fmt: skip
    def holds_chosen_seats_by_rules(self, buyer: UUID, seats: list[int], kinds: list[str], extras: Any) -> Any:
        types = {"ticket_types": tuple(kinds[: len(seats)])} if kinds else {}
        return self._wished(buyer, seats=ids(seats), **types, **extras)

    @rule(
        target=bookings, seats=st.lists(st.integers(0, 18), min_size=1, max_size=7),
        method=st.sampled_from(["cash", "comp"]), kinds=st.lists(kinds, max_size=2),
    )  # fmt: skip
    def sells_at_the_box_office(self, seats: list[int], method: Any, kinds: list[str]) -> Any:
        """To somebody new each time: no cap, no closing time but the show's end; what is given away costs nothing."""
        types = {"ticket_types": tuple(kinds[: len(seats)]), "version": 2} if kinds else {}
        customer = UUID(int=50_000 + self.asked)
        self.given_away = method == "comp"
        sold = self._hold(customer, 9, False, seats=ids(seats), method=method, seller_id=UUID(int=9), **types)
        self.given_away = False
        return sold

    @rule(seats=st.lists(st.integers(0, 18), min_size=1, max_size=3))
    def blocks(self, seats: list[int]) -> None:
        done = self.tell(BlockSeats(**self._command(), seats=ids(seats))).name == "blocked"
        assert done == self.naive.turn(seats, "free", "blocked")

    @rule(seats=st.lists(st.integers(0, 17), min_size=1, max_size=4))
    def unblocks(self, seats: list[int]) -> None:
        done = self.tell(UnblockSeats(**self._command(), seats=ids(seats))).name == "unblocked"
        assert done == self.naive.turn(seats, "blocked", "free")

    @rule(
        code=st.sampled_from(["TEN", "ALL", "ONCE"]),
        terms=st.sampled_from([
            CouponTerms(percent=10, max_uses=2), CouponTerms(percent=100), CouponTerms(amount=7, max_uses_per_buyer=1),
            CouponTerms(amount=9_999, max_uses=1, until=NOON + timedelta(minutes=3)),
        ]),
    )  # fmt: skip
    def sets_a_coupon(self, code: str, terms: CouponTerms) -> None:
        assert self.tell(SetCoupon(**self._command(), code=code, terms=terms)).name == "coupon-set"
        self.naive.coupons[code] = terms

    @rule(code=st.sampled_from(["TEN", "ALL"]))
    def drops_a_coupon(self, code: str) -> None:
        dropped = self.tell(DropCoupon(**self._command(), code=code)).name == "coupon-dropped"
        assert dropped == (self.naive.coupons.pop(code, None) is not None)

    @rule(changes=st.sampled_from(CHANGES))
    def amends(self, changes: Changes) -> None:
        naive, unset = self.naive, msgspec.UNSET
        live = any(b["state"] in ("held", "confirmed") for b in naive.bookings.values())
        promised = (changes.ends_at not in (unset, naive.ends_at)) or (
            changes.refund_percent not in (unset, naive.rules.refund_percent)
        )
        absurd = changes.sale_closes_at is not unset or (changes.prices is not unset and len(changes.prices) < 3)
        absurd = absurd or (changes.ends_at is not unset and changes.ends_at <= naive.starts_at)
        allowed = not (absurd or (live and promised) or naive.cancelled or self.now >= naive.ends_at)
        assert (self.tell(AmendShow(**self._command(), changes=changes)).name == "amended") == allowed
        if not allowed:
            return
        if changes.prices is not unset:
            naive.prices = {p.section_id: p.amount for p in changes.prices}
        naive.ends_at = changes.ends_at if changes.ends_at is not unset else naive.ends_at
        if changes.refund_percent is not unset:
            naive.refund_percent = changes.refund_percent
        new = {name: getattr(changes, name) for name in Rules.__struct_fields__ if hasattr(changes, name)}
        naive.rules = msgspec.structs.replace(naive.rules, **{n: v for n, v in new.items() if v is not unset})

    def _command(self) -> dict[str, UUID]:
        self.asked += 1
        return {"command_id": UUID(int=20_000 + self.asked), "show_id": SHOW}


TestAnyRules = AnyRules.TestCase
TestAnyRules.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
