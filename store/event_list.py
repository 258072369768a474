"""What is on, as lists: filtered, sorted by date, price or title, and paged.

Each list is one query put together from the fixed pieces below; what a caller gives is only ever a parameter.  It walks
an index in the order that was asked for and ends at the page's last row: for each event the one show counts that comes
first in that order, and a show for which a better one of its event would be listed too is passed over."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from store.connection import pool

Sort = Literal["date", "price", "title"]
Status = Literal["published", "on_sale", "cancelled", "over"]

_TO_COME = "{s}.opened AND NOT {s}.cancelled AND {s}.starts_at > now()"
#: Which shows count, and which events, by the status that was asked for.
_SHOWS: dict[str, str] = {
    "published": _TO_COME,
    "on_sale": _TO_COME
    + ' AND {s}.sale_opens_at <= now() AND {s}.sale_closes_at > now() AND places_for_all({s}."left", {s}.kept)',
    "cancelled": "{s}.opened",
    "over": "{s}.opened AND NOT {s}.cancelled AND {s}.starts_at <= now()",
}
_EVENTS: dict[str, str] = {
    "published": "e.status IN ('published', 'cancelled')",
    "on_sale": "e.status = 'published'",
    "cancelled": "e.status = 'cancelled'",
    "over": "e.status IN ('published', 'cancelled', 'over') AND NOT EXISTS"
    " (SELECT FROM show n WHERE n.event_id = e.id AND n.opened AND n.starts_at > now())",
}
_KEYS: dict[str, tuple[str, str]] = {
    "date": ("w.starts_at", "timestamptz"), "price": ("w.from_price", "bigint"), "title": ("lower(e.title)", "text"),
}  # fmt: skip
_PLACE = "JOIN hall {s}h ON {s}h.id = {s}.hall_id JOIN venue {s}v ON {s}v.id = {s}h.venue_id"


class EventFilter(msgspec.Struct, frozen=True):
    """Which events to list.  ``asked`` is a tsquery; ``max_price`` in minor units; ``after`` the last event of the page
    before, as (sort key, id)."""

    asked: str | None = None
    city: str | None = None
    kind: str | None = None
    language: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    max_price: int | None = None
    status: Status = "published"
    sort: Sort = "date"
    descending: bool = False
    after: tuple[datetime | int | str, UUID] | None = None
    limit: int = 20


async def events(which: EventFilter) -> list[Any]:
    """Rows of events with their next show's start and place, their lowest price, and ``key``, which sorts them."""
    text, values = _query(which)
    return list(await pool().fetch(text, *values))


def _query(which: EventFilter) -> tuple[str, list[Any]]:
    values: list[Any] = []

    def given(value: Any) -> str:
        values.append(value)
        return f"${len(values)}"

    shows = [_SHOWS[which.status]]
    if which.city is not None:
        shows.append(f"lower({{s}}v.city) = lower({given(which.city)})")
    if which.since is not None:
        shows.append(f"{{s}}.starts_at >= {given(which.since)}")
    if which.until is not None:
        shows.append(f"{{s}}.starts_at < {given(which.until)}")
    if which.max_price is not None:
        shows.append(f"{{s}}.from_price <= {given(which.max_price)}")
    events = [_EVENTS[which.status]]
    if which.kind is not None:
        events.append(f"e.kind = {given(which.kind)}")
    if which.language is not None:
        events.append(f"lower(e.language) = lower({given(which.language)})")
    if which.asked is not None:
        events.append(f"e.id IN (SELECT id FROM search_entry WHERE document @@ {given(which.asked)}::text::tsquery)")
    key, kind = _KEYS[which.sort]
    further, direction = ("<", "DESC") if which.descending else (">", "ASC")
    if which.after is not None:
        events.append(f"({key}, e.id) {further} ({given(which.after[0])}::{kind}, {given(which.after[1])}::uuid)")
    listed = _by_title(shows, events) if which.sort == "title" else _by_show(which, key, shows, events)
    text = f"""
        SELECT l.key, l.id, e.title, e.kind, e.poster_url, n.starts_at AS next_show_at, n.city, n.venue, n.time_zone,
            n.currency, n.from_price,
            CASE WHEN e.status = 'published' THEN {given(which.status)} ELSE e.status END AS status
        FROM ({listed} ORDER BY key {direction}, id {direction} LIMIT {given(which.limit)}) l
        JOIN event e ON e.id = l.id
        CROSS JOIN LATERAL (
            SELECT w.starts_at, w.currency, min(w.from_price) OVER () AS from_price,
                wv.city, wv.name AS venue, wv.time_zone
            FROM show w {_PLACE.format(s="w")} WHERE w.event_id = l.id AND {_all(shows, "w")}
            ORDER BY w.starts_at {"DESC" if which.status == "over" else "ASC"} LIMIT 1
        ) n
        ORDER BY l.key {direction}, l.id {direction}"""
    return text, values


def _by_title(shows: list[str], events: list[str]) -> str:
    return f"""
        SELECT lower(e.title) AS key, e.id FROM event e WHERE {" AND ".join(events)}
            AND EXISTS (SELECT FROM show w {_PLACE.format(s="w")} WHERE w.event_id = e.id AND {_all(shows, "w")})"""


def _by_show(which: EventFilter, key: str, shows: list[str], events: list[str]) -> str:
    column = key.removeprefix("w.")
    better = ">" if which.status == "over" and which.sort == "date" else "<"
    return f"""
        SELECT {key} AS key, e.id FROM show w {_PLACE.format(s="w")} JOIN event e ON e.id = w.event_id
        WHERE {_all(shows, "w")} AND {" AND ".join(events)}
            AND NOT EXISTS (
                SELECT FROM show o {_PLACE.format(s="o")} WHERE o.event_id = w.event_id AND {_all(shows, "o")}
                    AND (o.{column}, o.id) {better} (w.{column}, w.id)
            )"""


def _all(conditions: list[str], show: str) -> str:
    return " AND ".join(conditions).format(s=show)
