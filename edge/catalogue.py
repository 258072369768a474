"""The catalogue as buyers read it: what is on, an event with its shows, a show with its sections."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import views
from edge.context import context
from edge.cursor import decode_text_cursor, encode_cursor
from edge.operation import caller, json, operation
from edge.problems import Problem, invalid, not_found
from edge.show_cache import KnownShow, known
from edge.streams import send_seats
from sagas import clock
from sagas.money import Money
from sagas.seat_plan import decode
from store import catalogue as rows
from store import shows as own_shows
from store.catalogue import EventFilter

catalogue = Blueprint("catalogue")

_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|\s|$))")

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]


class EventQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from", "until": "to"}):
    q: Text | None = None
    city: Text | None = None
    kind: Literal["concert", "film", "match", "conference", "theatre", "comedy", "other"] | None = None
    language: Text | None = None
    since: datetime | None = None
    until: datetime | None = None
    max_price: Annotated[int, msgspec.Meta(ge=0, le=10**15)] | None = None
    status: Literal["published", "over"] = "published"
    sort: Literal["date", "-date", "price", "-price", "title", "-title"] = "date"
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=400)] | None = None


class StreamQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    since: Annotated[int, msgspec.Meta(ge=0, le=2**62)] | None = None


@operation(catalogue, "GET", "/v1/events", query=EventQuery, answers={200: views.EventList})
async def list_events(request: Request, query: EventQuery) -> HTTPResponse:
    """What is on: soonest first, past events only when asked for."""
    for name, moment in (("from", query.since), ("to", query.until)):
        if moment is not None and (moment.tzinfo is None or not 1900 < moment.year < 2500):
            raise invalid(f"/{name}", "give a time with its zone, such as 2026-12-05T14:00:00Z")
    which = EventFilter(
        q=_literal(query.q), city=_literal(query.city), kind=query.kind, language=_literal(query.language),
        since=query.since, until=query.until, max_price=query.max_price, sort=query.sort.lstrip("-"),
        descending=query.sort.startswith("-"), past=query.status == "over",
        after=decode_text_cursor(query.cursor, query.sort), limit=query.limit + 1,
    )  # fmt: skip
    found = await rows.events(which)
    last = found[query.limit - 1] if len(found) > query.limit else None
    items = [event_item(row) for row in found[: query.limit]]
    return json(views.EventList(items, encode_cursor(query.sort, last["key"], last["id"]) if last else None))


def _literal(text: str | None) -> str | None:
    """The text as it is meant, not as a pattern."""
    return text and text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def event_item(row: Any) -> views.EventItem:
    price = Money(row["from_price"], row["currency"]) if row["from_price"] is not None else None
    return views.EventItem(
        row["id"], row["title"], row["kind"], row["city"], row["poster_url"], row["next_show_at"], price, row["status"],
        row["venue"], row["time_zone"],
    )  # fmt: skip


@operation(catalogue, "GET", "/v1/events/{event_id}", answers={200: views.EventView}, problems=(404,))
async def get_event(request: Request, event_id: UUID) -> HTTPResponse:
    """An event with its shows."""
    found = await rows.event(event_id)
    if found is None:
        raise not_found()
    return json(event_view(*found))


def event_view(row: Any, shows: list[Any]) -> views.EventView:
    return views.EventView(
        row["id"], row["title"], row["kind"], row["description"], row["language"], row["rating"],
        row["duration_minutes"], _json(row["tags"]), row["poster_url"], row["status"],
        [show_item(show) for show in shows],
    )  # fmt: skip


def show_item(row: Any) -> views.ShowItem:
    prices = [price["amount"] for price in _json(row["prices"])]
    left = sum(_json(row["left"]).values())
    return views.ShowItem(
        row["id"], row["starts_at"], row["ends_at"], show_status(row, left), row["venue_name"], row["city"],
        row["hall_name"], row["time_zone"], row["currency"], Money(min(prices), row["currency"]), left,
    )  # fmt: skip


def _json(value: Any) -> Any:
    return msgspec.json.decode(value) if isinstance(value, str) else value


def show_status(row: Any, left: int) -> str:
    now = clock.now()
    if row["cancelled"]:
        return "cancelled"
    if now >= min(row["sale_closes_at"], row["ends_at"]):
        return "over"
    if now < row["sale_opens_at"]:
        return "scheduled"
    return "on_sale" if left else "sold_out"


@operation(catalogue, "GET", "/v1/shows/{show_id}", answers={200: views.ShowView}, problems=(404,))
async def get_show(request: Request, show_id: UUID) -> HTTPResponse:
    """A show: when and where, its sections and prices, and how many places are left."""
    return json(show_view(await known_show(request, show_id)))


async def known_show(request: Request, show_id: UUID) -> KnownShow:
    """A show as everybody may see it; one that is not published yet, its organiser's members and admins."""
    show = await context(request).shows.get(show_id)
    if show is not None:
        return show
    who = caller(request)
    row = await own_shows.seen(show_id, who.id) if who is not None else None
    if row is None:
        raise not_found()
    return known(row, decode(row["plan_body"]))


