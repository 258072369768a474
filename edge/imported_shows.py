"""Shows of an imported file: each is put on as by its organiser's own call, or its line says why it cannot be.

One that was imported before stays as it is: its lane has sold by what was said then, so that a line that says anything
else is a mistake, and is changed by the show's own call."""

from typing import Any
from uuid import UUID

import msgspec

from edge.acting import Acting
from edge.context import Context
from edge.import_bodies import PlacedShow, Show
from edge.lane_calls import sealed_for
from edge.planned_shows import Planned, check_approved, check_open, check_planned, plan_shows
from edge.problems import Problem, invalid
from edge.show_bodies import AllocationBody, NewShow, PriceBody, ShowTerms, TicketTypeBody
from sagas.clock import rfc3339
from sagas.seat_plan import SeatPlan, decode
from sagas.terms import NO_RULES
from store import catalogue
from store import shows as rows
from store.imports import thing_id


class ImportedShows:
    """Keeps the shows of one file, in its transaction: ``made`` are to be opened by their lanes once it has ended."""

    def __init__(self, connection: Any, here: Context, acting: Acting, charged: rows.Charges) -> None:
        self._connection, self._here, self._acting, self._charged = connection, here, acting, charged
        self._plans: dict[str, SeatPlan] = {}
        self._places: dict[UUID, str] = {}
        self.made: list[rows.Made] = []

    async def keep(self, shows: list[PlacedShow], errors: list[tuple[str, str]]) -> list[str]:
        """``made`` or ``unchanged`` for each that could be kept; what is wrong with the others is noted."""
        if not shows:
            return []
        await check_approved(self._connection, self._acting)
        done = []
        for placed, hall in await self._with_halls(shows):
            try:
                done.append(await self._keep(placed, hall))
            except Problem as problem:
                for error in problem.fields.get("errors") or [{"pointer": "", "detail": problem.detail}]:
                    pointer = error["pointer"].replace("section_id", "section")
                    errors.append((f"{placed.at}{pointer}", error["detail"]))
        return done

    async def _with_halls(self, shows: list[PlacedShow]) -> list[tuple[PlacedShow, Any]]:
        """By their halls, so that two files that want the same halls never wait for each other in a circle."""
        halls = {name: await self._named("hall", name) for name in {placed.show.hall for placed in shows}}
        found = [(placed, halls[placed.show.hall]) for placed in shows]
        return sorted(found, key=lambda one: str(one[1]["hall_id"] if one[1] is not None else ""))

    async def _named(self, kind: str, name: str) -> Any | None:
        """The event or hall with this ref of the organiser's, or else with this id."""
        find = rows.hall_to_use if kind == "hall" else rows.event_to_show
        organiser_id = self._acting.organiser_id
        found = await find(thing_id(organiser_id, kind, name), organiser_id, self._connection)
        if found is not None:
            return found
        try:
            return await find(UUID(name), organiser_id, self._connection)
        except ValueError:
            return None

    async def _keep(self, placed: PlacedShow, hall: Any | None) -> str:
        show, organiser_id = placed.show, self._acting.organiser_id
        event = await self._named("event", show.event)
        if event is None:
            raise invalid(f"/{placed.event_field}", f"there is no event with the ref {show.event}")
        if hall is None:
            raise invalid("/hall", f"there is no hall with the ref {show.hall} that you may use")
        show_id = thing_id(organiser_id, "show", show.ref)
        before = await rows.own(show_id, organiser_id, self._connection)
        plan = self._plan(before if before is not None else hall)
        planned = plan_shows(_body(show, hall["hall_id"], plan), event, hall, plan, self._charged)
        if before is not None:
            if not _says_the_same(show, planned, before, event["id"], hall["hall_id"]):
                raise invalid("", "this show is there, and not like this: change it by itself (PATCH /v1/shows/{id})")
            return "unchanged"
        check_open(event, hall)
        check_planned(planned, hall)
        await self._make(placed.at, show_id, event, hall, planned)
        return "made"

    def _plan(self, row: Any) -> SeatPlan:
        if row["plan_id"] not in self._plans:
            self._plans[row["plan_id"]] = decode(row["plan_body"])
        return self._plans[row["plan_id"]]

    async def _make(self, at: str, show_id: UUID, event: Any, hall: Any, planned: Planned) -> None:
        terms = planned.terms | {"show_id": show_id}
        try:
            async with self._connection.transaction():  # what is refused leaves the rest of the file as it is
                made = await rows.make(self._connection, event["id"], hall, planned.times, terms)
        except rows.HallTaken:
            raise invalid("/starts_at", await self._whose(show_id, hall, planned)) from None
        for lane, command in made:
            sealed_for(self._here, lane, command, "")
        self._places[show_id] = at
        self.made += made

    async def _whose(self, show_id: UUID, hall: Any, planned: Planned) -> str:
        [(begins, ends, _)] = planned.times
        other = await catalogue.hall_taken(hall["hall_id"], begins, ends, show_id, self._connection)
        if other is None:
            return "another show has this hall at that time"
        if other["id"] in self._places:
            return f"the show at {self._places[other['id']]} has this hall at that time"
        return f"another show has this hall from {rfc3339(other['starts_at'])} to {rfc3339(other['ends_at'])}"


def _body(show: Show, hall_id: UUID, plan: SeatPlan) -> NewShow:
    """The show as its organiser would make it: sections by their ids instead of by their names."""
    ids = {section.name: section.id for section in plan.sections}

    def by_id(given: Any, field: str, kind: type[Any]) -> list[Any]:
        found = []
        for index, part in enumerate(given):
            said = msgspec.structs.asdict(part)
            if said["section_id"] is not None:
                if said["section_id"] not in ids:
                    raise invalid(f"/{field}/{index}/section", f"this hall has no section {said['section_id']}")
                said["section_id"] = ids[said["section_id"]]
            found.append(kind(**said))
        return found

    return NewShow(
        **{name: getattr(show, name) for name in ShowTerms.__struct_fields__},
        hall_id=hall_id,
        starts_at=show.starts_at,
        prices=by_id(show.prices, "prices", PriceBody),
        ticket_types=by_id(show.ticket_types, "ticket_types", TicketTypeBody),
        allocations=by_id(show.allocations, "allocations", AllocationBody),
    )


def _says_the_same(show: Show, planned: Planned, row: Any, event_id: UUID, hall_id: UUID) -> bool:
    """Whether a show that is there is what the file says of it; fees and tax, and when its sale opened unless the file
    says when, are from when it was made."""
    kept, terms = catalogue.terms_of(row), dict(planned.terms)
    own, prices = kept.rules or NO_RULES, terms.pop("prices")
    [(terms["starts_at"], terms["ends_at"], terms["sale_closes_at"])] = planned.times
    if show.sale_opens_at is None:
        terms["sale_opens_at"] = kept.sale_opens_at
    terms["rules"] = msgspec.structs.replace(
        terms["rules"], fees=own.fees, tax=own.tax, refund_all_until=own.refund_all_until
    )
    told = msgspec.structs.replace(kept, **terms)
    return (
        (row["event_id"], row["hall_id"]) == (event_id, hall_id)
        and prices == {price.section_id: price.amount for price in kept.prices}
        and told == msgspec.structs.replace(kept, rules=own)
    )
