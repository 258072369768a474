"""Logging in with Google or GitHub: out to the provider, and back with a code.

Nobody comes back who did not leave: state is single-use and bound to the browser by a cookie.  A provider's account is
linked to one of ours only by an address that both have verified; no token ever stands in an address."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import quote

import msgspec
import structlog
from sanic import Blueprint, Request
from sanic.response import HTTPResponse, redirect

from edge.context import context
from edge.identity import with_cookies
from edge.login_providers import LoginProvider, ProviderFailed, Told, configured
from edge.operation import operation
from edge.pages.routes import own_path
from edge.problems import Problem, too_many
from edge.visitor import where
from store import people, provider_trips, sessions
from store.provider_trips import TRIP_SECONDS, Trip
from store.settings import settings
from store.tables import User

log = structlog.get_logger()

oauth = Blueprint("oauth")

COOKIE = "frontrow_trip"
PATH = "/v1/auth/oauth"
Text = Annotated[str, msgspec.Meta(max_length=2000)]


class Leaving(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    next: Text | None = None


class ComingBack(msgspec.Struct, frozen=True):
    """What providers add of their own is left aside."""

    state: Text = ""
    code: Text = ""
    error: Text = ""
    iss: Text = ""


class NotLoggedIn(Exception):
    """The log-in page says why; the message is its word for it."""


def _provider(name: str) -> LoginProvider:
    found = configured().get(name)
    if found is None:
        raise Problem(404, "Logging in with this provider is not set up here.")
    return found


async def _leave(request: Request, name: str, query: Leaving) -> HTTPResponse:
    provider = _provider(name)
    if wait := await context(request).logins_by_client.wait_seconds(where(request).address):
        raise too_many("There were many attempts to log in. Please wait.", wait)
    state, browser = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    trip = Trip(name, secrets.token_urlsafe(24), secrets.token_urlsafe(48), _hash(browser), own_path(query.next))
    try:
        address = await provider.address(state, trip)
    except ProviderFailed as error:
        log.warning("login_provider_failed", provider=name, error=str(error))
        return _back_to_log_in("provider-failed", trip.next_path)
    await provider_trips.begin(context(request).redis, state, trip)
    response = redirect(address)
    response.headers["Cache-Control"] = "no-store"
    _set_cookie(response, browser, TRIP_SECONDS)
    return response


async def _come_back(request: Request, name: str, query: ComingBack) -> HTTPResponse:
    provider = _provider(name)
    trip = await provider_trips.take(context(request).redis, query.state) if query.state else None
    browser = request.cookies.get(COOKIE) or ""
    next_path = trip.next_path if trip else "/"
    try:
        if trip is None or trip.provider != name or not secrets.compare_digest(trip.browser, _hash(browser)):
            raise NotLoggedIn("begin-again")
        if query.error or not query.code:
            raise NotLoggedIn("provider-refused")
        if name == "google" and query.iss not in ("", settings().google_issuer):
            raise NotLoggedIn("provider-failed")
        user = await _person(name, await provider.who(query.code, trip))
        if user.suspended_at is not None:
            raise NotLoggedIn("suspended")
        begun = await sessions.begin(user, name, where(request))
    except NotLoggedIn as error:
        response = _back_to_log_in(str(error), next_path)
    except sessions.NotLoggedIn:
        response = _back_to_log_in("begin-again", next_path)
    except ProviderFailed as error:
        log.warning("login_provider_failed", provider=name, error=str(error))
        response = _back_to_log_in("provider-failed", next_path)
    else:
        response = with_cookies(redirect(f"/logged-in?next={quote(next_path, safe='/')}"), begun)
    response.headers["Cache-Control"] = "no-store"
    _set_cookie(response, "", 0)
    return response


async def _person(provider: str, told: Told) -> User:
    """Whose account this is: the one linked before; else one whose address both sides have verified; else a new one."""
    user = await people.by_provider(provider, told.subject)
    if user is not None:
        return user
    if not told.verified:
        raise NotLoggedIn("address-not-verified")
    try:
        user = await people.with_email(told.email)
        if user is None:
            user = await people.make_user(told.email, None, _name(told), verified=True)
    except people.BadAddress:
        raise NotLoggedIn("address-not-verified") from None
    except people.EmailTaken:  # made by somebody else in this moment
        raise NotLoggedIn("begin-again") from None
    if not user.email_verified:  # whoever made it has not shown that the address is theirs
        raise NotLoggedIn("account-exists")
    return await people.link_provider(user, provider, told.subject)


def _name(told: Told) -> str:
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in told.name).split())
    return plain[:100] or told.email.partition("@")[0][:100]


def _hash(browser: str) -> str:
    return hashlib.sha256(browser.encode()).hexdigest()


def _back_to_log_in(problem: str, next_path: str) -> HTTPResponse:
    return redirect(f"/log-in?problem={problem}&next={quote(next_path, safe='')}")


def _set_cookie(response: HTTPResponse, value: str, seconds: int) -> None:
    secure = settings().edge_url.startswith("https:")
    response.add_cookie(COOKIE, value, path=PATH, max_age=seconds, httponly=True, samesite="Lax", secure=secure)


def _route(name: str) -> None:
    """A provider's two operations."""

    async def leave(request: Request, query: Leaving) -> HTTPResponse:
        return await _leave(request, name, query)

    async def come_back(request: Request, query: ComingBack) -> HTTPResponse:
        return await _come_back(request, name, query)

    handlers: tuple[tuple[str, Callable[..., Awaitable[HTTPResponse]], type, str], ...] = (
        ("start", leave, Leaving, "To the provider, to log in there; back to a page of this shop."),
        (
            "callback",
            come_back,
            ComingBack,
            "Back from the provider: logged in, or to the log-in page with the reason.",
        ),
    )
    for word, handler, query, summary in handlers:
        handler.__name__, handler.__doc__ = f"{name}_{word}", summary
        operation(oauth, "GET", f"{PATH}/{name}/{word}", query=query, answers={302: None}, problems=(404, 429))(handler)


for _name_of_provider in ("google", "github"):
    _route(_name_of_provider)
