"""Posters: the images of events in their sizes; one image has one address, and may be several events'.

An image is put before any event shows it, and outside any transaction: a bucket that is slow holds no connection.  Its
row is there before its files, so that whoever dies meanwhile leaves nothing behind that is not swept.  What nobody
wants any more and no event shows is marked as going, for good, before its files go: whoever puts the same image from
then on gets a new address, so that no sweep, however late it comes, takes away what is shown."""

import asyncio
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sagas.identity import new_id
from store import files
from store.connection import pool
from store.sql import query

if TYPE_CHECKING:
    from PIL.Image import Image

#: Widths in pixels.
SIZES = {"small": 320, "medium": 640, "large": 1280}
QUALITY = 82

#: Putting takes no longer than this, or is given up; its row is wanted for much longer.
PUT_SECONDS = 60
WANTED_SECONDS = 180

_URL = "/v1/posters/"


def encoded(image: "Image") -> bytes:
    """An image in the form in which all posters are kept."""
    out = io.BytesIO()
    image.save(out, "WEBP", quality=QUALITY, method=4)
    return out.getvalue()


def path(poster_id: UUID, size: str) -> str:
    return f"posters/{poster_id}/{size}.webp"


async def put(sizes: dict[str, bytes]) -> str:
    """Put an image in its sizes; the address under which an event may ``show`` it."""
    digest = files.digest_of(b"".join(sizes[size] for size in SIZES))
    poster_id: UUID = await pool().fetchval(query("poster_want"), new_id(), digest, WANTED_SECONDS)
    async with asyncio.timeout(PUT_SECONDS):
        for size, image in sizes.items():
            await files.put(path(poster_id, size), image)
    return f"{_URL}{poster_id}"


async def show(connection: Any, event_id: UUID, address: str, before: str | None) -> Any | None:
    """Have an event show an image that was put, in place of the one ``before``; the event's row.

    None when that took so long that the image is going: it must be put again."""
    taken, given_up = _ids([address])[0], [old for old in _ids([before]) if before != address]
    there = await connection.fetch(query("posters_lock"), [taken, *given_up])
    if all(row["id"] != taken for row in there):
        return None
    await connection.execute(query("poster_taken"), taken)
    for poster_id in given_up:
        await connection.execute(query("poster_given_up"), poster_id, WANTED_SECONDS)
    return await connection.fetchrow(query("event_set_poster"), event_id, address)


async def give_up(connection: Any, address: str | None) -> None:
    """The event that showed it is deleted with the caller's transaction."""
    for poster_id in _ids([address]):
        await connection.execute(query("poster_given_up"), poster_id, WANTED_SECONDS)


async def sweep(limit: int) -> int:
    """Take away what nobody wants and no event shows; how many images went."""
    await pool().execute(query("posters_go"), _URL, limit)
    going = await pool().fetch(query("posters_going"), limit)
    for row in going:
        for size in SIZES:
            await files.remove(path(row["id"], size))
        await pool().execute("DELETE FROM poster WHERE id = $1", row["id"])
    return len(going)


def _ids(addresses: Iterable[str | None]) -> list[UUID]:
    """The posters at these addresses: an event may show none, or an image from elsewhere."""
    return [UUID(address.removeprefix(_URL)) for address in addresses if address and address.startswith(_URL)]
