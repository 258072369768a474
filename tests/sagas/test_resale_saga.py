"""A resold ticket in the sagas of its two buyers, and in the ledger."""

from uuid import UUID

import pytest

from sagas import ledger
from sagas.booking import begin
from sagas.messages import (
    CancelTickets,
    ConfirmSeats,
    KeepAside,
    MakePdf,
    MoneyKeptAside,
    RefundFailed,
    RefundMoney,
    SeatResold,
    SeatsCancelled,
    SeatsConfirmed,
    SeatsHeld,
    SendLetter,
)
from tests.sagas.test_booking_saga import BOOKED, BUYER, SHOW, Story

pytestmark = pytest.mark.pure

LISTING = UUID(int=8)


def told(left: int) -> SeatResold:
    return SeatResold(
        event_id=UUID(int=9), booking_id=BOOKED, listing_id=LISTING, seat="7K-3F", price=500, fee=50, left=left
    )


@pytest.mark.parametrize("left", [0, 1])
def test_the_seller_loses_the_ticket_prints_what_is_left_and_is_written_to(left: int):
    story = Story()
    story.captured()
    assert story.tell(told(left)) == [CancelTickets, *[MakePdf] * left, SendLetter]
    cancel, *_, letter = story.sent[-2 - left :]
    assert isinstance(cancel, CancelTickets) and cancel.seats == ("7K-3F",)
    assert isinstance(letter, SendLetter) and (letter.template, letter.about) == ("sold", LISTING)
    assert story.refunds() == [], "the seller is paid by the buyer, not given back what they paid"


def resold(price: int, number: int = 1) -> SeatResold:
    return SeatResold(
        event_id=UUID(int=20 + number), booking_id=BOOKED, listing_id=UUID(int=number), seat=f"1-{number}", price=price,
        fee=0, left=1,
    )  # fmt: skip


def aside(story: Story) -> list[int]:
    return [one.amount for one in story.facts.kept_aside]


def test_what_others_pay_is_kept_aside_as_far_as_it_is_disputed_and_no_further():
    story = Story()
    story.captured()
    story.disputed("open", 700)
    story.tell(resold(500, 1))
    story.tell(resold(500, 2))
    assert (aside(story), story.facts.proceeds) == ([500, 200], 1_000)
    story.disputed("lost", 700)
    assert (aside(story), story.facts.proceeds, story.facts.claimed) == ([], 300, 700)


def test_what_others_pay_after_a_lost_dispute_is_claimed_once():
    story = Story()
    story.captured()
    story.disputed("lost", 700)
    story.tell(resold(500, 1))
    story.tell(resold(500, 2))
    assert (aside(story), story.facts.proceeds, story.facts.claimed) == ([], 300, 700)


def test_a_dispute_asks_for_what_others_have_paid_and_is_not_kept_aside_yet():
    story = Story()
    story.captured()
    story.tell(resold(500, 1))
    assert story.disputed("open", 700) == [KeepAside]
    asked = story.sent[-1]
    assert isinstance(asked, KeepAside) and (asked.amount, asked.buyer_id) == (500, BUYER)
    assert story.disputed("open", 700) == [], "told again it is a repeat"
    story.answered(KeepAside, MoneyKeptAside, dispute_id="disp_1", amount=300)
    assert aside(story) == [300]
    story.disputed("won", 700)
    assert (aside(story), story.facts.proceeds, story.facts.claimed) == ([], 500, 0)


@pytest.mark.parametrize("sold_first", [True, False])
def test_what_was_owed_for_another_seat_is_not_claimed_from_what_a_resold_one_brings(sold_first: bool):
    """The bank took 1,000: 400 were the buyer's for a cancelled seat, and their refund had failed."""
    story = Story(amount=1_000)
    story.captured()
    story.answered(ConfirmSeats, SeatsConfirmed)
    if sold_first:
        story.tell(resold(900))
    story.tell(
        SeatsCancelled(
            event_id=UUID(int=31), booking_id=BOOKED, cancellation_id=UUID(int=32), seats=("1-2",), amount=400,
            retained=0, to="source", by="buyer", left=1,
        )
    )  # fmt: skip
    story.answered(RefundMoney, RefundFailed, reason="no")
    story.disputed("lost", 1_000)
    if not sold_first:
        story.tell(resold(900))
    assert (story.facts.proceeds, story.facts.claimed) == (300, 600)


def test_the_buyers_saga_knows_whom_the_money_is_for():
    seller = UUID(int=4)
    held = SeatsHeld(
        event_id=UUID(int=6), booking_id=BOOKED, show_id=SHOW, buyer_id=BUYER, method="wallet", amount=500,
        currency="INR", resold_by=seller, resale_fee=50,
    )  # fmt: skip
    facts = begin(held).facts
    assert (facts.resold_by, facts.resale_fee) == (seller, 50)


@pytest.mark.parametrize(("price", "fee"), [(500, 50), (1, 0), (1, 1), (999, 333)])
def test_what_a_resold_ticket_costs_is_its_sellers_less_the_fee(price: int, fee: int):
    seller, organiser = UUID(int=4), UUID(int=5)
    posting = ledger.resold(BOOKED, organiser, seller, price, fee, "INR")
    entries = {(entry.account, entry.owner): entry.amount for entry in posting.entries}
    assert entries == {("booking", BOOKED): price, ("aside", seller): fee - price, ("organiser", organiser): -fee}
    assert sum(entry.amount for entry in posting.entries) == 0
    assert posting.reference == ledger.sold(BOOKED, organiser, price, "INR").reference, "a booking is sold once"
