"""Identity: register, log in, refresh, log out, and who you are."""

from typing import Annotated
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import views
from edge.client import address
from edge.context import context
from edge.operation import ACCESS_COOKIE, REFRESH_COOKIE, foreign, json, operation, same_origin
from edge.problems import Problem, too_many
from edge.tokens import ACCESS_SECONDS, Who, issue
from store import people
from store.settings import settings
from store.tables import User

identity = Blueprint("identity")

Email = Annotated[
    str, msgspec.Meta(min_length=3, max_length=254, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+\.[^@\s\x00-\x1f]+$")
]
Name = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=100,
        pattern=r"^[^\x00-\x1f\x7f\u2028\u2029]*[^\s\x00-\x1f\x7f\u2028\u2029][^\x00-\x1f\x7f\u2028\u2029]*$",
    ),
]


class Registration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Email
    password: Annotated[str, msgspec.Meta(min_length=8, max_length=200)]
    name: Name


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
    """A new account, as a buyer."""
    if wait := await context(request).registrations.wait_seconds(address(request)):
        raise too_many("Many accounts were made from your address. Please wait.", wait)
    try:
        user = await people.make_user(body.email, body.password, body.name)
    except people.EmailTaken:
        raise Problem(409, "There is an account with this address. Log in instead.", kind="email-taken",
                      title="This address has an account") from None  # fmt: skip
    return json(user_view(user), 201)


@operation(identity, "POST", "/v1/auth/login", body=LogIn, answers={200: views.TokensView}, problems=(401, 429))
async def log_in(request: Request, body: LogIn) -> HTTPResponse:
    """An access token for 15 minutes, and a refresh token for 30 days."""
    here = context(request)
    wait = await here.logins_by_client.wait_seconds(address(request))
    wait = wait or await here.logins_by_email.wait_seconds(f"{body.email.strip().lower()}|{address(request)}")
    if wait:
        raise too_many("There were many attempts to log in. Please wait.", wait)
    user = await people.log_in(body.email, body.password)
    if user is None:
        raise Problem(401, "Address or password is wrong.")
    return tokens(user, await people.begin_session(user.id), cookies=not foreign(request))


@operation(
    identity, "POST", "/v1/auth/refresh", body=Refreshing, answers={200: views.TokensView}, problems=(401,),
    body_optional=True,
)  # fmt: skip
async def refresh(request: Request, body: Refreshing) -> HTTPResponse:
    """The next tokens for a refresh token, which is spent by this."""
    try:
        user, token = await people.refresh(_refresh_token(request, body.refresh_token))
    except people.NotRefreshed:
        raise Problem(401, "The refresh token is not valid, or no longer. Please log in.") from None
    return tokens(user, token, cookies=not foreign(request))


@operation(identity, "POST", "/v1/auth/logout", body=LogOut, answers={204: None}, problems=(401,), body_optional=True)
async def log_out(request: Request, body: LogOut) -> HTTPResponse:
    """End this session, or all of them."""
    await people.end_session(_refresh_token(request, body.refresh_token), body.everywhere)
    response = HTTPResponse(None, 204)
    _set_cookies(response, "", "", 0, 0)
    return response


@operation(identity, "GET", "/v1/me", answers={200: views.UserView}, problems=(401,))
async def get_me(request: Request, who: Who) -> HTTPResponse:
    """Who you are."""
    user = await people.with_id(who.id)
    if user is None:
        raise Problem(401, "This account is no longer there.")
    return json(user_view(user))


def user_view(user: User) -> views.UserView:
    return views.UserView(UUID(str(user.id)), user.email, user.name, user.role, user.email_verified)


def tokens(user: User, refresh_token: str, cookies: bool) -> HTTPResponse:
    """Tokens as an answer, and as cookies for our own pages: another site must not log anybody in here."""
    access = issue(user.id, user.role)
    response = json(views.TokensView(access, "Bearer", ACCESS_SECONDS, refresh_token))
    response.headers["Cache-Control"] = "no-store"
    if cookies:
        _set_cookies(response, access, refresh_token, ACCESS_SECONDS, people.REFRESH_DAYS * 86_400)
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
