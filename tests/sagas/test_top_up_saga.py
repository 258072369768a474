"""A top-up after its money has come: what a bank disputes of it, and what somebody gives back by hand."""

from typing import Any
from uuid import UUID

import pytest

from sagas import ledger
from sagas.disputes import Aside, Dispute
from sagas.disputes import given_back as still_aside
from sagas.identity import derived
from sagas.messages import (
    DisputeChanged,
    Event,
    KeepAside,
    MoneyCaptured,
    MoneyKeptAside,
    PaymentReady,
    RefundSeen,
    SagaCommand,
)
from sagas.saga import Progress, advance
from sagas.top_up import TOP_UP, begin

pytestmark = pytest.mark.pure

TOP_UP_ID, BUYER, AMOUNT = UUID(int=1), UUID(int=2), 75_000


def tell(at: Progress, kind: type[Event], *words: object, **more: Any) -> tuple[Progress, list[SagaCommand]]:
    about = {"event_id": derived(TOP_UP_ID, kind.name(), *words), "booking_id": TOP_UP_ID}
    if "payment_id" in kind.__struct_fields__:
        about["payment_id"] = at.facts.payment_id
    return advance(TOP_UP, at, kind(**about, **more))


def money(kind: type[Event], at: Progress, *words: object, amount: int = AMOUNT, **more: Any) -> Progress:
    return tell(at, kind, *words, amount=amount, currency="INR", provider_payment_id="pay_1", **more)[0]


def topped_up(aside: int = 0) -> Progress:
    """A top-up whose money is in the wallet; ``aside`` of it is kept for a dispute."""
    at = begin(TOP_UP_ID, BUYER, AMOUNT, "INR")
    at, _ = tell(at, PaymentReady, answers=at.awaited, method="razorpay")
    at = money(MoneyCaptured, at, method="razorpay")
    if aside:
        at = money(DisputeChanged, at, "open", amount=aside, dispute_id="disp_1", status="open")
        [asked] = at.awaiting
        assert isinstance(asked, KeepAside)
        at, _ = tell(at, MoneyKeptAside, answers=asked.command_id, dispute_id="disp_1", amount=aside)
    return at


def given_back(at: Progress, amount: int, refund: str = "rfnd_1", **more: Any) -> Progress:
    about = {"refund_id": derived(TOP_UP_ID, refund), "provider_refund_id": refund} | more
    return money(RefundSeen, at, refund, amount=amount, **about)


def test_what_is_given_back_by_hand_is_noted_once_for_each_refund():
    at = given_back(topped_up(), 1_000)
    assert given_back(at, 1_000).facts == at.facts
    assert len(given_back(at, 1_000, "rfnd_2").facts.given_back) == 2
    assert (at.course, at.awaiting) == ("ended", ()), "nothing is asked for"


@pytest.mark.parametrize(("amount", "aside"), [(10_000, [50_000]), (60_000, []), (75_000, [])])
def test_what_is_given_back_by_hand_comes_first_out_of_what_is_kept_aside_of_it(amount: int, aside: list[int]):
    at = given_back(topped_up(aside=60_000), amount)
    assert [one.amount for one in at.facts.kept_aside] == aside


def test_what_is_given_back_by_hand_is_taken_once_from_what_several_disputes_have_aside():
    kept = (Aside("disp_1", 300), Aside("disp_2", 500))
    disputes = tuple(Dispute(one.dispute_id, "pay_1", one.amount, "open") for one in kept)
    assert still_aside(kept, disputes, "pay_1", 400) == (Aside("disp_2", 400),)


def test_what_is_kept_aside_of_another_payment_is_not_touched():
    about = {"dispute_id": "disp_1", "provider_payment_id": "pay_2", "amount": 500, "currency": "INR", "status": "open"}
    at, [asked] = tell(topped_up(), DisputeChanged, "open", **about)
    at, _ = tell(at, MoneyKeptAside, answers=asked.command_id, dispute_id="disp_1", amount=500)
    assert [one.amount for one in given_back(at, AMOUNT).facts.kept_aside] == [500]


def test_what_the_payer_no_longer_has_of_a_top_up_given_back_is_a_loss():
    posting = ledger.top_up_given_back(UUID(int=9), ledger.FromPayer(BUYER, 10_000, 25_000), AMOUNT, "INR")
    assert posting.reference == f"refund:{UUID(int=9)}"
    assert {entry.account: entry.amount for entry in posting.entries} == {
        "aside": 10_000, "wallet": 25_000, "losses": 40_000, "provider": -AMOUNT,
    }  # fmt: skip
