"""What is told at once through Redis: outcomes to waiting edges, seat changes to maps, how many wishes are decided.

All of it may be lost: an edge that hears nothing asks Postgres at its deadline, a map that missed one is reset."""

from typing import Any
from uuid import UUID

import msgspec

from store.bookings import BookingRow

#: Counters and notes of a show that nobody asks for are forgotten after this.
KEEP_SECONDS = 900
#: How many batches of seat changes can be caught up with; who is further behind fetches the map again.
KEPT_CHANGES = 256


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """The outcome of a wish, for the edge whose buyer waits.  Without a booking there is only the refusal.

    To an organiser's command, which has neither unless it was refused, ``booking_id`` is the command's id."""

    booking_id: UUID
    booking: BookingRow | None = None
    refusal: str | None = None


class SeatsChanged(msgspec.Struct, frozen=True):
    """Seat changes from the version ``since`` to ``version``: states by seat id, places left by section."""

    version: int
    since: int
    changes: dict[str, str]
    left: dict[str, int]


class Announcement(msgspec.Struct):
    """All that one batch has to tell."""

    replies: dict[str, list[Reply]]
    seats: dict[UUID, SeatsChanged]
    decided: dict[UUID, int]
    bookings: list[UUID]


_encode = msgspec.msgpack.Encoder().encode
decode_replies = msgspec.msgpack.Decoder(list[Reply]).decode
decode_seats = msgspec.msgpack.Decoder(SeatsChanged).decode


def outcomes_channel(edge: str) -> str:
    return f"outcomes:{edge}"


def seats_channel(show_id: UUID) -> str:
    return f"seats:{show_id}"


def booking_channel(booking_id: UUID) -> str:
    return f"booking:{booking_id}"


def _seats_log(show_id: UUID) -> str:
    return f"seats:{show_id}:log"


async def announce(redis: Any, news: Announcement) -> None:
    """Tell everything in one pipeline."""
    pipe = redis.pipeline(transaction=False)
    for edge, replies in news.replies.items():
        pipe.publish(outcomes_channel(edge), _encode(replies))
    for show_id, change in news.seats.items():
        body = _encode(change)
        pipe.xadd(_seats_log(show_id), {"m": body}, maxlen=KEPT_CHANGES, approximate=True)
        pipe.expire(_seats_log(show_id), KEEP_SECONDS)
        pipe.publish(seats_channel(show_id), body)
    for show_id, count in news.decided.items():
        pipe.incrby(f"decided:{show_id}", count)
        pipe.expire(f"decided:{show_id}", KEEP_SECONDS)
    for booking_id in news.bookings:
        pipe.publish(booking_channel(booking_id), b"")
    await pipe.execute()


async def changes_since(redis: Any, show_id: UUID, version: int) -> list[SeatsChanged] | None:
    """The changes after this version, oldest first; None when they are no longer all kept."""
    entries = await redis.xrange(_seats_log(show_id))
    changes = [change for _, fields in entries if (change := decode_seats(fields[b"m"])).version > version]
    if changes and changes[0].since > version:
        return None
    return changes
