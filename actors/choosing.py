"""Which places a wish gets: those that were chosen, or the best there are, within what the show's rules allow.

Pure, as all of deciding is.  A choice is a tuple of ordinals, or the refusal that the buyer gets instead."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sagas.messages import HoldSeats, OpenShow
from sagas.refusals import AccessibleOnly, AnyRefusal, NotTogether, OrphanSeat, SeatTaken, SoldOut, TicketTypeRefused
from sagas.seat_plan import SeatPlan

if TYPE_CHECKING:
    from actors.show import Show

FREE = 0
Chosen = tuple[int, ...]


class Keeper(NamedTuple):
    """Places that are not for everybody until some time: a partner's, or (without a code) the accessible ones."""

    places: frozenset[int]
    until: datetime | None
    access_code: str = ""

    def keeps(self, now: datetime) -> bool:
        return self.until is None or now < self.until


def keepers_of(plan: SeatPlan, terms: OpenShow) -> tuple[Keeper, ...]:
    """What a show keeps for whom, by its rules."""
    rules = terms.rules
    if rules is None:
        return ()
    keepers = [
        Keeper(
            frozenset(at for first, count in allocation.runs for at in range(first, first + count)),
            allocation.release_at,
            allocation.access_code,
        )
        for allocation in rules.allocations
    ]
    if plan.accessible or plan.companions:
        keepers.append(Keeper(plan.accessible | plan.companions, rules.accessible_until(terms.starts_at)))
    return tuple(keepers)


def opened_by(show: Show, wish: HoldSeats) -> frozenset[int]:
    """The kept places that are for this buyer; of a choice, those in its rows: more it does not ask about."""
    opened = [
        keeper.places
        for keeper in show.keepers
        if (wish.accessible if not keeper.access_code else keeper.access_code == wish.access_code)
    ]
    if opened and wish.seats and not wish.standing:
        near = _near(show, wish)
        opened = [places & near for places in opened]
    return frozenset().union(*opened)


def _near(show: Show, wish: HoldSeats) -> set[int]:
    """The chosen seats and all others in their rows."""
    chosen = {ordinal for seat in wish.seats if (ordinal := show.ordinal(seat)) >= 0}
    rows = {show.choice.row_of[ordinal] for ordinal in chosen} - {-1}
    blocks = (block for row in rows for block in show.choice.rows[row].blocks)
    return chosen.union(*(range(first, first + length) for first, length in blocks))


def choose(show: Show, wish: HoldSeats, now: datetime) -> Chosen | AnyRefusal:
    """The places of a wish, by all rules of the show."""
    show.keep(now)
    with show.choice.opened(opened_by(show, wish)):
        seats = chosen(show, wish) if wish.seats else best(show, wish)
        if isinstance(seats, tuple) and wish.standing:
            seats = _with_standing(show, wish, seats)
        if isinstance(seats, tuple) and wish.seats and show.choice.avoid_singles:
            return _leaving_none_alone(show, seats)
        return seats


def chosen(show: Show, wish: HoldSeats) -> Chosen | AnyRefusal:
    """The chosen seats, if all are free for this buyer."""
    seats = tuple(show.ordinal(seat) for seat in wish.seats)
    states = show.choice.states
    taken = tuple(seat for seat, at in zip(wish.seats, seats, strict=True) if at < 0 or states[at] != FREE)
    if not taken and len(set(seats)) == len(seats):
        return seats
    section = show.choice.section_of(seats[0]) if seats[0] >= 0 else 0
    near = show.choice.best(len(seats), [section], together=False)
    alternatives = tuple(show.seat_id(ordinal) for ordinal in near)
    if show.keepers and taken and all(at >= 0 and show.keeps_accessible(at) for at in map(show.ordinal, taken)):
        text = (
            "These places are kept for guests who need an accessible one and their companions. Ask for one if you do."
        )
        return AccessibleOnly(detail=text, seats=taken, alternatives=alternatives)
    text = "Some of these seats are no longer free." if len(seats) > 1 else "This seat is no longer free."
    if show.keepers and any(at >= 0 and show.states[at] == FREE for at in map(show.ordinal, taken)):
        text = "Some of these seats are kept for others for now: for a partner's customers, or as accessible places."
    return SeatTaken(
        detail=text,
        taken=taken,
        alternatives=alternatives,
    )


