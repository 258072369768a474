"""Venues: an organiser's own, and the operator's, which everybody may use."""

from typing import Annotated, Any
from uuid import UUID
from zoneinfo import available_timezones

import msgspec
from babel import Locale
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import views
from edge.acting import Acting
from edge.cursor import Name as SortedName
from edge.cursor import Page, decode_sorted_cursor, encode_cursor
from edge.operation import json, operation
from edge.problems import Problem, invalid, not_found
from edge.texts import Address, Name, ShortName
from edge.tokens import Who
from sagas.identity import new_id
from store import venues as rows
from store.connection import transaction
from store.organisers import record_change

venues = Blueprint("venues")

Country = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}$")]
#: On the venue's wall clock; a closing time before the opening one is on the next day, the same one means: always open.
WallTime = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Zone = Annotated[str, msgspec.Meta(max_length=64)]
Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]

_COUNTRIES = {str(code) for code in Locale("en").territories}
#: Places, and no settings of a machine (``localtime``, ``Factory``).
_ZONES = {name for name in available_timezones() if "/" in name and not name.startswith("Etc/")} | {"UTC"}


class NewVenue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    city: ShortName
    country: Country
    address: Address
    time_zone: Zone
    opens: WallTime
    closes: WallTime
    latitude: Latitude | None = None
    longitude: Longitude | None = None


class VenueChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name | msgspec.UnsetType = msgspec.UNSET
    city: ShortName | msgspec.UnsetType = msgspec.UNSET
    country: Country | msgspec.UnsetType = msgspec.UNSET
    address: Address | msgspec.UnsetType = msgspec.UNSET
    time_zone: Zone | msgspec.UnsetType = msgspec.UNSET
    opens: WallTime | msgspec.UnsetType = msgspec.UNSET
    closes: WallTime | msgspec.UnsetType = msgspec.UNSET
    latitude: Latitude | msgspec.UnsetType | None = msgspec.UNSET
    longitude: Longitude | msgspec.UnsetType | None = msgspec.UNSET


class VenuesQuery(Page, frozen=True, forbid_unknown_fields=True):
    city: ShortName | None = None


@operation(venues, "GET", "/v1/venues", query=VenuesQuery, answers={200: views.VenueList})
async def list_venues(request: Request, query: VenuesQuery, who: Who | None) -> HTTPResponse:
    """Venues by name: those where something is on, the operator's, and your own."""
    after = decode_sorted_cursor(query.cursor, "name", SortedName)
    return _page(await rows.listed(query.city, who and who.id, after, query.limit + 1), query.limit)


@operation(venues, "GET", "/v1/organiser/venues", query=Page, answers={200: views.VenueList})
async def list_own_venues(request: Request, query: Page, acting: Acting) -> HTTPResponse:
    """Your organiser's venues, by name."""
    after = decode_sorted_cursor(query.cursor, "name", SortedName)
    return _page(await rows.of_organiser(acting.organiser_id, after, query.limit + 1), query.limit)


def _page(found: list[Any], limit: int) -> HTTPResponse:
    last = found[limit - 1] if len(found) > limit else None
    more = encode_cursor("name", last["name"], last["id"]) if last else None
    return json(views.VenueList([venue_view(row) for row in found[:limit]], more))


@operation(venues, "GET", "/v1/venues/{venue_id}", answers={200: views.VenueView}, problems=(404,))
async def get_venue(request: Request, venue_id: UUID, who: Who | None) -> HTTPResponse:
    """A venue."""
    row = await rows.seen(venue_id, who and who.id)
    if row is None:
        raise not_found()
    return json(venue_view(row))


@operation(venues, "POST", "/v1/venues", body=NewVenue, answers={201: views.VenueView})
async def create_venue(request: Request, body: NewVenue, acting: Acting) -> HTTPResponse:
    """A venue of your organiser's; the operator's may be used by all."""
    values, venue_id = msgspec.structs.asdict(body), new_id()
    check_venue(values)
    async with transaction() as connection:
        row = await rows.make(connection, venue_id, acting.organiser_id, values)
        await record_change(connection, acting.who.id, acting.organiser_id, "venue.create", "venue", venue_id)
    return json(venue_view(row), 201, {"Location": f"/v1/venues/{venue_id}"})


@operation(
    venues, "PATCH", "/v1/venues/{venue_id}", body=VenueChange, answers={200: views.VenueView}, problems=(404, 409)
)
async def change_venue(request: Request, venue_id: UUID, body: VenueChange, acting: Acting) -> HTTPResponse:
    """Change what is given.  The time zone stays while shows are to come: their times are told in it."""
    given = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not msgspec.UNSET}
    async with transaction() as connection:
        before = await rows.own(connection, venue_id, acting.organiser_id)
        if before is None:
            raise not_found()
        values = {name: before[name] for name in rows.FIELDS} | given
        check_venue(values)
        if values["time_zone"] != before["time_zone"] and await rows.has_shows_to_come(connection, venue_id):
            raise Problem(409, "Shows are to come here; their times are told in the venue's time zone.")
        row = await rows.change(connection, venue_id, values)
        await record_change(
            connection, acting.who.id, acting.organiser_id, "venue.change", "venue", venue_id, fields=sorted(given)
        )
    return json(venue_view(row))


def check_venue(values: dict[str, Any]) -> None:
    """What a venue's fields mean together.  Raises Problem, which names the field."""
    if values["country"] not in _COUNTRIES:
        raise invalid("/country", "this is no country's code of ISO 3166, such as IN")
    if values["time_zone"] not in _ZONES:
        raise invalid("/time_zone", "this is no time zone of the tz database, such as Asia/Kolkata")
    if (values["latitude"] is None) != (values["longitude"] is None):
        missing = "latitude" if values["latitude"] is None else "longitude"
        raise invalid(f"/{missing}", "latitude and longitude are given together, or neither")


def venue_view(row: Any) -> views.VenueView:
    return views.VenueView(
        row["id"], row["name"], row["city"], row["country"], row["address"], row["time_zone"], row["opens"],
        row["closes"], row["latitude"], row["longitude"], row["active"],
    )  # fmt: skip