def show_view(show: KnownShow) -> views.ShowView:
    row = show.row
    left, currency = _json(row["left"]), row["currency"]
    prices = {price["section_id"]: price["amount"] for price in _json(row["prices"])}
    sections = [
        views.SectionView(
            section.id, section.name, section.kind, section.tier, Money(prices[section.id], currency), section.places,
            left.get(section.id, 0),
        )
        for section in show.plan.sections
    ]  # fmt: skip
    return views.ShowView(
        id=row["id"],
        event=views.EventRef(row["event_id"], row["title"], row["kind"]),
        venue=views.VenueRef(
            row["venue_id"], row["venue_name"], row["city"], row["country"], row["address"], row["time_zone"]
        ),
        hall=row["hall_name"],
        status=show_status(row, sum(left.values())),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        sale_opens_at=row["sale_opens_at"],
        sale_closes_at=row["sale_closes_at"],
        currency=currency,
        hold_seconds=row["hold_seconds"],
        max_seats_per_booking=row["max_seats_per_booking"],
        max_seats_per_buyer=row["max_seats_per_buyer"],
        max_live_holds=row["max_live_holds"],
        single_seats=show.rules.single_seats,
        accessible_release_hours=show.rules.accessible_release_hours,
        refund_until_hours=show.rules.refund_until_hours,
        refund_percent=show.rules.refund_percent,
        resale=views.ResaleView(*msgspec.structs.astuple(show.rules.resale)),
        presales=[views.PresaleView(p.name, p.opens_at, p.closes_at) for p in show.rules.presales],
        local_starts_at=row["local_starts_at"],
        sections=sections,
        ticket_types=[
            views.TicketTypeView(
                kind.name,
                kind.name,
                kind.section_id,
                Money(kind.amount, currency) if kind.amount is not None else None,
                kind.percent,
            )
            for kind in show.rules.ticket_types
        ],
    )


@operation(catalogue, "GET", "/v1/shows/{show_id}/seats", answers={200: views.SeatMapView, 304: None}, problems=(404,))
async def get_seats(request: Request, show_id: UUID) -> HTTPResponse:
    """The seat map: sections, rows and seats with their states, as of a version (its ETag)."""
    found = await context(request).seat_maps.get(await known_show(request, show_id))
    headers = {"ETag": f'"{found.version}"', "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    asked = request.headers.get("if-none-match", "")
    if f'"{found.version}"' in asked or asked.strip() == "*":
        return HTTPResponse(None, 304, headers)
    if _GZIP.search(request.headers.get("accept-encoding", "")):
        return HTTPResponse(found.zipped, 200, headers | {"Content-Encoding": "gzip"}, "application/json")
    return HTTPResponse(found.body, 200, headers, "application/json")


@operation(
    catalogue, "GET", "/v1/shows/{show_id}/seats/stream", query=StreamQuery, answers={200: None}, problems=(404,),
    content_type="text/event-stream",
)  # fmt: skip
async def stream_seats(request: Request, show_id: UUID, query: StreamQuery) -> None:
    """Seat changes after a version, as server-sent events (``seats``, or ``reset``: fetch the map again)."""
    show = await known_show(request, show_id)
    since = query.since
    if last := request.headers.get("last-event-id"):
        if not last.isdigit():
            raise Problem(400, "Last-Event-ID is a version of the seat map.")
        since = int(last)
    if since is None:
        since = (await rows.seats_versions([show_id]))[show_id]
    await send_seats(request, show.row["id"], since)
