"""Tickets that their buyers offer to others: offered, revised, withdrawn, and handed over in one decision.

Pure, as all of deciding is.  While somebody is buying an offered seat it stays the seller's; the buyer's own booking
has it in sight only (``OFFERED``).  It changes hands when the money is in, or not at all."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple
from uuid import UUID

import msgspec

from sagas.messages import HoldSeats, OfferTicket, ReviseOffer, WithdrawOffer
from sagas.money import fraction
from sagas.refusals import AnyRefusal, BeingBought, NotOffered, ResaleRefused

if TYPE_CHECKING:
    from actors.show import Hold, Place, Show

#: Of a buyer's place that is still the seller's, and of a seller's place that is the buyer's now.
OFFERED, RESOLD = "offered", "resold"


class Offer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A listing as it stands.  ``face`` is what the place cost when it was first sold, ``buyer_booking_id`` who buys
    it.

    Only those that are open or being bought can still be decided on; of the others their last word is kept."""

    id: UUID
    booking_id: UUID
    seller_id: UUID
    seat: str
    price: int
    face: int
    fee: int = 0
    status: Literal["open", "being_bought", "sold", "withdrawn", "ended"] = "open"
    buyer_booking_id: UUID | None = None


class Sold(NamedTuple):
    """The listing, the buyer's places, and what becomes of the seller's booking."""

    offer: Offer
    places: tuple[Place, ...]
    seller_state: str
    seller_places: tuple[Place, ...]


def is_live(offer: Offer) -> bool:
    return offer.status in ("open", "being_bought")


def until(show: Show) -> datetime:
    """Until when tickets of the show may change hands."""
    return show.terms.starts_at - timedelta(hours=show.rules.resale.until_hours)


def highest_price(show: Show, face: int) -> int:
    return face * show.rules.resale.max_percent // 100


def offered(show: Show, command: OfferTicket, now: datetime) -> Offer | AnyRefusal:
    """The listing, or why this seat cannot be offered so."""
    hold = show.bookings.get(command.booking_id)
    places = {place.id: place for place in show.places_of.get(command.booking_id, ()) if not place.status}
    place = places.get(command.seat)
    if hold is None or hold.state != "confirmed" or hold.buyer_id != command.buyer_id or place is None:
        return ResaleRefused(detail="This seat is not yours, or not any more.", reason="not-yours")
    if any(offer.seat == command.seat for offer in show.listings.values()):
        return ResaleRefused(detail="This ticket is offered already.", reason="offered")
    face = place.face or place.price - place.discount + place.fees + place.tax
    offer = Offer(command.command_id, command.booking_id, command.buyer_id, command.seat, command.price, face)
    return _priced(show, offer, command.price, now)


def revised(show: Show, command: ReviseOffer, now: datetime) -> Offer | AnyRefusal:
    found = _own(show, command)
    return _priced(show, found, command.price, now) if isinstance(found, Offer) else found


def withdrawn(show: Show, command: WithdrawOffer) -> Offer | AnyRefusal:
    found = _own(show, command)
    return msgspec.structs.replace(found, status="withdrawn") if isinstance(found, Offer) else found


def _own(show: Show, command: ReviseOffer | WithdrawOffer) -> Offer | AnyRefusal:
    """The seller's listing, as long as nobody is buying it."""
    offer = show.listings.get(command.listing_id)
    if offer is None or offer.seller_id != command.buyer_id:
        return NotOffered(detail="This ticket is not offered any more.")
    if offer.buyer_booking_id is not None:
        return BeingBought(detail="Somebody is buying this ticket at the moment.")
    return offer


def _priced(show: Show, offer: Offer, price: int, now: datetime) -> Offer | AnyRefusal:
    if show.cancelled or now >= until(show):
        return ResaleRefused(detail="Tickets of this show change hands no more.", reason="time")
    highest = highest_price(show, offer.face)
    if not 1 <= price <= highest:
        text = f"A ticket like this may be offered for at most {highest} (in minor units), and for 1 at least."
        return ResaleRefused(detail=text, reason="price", max_price=highest)
    fee = fraction(price, show.rules.resale.fee_percent, 100)
    return msgspec.structs.replace(offer, price=price, fee=fee)


