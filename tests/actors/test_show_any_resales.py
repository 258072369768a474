"""Any commands in any order at a show that begins with tickets offered for resale, beside the naive show."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, multiple, rule

from tests.actors.test_show_any_commands import BUYERS
from tests.actors.test_show_any_rules import AnyRules, ids

pytestmark = pytest.mark.pure


class AnyResales(AnyRules):
    bookings, listings = AnyRules.bookings, AnyRules.listings

    @initialize(target=listings, percents=st.lists(st.sampled_from([40, 100, 110]), min_size=2, max_size=4))
    def two_have_tickets_and_offer_some(self, percents: list[int]) -> Any:
        for buyer, seats in zip(BUYERS, ([4, 5], [14, 15]), strict=False):
            self.confirms(self._wished(buyer, seats=ids(seats)))
        offered = [self.offers_a_ticket(at, percent) for at, percent in enumerate(percents)]
        return multiple(*(listing for listing in offered if isinstance(listing, UUID)))

    @rule(target=bookings, listing=listings, at=st.integers(0, 2))
    def buys_what_is_offered(self, listing: Any, at: int) -> Any:
        return self.buys_an_offered_ticket(listing, BUYERS[at], 0, False)

    @rule(listing=listings, percent=st.sampled_from([50, 110, 120]))
    def its_seller_revises(self, listing: Any, percent: int) -> None:
        offer = self.naive.offers.get(listing)
        if offer:
            seller = self.naive.bookings[offer["of"]]["buyer"]
            self.revises_an_offer(listing, seller, offer["face"] * percent // 100)

    @rule(listing=listings, withdraws=st.booleans())
    def its_seller_gives_it_up(self, listing: Any, withdraws: bool) -> None:
        offer = self.naive.offers.get(listing)
        if offer and withdraws:
            self.withdraws_an_offer(listing, self.naive.bookings[offer["of"]]["buyer"])
        elif offer:
            self.cancels_seats(offer["of"], "organiser", [offer["at"]])


TestAnyResales = AnyResales.TestCase
TestAnyResales.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
