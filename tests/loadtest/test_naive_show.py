"""What the verdict's naive model of a show notices: decisions that break the show's rules, each told for what it is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from loadtest.checks.naive_endings import CHANGES_RIGHT, EARLIER_WINS, ENDS_RIGHT, REFUSALS_TRUE, Complaints, Row
from loadtest.checks.naive_show import NaiveShow

pytestmark = pytest.mark.pure

NOON = datetime(2026, 12, 5, 12, tzinfo=UTC)
SEATS = [[str(n), float(n), 0.0, n == 4, n == 5] for n in range(6)]
PLAN = {
    "sections": [
        {"id": "stalls", "name": "Stalls", "kind": "seated", "tier": "A", "rows": [["A", SEATS]]},
        {"id": "floor", "name": "Floor", "kind": "standing", "tier": "B", "capacity": 3},
    ]
}
FLOOR = {"section_id": "floor", "quantity": 1}
TIMES = {
    "sale_opens_at": NOON - timedelta(days=1), "sale_closes_at": NOON + timedelta(days=1),
    "starts_at": NOON + timedelta(days=1), "ends_at": NOON + timedelta(days=1, hours=3),
}  # fmt: skip


class Journal:
    """A show's journal, told row by row."""

    def __init__(self, **rules: Any) -> None:
        self.complaints, self.rows = Complaints(), 0
        self.show = NaiveShow("show", PLAN, self.complaints)
        prices = [{"section_id": "stalls", "amount": 500}, {"section_id": "floor", "amount": 200}]
        times = {name: value.isoformat() for name, value in TIMES.items()}
        self.tell("open_show", "opened", {"prices": prices, "rules": rules, **times})

    def tell(self, command: str, outcome: str, message: Any, booking: str = "None", at: datetime = NOON, **result: Any):
        self.rows += 1
        message = {"name": command, "buyer_id": "ann", "not_after": at.isoformat()} | message
        self.show.take(Row("show.00", 0, self.rows, command, booking, outcome, True, at, message, result, {}))

    def held(self, *ordinals: int, amounts: Any = None, each: Any = None, at: datetime = NOON, **wish: Any) -> None:
        """A wish for these places that was granted."""
        ids = [f"7-{ordinal}" for ordinal in ordinals]
        places = [
            {"id": seat, "section_id": "stalls" if ordinal < 6 else "floor", "price": 500 if ordinal < 6 else 200}
            | (each or {})
            for seat, ordinal in zip(ids, ordinals, strict=True)
        ]
        told = {"seats": sum(place["price"] for place in places), "discount": 0, "fees": 0, "tax": 0} | (amounts or {})
        self.tell("hold_seats", "held", {"seats": ids} | wish, f"b{self.rows}", at, places=places, amounts=told)

    def refused(self, kind: str, *ordinals: int, wish: Any = None, **refusal: Any) -> None:
        message = {"seats": [f"7-{ordinal}" for ordinal in ordinals]} | (wish or {})
        self.tell("hold_seats", kind, message, f"b{self.rows}", refusal={"type": kind, **refusal})

    def said(self, check: str) -> str:
        wrong = dict(self.complaints.wrong)
        found = " ".join(wrong.pop(check))
        assert not any(wrong.values()), wrong
        return found


def test_a_sale_by_the_rules_is_right():
    journal = Journal(single_seats="refuse", fees={"per_ticket": 10})
    journal.held(0, amounts={"fees": 10}, each={"fees": 10})
    journal.refused("accessible-only", 4, seats=["7-4"])
    journal.refused("seat-taken", 0, taken=["7-0"], alternatives=["7-2"])
    journal.refused("orphan-seat", 2, seats=["7-1", "7-3"])
    journal.refused("coupon-refused", 3, wish={"coupon": "TEN"}, reason="unknown")
    assert not any(journal.complaints.wrong.values()), journal.complaints.wrong


@pytest.mark.parametrize(
    ("rules", "hold", "complaint"),
    [
        ({}, {"ordinals": [4]}, "kept for others"),
        ({}, {"ordinals": [5]}, "kept for others"),
        ({"allocations": [{"access_code": "CARD", "runs": [[0, 2]]}]}, {"ordinals": [1]}, "kept for others"),
        ({"single_seats": "refuse"}, {"ordinals": [1]}, "orphan-seat"),
        ({}, {"ordinals": [0], "coupon": "TEN"}, "coupon-refused"),
        ({"fees": {"per_ticket": 10}}, {"ordinals": [0]}, "was promised"),
        ({"fees": {"per_ticket": 10}}, {"ordinals": [0], "amounts": {"fees": 10}}, "share 0 of fees"),
        ({"tax": {"basis_points": 1800}}, {"ordinals": [0], "amounts": {"tax": 91}, "each": {"tax": 91}}, "is due"),
        ({}, {"ordinals": [0], "each": {"price": 499}}, "promised at 499"),
        ({}, {"ordinals": [0], "each": {"ticket_type": "child"}}, "promised at 500"),
        ({}, {"ordinals": [0, 6], "seats": ["7-0"]}, "got 2 seats"),
        ({}, {"ordinals": [0, 1], "seats": ["7-0"], "standing": [FLOOR]}, "another area"),
        ({}, {"ordinals": [0], "seats": [], "quantity": 1, "accessible": True}, "got none"),
    ],
)  # fmt: skip
def test_a_hold_that_breaks_a_rule_is_noticed(rules: Any, hold: Any, complaint: str):
    journal = Journal(**rules)
    journal.held(*hold.pop("ordinals"), **hold)
    assert complaint in journal.said(EARLIER_WINS)


