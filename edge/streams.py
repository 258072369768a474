"""Server-sent events: seat changes of a show, and a booking each time it changes."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import msgspec
from sanic import Request

from edge import views
from edge.context import context
from edge.kept_places import name_of
from edge.seat_maps import Feed
from edge.show_cache import KnownShow
from store.live import booking_channel

#: Changes are told at most ten times a second.
PAUSE_SECONDS = 0.1
PING_SECONDS = 15.0
#: A page that missed the message of a change sees it after this all the same.
ASK_AGAIN_SECONDS = 5.0

#: What a page says that has seen nothing kept.
NONE = "none"

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_encode = msgspec.json.Encoder().encode


async def send_seats(request: Request, show: KnownShow, since: int, kept: str | None) -> None:
    """``event: seats`` with the changes after a version, ``event: reset`` when that version is gone, or partners keep
    other places than they did."""
    maps = context(request).seat_maps
    feed = await maps.watch(show, since)
    try:
        response = await request.respond(content_type="text/event-stream", headers=_headers(request))
        await response.send(": here\n\n")  # headers go out with the first bytes; nobody should wait for a change
        version, resets = since, feed.resets
        if since > feed.version or kept not in (None, name_of(feed.keeping) or NONE):  # no map is so now
            version = feed.version
            await response.send(f"id: {version}\nevent: reset\ndata: {{}}\n\n")
        while True:
            if feed.version <= version and feed.resets == resets:
                if not await _moved(feed, PING_SECONDS):
                    await response.send(": ping\n\n")
                continue
            change = feed.since(version) if feed.resets == resets else None
            resets = feed.resets
            if change is None:
                version = feed.version
                await response.send(f"id: {version}\nevent: reset\ndata: {{}}\n\n")
            else:
                version = change.version
                data = {"version": version, "changes": change.changes, "left": change.left}
                await response.send(f"id: {version}\nevent: seats\ndata: {_encode(data).decode()}\n\n")
            await asyncio.sleep(PAUSE_SECONDS)
    finally:
        await maps.leave(show.row["id"], feed)


async def _moved(feed: Feed, seconds: float) -> bool:
    try:
        await asyncio.wait_for(feed.moved.wait(), seconds)
        return True
    except TimeoutError:
        return False


async def send_booking(request: Request, booking_id: UUID, read: Callable[[], Awaitable[views.BookingView]]) -> None:
    """``event: booking`` with the booking as it reads, at once and each time it changes."""
    here, changed = context(request), asyncio.Event()

    def hear(_data: bytes) -> None:
        changed.set()

    view = await read()
    await here.news.listen(booking_channel(booking_id), hear)
    try:
        response = await request.respond(content_type="text/event-stream", headers=_headers(request))
        told, pinged = b"", 0.0
        while True:
            body = _encode(view)
            if body != told:
                await response.send(f"event: booking\ndata: {body.decode()}\n\n")
                told, pinged = body, 0.0
            try:
                await asyncio.wait_for(changed.wait(), _ask_again_seconds(view))
            except TimeoutError:
                pinged += _ask_again_seconds(view)
                if pinged >= PING_SECONDS:
                    await response.send(": ping\n\n")
                    pinged = 0.0
            changed.clear()
            view = await read()
    finally:
        await here.news.unlisten(booking_channel(booking_id), hear)


def _ask_again_seconds(view: views.BookingView) -> float:
    return 1.0 if view.status == "queued" else ASK_AGAIN_SECONDS


def _headers(request: Request) -> dict[str, str]:
    return HEADERS | {"X-Request-Id": request.ctx.request_id, "traceparent": request.ctx.traceparent}
