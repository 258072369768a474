"""A catalogue as a file: venues with their halls, events, and shows, as JSON or as CSV; checked line by line.

Each thing has a ``ref`` of the organiser's own, by which it is known again: what was imported before is changed, never
made twice.  CSV has one thing to a line; the column ``record`` says what it is (venue, hall, section, event, show or
presale), and ``of`` names the venue of a hall, the hall of a section, the event of a show and the show of a presale.
Lists within a cell are parted by semicolons: ``Stalls=150000;Floor=80000`` are a show's prices by section, and
``child=50%;child@Floor=20000`` its ticket types."""

import csv
import io
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated, Any

import msgspec

from edge.events import NewEvent
from edge.hall_bodies import Sections, draw
from edge.operation import does_not_fit
from edge.problems import Problem, invalid
from edge.show_bodies import AllocationBody, PriceBody, ShowTerms, TicketTypeBody
from edge.texts import Name, ShortName
from edge.venues import NewVenue, check_venue
from sagas.seat_plan import PlanSection

CSV, JSON = "text/csv", "application/json"
FILE_BYTES_MAX = 10_000_000
THINGS_MAX = 20_000
#: A show waits for its hall; so many are made within seconds.
SHOWS_MAX = 2_000
#: So many mistakes are told; a file with more has one that explains them.
ERRORS_MAX = 200

Ref = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[!-~]+$")]


def _priced(part: str) -> dict[str, Any]:
    """``Stalls=150000``: what a place costs in a section."""
    section, _, amount = part.rpartition("=")
    return {"section": section.strip(), "amount": int(amount)}


def _ticket_type(part: str) -> dict[str, Any]:
    """``child=50%`` or ``child=20000``, ``child@Floor=50%`` of one section only."""
    named, _, cost = part.rpartition("=")
    name, _, section = named.partition("@")
    said = {"percent": int(cost[:-1])} if cost.endswith("%") else {"amount": int(cost)}
    return {"name": name.strip(), **({"section": section.strip()} if section else {}), **said}


_LISTS: dict[str, Callable[[str], Any]] = {
    "tags": str,
    "aisles_after": int,
    "accessible": str,
    "companions": str,
    "access_codes": str,
    "prices": _priced,
    "ticket_types": _ticket_type,
}
_NUMBERS = {
    "rows": int,
    "seats_per_row": int,
    "capacity": int,
    "duration_minutes": int,
    "latitude": float,
    "longitude": float,
    "hold_seconds": int,
    "max_seats_per_booking": int,
    "max_seats_per_buyer": int,
    "max_live_holds": int,
    "accessible_release_hours": int,
    "refund_until_hours": int,
    "refund_percent": int,
}
#: What the clock on the venue's wall shows, or a moment with its offset; seconds may be left out.
_TO_THE_MINUTE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_TIMES = {"starts_at", "ends_at", "sale_opens_at", "sale_closes_at", "opens_at", "closes_at"}
#: A section's own kind shares no column with an event's.
_NAMES = {"section": {"section_kind": "kind"}}


class Hall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ref: Ref
    name: Name
    sections: Sections


class Venue(NewVenue, frozen=True, forbid_unknown_fields=True, kw_only=True):
    ref: Ref
    halls: Annotated[list[Any], msgspec.Meta(max_length=1_000)] = []


class Event(NewEvent, frozen=True, forbid_unknown_fields=True, kw_only=True):
    ref: Ref


class SectionPrice(PriceBody, frozen=True, kw_only=True):
    section_id: ShortName = msgspec.field(name="section")


class SectionTicketType(TicketTypeBody, frozen=True, kw_only=True):
    section_id: ShortName | None = msgspec.field(name="section", default=None)


class SectionAllocation(AllocationBody, frozen=True, kw_only=True):
    section_id: ShortName = msgspec.field(name="section")


