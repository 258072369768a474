"""What an organiser says of a show, checked against its hall and venue, as the terms that its lane will sell by.

Every mistake is told with the field where it stands: `/prices/1/section_id`.  Times are moments, or (without an offset)
what the clock on the venue's wall shows."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from edge.problems import invalid
from edge.texts import ShortName, Word
from edge.wishes import SectionId
from sagas import clock
from sagas.messages import Price
from sagas.money import PAYABLE_MAX, PAYABLE_MIN, Money, exponent, is_payable
from sagas.money import show as written
from sagas.prices import promise, type_prices
from sagas.seat_plan import SeatPlan
from sagas.terms import Allocation, Presale, Resale, Rules, TicketType

Minor = Annotated[int, Meta(ge=0, le=PAYABLE_MAX)]
Code = Annotated[str, Meta(pattern="^[!-~]{1,40}$")]
Hours = Annotated[int, Meta(ge=0, le=24 * 365)]
Percent = Annotated[int, Meta(ge=0, le=100)]
HoldSeconds = Annotated[int, Meta(ge=5, le=3600)]
SeatsPerBooking = Annotated[int, Meta(ge=1, le=100)]
SeatsPerBuyer = Annotated[int, Meta(ge=1, le=100_000)]
LiveHolds = Annotated[int, Meta(ge=1, le=100)]
SingleSeats = Literal["allow", "refuse"]

#: Without an end and a duration, a show takes this long.
USUAL_SECONDS = 3 * 3600
LONGEST_SECONDS = 14 * 86_400


class PriceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    section_id: SectionId
    amount: Minor


class TicketTypeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ticket type at an amount, or at a percentage of the section's price; for all sections unless one is named."""

    name: Word
    section_id: SectionId | None = None
    amount: Minor | None = None
    percent: Annotated[int, Meta(ge=0, le=1000)] | None = None


class PresaleBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``closes_at`` is the opening of the general sale when it is left out."""

    name: ShortName
    opens_at: datetime
    access_codes: Annotated[list[Code], Meta(min_length=1, max_length=500)]
    closes_at: datetime | None = None


class AllocationBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Places of one section for a partner: whole ``rows``, ``seats`` ("A-1"), or a ``quantity`` of a standing area."""

    name: ShortName
    access_code: Code
    section_id: SectionId
    rows: Annotated[list[str], Meta(min_length=1, max_length=500)] | None = None
    seats: Annotated[list[str], Meta(min_length=1, max_length=2000)] | None = None
    quantity: Annotated[int, Meta(ge=1, le=150_000)] | None = None
    release_at: datetime | None = None


class ResaleBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    max_percent: Annotated[int, Meta(ge=0, le=1000)] = 100
    fee_percent: Percent = 0
    until_hours: Hours = 2


Prices = Annotated[list[PriceBody], Meta(min_length=1, max_length=500)]
TicketTypes = Annotated[list[TicketTypeBody], Meta(max_length=100)]
Presales = Annotated[list[PresaleBody], Meta(max_length=10)]
Allocations = Annotated[list[AllocationBody], Meta(max_length=50)]


class ShowTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a new show says of itself that asks for nothing of its hall."""

    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    ends_at: datetime | None = None
    sale_opens_at: datetime | None = None
    sale_closes_at: datetime | None = None
    hold_seconds: HoldSeconds = 300
    max_seats_per_booking: SeatsPerBooking = 10
    max_seats_per_buyer: SeatsPerBuyer | None = None
    max_live_holds: LiveHolds = 2
    single_seats: SingleSeats = "allow"
    accessible_release_hours: Hours | None = None
    presales: Presales = []
    refund_until_hours: Hours | None = 24
    refund_percent: Percent = 100
    resale: ResaleBody = ResaleBody()


class NewShow(ShowTerms, frozen=True, kw_only=True):
    """A show, or several when ``starts_at`` is a list (all of them are made, or none)."""

    hall_id: UUID
    starts_at: datetime | Annotated[list[datetime], Meta(min_length=1, max_length=100)]
    prices: Prices
    ticket_types: TicketTypes = []
    allocations: Allocations = []


class ShowChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays.  While places are held or sold, so do times, refund and resale terms; new prices, fees
    and rules are for bookings to come.  ``charges`` takes the organiser's fees and tax as they are now."""

    starts_at: datetime | UnsetType = UNSET
    ends_at: datetime | UnsetType = UNSET
    prices: Prices | UnsetType = UNSET
    sale_opens_at: datetime | UnsetType = UNSET
    sale_closes_at: datetime | UnsetType = UNSET
    ticket_types: TicketTypes | UnsetType = UNSET
    hold_seconds: HoldSeconds | UnsetType = UNSET
    max_seats_per_booking: SeatsPerBooking | UnsetType = UNSET
    max_seats_per_buyer: SeatsPerBuyer | UnsetType | None = UNSET
    max_live_holds: LiveHolds | UnsetType = UNSET
    single_seats: SingleSeats | UnsetType = UNSET
    accessible_release_hours: Hours | UnsetType | None = UNSET
    presales: Presales | UnsetType = UNSET
    allocations: Allocations | UnsetType = UNSET
    refund_until_hours: Hours | UnsetType | None = UNSET
    refund_percent: Percent | UnsetType = UNSET
    resale: ResaleBody | UnsetType = UNSET
    charges: Literal["current"] | UnsetType = UNSET


