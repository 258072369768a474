"""A resold ticket in the sagas of its two buyers, and in the ledger."""

from uuid import UUID

import pytest

from sagas import ledger
from sagas.booking import begin
from sagas.messages import CancelTickets, MakePdf, SeatResold, SeatsHeld, SendLetter
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
    assert entries == {("booking", BOOKED): price, ("wallet", seller): fee - price, ("organiser", organiser): -fee}
    assert sum(entry.amount for entry in posting.entries) == 0
    assert posting.reference == ledger.sold(BOOKED, organiser, price, "INR").reference, "a booking is sold once"