class Show(ShowTerms, frozen=True, kw_only=True):
    """As a show that is made, but for its event and its hall, which are named by their refs (or by their ids, where
    they were not imported), and the hall's sections, which are named by their names."""

    ref: Ref
    event: Ref
    hall: Ref
    starts_at: datetime
    prices: Annotated[list[SectionPrice], msgspec.Meta(min_length=1, max_length=500)]
    ticket_types: Annotated[list[SectionTicketType], msgspec.Meta(max_length=100)] = []
    allocations: Annotated[list[SectionAllocation], msgspec.Meta(max_length=50)] = []


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    venues: Annotated[list[Any], msgspec.Meta(max_length=THINGS_MAX)] = []
    events: Annotated[list[Any], msgspec.Meta(max_length=THINGS_MAX)] = []
    shows: Annotated[list[Any], msgspec.Meta(max_length=SHOWS_MAX)] = []


class DrawnHall(msgspec.Struct, frozen=True):
    """A hall of this file, and ``at`` which place of it."""

    at: str
    ref: str
    venue_ref: str
    name: str
    sections: list[PlanSection]


class PlacedShow(msgspec.Struct, frozen=True):
    """A show of this file, and ``at`` which place of it; ``event_field`` names its event there."""

    at: str
    show: Show
    event_field: str = "event"

    @property
    def ref(self) -> str:
        return self.show.ref


class Catalogue(msgspec.Struct):
    """What a file holds, and each mistake in it as (where, what)."""

    venues: list[Venue] = []
    halls: list[DrawnHall] = []
    events: list[Event] = []
    shows: list[PlacedShow] = []
    errors: list[tuple[str, str]] = []


def read(content: bytes, media_type: str) -> Catalogue:
    """The file's things and its mistakes.  Raises Problem for what is no such file at all."""
    return _read_csv(content) if media_type == CSV else _read_json(content)


def _read_json(content: bytes) -> Catalogue:
    try:
        file = msgspec.json.decode(content, type=File)
    except msgspec.ValidationError as error:
        raise does_not_fit(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, f"The body is not valid JSON: {error}.") from None
    found = Catalogue()
    for index, given in enumerate(file.venues):
        _take_venue(found, given, f"/venues/{index}")
    for index, given in enumerate(file.events):
        _take(found, found.events, given, Event, f"/events/{index}")
    for index, given in enumerate(file.shows):
        _take_show(found, given, f"/shows/{index}")
    _check_refs(found, {})
    return found


def _take_show(found: Catalogue, given: Any, at: str, event_field: str = "event") -> None:
    try:
        found.shows.append(PlacedShow(at, msgspec.convert(given, Show), event_field))
    except (msgspec.ValidationError, Problem) as error:
        _note(found, error, at)


def _take_venue(found: Catalogue, given: Any, at: str) -> None:
    venue = _take(found, found.venues, given, Venue, at)
    halls = given.get("halls") if isinstance(given, dict) else None
    for index, hall in enumerate(halls if isinstance(halls, list) else []):
        _take_hall(found, hall, venue.ref if venue else "", f"{at}/halls/{index}")


def _take_hall(found: Catalogue, given: Any, venue_ref: str, at: str) -> None:
    try:
        hall = msgspec.convert(given, Hall)
        found.halls.append(DrawnHall(at, hall.ref, venue_ref, hall.name, draw(hall.sections)))
    except (msgspec.ValidationError, Problem) as error:
        _note(found, error, at)


def _take(found: Catalogue, taken: list[Any], given: Any, kind: Any, at: str) -> Any:
    try:
        thing = msgspec.convert(given, kind)
        if kind is Venue:
            check_venue(msgspec.structs.asdict(thing))
    except (msgspec.ValidationError, Problem) as error:
        return _note(found, error, at)
    taken.append(thing)
    return thing


def _note(found: Catalogue, error: Exception, at: str) -> None:
    problem = error if isinstance(error, Problem) else does_not_fit(str(error))
    found.errors += [(f"{at}{one['pointer']}", one["detail"]) for one in problem.fields["errors"]]


def _check_refs(found: Catalogue, places: dict[int, str]) -> None:
    """A ref names one thing of its kind."""
    kinds: dict[str, list[Any]] = {name: getattr(found, name) for name in ("venues", "halls", "events", "shows")}
    for kind, things in kinds.items():
        seen: set[str] = set()
        for thing in things:
            if thing.ref in seen:
                at = getattr(thing, "at", "") or places.get(id(thing), f"/{kind}")
                found.errors.append((at, f"the ref {thing.ref} was given before"))
            seen.add(thing.ref)


