"""How a show and its seat map look."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from sagas.money import Money


class EventRef(msgspec.Struct):
    id: UUID
    title: str
    kind: str


class VenueRef(msgspec.Struct):
    id: UUID
    name: str
    city: str
    country: str
    address: str
    time_zone: str


class SectionView(msgspec.Struct):
    id: str
    name: str
    kind: Literal["seated", "standing"]
    tier: str
    price: Money
    total: int
    left: int


class TicketTypeView(msgspec.Struct, omit_defaults=True):
    """A ticket type, of one section or of all: at a price of its own, or at a percentage of the section's."""

    id: str
    name: str
    section_id: str | None = None
    price: Money | None = None
    percent: int | None = None


class ResaleView(msgspec.Struct):
    """What a ticket may be offered for again, and until how long before the show."""

    max_percent: int
    fee_percent: int
    until_hours: int


class PresaleView(msgspec.Struct):
    """When those with an access code may buy before the general sale."""

    name: str
    opens_at: datetime
    closes_at: datetime


class ShowView(msgspec.Struct):
    id: UUID
    event: EventRef
    venue: VenueRef
    hall: str
    status: str
    starts_at: datetime
    ends_at: datetime
    sale_opens_at: datetime
    sale_closes_at: datetime
    currency: str
    hold_seconds: int
    max_seats_per_booking: int
    max_seats_per_buyer: int | None
    max_live_holds: int
    single_seats: Literal["allow", "refuse"]
    accessible_release_hours: int | None
    refund_until_hours: int | None
    refund_percent: int
    resale: ResaleView
    presales: list[PresaleView]
    local_starts_at: datetime | None
    sections: list[SectionView]
    ticket_types: list[TicketTypeView]


class SeatView(msgspec.Struct, omit_defaults=True):
    id: str
    label: str
    state: Literal["free", "held", "sold", "blocked"]
    x: float
    y: float
    accessible: bool = False
    companion: bool = False


class RowView(msgspec.Struct):
    label: str
    seats: list[SeatView]


class SectionMap(msgspec.Struct):
    id: str
    name: str
    kind: Literal["seated", "standing"]
    tier: str
    price: Money
    left: int
    rows: list[RowView]


class SeatMapView(msgspec.Struct, omit_defaults=True):
    """``kept`` names what partners keep at this time, where they keep something."""

    show_id: UUID
    version: int
    sections: list[SectionMap]
    kept: str = ""
