"""What ends or moves a promise: seats taken back, shows cancelled and postponed, holds kept a little longer, late money
seated after all.

Pure, as all of deciding is.  What a buyer gets back is decided here, under the terms that the booking was made under,
and journalled, so that nobody can dispute afterwards which policy counted."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from sagas import clock
from sagas.messages import CancelSeats, ExtendHold, OpenShow, PostponeShow
from sagas.prices import Share
from sagas.refunds import given_back, is_whole, too_late
from sagas.refusals import AnyRefusal, ChangeRefused, NothingToCancel
from sagas.terms import Rules

if TYPE_CHECKING:
    from actors.show import Hold, Place, Show

FREE = 0
CANCELLED = "cancelled"
#: No hold is kept longer than this beyond its end.
EXTENSION_LIMIT_SECONDS = 120


class TakenBack(NamedTuple):
    """The booking's places as they are from now on, those that were taken back, and what becomes of their price."""

    places: tuple[Place, ...]
    seats: tuple[str, ...]
    back: int
    retained: int


def taken_back(show: Show, command: CancelSeats, now: datetime) -> TakenBack | AnyRefusal:
    """Which seats of a confirmed booking are taken back, and what is owed for them; or why none is."""
    hold = show.bookings.get(command.booking_id)
    if hold is None or hold.state != "confirmed" or hold.buyer_id != command.buyer_id:
        return NothingToCancel(detail="This booking has no seats that could be cancelled.", seats=command.seats)
    places = show.places_of[command.booking_id]
    live = {place.id for place in places if not place.status}
    wanted = set(command.seats) or live
    if missing := tuple(seat for seat in command.seats if seat not in live):
        return NothingToCancel(detail="These seats are not this booking's, or no longer.", seats=missing)
    whole = is_whole(show.rules, command.by, show.cancelled, now)
    if not whole and (late := too_late(show.rules, show.terms.starts_at, now)) is not None:
        return late
    back = retained = 0
    for place in places:
        if place.id in wanted:
            share = Share(place.price, place.discount, place.fees, place.tax, place.tax_included)
            owed = given_back(share, show.rules.refund_percent, whole=whole, face=place.face)
            back, retained = back + owed, retained + share.total - owed
    return TakenBack(
        tuple(msgspec.structs.replace(p, status=CANCELLED) if p.id in wanted else p for p in places),
        tuple(place.id for place in places if place.id in wanted), back, retained,
    )  # fmt: skip


def cancelling_refused(show: Show, now: datetime) -> AnyRefusal | None:
    """Why the show cannot be cancelled."""
    if show.cancelled:
        return ChangeRefused(detail="This show is cancelled already.", fields=())
    return ChangeRefused(detail="This show is over.", fields=()) if now >= show.terms.ends_at else None


def postponing_refused(show: Show, command: PostponeShow, now: datetime) -> AnyRefusal | None:
    """Why the show cannot be put off to that time."""
    if show.cancelled or now >= show.terms.ends_at:
        return ChangeRefused(detail="This show is over or cancelled.", fields=())
    if not now < command.starts_at < command.ends_at:
        return ChangeRefused(detail="A show is postponed to a time to come.", fields=("starts_at", "ends_at"))
    if not now < command.refund_until <= command.starts_at:
        text = "Buyers may take their money back until a time before the show."
        return ChangeRefused(detail=text, fields=("refund_until",))
    return None


def postponed_terms(terms: OpenShow, command: PostponeShow) -> OpenShow:
    """The terms at the new time."""
    rules = msgspec.structs.replace(terms.rules or Rules(), refund_all_until=command.refund_until)
    return msgspec.structs.replace(
        terms, starts_at=command.starts_at, ends_at=command.ends_at, sale_closes_at=command.sale_closes_at, rules=rules
    )


def extended(hold: Hold | None, command: ExtendHold, now: datetime) -> datetime | None:
    """Until when the hold runs now; None when there is nothing to extend."""
    if hold is None or hold.state != "held" or hold.held_until is None:
        return None
    return clock.after(max(hold.held_until, now), min(command.seconds, EXTENSION_LIMIT_SECONDS))


def retaken(show: Show, hold: Hold, places: tuple[Place, ...]) -> tuple[tuple[int, ...], tuple[Place, ...]] | None:
    """The places of a booking whose hold has lapsed, if it can have them after all: its seats themselves; of a standing
    area, where one place is as good as another, any that are free."""
    if all(show.states[ordinal] == FREE for ordinal in hold.seats):
        return hold.seats, ()
    taken: list[int] = []
    found: list[Place] = []
    for ordinal, place in zip(hold.seats, places, strict=True):
        if show.states[ordinal] == FREE:
            taken.append(ordinal)
            found.append(place)
            continue
        other = None if show.choice.row_of[ordinal] >= 0 else _another(show, ordinal, {*taken, *hold.seats})
        if other is None:
            return None
        there = show.place(other)
        taken.append(other)
        found.append(msgspec.structs.replace(place, id=there.id, label=there.label))
    return tuple(taken), tuple(found)


def _another(show: Show, ordinal: int, but: set[int]) -> int | None:
    """The first free place of the same standing area that nobody is kept from."""
    section = show.choice.section_of(ordinal)
    first = show.plan.firsts[section]
    last = first + show.plan.sections[section].places
    return next((at for at in range(first, last) if show.choice.states[at] == FREE and at not in but), None)
