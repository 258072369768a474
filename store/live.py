"""What is told at once through Redis: outcomes to waiting edges, seat changes to maps, how many wishes are decided.

All of it may be lost: an edge that hears nothing asks Postgres at its deadline, a map that missed one is reset."""

from itertools import chain
from typing import Any
from uuid import UUID

import msgspec

from sagas.terms import KeptLeft
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
    """Seat changes from the version ``since`` to ``version``: states by seat id, places left by section, and those left
    of what partners keep."""

    version: int
    since: int
    changes: dict[str, str]
    left: dict[str, int]
    kept: list[KeptLeft] = []


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


#: All of it in one call: a batch of many shows would take thousands.  Three times a count and so many pairs:
#: what is published, the seat changes of shows, how many wishes of shows were decided.
_TELL = """
local at = 3
local function pairs_of() at = at + 1; return tonumber(ARGV[at - 1]) end
local function pair() at = at + 2; return ARGV[at - 2], ARGV[at - 1] end
for _ = 1, pairs_of() do redis.call('PUBLISH', pair()) end
for _ = 1, pairs_of() do
  local show, changes = pair()
  redis.call('XADD', 'seats:' .. show .. ':log', 'MAXLEN', '~', ARGV[1], '*', 'm', changes)
  redis.call('EXPIRE', 'seats:' .. show .. ':log', ARGV[2])
  redis.call('PUBLISH', 'seats:' .. show, changes)
end
for _ = 1, pairs_of() do
  local show, count = pair()
  redis.call('INCRBY', 'decided:' .. show, count)
  redis.call('EXPIRE', 'decided:' .. show, ARGV[2])
end
"""


async def announce(redis: Any, news: Announcement) -> None:
    """Tell everything in one call."""
    published = [(outcomes_channel(edge), _encode(replies)) for edge, replies in news.replies.items()]
    published += [(booking_channel(booking_id), b"") for booking_id in news.bookings]
    seats = [(str(show_id), _encode(change)) for show_id, change in news.seats.items()]
    decided = [(str(show_id), count) for show_id, count in news.decided.items()]
    if not (published or seats or decided):
        return
    told: list[Any] = [KEPT_CHANGES, KEEP_SECONDS]
    for pairs in (published, seats, decided):
        told.append(len(pairs))
        told += chain.from_iterable(pairs)
    await redis.register_script(_TELL)(args=told)


async def changes_since(redis: Any, show_id: UUID, version: int) -> list[SeatsChanged] | None:
    """The changes after this version, oldest first; None when they are no longer all kept."""
    entries = await redis.xrange(_seats_log(show_id))
    changes = [change for _, fields in entries if (change := decode_seats(fields[b"m"])).version > version]
    if changes and changes[0].since > version:
        return None
    return changes
