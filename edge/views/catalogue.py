"""How events, venues and halls look, in lists and one by one, and what came of importing them."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from sagas.money import Money


class EventItem(msgspec.Struct):
    id: UUID
    title: str
    kind: str
    city: str | None
    poster_url: str | None
    next_show_at: datetime | None
    from_price: Money | None
    status: str
    venue: str | None = None
    time_zone: str | None = None


class EventList(msgspec.Struct):
    items: list[EventItem]
    next_cursor: str | None


class FoundItem(msgspec.Struct):
    """An event or a venue that a search found, with its next show that can be booked."""

    kind: Literal["event", "venue"]
    id: UUID
    title: str
    city: str
    venue: str
    next_show_at: datetime
    event_kind: str | None
    poster_url: str | None


class FoundList(msgspec.Struct):
    items: list[FoundItem]
    next_cursor: None = None


class CityItem(msgspec.Struct):
    city: str
    country: str


class CityList(msgspec.Struct):
    items: list[CityItem]
    next_cursor: str | None


class VenueView(msgspec.Struct):
    id: UUID
    name: str
    city: str
    country: str
    address: str
    time_zone: str
    opens: str
    closes: str
    latitude: float | None
    longitude: float | None
    active: bool


class HallSeat(msgspec.Struct, omit_defaults=True):
    """A seat's width is 1; the middle of the stage's edge is (0, 0), and ``y`` grows away from it."""

    label: str
    x: float
    y: float
    accessible: bool = False
    companion: bool = False


class HallRow(msgspec.Struct):
    label: str
    seats: list[HallSeat]


class HallSection(msgspec.Struct, omit_defaults=True):
    """``rows`` only where a hall is shown with its plan; a standing section has none."""

    id: str
    name: str
    kind: Literal["seated", "standing"]
    tier: str
    places: int
    rows: list[HallRow] | None = None


class HallView(msgspec.Struct):
    id: UUID
    venue_id: UUID
    name: str
    places: int
    sections: list[HallSection]


class HallList(msgspec.Struct):
    items: list[HallView]
    next_cursor: None = None


class OwnEventItem(msgspec.Struct):
    id: UUID
    title: str
    kind: str
    status: str
    poster_url: str | None


class OwnEventList(msgspec.Struct):
    items: list[OwnEventItem]
    next_cursor: str | None


class VenueList(msgspec.Struct):
    items: list[VenueView]
    next_cursor: str | None


class ShowItem(msgspec.Struct):
    id: UUID
    starts_at: datetime
    ends_at: datetime
    status: str
    venue: str
    city: str
    hall: str
    time_zone: str
    currency: str
    from_price: Money
    left: int


class EventView(msgspec.Struct):
    id: UUID
    title: str
    kind: str
    description: str
    language: str
    rating: str
    duration_minutes: int | None
    tags: list[str]
    poster_url: str | None
    status: str
    shows: list[ShowItem]


class BadLine(msgspec.Struct):
    """A line of CSV (the first below the head is 2), or a pointer into JSON."""

    pointer: str
    detail: str


class ImportReport(msgspec.Struct):
    """What was, or (``dry_run``) would be done.  With errors nothing is done at all."""

    dry_run: bool
    venues: int
    halls: int
    events: int
    shows: int
    made: int
    changed: int
    unchanged: int
    errors: list[BadLine]
