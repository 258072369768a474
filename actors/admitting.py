"""Whether a wish may be made at all: in time, while the sale is on, and within the caps.

Pure, as all of deciding is.  Each question is answered by a refusal, or None."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sagas.messages import HoldSeats
from sagas.refusals import AnyRefusal, LimitReached, NotInTime, ShowClosed

if TYPE_CHECKING:
    from actors.show import Inputs, Show

MOVING = ShowClosed(detail="This show is being moved. Please try again in a moment.", reason="moving")


def not_in_time(wish: HoldSeats, now: datetime) -> AnyRefusal | None:
    if now <= wish.not_after:
        return None
    return NotInTime(detail="Your wish came to its turn too late to be sure that you still wait. Please try again.")


def closed(show: Show, wish: HoldSeats, now: datetime) -> AnyRefusal | None:
    """The box office sells before the public sale, and until the show ends."""
    terms = show.terms
    if show.cancelled:
        return ShowClosed(detail="This show has been cancelled.", reason="cancelled")
    closes_at = min(terms.sale_closes_at, terms.ends_at) if wish.seller_id is None else terms.ends_at
    if now >= closes_at:
        return ShowClosed(detail="The sale for this show has ended.", reason="over")
    if (
        now < terms.sale_opens_at
        and wish.seller_id is None
        and (refusal := _before_the_sale(show, wish, now)) is not None
    ):
        return refusal
    if show.off_sale_until is not None and now < show.off_sale_until:
        return MOVING
    return None


def _before_the_sale(show: Show, wish: HoldSeats, now: datetime) -> AnyRefusal | None:
    running = [presale for presale in show.rules.presales if presale.opens_at <= now < presale.closes_at]
    if any(wish.access_code in presale.access_codes for presale in running):
        return None
    if running:
        text = "Only those with an access code of the presale may buy now."
        return ShowClosed(detail=text, reason="not-open")
    return ShowClosed(detail="The sale for this show has not begun yet.", reason="not-open")


def over_a_limit(show: Show, wish: HoldSeats, inputs: Inputs) -> AnyRefusal | None:
    """Caps are a buyer's; the box office sells to whoever stands there."""
    if wish.seller_id is not None:
        return None
    terms, wanted = show.terms, len(wish.seats) or wish.quantity
    if wish.standing or wish.listing_id is not None:
        wanted = wish.wanted
    if wanted > terms.max_seats_per_booking:
        limit = terms.max_seats_per_booking
        return LimitReached(detail=f"A booking may have at most {limit} places.", limit=limit, of="seats-per-booking")
    if show.live_holds.get(wish.buyer_id, 0) >= terms.max_live_holds:
        limit = terms.max_live_holds
        text = f"You already hold {limit} unpaid bookings for this show. Pay for one, or let it end."
        return LimitReached(detail=text, limit=limit, of="live-holds")
    if inputs.live_holds >= inputs.live_holds_limit:
        limit = inputs.live_holds_limit
        text = f"You already hold {limit} unpaid bookings. Pay for one, or let it end."
        return LimitReached(detail=text, limit=limit, of="live-holds-over-shows")
    cap = terms.max_seats_per_buyer
    if cap is not None and show.buyer_seats.get(wish.buyer_id, 0) + wanted > cap:
        return LimitReached(detail=f"A buyer may have at most {cap} places.", limit=cap, of="seats-per-buyer")
    return None
