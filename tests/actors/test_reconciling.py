"""What becomes of each rupee: every payment is explained from our rows, or it is said to be unexplained."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from actors.payment_gateway import ProviderPayment
from actors.reconciling import Sums, explain, unknown_to_them

pytestmark = pytest.mark.pure


def theirs(amount: int = 500, refunded: int = 0, **more: Any) -> ProviderPayment:
    status = "refunded" if refunded == amount else "captured"
    return ProviderPayment("pay_1", status, amount, "INR", "order_1", amount_refunded=refunded, **more)


def ours(**more: Any) -> dict[str, Any]:
    return {
        "payment_id": UUID(int=1), "booking_id": UUID(int=2), "amount": 500, "currency": "INR", "done": 0, "owed": 0,
        "by_hand": 0, "to_wallet": 0, "topped_up": False, "live": 500, "retained": 0, "kept_before": 0,
        "under_way": False, "long_ago": False, "waiting": 0, **more,
    }  # fmt: skip


def told(sums: Sums) -> dict[str, int]:
    return {name: amount for name, amount in msgspec.structs.asdict(sums).items() if amount}


EXPLAINED: dict[str, tuple[ProviderPayment, dict[str, Any], int, dict[str, int]]] = {
    "kept for live tickets": (theirs(), ours(), 0, {"confirmed": 500}),
    "given back whole": (theirs(refunded=500), ours(live=0, done=500), 0, {"refunded": 500}),
    "given back in part": (theirs(refunded=200), ours(live=300, done=200), 0, {"refunded": 200, "confirmed": 300}),
    "promised, not given back yet": (theirs(), ours(live=0, owed=500), 0, {"owed": 500}),
    "seen to by an operator": (theirs(), ours(live=0, by_hand=500), 0, {"by_hand": 500}),
    "given back into a wallet": (theirs(), ours(live=0, to_wallet=500), 0, {"to_wallet": 500}),
    "for a wallet": (theirs(), ours(live=0, topped_up=True), 0, {"topped_up": 500}),
    "lost to the bank": (theirs(), ours(), 500, {"disputed": 500}),
    "lost to the bank in part": (theirs(), ours(), 200, {"disputed": 200, "confirmed": 300}),
    "cancelled, a part retained": (
        theirs(refunded=100), ours(live=200, done=100, retained=200), 0,
        {"refunded": 100, "confirmed": 200, "retained": 200},
    ),
    "beside a wallet's part": (theirs(), ours(live=800, kept_before=300), 0, {"confirmed": 500}),
    "owed, waits for a dispute": (theirs(), ours(live=300, waiting=200), 0, {"waiting": 200, "confirmed": 300}),
    "its saga is at work": (theirs(), ours(live=0, under_way=True), 0, {"under_way": 500}),
}  # fmt: skip


@pytest.mark.parametrize(("payment", "row", "lost", "expected"), EXPLAINED.values(), ids=EXPLAINED.keys())
def test_a_payment_is_explained(payment: ProviderPayment, row: dict[str, Any], lost: int, expected: dict[str, int]):
    found = explain(payment, row, lost)
    assert told(found.sums) == {"captured": 500} | expected and found.matters == ()
    assert sum(expected.values()) == 500, "the parts are the whole"


UNEXPLAINED: dict[str, tuple[ProviderPayment, dict[str, Any], int, str]] = {
    "never heard of": (theirs(), ours(payment_id=None, amount=None), 500, "payment-unknown-order"),
    "not told yet": (theirs(), ours(amount=None), 500, "payment-capture-untold"),
    "paid for nothing": (theirs(), ours(live=0), 500, "payment-unexplained"),
    "a second one, kept too": (theirs(), ours(kept_before=500), 500, "payment-unexplained"),
    "more than the tickets": (theirs(), ours(live=300), 200, "payment-unexplained"),
    "its saga is stuck": (theirs(), ours(live=0, under_way=True, long_ago=True), 500, "payment-unexplained"),
    "noted otherwise": (theirs(), ours(amount=400), 500, "payment-amount-differs"),
    "in another currency": (theirs(), ours(currency="USD"), 500, "payment-amount-differs"),
    "given back unasked": (theirs(refunded=100), ours(), 100, "payment-refunds-differ"),
    "said to be given back": (theirs(), ours(live=0, done=500), 500, "payment-refunds-differ"),
    "given back twice": (theirs(refunded=400), ours(live=300, done=200), 200, "payment-refunds-differ"),
}


@pytest.mark.parametrize(("payment", "row", "unexplained", "kind"), UNEXPLAINED.values(), ids=UNEXPLAINED.keys())
def test_what_does_not_fit_is_unexplained_and_a_human_is_told(
    payment: ProviderPayment, row: dict[str, Any], unexplained: int, kind: str
):
    found = explain(payment, row)
    assert found.sums.unexplained == unexplained
    assert kind in {matter.kind for matter in found.matters}


def test_a_capture_that_the_provider_does_not_have_is_unexplained():
    found = unknown_to_them("pay_1", ours())
    assert told(found.sums) == {"unexplained": 500}
    assert [matter.kind for matter in found.matters] == ["payment-unknown-to-provider"]


def test_sums_add_up():
    sums = Sums(captured=5, confirmed=5)
    sums.add(Sums(captured=7, refunded=4, unexplained=3))
    assert told(sums) == {"captured": 12, "confirmed": 5, "refunded": 4, "unexplained": 3}