def wished(show: Show, wish: HoldSeats, now: datetime) -> tuple[Offer, Place] | AnyRefusal:
    """The listing as it is being bought by this wish, and the place as it is promised; or why it cannot be had."""
    offer = show.listings.get(wish.listing_id) if wish.listing_id is not None else None
    if offer is None or now >= until(show):
        return NotOffered(detail="This ticket is not offered any more.")
    if offer.buyer_booking_id is not None:
        return BeingBought(detail="Somebody else is buying this ticket. If they do not pay, it is offered again.")
    if offer.seller_id == wish.buyer_id:
        return ResaleRefused(detail="This is your own ticket.", reason="offered")
    place = msgspec.structs.replace(
        show.place(show.ordinal(offer.seat)), price=offer.price, face=offer.face, listing=offer.id, status=OFFERED
    )
    return msgspec.structs.replace(offer, status="being_bought", buyer_booking_id=wish.booking_id), place


def let_go(show: Show, booking_id: UUID, hold: Hold, now: datetime) -> tuple[Offer, ...]:
    """The listing that a booking was buying, open again; ended when nobody could buy it any more."""
    offer = show.listings.get(hold.listing) if hold.listing is not None else None
    if offer is None or offer.buyer_booking_id != booking_id:
        return ()
    status: Literal["open", "ended"] = "ended" if now >= until(show) else "open"
    return (msgspec.structs.replace(offer, status=status, buyer_booking_id=None),)


def sold(show: Show, booking_id: UUID, hold: Hold, now: datetime) -> Sold | None:
    """The seat changes hands; None when it cannot any more.

    A hold that has lapsed gets what it was promised as long as nobody else does, at the same price."""
    offer = show.listings.get(hold.listing) if hold.listing is not None else None
    promised = show.places_of.get(booking_id, ())
    if show.cancelled or offer is None or not promised:
        return None
    if offer.buyer_booking_id != booking_id and not (
        hold.state == "expired" and offer.buyer_booking_id is None and offer.price == promised[0].price
        and now < until(show)
    ):  # fmt: skip
        return None
    theirs = tuple(
        msgspec.structs.replace(place, status=RESOLD) if place.id == offer.seat and not place.status else place
        for place in show.places_of[offer.booking_id]
    )
    state = "confirmed" if any(not place.status for place in theirs) else "cancelled"
    return Sold(
        msgspec.structs.replace(offer, status="sold", buyer_booking_id=booking_id),
        tuple(msgspec.structs.replace(place, status="") for place in promised), state, theirs,
    )  # fmt: skip


def seller_of(show: Show, booking_id: UUID) -> UUID | None:
    """The booking whose seat this one is buying."""
    hold = show.bookings.get(booking_id)
    offer = show.listings.get(hold.listing) if hold is not None and hold.listing is not None else None
    return offer.booking_id if offer is not None else None


def ended(show: Show, booking_id: UUID, seats: tuple[str, ...]) -> tuple[Offer, ...] | AnyRefusal:
    """The listings of these seats, over because the seats are taken back; or that one is being bought."""
    listed = [o for o in show.listings.values() if o.booking_id == booking_id and o.seat in seats]
    if any(offer.buyer_booking_id is not None for offer in listed):
        return BeingBought(detail="Somebody is buying one of these tickets at the moment.")
    return tuple(msgspec.structs.replace(offer, status="ended") for offer in listed)


def all_ended(show: Show) -> tuple[Offer, ...]:
    """Every listing of a show that is cancelled."""
    return tuple(msgspec.structs.replace(o, status="ended", buyer_booking_id=None) for o in show.listings.values())
