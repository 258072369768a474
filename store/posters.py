"""Posters: the images of events in their sizes, under a name that follows from their content.

One image may be several events'.  Who keeps one and who takes one away wait for each other (a lock by its name), so
that none goes that is just being used."""

from typing import Any
from uuid import UUID

from sagas.identity import derived
from store import files
from store.sql import query

#: Widths in pixels.
SIZES = {"small": 320, "medium": 640, "large": 1280}

#: A poster's id follows from its content's hash.
_NAMESPACE = UUID("5a0f35d2-6d04-4a52-9a5b-6a8b6b6a3c11")
_URL = "/v1/posters/"


def path(poster_id: UUID, size: str) -> str:
    return f"posters/{poster_id}/{size}.webp"


async def keep(connection: Any, sizes: dict[str, bytes]) -> str:
    """Keep an image in its sizes, for an event that will have it when the caller's transaction ends; its address."""
    poster_id = derived(_NAMESPACE, files.digest_of(b"".join(sizes[size] for size in SIZES)))
    await connection.execute(query("poster_lock"), f"{poster_id}")
    for size, image in sizes.items():
        await files.put(path(poster_id, size), image)
    return f"{_URL}{poster_id}"


async def forget(connection: Any, address: str) -> None:
    """An event no longer has this poster: its files go, if no other event has it."""
    if not address.startswith(_URL):
        return
    poster_id = UUID(address.removeprefix(_URL))
    await connection.execute(query("poster_lock"), f"{poster_id}")
    if not await connection.fetchval(query("poster_is_used"), address):
        for size in SIZES:
            await files.remove(path(poster_id, size))
