"""The provider's words as events: the same fact has one id whoever tells it, and nothing that differs is believed."""

from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from actors.payment_gateway import ProviderPayment, ProviderRefund
from actors.provider_facts import dispute_event, event_of, refund_event, refund_failed
from actors.provider_lists import ProviderDispute
from sagas.identity import derived
from sagas.messages import (
    AttemptFailed,
    AttemptPending,
    DisputeChanged,
    MoneyAuthorized,
    MoneyCaptured,
    MoneyRefunded,
    RefundFailed,
)

pytestmark = pytest.mark.pure

PAYMENT, BOOKING = UUID(int=1), UUID(int=2)


def attempt(status: str, **more: Any) -> ProviderPayment:
    return ProviderPayment(**({"id": "pay_1", "status": status, "amount": 500, "currency": "INR"} | more))


def our_refund(**more: Any) -> dict[str, Any]:
    return {
        "id": UUID(int=3), "booking_id": BOOKING, "payment_id": PAYMENT, "provider_payment_id": "pay_1", "amount": 300,
        "currency": "INR", "command_id": UUID(int=4), **more,
    }  # fmt: skip


def given(status: str = "processed", **more: Any) -> ProviderRefund:
    told = {"id": "rfnd_1", "status": status, "payment_id": "pay_1", "amount": 300, "currency": "INR"} | more
    return msgspec.convert(told, ProviderRefund)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("captured", MoneyCaptured), ("refunded", MoneyCaptured), ("authorized", MoneyAuthorized),
        ("failed", AttemptFailed), ("created", AttemptPending),
    ],
)  # fmt: skip
def test_what_a_payment_is_at_the_provider_is_one_event_however_often_it_is_told(status: str, kind: type):
    first, again = (event_of(attempt(status), PAYMENT, BOOKING) for _ in range(2))
    assert type(first) is kind and first == again
    other = event_of(attempt(status, id="pay_2"), PAYMENT, BOOKING)
    assert other is not None and other.event_id != first.event_id


def test_a_status_that_nobody_knows_is_no_event():
    assert event_of(attempt("pondering"), PAYMENT, BOOKING) is None


def test_an_attempt_that_was_pending_and_then_failed_and_then_succeeded_is_three_facts():
    told = [event_of(attempt(status), PAYMENT, BOOKING) for status in ("created", "failed", "captured")]
    assert len({event.event_id for event in told if event}) == 3


def test_a_refund_that_is_done_says_how_much_of_which_payment():
    told = refund_event(given(), our_refund())
    assert isinstance(told, MoneyRefunded)
    assert (told.amount, told.provider_payment_id, told.provider_refund_id) == (300, "pay_1", "rfnd_1")
    assert told.answers == UUID(int=4)
    assert refund_event(given("pending"), our_refund()) is None


@pytest.mark.parametrize(
    "differs", [{"amount": 299}, {"amount": 301}, {"currency": "USD"}, {"payment_id": "pay_2"}], ids=str
)
@pytest.mark.parametrize("status", ["pending", "processed"])
def test_a_refund_that_differs_from_what_was_asked_is_never_taken_for_done(status: str, differs: dict[str, Any]):
    told = refund_event(given(status, **differs), our_refund())
    assert isinstance(told, RefundFailed) and "instead of what was asked" in told.reason


def test_each_attempt_to_refund_may_fail_once():
    refund = our_refund()
    first, again = (refund_event(given("failed"), refund) for _ in range(2))
    second = refund_event(given("failed", id="rfnd_2"), refund)
    declined = [refund_failed(refund, command, "no", command) for command in (UUID(int=8), UUID(int=9))]
    assert first == again and first is not None and second is not None
    assert len({first.event_id, second.event_id, *(event.event_id for event in declined)}) == 4


def test_our_refund_is_known_by_note_and_receipt_and_a_stranger_s_is_not():
    ours = uuid4()
    assert given(notes={"refund_id": ours.hex}, receipt="anything").refund_id == ours
    assert (given(receipt=ours.hex).refund_id, given(receipt=ours.hex).attempt) == (ours, 0)
    assert (given(receipt=f"{ours.hex}-2", notes=[]).refund_id, given(receipt=f"{ours.hex}-2").attempt) == (ours, 2)
    for stranger in ({}, {"receipt": None}, {"notes": []}, {"receipt": "till 7"}, {"notes": {"refund_id": 7}}):
        assert (given(**stranger).refund_id, given(**stranger).attempt) == (None, 0)


def dispute(status: str, **more: Any) -> DisputeChanged:
    told = {"id": "disp_1", "payment_id": "pay_1", "status": status, "amount": 500, "currency": "INR"} | more
    return dispute_event(msgspec.convert(told, ProviderDispute), PAYMENT, BOOKING)


def test_a_dispute_is_open_won_or_lost_and_each_is_told_once():
    told = {status: dispute(status) for status in ("open", "under_review", "action_required", "won", "lost")}
    assert [event.status for event in told.values()] == ["open", "open", "open", "won", "lost"]
    assert len({event.event_id for event in told.values()}) == 3
    assert dispute("lost", id="disp_2").event_id != told["lost"].event_id


def test_a_closed_dispute_is_lost_only_if_money_was_taken_for_it():
    assert dispute("closed").status == "won"
    assert dispute("closed", amount_deducted=500).status == "lost"
    assert dispute("closed").event_id == dispute("won").event_id


def test_the_id_of_a_fact_follows_from_the_payment_and_never_changes():
    """Facts that old logs hold are told again by a newer version."""
    told = event_of(attempt("captured"), PAYMENT, BOOKING)
    assert told is not None and told.event_id == derived(PAYMENT, "money_captured", "pay_1")
