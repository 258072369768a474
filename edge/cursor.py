"""Paging: a limit, and a cursor that says where the page before ended."""

import base64
from datetime import datetime
from typing import Annotated, TypeVar
from uuid import UUID

import msgspec

from edge.problems import invalid

PlaceT = TypeVar("PlaceT")


class Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=400)] | None = None


def encode_cursor(*place: datetime | str | int | UUID) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> tuple[datetime, UUID] | None:
    return _decode(cursor, tuple[datetime, UUID])


def decode_text_cursor(cursor: str | None, sort: str) -> tuple[str, UUID] | None:
    """A cursor belongs to the order in which its list was sorted."""
    found = _decode(cursor, tuple[str, str, UUID])
    if found is not None and found[0] != sort:
        raise invalid("/cursor", "this cursor belongs to a list that was sorted otherwise")
    return found and found[1:]


def decode_name_cursor(cursor: str | None) -> str | None:
    """The name at which the page before ended, in lists that are sorted by a name of their own."""
    found = _decode(cursor, tuple[str])
    return found[0] if found else None


def decode_word_cursor(cursor: str | None) -> str:
    """The word after which a list goes on; nothing for its beginning."""
    found = _decode(cursor, tuple[str])
    return found[0] if found else ""


def decode_place_cursor(cursor: str | None) -> tuple[int, int] | None:
    return _decode(cursor, tuple[int, int])


def _decode(cursor: str | None, kind: type[PlaceT]) -> PlaceT | None:
    if cursor is None:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=kind)
    except ValueError:  # not base64, not JSON, or not of this shape
        raise invalid("/cursor", "this is not a cursor that a list gave") from None
