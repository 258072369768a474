"""Your own account: profile, password, the devices on which you are logged in, and every log-in there was."""

from typing import Annotated
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import views
from edge.context import context
from edge.cursor import Page, decode_cursor, encode_cursor
from edge.identity import Password, too_busy, user_view, without_cookies
from edge.operation import json, operation
from edge.problems import Problem, invalid, not_found, too_many
from edge.texts import ShortName
from edge.tokens import Who
from sagas.clock import now
from store import mailing, passwords, people, sessions
from store.connection import pool, transaction
from store.tables import User

my_account = Blueprint("my-account")

#: So long after a log-in, it stands for the password of those who have none.
FRESH_SECONDS = 600


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: ShortName


class NewPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Without the old one (an account that never had one), a log-in of the last ten minutes is needed."""

    new_password: Password
    password: Annotated[str, msgspec.Meta(max_length=200)] | None = None


@operation(my_account, "GET", "/v1/me", answers={200: views.UserView}, problems=(401,))
async def get_me(request: Request, who: Who) -> HTTPResponse:
    """Who you are."""
    return json(user_view(await own(who)))


@operation(my_account, "PATCH", "/v1/me", body=Profile, answers={200: views.UserView})
async def change_me(request: Request, who: Who, body: Profile) -> HTTPResponse:
    """Change your name."""
    await people.rename(who.id, body.name)
    return json(user_view(await own(who)))


@operation(my_account, "POST", "/v1/me/password", body=NewPassword, answers={204: None}, problems=(429,))
async def change_password(request: Request, who: Who, body: NewPassword) -> HTTPResponse:
    """A new password; every other session ends."""
    user = await own(who)
    await confirm(request, who, user, body.password)
    try:
        hashed = await passwords.hashed(body.new_password)
    except passwords.TooManyPasswords:
        raise too_busy() from None
    async with transaction() as rows:
        if not await people.set_password(rows, user, hashed):
            raise Problem(409, "The password was changed elsewhere a moment ago.")
        ended = await sessions.end_all(rows, who.id, "password", but=who.session)
        await mailing.to_person(rows, who.id, "password-changed", request.ctx.traceparent[3:35])
    context(request).ended_sessions.add(*ended)
    return HTTPResponse(None, 204)


async def own(who: Who) -> User:
    user = await people.with_id(who.id)
    if user is None:
        raise Problem(401, "This account is no longer there.")
    return user


async def confirm(request: Request, who: Who, user: User, password: str | None) -> None:
    """That it is really them, not somebody who found their device: by the password; without one, by a fresh log-in."""
    if wait := await context(request).passwords.wait_seconds(str(who.id)):
        raise too_many("The password was asked for many times. Please wait.", wait)
    if user.password_hash:
        try:
            if password is None or not await passwords.fits(password, user.password_hash):
                raise invalid("/password", "This is not your password")
        except passwords.TooManyPasswords:
            raise too_busy() from None
        return
    session = await sessions.of(who.id, who.session) if who.session else None
    if session is None or (now() - session["began_at"]).total_seconds() > FRESH_SECONDS:
        raise Problem(403, "Please log in again first: it must be sure that this is you.", kind="fresh-login-needed",
                      title="Please log in again")  # fmt: skip


@operation(my_account, "GET", "/v1/me/sessions", answers={200: views.SessionList})
async def list_sessions(request: Request, who: Who) -> HTTPResponse:
    """Where you are logged in, the device used last first."""
    items = [
        views.SessionView(
            row["id"], row["device"], row["address"], row["began_at"], row["seen_at"], row["id"] == who.session
        )
        for row in await sessions.live(who.id)
    ]
    return json(views.SessionList(items, None))


@operation(
    my_account, "DELETE", "/v1/me/sessions/{session_id}", answers={204: None}, problems=(404,)
)  # fmt: skip
async def end_session(request: Request, session_id: UUID, who: Who) -> HTTPResponse:
    """Log out on one device."""
    if await sessions.of(who.id, session_id) is None:
        raise not_found()
    await sessions.end(session_id, "owner")
    context(request).ended_sessions.add(session_id)
    answer = HTTPResponse(None, 204)
    return without_cookies(answer) if session_id == who.session else answer


@operation(my_account, "DELETE", "/v1/me/sessions", answers={204: None})
async def end_sessions(request: Request, who: Who) -> HTTPResponse:
    """Log out everywhere, here too."""
    context(request).ended_sessions.add(*await sessions.end_all(pool(), who.id, "owner"))
    return without_cookies(HTTPResponse(None, 204))


@operation(my_account, "GET", "/v1/me/logins", query=Page, answers={200: views.LogInList})
async def list_log_ins(request: Request, who: Who, query: Page) -> HTTPResponse:
    """When, how, from where and on which device somebody logged in to your account, or tried to; newest first."""
    found = await sessions.log_ins(who.id, decode_cursor(query.cursor), query.limit + 1)
    items = [
        views.LogInView(row["id"], row["at"], row["method"], row["succeeded"], row["address"], row["device"])
        for row in found[: query.limit]
    ]
    more = encode_cursor(items[-1].at, items[-1].id) if len(found) > query.limit else None
    return json(views.LogInList(items, more))