def _read_csv(content: bytes) -> Catalogue:
    try:
        text = content.decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Problem(400, f"This is not CSV in UTF-8: {error}.") from None
    if not lines or "record" not in lines[0] or "ref" not in lines[0]:
        raise invalid("/lines/1", "the first line names the columns, record and ref among them")
    if len(lines) > THINGS_MAX:
        raise invalid("", f"a file has at most {THINGS_MAX:,} lines")
    head = [name.strip() for name in lines[0]]
    if len(set(head)) < len(head):
        raise invalid("/lines/1", "two columns have one name")
    return _of_records(enumerate((_cells(head, line) for line in lines[1:]), 2))


def _cells(head: list[str], line: list[str]) -> dict[str, str] | None:
    """The cells that are not empty, by their columns; None when there are more cells than columns."""
    if len(line) > len(head):
        return None
    return {name: cell.strip() for name, cell in zip(head, line, strict=False) if cell.strip()}


def _of_records(records: Iterable[tuple[int, dict[str, str] | None]]) -> Catalogue:
    found, halls, shows, places = Catalogue(), Gathered("sections"), Gathered("presales"), dict[int, str]()
    for number, cells in records:
        at = f"/lines/{number}"
        if cells is None:
            found.errors.append((at, "this line has more cells than there are columns"))
            continue
        if not cells:
            continue
        record = cells.pop("record", "")
        of = cells.pop("of", "")
        try:
            given = _typed(cells, _NAMES.get(record, {}))
        except Problem as error:
            _note(found, error, at)
            continue
        if record == "venue":
            thing = _take(found, found.venues, given, Venue, at)
        elif record == "event":
            thing = _take(found, found.events, given, Event, at)
        else:
            thing = None
            _gather(found, halls, shows, record, of, given, at)
        if thing is not None:
            places[id(thing)] = at
    for of, hall, at in halls.wholes.values():
        _take_hall(found, hall, of, at)
    if len(shows.wholes) > SHOWS_MAX:
        raise invalid("", f"a file has at most {SHOWS_MAX:,} shows")
    for of, show, at in shows.wholes.values():
        _take_show(found, show | {"event": of}, at, "of")
    _check_refs(found, places)
    return found


class Gathered:
    """Things that have parts on lines of their own: what each is of, what is said of it, and where."""

    def __init__(self, parts: str) -> None:
        self.parts, self.wholes = parts, dict[str, tuple[str, dict[str, Any], str]]()

    def begin(self, found: Catalogue, of: str, given: dict[str, Any], at: str) -> None:
        ref = given.get("ref", "")
        if ref in self.wholes:
            found.errors.append((f"{at}/ref", f"the ref {ref} was given before"))
        self.wholes[ref] = (of, given | {self.parts: []}, at)

    def add(self, found: Catalogue, of: str, given: dict[str, Any], at: str, kind: str) -> None:
        given.pop("ref", None)
        if of not in self.wholes:
            found.errors.append((f"{at}/of", f"no line before names a {kind} {of}"))
        else:
            self.wholes[of][1][self.parts].append(given)


def _gather(
    found: Catalogue, halls: Gathered, shows: Gathered, record: str, of: str, given: dict[str, Any], at: str
) -> None:
    """A hall or a show, or a part of one that was named before."""
    match record:
        case "hall":
            halls.begin(found, of, given, at)
        case "section":
            halls.add(found, of, given, at, "hall")
        case "show":
            shows.begin(found, of, given, at)
        case "presale":
            shows.add(found, of, given, at, "show")
        case _:
            found.errors.append((f"{at}/record", "a record is a venue, hall, section, event, show or presale"))


def _typed(cells: dict[str, str], names: dict[str, str]) -> dict[str, Any]:
    """Cells as the values that they stand for.  Raises Problem, naming the column."""
    given: dict[str, Any] = {}
    for column, text in cells.items():
        try:
            if column in _LISTS:
                given[column] = [_LISTS[column](part.strip()) for part in text.split(";") if part.strip()]
            elif column in _TIMES:
                given[column] = f"{text}:00" if _TO_THE_MINUTE.fullmatch(text) else text
            else:
                given[names.get(column, column)] = _NUMBERS.get(column, str)(text)
        except ValueError:
            raise invalid(f"/{column}", f"{text[:40]!r} is no number") from None
    return given