def best(show: Show, wish: HoldSeats) -> Chosen | AnyRefusal:
    """The best places for the party: see ``actors/seat_choice.py`` for what is best."""
    sections = _sections(show, wish)
    if not sections:
        if any(wish.ticket_types) and (wish.section_id is None or wish.section_id in show.section_index):
            return _no_such_type(wish)
        return SoldOut(detail="There is no such section at this show.", left=0)
    if wish.accessible:
        accessible = show.plan.accessible
        found = show.choice.best_accessible(wish.quantity, sections, wish.together, accessible)
    else:
        found = show.choice.best(wish.quantity, sections, wish.together)
    if found:
        return tuple(found)
    left = sum(show.choice.open[section] for section in sections)
    states, section_of = show.choice.states, show.choice.section_of
    if wish.accessible and not any(states[at] == FREE and section_of(at) in sections for at in show.plan.accessible):
        return SoldOut(detail="No accessible place is left.", left=0)
    if left < wish.quantity:
        return SoldOut(detail=f"Only {left} places are left." if left else "All places are taken.", left=left)
    alternatives: tuple[str, ...] = ()
    if show.terms.rules is not None:
        apart = show.choice.best(wish.quantity, sections, together=False)
        alternatives = tuple(show.seat_id(ordinal) for ordinal in apart)
    text = f"There are no {wish.quantity} places side by side any more."
    return NotTogether(detail=text, left=left, alternatives=alternatives)


def _sections(show: Show, wish: HoldSeats) -> list[int]:
    """Where a party may be: in the section it asked for, or in any; not in the standing areas that it asks for beside,
    and only where its ticket types are offered."""
    every = range(len(show.plan.sections))
    sections = list(every) if wish.section_id is None else [show.section_index.get(wish.section_id, -1)]
    if sections == [-1]:
        return []
    if wish.standing:
        beside = {area.section_id for area in wish.standing}
        sections = [index for index in sections if show.plan.sections[index].id not in beside]
    kinds = {kind for kind in wish.ticket_types if kind}
    if kinds:
        offered = [show.types.get(kind, {}) for kind in kinds]
        sections = [index for index in sections if all(show.plan.sections[index].id in kind for kind in offered)]
    return sections


def _no_such_type(wish: HoldSeats) -> TicketTypeRefused:
    return TicketTypeRefused(
        detail="This ticket type is not offered here.", ticket_type=next(filter(None, wish.ticket_types), "")
    )


def _with_standing(show: Show, wish: HoldSeats, seats: Chosen) -> Chosen | AnyRefusal:
    """The standing places beside the seats: as many of each area as were asked for, or none of all."""
    for area in wish.standing:
        index = show.section_index.get(area.section_id, -1)
        if index < 0 or show.plan.sections[index].kind != "standing":
            return SoldOut(detail="There is no such standing area at this show.", left=0)
        among = sum(show.choice.section_of(ordinal) == index for ordinal in seats)
        there = show.choice.standing(index, area.quantity + among)
        if not there:
            left, name = show.choice.open[index] - among, show.plan.sections[index].name
            return SoldOut(detail=f"Only {left} places are left in {name}." if left else f"{name} is full.", left=left)
        seats += tuple(ordinal for ordinal in there if ordinal not in seats)[: area.quantity]
    return seats


def _leaving_none_alone(show: Show, seats: Chosen) -> Chosen | AnyRefusal:
    """Refuse a choice that leaves single seats alone, where a row has so many places side by side that leave none."""
    for row in sorted({show.choice.row_of[ordinal] for ordinal in seats} - {-1}):
        here = [ordinal for ordinal in seats if show.choice.row_of[ordinal] == row]
        alone = show.choice.singles(here)
        if not alone:
            continue
        other = show.choice.without_singles(row, len(here), sum(here) / len(here))
        if other:
            text = "This would leave one seat alone between others. Please choose so that none is left."
            if len(alone) > 1:
                text = "This would leave single seats alone between others. Please choose so that none is left."
            return OrphanSeat(
                detail=text,
                seats=tuple(show.seat_id(ordinal) for ordinal in alone),
                alternatives=tuple(show.seat_id(ordinal) for ordinal in other),
            )
    return seats