def moment(given: datetime, pointer: str, time_zone: str) -> datetime:
    """The moment that is meant.  Raises the problem of a time that the venue's clock never shows, or shows twice."""
    if not 2000 < given.year < 2200:
        raise invalid(pointer, "this lies too far away")
    if given.tzinfo is not None:
        return given.astimezone(UTC)
    try:
        return clock.of_wall_clock(given, time_zone)
    except clock.NoSuchTime as error:
        raise invalid(pointer, str(error)) from None


def check_times(begins: datetime, ends: datetime, venue: Any, pointer: str = "/starts_at") -> None:
    """A show lies ahead, ends after it starts, and its venue (time_zone, opens, closes) is open meanwhile."""
    if begins <= clock.now():
        raise invalid(pointer, "a show starts in the future")
    if not 0 < (ends - begins).total_seconds() <= LONGEST_SECONDS:
        raise invalid("/ends_at", "a show ends after it starts, within 14 days")
    if not clock.is_within_hours(begins, ends, venue["time_zone"], venue["opens"], venue["closes"]):
        raise invalid(pointer, f"the venue is open from {venue['opens']} to {venue['closes']}, {venue['time_zone']}")


def check_sale(opens: datetime, closes: datetime, ends: datetime) -> None:
    if not opens < closes:
        raise invalid("/sale_closes_at", "a sale closes after it opens")
    if closes > ends:
        raise invalid("/sale_closes_at", "a sale closes before the show ends")


def check_currency(currency: str) -> None:
    try:
        exponent(currency)
    except ValueError as error:
        raise invalid("/currency", str(error)) from None
    if not is_payable(currency):
        raise invalid("/currency", f"nothing can be paid in {currency}")


#: What decides what a booking may cost.
COSTLY = ("prices", "ticket_types", "max_seats_per_booking", "charges")


def check_payable(currency: str, prices: Sequence[Price], rules: Rules, many: int, given: Sequence[str]) -> None:
    """A booking of one place, and of as many as the show allows, is free or can be paid at once, fees and tax with it;
    else it would be held and then fail at the provider.  ``given`` are those of the costly fields that were said: one
    of them is to blame."""
    own = {price.section_id: price.amount for price in prices}
    costs = [(f"/prices/{index}/amount", {price.amount}) for index, price in enumerate(prices)]
    for index, kind in enumerate(rules.ticket_types):
        costs.append((f"/ticket_types/{index}", set(type_prices(own, [kind]).get(kind.name, {}).values())))

    def total(places: int, cost: int) -> int:
        return promise([cost] * places, rules.fees, rules.tax)[0].total

    def told(amount: int) -> str:
        return written(Money(amount, currency))

    for pointer, each in costs:
        at = pointer if pointer.split("/")[1] in given else f"/{given[0]}"
        for cost in sorted(each):
            if 0 < (one := total(1, cost)) < PAYABLE_MIN:
                raise invalid(at, f"a place would cost {told(one)}; it is free, or {told(PAYABLE_MIN)} at least")
            if (all_of_them := total(many, cost)) > PAYABLE_MAX:
                most = f"a booking is at most {told(PAYABLE_MAX)}, which can be paid at once"
                raise invalid(at, f"{many} places would cost {told(all_of_them)}; {most}")


def prices_of(given: list[PriceBody], plan: SeatPlan) -> tuple[Price, ...]:
    """One price for each section of the hall."""
    sections = {section.id: section.name for section in plan.sections}
    seen: set[str] = set()
    for index, price in enumerate(given):
        if price.section_id not in sections:
            raise invalid(f"/prices/{index}/section_id", f"{price.section_id} is not a section of this hall")
        if price.section_id in seen:
            raise invalid(f"/prices/{index}/section_id", f"{sections[price.section_id]} has a price already")
        seen.add(price.section_id)
    missing = [name for section, name in sections.items() if section not in seen]
    if missing:
        raise invalid("/prices", f"there is no price for {', '.join(missing)}")
    return tuple(Price(price.section_id, price.amount) for price in given)


