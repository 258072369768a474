"""Shows as buyers read them: a show with its sections, its seat map, and the changes that follow."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import views
from edge.context import context
from edge.kept_places import public_left
from edge.operation import caller, json, operation
from edge.problems import Problem, not_found
from edge.request_headers import takes_gzip
from edge.show_cache import KnownShow, known
from edge.streams import send_seats
from sagas import clock
from sagas.money import Money
from sagas.seat_plan import decode
from sagas.terms import decode_rules
from store import catalogue as rows
from store import shows as own_shows

catalogue = Blueprint("catalogue")


class StreamQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    since: Annotated[int, msgspec.Meta(ge=0, le=2**62)] | None = None
    kept: Annotated[str, msgspec.Meta(max_length=20)] | None = None


def stored_json(value: Any) -> Any:
    return msgspec.json.decode(value) if isinstance(value, str) else value


def show_status(row: Any, left: int) -> str:
    now = clock.now()
    if row["cancelled"]:
        return "cancelled"
    if now >= min(row["sale_closes_at"], row["ends_at"]):
        return "over"
    rules = decode_rules(row["rules"])
    if rules is not None and rules.refund_all_until is not None and now < rules.refund_all_until:
        return "postponed"
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
    left, currency = public_left(row, clock.now()), row["currency"]
    prices = {price["section_id"]: price["amount"] for price in stored_json(row["prices"])}
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
    """The seat map: sections, rows and seats with their states, as of a version; its ETag has the prices' name too.

    What a partner keeps is ``blocked`` until it is released, and not among what is ``left``; then the ETag has the name
    of what is ``kept`` as well."""
    found = await context(request).seat_maps.get(await known_show(request, show_id))
    headers = {"ETag": f'"{found.name}"', "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    asked = request.headers.get("if-none-match", "")
    if f'"{found.name}"' in asked or asked.strip() == "*":
        return HTTPResponse(None, 304, headers)
    if takes_gzip(request):
        return HTTPResponse(found.zipped, 200, headers | {"Content-Encoding": "gzip"}, "application/json")
    return HTTPResponse(found.body, 200, headers, "application/json")


@operation(
    catalogue, "GET", "/v1/shows/{show_id}/seats/stream", query=StreamQuery, answers={200: None}, problems=(404,),
    content_type="text/event-stream",
)  # fmt: skip
async def stream_seats(request: Request, show_id: UUID, query: StreamQuery) -> None:
    """Seat changes after a version, as server-sent events (``seats``, or ``reset``: fetch the map again).

    ``kept`` is the map's (``none``, if it has none): who was away when something was released is told so."""
    show = await known_show(request, show_id)
    since = query.since
    if last := request.headers.get("last-event-id"):
        if not last.isdigit():
            raise Problem(400, "Last-Event-ID is a version of the seat map.")
        since = int(last)
    if since is None:
        since = (await rows.seats_versions([show_id]))[show_id]
    await send_seats(request, show, since, query.kept)
