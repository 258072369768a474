"""Paging: a limit, and a cursor that says where the page before ended."""

import base64
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec

from edge.problems import invalid

PlaceT = TypeVar("PlaceT")
KeyT = TypeVar("KeyT")

#: What lists are sorted by; no NUL, which Postgres has no text for.
Name = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$")]
Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=400)] | None = None


def encode_cursor(*place: datetime | str | int | UUID) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> tuple[datetime, UUID] | None:
    return _decode(cursor, tuple[datetime, UUID])


def decode_sorted_cursor(cursor: str | None, sort: str, key: type[KeyT]) -> tuple[KeyT, UUID] | None:
    """A cursor belongs to the order in which its list was sorted; ``key`` is what that order goes by."""
    found = _decode(cursor, tuple[str, Any, UUID])
    if found is None:
        return None
    if found[0] != sort:
        raise invalid("/cursor", "this cursor belongs to a list that was sorted otherwise")
    try:
        return msgspec.convert(found[1], key), found[2]
    except msgspec.ValidationError:
        raise invalid("/cursor", "this is not a cursor that a list gave") from None


def decode_id_cursor(cursor: str | None) -> UUID | None:
    found = _decode(cursor, tuple[UUID])
    return None if found is None else found[0]


def decode_city_cursor(cursor: str | None) -> tuple[str, str] | None:
    return _decode(cursor, tuple[Name, Name])


def decode_name_cursor(cursor: str | None) -> str | None:
    """The name at which the page before ended, in lists that are sorted by a name of their own."""
    found = _decode(cursor, tuple[str])
    return found[0] if found else None


def decode_word_cursor(cursor: str | None) -> str:
    """The word after which a list goes on; nothing for its beginning."""
    found = _decode(cursor, tuple[str])
    return found[0] if found else ""


def decode_listing_cursor(cursor: str | None) -> tuple[int, UUID] | None:
    return _decode(cursor, tuple[Number, UUID])


def decode_place_cursor(cursor: str | None) -> tuple[int, int] | None:
    return _decode(cursor, tuple[int, int])


def _decode(cursor: str | None, kind: type[PlaceT]) -> PlaceT | None:
    if cursor is None:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=kind)
    except ValueError:  # not base64, not JSON, or not of this shape
        raise invalid("/cursor", "this is not a cursor that a list gave") from None