def test_the_box_office_may_sell_when_buyers_may_not_and_must_not_when_the_show_is_over():
    journal, closed = Journal(), TIMES["ends_at"] - timedelta(minutes=1)
    sale = {"seller_id": "sam", "not_after": (TIMES["ends_at"] + timedelta(hours=1)).isoformat()}
    journal.held(0, 1, at=NOON - timedelta(days=2), **sale)
    journal.held(2, at=closed, **sale)
    journal.held(3, amounts={"discount": 500}, each={"discount": 500}, at=closed, method="comp", **sale)
    assert not any(journal.complaints.wrong.values()), journal.complaints.wrong
    journal.held(6, at=TIMES["ends_at"], **sale)
    assert "show-closed" in journal.said(EARLIER_WINS)
    journal = Journal()
    journal.held(0, at=closed, not_after=sale["not_after"])
    assert "show-closed" in journal.said(EARLIER_WINS)


def test_a_complimentary_ticket_that_cost_something_is_noticed():
    journal = Journal()
    journal.held(0, method="comp", seller_id="sam")
    assert "is due" in journal.said(EARLIER_WINS)


def test_a_blocked_seat_that_was_given_is_noticed_and_so_is_a_held_one_that_was_blocked():
    journal = Journal()
    journal.tell("block_seats", "blocked", {"seats": ["7-0"]})
    journal.held(0)
    assert "though it was blocked" in journal.said(EARLIER_WINS)
    journal = Journal()
    journal.held(0)
    journal.tell("block_seats", "blocked", {"seats": ["7-0", "7-1"]})
    assert "were held or sold" in journal.said(CHANGES_RIGHT)


def test_a_coupon_that_was_used_once_too_often_is_noticed():
    journal = Journal()
    journal.tell("set_coupon", "coupon-set", {"code": "ONE", "terms": {"amount": 5, "max_uses": 1}})
    journal.held(0, coupon="ONE", amounts={"discount": 5}, each={"discount": 5})
    assert not journal.said(EARLIER_WINS)
    journal.held(1, coupon="ONE", amounts={"discount": 5}, each={"discount": 5})
    assert "coupon-refused" in journal.said(EARLIER_WINS)


def test_what_a_coupon_leaves_is_let_off_where_it_is_too_little_and_not_where_it_can_be_paid():
    for off, version, discount, is_right in (
        (401, 3, 500, True), (401, 2, 401, True), (401, 3, 401, False), (400, 3, 500, False), (401, 2, 500, False)
    ):  # fmt: skip
        journal = Journal()
        journal.tell("set_coupon", "coupon-set", {"code": "MOST", "terms": {"amount": off}})
        told = {"discount": discount}
        journal.held(0, coupon="MOST", version=version, amounts=told, each=told)
        assert (not journal.said(EARLIER_WINS)) == is_right, (off, version, discount)


def test_a_presale_is_for_those_with_its_code_while_it_runs():
    presale = {"opens_at": "2026-12-01T00:00:00Z", "closes_at": "2026-12-04T06:00:00Z", "access_codes": ["LOVE"]}
    journal = Journal(presales=[presale])
    day = datetime(2026, 12, 3, tzinfo=UTC)
    journal.held(0, at=day, access_code="LOVE")
    assert not journal.said(EARLIER_WINS)
    journal.held(1, at=day, access_code="HATE")
    assert "show-closed" in journal.said(EARLIER_WINS)


@pytest.mark.parametrize(
    ("kind", "wish", "refusal"),
    [
        ("orphan-seat", {"seats": ["7-0"]}, {"seats": ["7-1"]}),
        ("accessible-only", {"seats": ["7-0"]}, {"seats": ["7-0"]}),
        ("coupon-refused", {"seats": ["7-0"], "coupon": "TEN"}, {"reason": "used-up"}),
        ("sold-out", {"quantity": 2, "seats": []}, {"left": 1}),
        ("ticket-type-refused", {"seats": ["7-0"]}, {"ticket_type": ""}),
    ],
)
def test_a_refusal_that_was_not_so_is_noticed(kind: str, wish: Any, refusal: Any):
    journal = Journal()
    journal.refused(kind, wish=wish, **refusal)
    assert journal.said(REFUSALS_TRUE)


def test_money_given_back_for_a_coupon_that_nobody_had_is_noticed():
    journal = Journal()
    journal.held(0)
    journal.tell("confirm_seats", "gone", {}, "b1", reason="coupon")
    assert "was told that the seats are gone" in journal.said(ENDS_RIGHT)


def test_late_money_finds_blocked_seats_gone():
    journal = Journal()
    journal.held(0)
    journal.tell("expire_hold", "expired", {}, "b1", booking_state="expired")
    journal.tell("block_seats", "blocked", {"seats": ["7-0"]})
    journal.tell("confirm_seats", "gone", {}, "b1", reason="taken")
    assert not any(journal.complaints.wrong.values()), journal.complaints.wrong
