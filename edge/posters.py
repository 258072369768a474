"""Posters: an organiser uploads an image for an event, and everybody sees it in three sizes, cached by its content."""

from typing import Literal
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import views
from edge.acting import Acting
from edge.events import event_view
from edge.operation import Upload, json, operation
from edge.poster_images import FORMATS, UPLOAD_BYTES_MAX, draw
from edge.problems import not_found, unavailable
from store import events as rows
from store import files
from store import posters as images
from store.connection import transaction
from store.organisers import record_change

posters = Blueprint("posters")

_CACHED = "public, max-age=31536000, immutable"


class PosterQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    size: Literal["small", "medium", "large"] = "medium"


@operation(
    posters, "PUT", "/v1/events/{event_id}/poster", upload=Upload(tuple(FORMATS), UPLOAD_BYTES_MAX),
    answers={200: views.EventView}, problems=(404, 422),
)  # fmt: skip
async def put_poster(request: Request, event_id: UUID, acting: Acting, upload: bytes, media_type: str) -> HTTPResponse:
    """An event's poster: a JPEG, PNG or WebP image, drawn anew in three sizes (320, 640 and 1280 pixels wide)."""
    if not await rows.is_of(event_id, acting.organiser_id):
        raise not_found()
    address = await images.put(await draw(upload, media_type))
    async with transaction() as connection:
        before = await rows.own(connection, event_id, acting.organiser_id)
        if before is None:
            raise not_found()
        row = await images.show(connection, event_id, address, before["poster_url"])
        if row is None:
            raise unavailable("Keeping this image took too long. Please send it again.")
        await record_change(connection, acting.who.id, acting.organiser_id, "event.poster", "event", event_id)
    return json(event_view(row, await rows.shows_of(event_id)))


@operation(
    posters, "GET", "/v1/posters/{poster_id}", query=PosterQuery, answers={200: None, 304: None}, problems=(404,),
    content_type="image/webp",
)  # fmt: skip
async def get_poster(request: Request, poster_id: UUID, query: PosterQuery) -> HTTPResponse:
    """A poster's image.  It never changes: a new image has a new address."""
    tag = f'"{poster_id}-{query.size}"'
    headers = {"ETag": tag, "Cache-Control": _CACHED, "Content-Security-Policy": "default-src 'none'"}
    if tag in request.headers.get("if-none-match", ""):
        return HTTPResponse(None, 304, headers)
    image = await files.get(images.path(poster_id, query.size))
    if image is None:
        raise not_found()
    return HTTPResponse(image, 200, headers, "image/webp")
