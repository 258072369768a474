"""What is on and where: events by filters, events and venues by words that may be mistyped, cities."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import views
from edge.cursor import Name, Number, Page, decode_city_cursor, decode_sorted_cursor, encode_cursor
from edge.operation import json, operation
from edge.problems import invalid
from sagas.money import Money
from store import event_list, venues
from store import search as index
from store.event_list import EventFilter

search = Blueprint("search")

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
#: What a list is sorted by, as its cursor holds it.
_KEYS: dict[str, Any] = {"date": datetime, "price": Number, "title": Name}


class EventQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from", "until": "to"}):
    q: Text | None = None
    city: Text | None = None
    kind: Literal["concert", "film", "match", "conference", "theatre", "comedy", "other"] | None = None
    language: Text | None = None
    since: datetime | None = None
    until: datetime | None = None
    max_price: Annotated[int, msgspec.Meta(ge=0, le=10**15)] | None = None
    status: event_list.Status = "published"
    sort: Literal["date", "-date", "price", "-price", "title", "-title"] = "date"
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=1000)] | None = None


class SearchQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    q: Text
    city: Text | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20


@operation(search, "GET", "/v1/events", query=EventQuery, answers={200: views.EventList})
async def list_events(request: Request, query: EventQuery) -> HTTPResponse:
    """What is on: soonest first, past events only when asked for."""
    for name, moment in (("from", query.since), ("to", query.until)):
        if moment is not None and (moment.tzinfo is None or not 1900 < moment.year < 2500):
            raise invalid(f"/{name}", "give a time with its zone, such as 2026-12-05T14:00:00Z")
    sort: Any = query.sort.lstrip("-")
    which = EventFilter(
        asked=await index.question(query.q) if query.q else None, city=query.city, kind=query.kind,
        language=query.language, since=query.since, until=query.until, max_price=query.max_price, status=query.status,
        sort=sort, descending=query.sort.startswith("-"),
        after=decode_sorted_cursor(query.cursor, query.sort, _KEYS[sort]), limit=query.limit + 1,
    )  # fmt: skip
    found = await event_list.events(which)
    last = found[query.limit - 1] if len(found) > query.limit else None
    items = [event_item(row) for row in found[: query.limit]]
    return json(views.EventList(items, encode_cursor(query.sort, last["key"], last["id"]) if last else None))


def event_item(row: Any) -> views.EventItem:
    price = Money(row["from_price"], row["currency"]) if row["from_price"] is not None else None
    return views.EventItem(
        row["id"], row["title"], row["kind"], row["city"], row["poster_url"], row["next_show_at"], price, row["status"],
        row["venue"], row["time_zone"],
    )  # fmt: skip


@operation(search, "GET", "/v1/search", query=SearchQuery, answers={200: views.FoundList})
async def find(request: Request, query: SearchQuery) -> HTTPResponse:
    """Events and venues that can be booked, best first; typing mistakes are forgiven."""
    found = await index.search(query.q, query.city, query.limit)
    return json(views.FoundList([found_item(row) for row in found]))


def found_item(row: Any) -> views.FoundItem:
    return views.FoundItem(
        row["kind"], row["id"], row["title"], row["city"], row["venue"], row["next_show_at"], row["event_kind"],
        row["poster_url"],
    )  # fmt: skip


@operation(search, "GET", "/v1/cities", query=Page, answers={200: views.CityList})
async def list_cities(request: Request, query: Page) -> HTTPResponse:
    """The cities where something is on, by name."""
    found = await venues.cities(decode_city_cursor(query.cursor), query.limit + 1)
    more = encode_cursor(*found[query.limit - 1]) if len(found) > query.limit else None
    return json(views.CityList([views.CityItem(*row) for row in found[: query.limit]], more))
