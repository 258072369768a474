"""What a link in a letter does: it confirms an address, or sets a new password.  The links lead to pages of the shop,
whose forms send what they carry here; asking for a page changes nothing."""

from typing import Annotated

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge.client import address
from edge.context import context
from edge.identity import Password, too_busy, without_cookies
from edge.my_account import own
from edge.operation import operation
from edge.problems import Problem, too_many
from edge.tokens import Who
from edge.visitor import where
from store import letter_links, mailing, passwords, people, sessions
from store.connection import transaction

by_letter = Blueprint("by-letter")

Token = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class EmailProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: Token


class ResetWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Annotated[str, msgspec.Meta(max_length=254, pattern=r"^[^\x00]*$")]


class Reset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: Token
    password: Password


@operation(by_letter, "POST", "/v1/auth/verify-email", body=EmailProof, answers={204: None}, problems=(409, 429))
async def verify_email(request: Request, body: EmailProof) -> HTTPResponse:
    """Confirm an address by the link of a letter."""
    await _not_too_often(request)
    if not await letter_links.verify_email(body.token):
        raise _spent()
    return HTTPResponse(None, 204)


@operation(by_letter, "POST", "/v1/me/verification", answers={202: None}, problems=(409, 429))
async def ask_for_verification(request: Request, who: Who) -> HTTPResponse:
    """Another letter with a link to confirm your address; three letters in a quarter of an hour at most."""
    await _not_too_often(request)
    user = await own(who)
    if user.email_verified:
        raise Problem(409, "Your address is confirmed already.")
    await letter_links.ask_for(user.email, "verify", "verify", request.ctx.traceparent[3:35])
    return HTTPResponse(None, 202)


@operation(by_letter, "POST", "/v1/auth/password-reset", body=ResetWish, answers={202: None}, problems=(429,))
async def ask_for_reset(request: Request, body: ResetWish) -> HTTPResponse:
    """A letter with a link to set a new password, if there is an account with this address; the answer does not say."""
    await _not_too_often(request)
    email = people.plain_address(body.email)
    await letter_links.ask_for(email, "reset", "reset", request.ctx.traceparent[3:35])
    return HTTPResponse(None, 202)


@operation(by_letter, "POST", "/v1/auth/password-reset/confirm", body=Reset, answers={204: None}, problems=(409, 429))
async def reset_password(request: Request, body: Reset) -> HTTPResponse:
    """Set a new password by the link of a letter; every session ends."""
    await _not_too_often(request)
    if not await letter_links.is_good(body.token, "reset"):
        raise _spent()
    try:
        hashed = await passwords.hashed(body.password)
    except passwords.TooManyPasswords:
        raise too_busy() from None
    async with transaction() as rows:
        user_id = await letter_links.reset_password(rows, body.token, hashed)
        if user_id is None:
            raise _spent()
        ended = await sessions.end_all(rows, user_id, "password")
        await sessions.was_reset(rows, user_id, where(request))
        await mailing.to_person(rows, user_id, "password-changed", request.ctx.traceparent[3:35])
    context(request).ended_sessions.add(*ended)
    return without_cookies(HTTPResponse(None, 204))


async def _not_too_often(request: Request) -> None:
    if wait := await context(request).links.wait_seconds(address(request)):
        raise too_many("This was asked for many times from your address. Please wait.", wait)


def _spent() -> Problem:
    return Problem(409, "This link has been used, or has run out. Please ask for another one.", kind="link-spent",
                   title="This link is not good any more")  # fmt: skip
