"""Events: an organiser drafts, changes, publishes and deletes them; everybody reads them with their shows."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import views
from edge.acting import Acting
from edge.catalogue import show_status, stored_json
from edge.cursor import Page, decode_id_cursor, encode_cursor
from edge.kept_places import public_left
from edge.operation import json, operation
from edge.problems import Problem, not_found
from edge.texts import Language, Name, Prose, Rating, Word
from edge.tokens import Who
from sagas import clock
from sagas.identity import new_id
from sagas.money import Money
from store import events as rows
from store import posters
from store.connection import transaction
from store.organisers import record_change

events = Blueprint("events")

Kind = Literal["concert", "film", "match", "conference", "theatre", "comedy", "other"]
Minutes = Annotated[int, msgspec.Meta(ge=1, le=7 * 1440)]
Tags = Annotated[list[Word], msgspec.Meta(max_length=20)]


class NewEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: Name
    kind: Kind
    description: Prose = ""
    language: Language = ""
    rating: Rating = ""
    duration_minutes: Minutes | None = None
    tags: Tags = []


class EventChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: Name | msgspec.UnsetType = msgspec.UNSET
    kind: Kind | msgspec.UnsetType = msgspec.UNSET
    description: Prose | msgspec.UnsetType = msgspec.UNSET
    language: Language | msgspec.UnsetType = msgspec.UNSET
    rating: Rating | msgspec.UnsetType = msgspec.UNSET
    duration_minutes: Minutes | msgspec.UnsetType | None = msgspec.UNSET
    tags: Tags | msgspec.UnsetType = msgspec.UNSET


class OwnEventsQuery(Page, frozen=True, forbid_unknown_fields=True):
    status: Literal["draft", "published", "cancelled", "over"] | None = None


@operation(events, "GET", "/v1/events/{event_id}", answers={200: views.EventView}, problems=(404,))
async def get_event(request: Request, event_id: UUID, who: Who | None) -> HTTPResponse:
    """An event with its shows; a draft is seen by its organiser's members only."""
    row = await rows.seen(event_id, who and who.id)
    if row is None:
        raise not_found()
    return json(event_view(row, await rows.shows_of(event_id)))


@operation(events, "POST", "/v1/events", body=NewEvent, answers={201: views.EventView})
async def create_event(request: Request, body: NewEvent, acting: Acting) -> HTTPResponse:
    """A draft of an event."""
    event_id = new_id()
    async with transaction() as connection:
        row = await rows.make(connection, event_id, acting.organiser_id, msgspec.structs.asdict(body))
        await record_change(connection, acting.who.id, acting.organiser_id, "event.create", "event", event_id)
    return json(event_view(row, []), 201, {"Location": f"/v1/events/{event_id}"})


@operation(
    events, "PATCH", "/v1/events/{event_id}", body=EventChange, answers={200: views.EventView}, problems=(404, 409)
)
async def change_event(request: Request, event_id: UUID, body: EventChange, acting: Acting) -> HTTPResponse:
    """Change what is given; found by a search as soon as this answers."""
    given = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not msgspec.UNSET}
    async with transaction() as connection:
        row = await _own(connection, event_id, acting)
        if row["status"] not in ("draft", "published"):
            raise Problem(409, f"This event is {row['status']}.")
        before = {name: stored_json(row[name]) if name == "tags" else row[name] for name in rows.FIELDS}
        row = await rows.change(connection, event_id, before | given)
        await record_change(
            connection, acting.who.id, acting.organiser_id, "event.change", "event", event_id, fields=sorted(given)
        )
    return json(event_view(row, await rows.shows_of(event_id)))


@operation(events, "POST", "/v1/events/{event_id}/publish", answers={200: views.EventView}, problems=(404, 409))
async def publish_event(request: Request, event_id: UUID, acting: Acting) -> HTTPResponse:
    """Show a draft to everybody.  Publishing twice is publishing once."""
    async with transaction() as connection:
        row = await _own(connection, event_id, acting)
        if row["status"] not in ("draft", "published"):
            raise Problem(409, f"This event is {row['status']}.")
        if row["status"] == "draft":
            row = await rows.set_status(connection, event_id, "published")
            await record_change(connection, acting.who.id, acting.organiser_id, "event.publish", "event", event_id)
    return json(event_view(row, await rows.shows_of(event_id)))


@operation(events, "DELETE", "/v1/events/{event_id}", answers={204: None}, problems=(404, 409))
async def delete_event(request: Request, event_id: UUID, acting: Acting) -> HTTPResponse:
    """Delete an event that has no shows.  One that has some is ended by cancelling them."""
    async with transaction() as connection:
        before = await _own(connection, event_id, acting)
        if await rows.has_shows(connection, event_id):
            raise Problem(409, "This event has shows: cancel them instead.")
        await posters.give_up(connection, before["poster_url"])
        await rows.remove(connection, event_id)
        await record_change(connection, acting.who.id, acting.organiser_id, "event.delete", "event", event_id)
    return HTTPResponse(None, 204)


@operation(events, "GET", "/v1/organiser/events", query=OwnEventsQuery, answers={200: views.OwnEventList})
async def list_own_events(request: Request, query: OwnEventsQuery, acting: Acting) -> HTTPResponse:
    """Your organiser's events, drafts included, newest first."""
    before = decode_id_cursor(query.cursor)
    found = await rows.of_organiser(acting.organiser_id, query.status, before, query.limit + 1)
    items = [
        views.OwnEventItem(row["id"], row["title"], row["kind"], row["status"], row["poster_url"])
        for row in found[: query.limit]
    ]
    return json(views.OwnEventList(items, encode_cursor(items[-1].id) if len(found) > query.limit else None))


async def _own(connection: Any, event_id: UUID, acting: Acting) -> Any:
    row = await rows.own(connection, event_id, acting.organiser_id)
    if row is None:
        raise not_found()
    return row


def event_view(row: Any, shows: list[Any]) -> views.EventView:
    now = clock.now()
    return views.EventView(
        row["id"], row["title"], row["kind"], row["description"], row["language"], row["rating"],
        row["duration_minutes"], stored_json(row["tags"]), row["poster_url"], row["status"],
        [show_item(show, sum(public_left(show, now).values())) for show in shows],
    )  # fmt: skip


def show_item(row: Any, left: int) -> views.ShowItem:
    prices = [price["amount"] for price in stored_json(row["prices"])]
    return views.ShowItem(
        row["id"], row["starts_at"], row["ends_at"], show_status(row, left), row["venue_name"], row["city"],
        row["hall_name"], row["time_zone"], row["currency"], Money(min(prices), row["currency"]), left,
    )  # fmt: skip
