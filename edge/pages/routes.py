"""The shop's addresses.  What is on, an event and a show are read from the catalogue, so they work without scripts;
bookings are the buyer's own, so their pages are shells that scripts fill from ``/v1``.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.exceptions import NotFound
from sanic.response import HTTPResponse, redirect

from edge.kept_places import public_left
from edge.login_providers import configured
from edge.pages.rendering import page
from sagas import clock
from sagas.messages import Price
from store import catalogue, event_list, events, search, venues
from store.event_list import EventFilter

pages = Blueprint("pages")

#: Kinds of event as the catalogue knows them, and as the shop's front names them.
KINDS = {
    "concert": "Concerts",
    "theatre": "Theatre",
    "comedy": "Comedy",
    "film": "Film",
    "match": "Matches",
    "conference": "Conferences",
    "other": "And more",
}
#: Why a log-in elsewhere came to nothing, in words.
NOT_LOGGED_IN = {
    "begin-again": "That took too long, or began in another window. Please try again.",
    "provider-refused": "You were not logged in there. Try again, or use your password.",
    "provider-failed": "The other side could not be asked. Try again in a moment, or use your password.",
    "address-not-verified": "Your address is not verified there, so it cannot be used to log in here.",
    "account-exists": "There is an account with your address, and nobody has confirmed yet that the address is theirs. "
    "Log in with its password and confirm it, or set a new password; then you can log in this way too.",
    "suspended": "This account is suspended. Write to us if that is a mistake.",
}
EVENTS_ON_A_PAGE = 24
MAX_SEARCH_CHARACTERS = 100
MAX_PATH_CHARACTERS = 300
RETRY_SECONDS = 5


@pages.get("/")
async def whats_on(request: Request) -> HTTPResponse:
    """What is on, soonest first, narrowed by words, city and kind."""
    words = _said(request, "q")
    city = _said(request, "city")
    kind = _said(request, "kind")
    if kind not in KINDS:
        kind = None
    wanted = EventFilter(
        asked=await search.question(words) if words else None, city=city, kind=kind, after=_after(request),
        limit=EVENTS_ON_A_PAGE + 1,
    )  # fmt: skip
    found = await event_list.events(wanted)
    listed = found[:EVENTS_ON_A_PAGE]
    cities = sorted({*(name for name, _ in await venues.cities()), *([city] if city else [])})
    return await page(
        "whats_on.html",
        events=listed,
        kinds=KINDS,
        cities=cities,
        words=words,
        city=city,
        kind=kind,
        first=request.args.get("after") is None,
        after=f"{listed[-1]['key'].isoformat()}~{listed[-1]['id']}" if len(found) > EVENTS_ON_A_PAGE else None,
    )


@pages.get("/events/<event_id:str>")
async def event(_request: Request, event_id: str) -> HTTPResponse:
    """One event with its shows, the coming ones first."""
    row = await events.seen(_id(event_id), None)
    if row is None:
        raise NotFound("no such event")
    shows = await events.shows_of(row["id"])
    now = clock.now()
    described = [_described(show, row["status"], now) for show in shows]
    return await page(
        "event.html",
        event=row,
        kinds=KINDS,
        coming=[show for show in described if show["status"] != "over"],
        past=[show for show in described if show["status"] == "over"],
    )


@pages.get("/shows/<show_id:str>")
async def show(_request: Request, show_id: str) -> HTTPResponse:
    """One show: its seat map to pick from, to hold and to pay for."""
    row = await catalogue.show(_id(show_id))
    if row is None:
        raise NotFound("no such show")
    now = clock.now()
    return await page("show.html", show=row, kinds=KINDS, **_described(row, row["event_status"], now))


@pages.get("/bookings")
async def bookings(_request: Request) -> HTTPResponse:
    """The buyer's own bookings."""
    return await page("bookings.html")


@pages.get("/bookings/<booking_id:str>")
async def booking(_request: Request, booking_id: str) -> HTTPResponse:
    """One booking: how it stands, live.  Whether it is this buyer's is for the API to say."""
    return await page("booking.html", booking_id=_id(booking_id))


