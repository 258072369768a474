"""Identity: register, log in, refresh, log out."""

from typing import Annotated
from uuid import UUID

import msgspec
import structlog
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import views
from edge.client import address
from edge.context import context
from edge.operation import ACCESS_COOKIE, REFRESH_COOKIE, foreign, json, operation, same_origin
from edge.problems import Problem, invalid, too_many, unavailable
from edge.texts import ShortName
from edge.tokens import ACCESS_SECONDS, issue
from edge.visitor import where
from store import passwords, people, sessions
from store.connection import pool
from store.sessions import Begun, Where
from store.settings import settings
from store.tables import User

log = structlog.get_logger()

identity = Blueprint("identity")

Email = Annotated[
    str, msgspec.Meta(min_length=3, max_length=254, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+\.[^@\s\x00-\x1f]+$")
]
Password = Annotated[str, msgspec.Meta(min_length=8, max_length=200)]


class Registration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Email
    password: Password
    name: ShortName


class LogIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Annotated[str, msgspec.Meta(max_length=254, pattern=r"^[^\x00]*$")]
    password: Annotated[str, msgspec.Meta(max_length=200)]


class Refreshing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Without a token, the cookie of our own pages is meant."""

    refresh_token: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None


class LogOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    refresh_token: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    everywhere: bool = False


@operation(identity, "POST", "/v1/auth/register", body=Registration, answers={201: views.UserView}, problems=(409, 429))
async def register(request: Request, body: Registration) -> HTTPResponse:
    """A new account, as a buyer; a letter asks its owner to confirm the address."""
    if wait := await context(request).registrations.wait_seconds(address(request)):
        raise too_many("Many accounts were made from your address. Please wait.", wait)
    try:
        user = await people.make_user(body.email, body.password, body.name, trace=request.ctx.traceparent[3:35])
    except people.BadAddress as error:
        raise invalid("/email", str(error)) from None
    except people.EmailTaken:
        raise Problem(409, "There is an account with this address. Log in instead.", kind="email-taken",
                      title="This address has an account") from None  # fmt: skip
    except passwords.TooManyPasswords:
        raise too_busy() from None
    return json(user_view(user), 201)


@operation(identity, "POST", "/v1/auth/login", body=LogIn, answers={200: views.TokensView}, problems=(401, 403, 429))
async def log_in(request: Request, body: LogIn) -> HTTPResponse:
    """An access token for 15 minutes, and a refresh token for 30 days."""
    here = where(request)
    await _not_too_often(request, body.email, here)
    try:
        user, fits = await people.log_in(body.email, body.password)
    except passwords.TooManyPasswords:
        raise too_busy() from None
    if user is not None and not fits:
        request.app.add_task(_note_failure(user.id, here))  # beside the answer: it must not tell by its time
    if user is None or not fits:
        raise Problem(401, "Address or password is wrong.")
    return await logged_in(request, user, "password")


async def _not_too_often(request: Request, email: str, here: Where) -> None:
    """By client, by account and client, all together, and by account for those whom it does not know."""
    limits, email = context(request), people.plain_address(email)
    wait = await limits.logins_by_client.wait_seconds(here.address)
    wait = wait or await limits.logins_by_email.wait_seconds(f"{email}|{here.address}")
    wait = wait or await limits.logins.wait_seconds("all")
    if not wait and not await sessions.knows_address(email, here.address):
        wait = await limits.logins_by_strangers.wait_seconds(email)
    if wait:
        raise too_many("There were many attempts to log in. Please wait.", wait)


async def _note_failure(user_id: UUID, here: Where) -> None:
    try:
        await sessions.failed(user_id, "password", here)
    except Exception as error:
        log.warning("log_in_not_noted", error=repr(error))


async def logged_in(request: Request, user: User, method: str) -> HTTPResponse:
    """The answer to somebody who has shown who they are: tokens of a new session."""
    if user.suspended_at is not None:
        raise Problem(403, "This account is suspended. Write to us if that is a mistake.", kind="account-suspended",
                      title="This account is suspended")  # fmt: skip
    try:
        begun = await sessions.begin(user, method, where(request))
    except sessions.NotLoggedIn:
        raise Problem(401, "The account changed a moment ago. Please log in again.") from None
    return tokens(begun, cookies=not foreign(request))


@operation(
    identity, "POST", "/v1/auth/refresh", body=Refreshing, answers={200: views.TokensView}, problems=(401,),
    body_optional=True,
)  # fmt: skip
async def refresh(request: Request, body: Refreshing) -> HTTPResponse:
    """The next tokens for a refresh token, which is spent by this."""
    try:
        begun = await sessions.refresh(_refresh_token(request, body.refresh_token), where(request))
    except sessions.NotRefreshed:
        raise Problem(401, "The refresh token is not valid, or no longer. Please log in.") from None
    return tokens(begun, cookies=not foreign(request))


@operation(identity, "POST", "/v1/auth/logout", body=LogOut, answers={204: None}, problems=(401,), body_optional=True)
async def log_out(request: Request, body: LogOut) -> HTTPResponse:
    """End this session, or all of them."""
    found = await sessions.of_token(_refresh_token(request, body.refresh_token))
    if found is not None:
        await sessions.end(found["session_id"], "log-out")
        ended = [found["session_id"]]
        if body.everywhere:
            ended += await sessions.end_all(pool(), found["user_id"], "log-out")
        context(request).ended_sessions.add(*ended)
    return without_cookies(HTTPResponse(None, 204))


def user_view(user: User) -> views.UserView:
    return views.UserView(UUID(str(user.id)), user.email, user.name, user.role, user.email_verified)


def too_busy() -> Problem:
    return unavailable("Many people are logging in at this moment. Please try again.")


def tokens(begun: Begun, cookies: bool) -> HTTPResponse:
    """Tokens as an answer, and as cookies for our own pages: another site must not log anybody in here."""
    access = issue(begun.user_id, begun.role, begun.session_id)
    response = json(views.TokensView(access, "Bearer", ACCESS_SECONDS, begun.refresh_token))
    response.headers["Cache-Control"] = "no-store"
    if cookies:
        with_cookies(response, begun)
    return response


def with_cookies(response: HTTPResponse, begun: Begun) -> HTTPResponse:
    """The answer, with the session's tokens for our own pages."""
    access = issue(begun.user_id, begun.role, begun.session_id)
    _set_cookies(response, access, begun.refresh_token, ACCESS_SECONDS, sessions.REFRESH_DAYS * 86_400)
    return response


def without_cookies(response: HTTPResponse) -> HTTPResponse:
    _set_cookies(response, "", "", 0, 0)
    return response


def _set_cookies(response: HTTPResponse, access: str, refresh_token: str, access_age: int, refresh_age: int) -> None:
    secure = settings().edge_url.startswith("https:")
    for name, value, path, age in (
        (ACCESS_COOKIE, access, "/", access_age),
        (REFRESH_COOKIE, refresh_token, "/v1/auth", refresh_age),
    ):
        response.add_cookie(name, value, path=path, max_age=age, httponly=True, samesite="Lax", secure=secure)


def _refresh_token(request: Request, given: str | None) -> str:
    if given is not None:
        return given
    token = request.cookies.get(REFRESH_COOKIE)
    if not token or not same_origin(request):
        raise Problem(401, "Send a refresh token.")
    return str(token)