def types_of(given: list[TicketTypeBody], plan: SeatPlan) -> tuple[TicketType, ...]:
    sections = {section.id for section in plan.sections}
    seen: set[tuple[str, str | None]] = set()
    for index, kind in enumerate(given):
        if kind.section_id is not None and kind.section_id not in sections:
            raise invalid(f"/ticket_types/{index}/section_id", f"{kind.section_id} is not a section of this hall")
        if (kind.amount is None) == (kind.percent is None):
            raise invalid(f"/ticket_types/{index}", "give an amount or a percent")
        if (kind.name, kind.section_id) in seen:
            raise invalid(f"/ticket_types/{index}/name", f"{kind.name} was given before")
        seen.add((kind.name, kind.section_id))
    return tuple(TicketType(kind.name, kind.section_id, kind.amount, kind.percent) for kind in given)


def presales_of(given: list[PresaleBody], time_zone: str, sale_opens_at: datetime) -> tuple[Presale, ...]:
    made = []
    for index, presale in enumerate(given):
        opens = moment(presale.opens_at, f"/presales/{index}/opens_at", time_zone)
        closes = sale_opens_at
        if presale.closes_at is not None:
            closes = moment(presale.closes_at, f"/presales/{index}/closes_at", time_zone)
        if not opens < closes:
            raise invalid(
                f"/presales/{index}/opens_at", "a presale opens before it closes, and before the general sale"
            )
        made.append(Presale(presale.name, opens, closes, tuple(dict.fromkeys(presale.access_codes))))
    return tuple(made)


def allocations_of(given: list[AllocationBody], plan: SeatPlan, time_zone: str) -> tuple[Allocation, ...]:
    """Allocations by the ordinals of their places; no place is allocated twice."""
    taken: set[int] = set()
    made = []
    for index, allocation in enumerate(given):
        at = f"/allocations/{index}"
        places = sorted(_places(allocation, plan, at, taken))
        if taken & set(places):
            raise invalid(at, "some of these places are allocated already")
        taken |= set(places)
        release = allocation.release_at and moment(allocation.release_at, f"{at}/release_at", time_zone)
        made.append(Allocation(allocation.name, allocation.access_code, tuple(_runs(places)), release))
    return tuple(made)


def _places(allocation: AllocationBody, plan: SeatPlan, at: str, taken: set[int]) -> set[int]:
    found = [index for index, section in enumerate(plan.sections) if section.id == allocation.section_id]
    if not found:
        raise invalid(f"{at}/section_id", f"{allocation.section_id} is not a section of this hall")
    section, first = plan.sections[found[0]], plan.firsts[found[0]]
    if [allocation.rows, allocation.seats, allocation.quantity].count(None) != 2:
        raise invalid(at, "give one of rows, seats and quantity")
    if section.kind == "standing":
        free = [place for place in range(first, first + section.places) if place not in taken]
        if allocation.quantity is None or allocation.quantity > len(free):
            raise invalid(f"{at}/quantity", f"give a quantity of the {len(free)} places of {section.name}")
        return set(free[-allocation.quantity :])
    if allocation.quantity is not None:
        raise invalid(f"{at}/quantity", "name the rows or seats of a seated section")
    rows: dict[str, set[int]] = {}
    seats: dict[str, set[int]] = {}
    for row in section.rows:
        rows[row.label] = set(range(first, first + len(row.seats)))
        seats |= {f"{row.label}-{seat.label}": {first + place} for place, seat in enumerate(row.seats)}
        first += len(row.seats)
    field, known = ("rows", rows) if allocation.rows is not None else ("seats", seats)
    named = allocation.rows or allocation.seats or []
    for number, name in enumerate(named):
        if name not in known:
            raise invalid(f"{at}/{field}/{number}", f"there is no {name} in {section.name}")
    return set().union(*(known[name] for name in named))


def _runs(places: list[int]) -> Iterator[tuple[int, int]]:
    """Ordinals in order as (first, how many) of those that follow each other."""
    begin = 0
    for at in range(1, len(places) + 1):
        if at == len(places) or places[at] != places[at - 1] + 1:
            yield places[begin], at - begin
            begin = at


def rules_of(body: NewShow, plan: SeatPlan, time_zone: str, sale_opens_at: datetime) -> Rules:
    """The rules of a new show, before the organiser's fees and tax."""
    return Rules(
        single_seats=body.single_seats,
        accessible_release_hours=body.accessible_release_hours,
        ticket_types=types_of(body.ticket_types, plan),
        presales=presales_of(body.presales, time_zone, sale_opens_at),
        allocations=allocations_of(body.allocations, plan, time_zone),
        refund_until_hours=body.refund_until_hours,
        refund_percent=body.refund_percent,
        resale=resale_of(body.resale),
    )


def resale_of(body: ResaleBody) -> Resale:
    return Resale(body.max_percent, body.fee_percent, body.until_hours)