@pages.get("/log-in")
async def log_in(request: Request) -> HTTPResponse:
    problem = NOT_LOGGED_IN.get(str(request.args.get("problem", "")))
    next_path = own_path(request.args.get("next"))
    return await page("log_in.html", next_path=next_path, problem=problem, providers=configured().values())


@pages.get("/register")
async def register(request: Request) -> HTTPResponse:
    next_path = own_path(request.args.get("next"))
    return await page("register.html", next_path=next_path, providers=configured().values())


@pages.get("/logged-in")
async def logged_in(request: Request) -> HTTPResponse:
    """Back from a login provider: a page of ours that notes who is here, and goes on."""
    return await page("logged_in.html", next_path=own_path(request.args.get("next")))


@pages.get("/forgot-password")
async def forgot_password(_request: Request) -> HTTPResponse:
    return await page("forgot_password.html")


@pages.get("/reset-password")
async def reset_password(_request: Request) -> HTTPResponse:
    """Where a letter's link leads; what it carries is in the fragment, which never comes here."""
    return await page("reset_password.html")


@pages.get("/verify-email")
async def verify_email(_request: Request) -> HTTPResponse:
    """Where a letter's link leads; looking at it changes nothing."""
    return await page("verify_email.html")


@pages.get("/profile")
async def profile(_request: Request) -> HTTPResponse:
    """The visitor's own account: a shell that scripts fill."""
    return await page("profile.html")


@pages.get("/favicon.ico")
async def favicon(_request: Request) -> HTTPResponse:
    """Browsers ask for this beside documents that are no page of ours, such as a ticket."""
    return redirect("/static/icons/frontrow.svg", status=301)


async def not_found(_request: Request) -> HTTPResponse:
    """The page for an address that leads nowhere."""
    return await page("not_found.html", 404)


async def not_now(_request: Request) -> HTTPResponse:
    """The page for when a part is out of reach: it needs no part itself."""
    answer = await page("not_now.html", 503)
    answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer


def _id(text: str) -> UUID:
    """An address with something else than an id in it leads nowhere."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("not an id") from None


def _said(request: Request, name: str) -> str | None:
    """The field as one line; a NUL would be refused by the database."""
    return " ".join(str(request.args.get(name, "")).replace("\0", " ").split())[:MAX_SEARCH_CHARACTERS] or None


def _after(request: Request) -> tuple[datetime, UUID] | None:
    """Where the page before ended; what cannot be read begins at the beginning."""
    key, _, last = str(request.args.get("after", "")).rpartition("~")
    try:
        return (datetime.fromisoformat(key).astimezone(UTC), UUID(last)) if key else None
    except ValueError:
        return None


def own_path(path: str | None) -> str:
    """A path of this shop to go back to; anything that a browser could take for another host is not one."""
    plain = path is not None and len(path) <= MAX_PATH_CHARACTERS and path.isascii() and path.isprintable()
    if path is None or not plain or not path.startswith("/") or path.startswith("//") or "\\" in path:
        return "/"
    return path


def _described(row: Any, event_status: str, now: datetime) -> dict[str, Any]:
    """What the pages say of a show beside its row: how its sale stands, what is left, what it costs."""
    left = sum(public_left(row, now).values())
    amounts = [price.amount for price in _prices(row["prices"])]
    return {
        "row": row,
        "status": _status(row, event_status, left, now),
        "left": left,
        "from_price": min(amounts, default=0),
        "to_price": max(amounts, default=0),
    }


def _status(row: Any, event_status: str, left: int, now: datetime) -> str:
    if row["cancelled"]:
        return "cancelled"
    if row["ends_at"] <= now or row["sale_closes_at"] <= now:
        return "over"
    if event_status == "cancelled":
        return "cancelled"
    if row["sale_opens_at"] > now:
        return "scheduled"
    return "sold_out" if left == 0 else "on_sale"


def _prices(stored: str | bytes) -> tuple[Price, ...]:
    return msgspec.json.decode(stored, type=tuple[Price, ...])
