"""A person's data: everything that is held about you as a download, and erased when you ask for it."""

from typing import Annotated

import msgspec
import structlog
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import views
from edge.context import context
from edge.identity import without_cookies
from edge.my_account import confirm, own
from edge.operation import operation
from edge.problems import Problem
from edge.tokens import Who
from store import files, people, sessions
from store import personal_data as data
from store.connection import transaction

log = structlog.get_logger()

personal_data = Blueprint("personal-data")

#: Why an account cannot be erased yet, in words.
HINDRANCES = {
    "live-bookings": "a booking of yours is not finished: wait until its hold has run out or its tickets have come",
    "coming-shows": "you hold tickets for shows to come: use them, or cancel the bookings first",
    "refunds-pending": "money is on its way back to you",
    "wallet-balance": "there is money in your wallet",
    "organiser-owner": "you are the only owner of an organiser: give it another owner, or close it, first",
    "last-admin": "you are the last admin: make another one first",
}


class Farewell(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The password; accounts that never had one need a log-in of the last ten minutes instead."""

    password: Annotated[str, msgspec.Meta(max_length=200)] | None = None


@operation(personal_data, "GET", "/v1/me/data", answers={200: views.PersonalData})
async def download_data(request: Request, who: Who) -> HTTPResponse:
    """Everything that is held about you."""
    await own(who)
    headers = {"Content-Disposition": 'attachment; filename="frontrow-my-data.json"', "Cache-Control": "no-store"}
    return HTTPResponse(await data.of(who.id), 200, headers, "application/json")


@operation(
    personal_data, "DELETE", "/v1/me", body=Farewell, answers={204: None}, problems=(409, 429), body_optional=True
)
async def erase_me(request: Request, who: Who, body: Farewell) -> HTTPResponse:
    """Erase your account: name and address go from everywhere; what was sold and paid stays, without them."""
    user = await own(who)
    await confirm(request, who, user, body.password)
    async with transaction() as rows:
        await people.lock_admins(rows)
        if await people.for_change(rows, who.id) is None:
            raise Problem(401, "This account is no longer there.")
        if reasons := await data.hindrances(rows, who.id):
            said = "; ".join(HINDRANCES[reason] for reason in reasons)
            raise Problem(409, f"Not yet: {said}.", kind="account-in-use", title="This account is still needed",
                          reasons=reasons)  # fmt: skip
        ended = await sessions.end_all(rows, who.id, "erased")
        paths = await data.erase(rows, who.id)
    context(request).ended_sessions.add(*ended)
    for path in paths:
        try:
            await files.remove(path)
        except files.FilesOutOfReach as error:  # its row is gone, so nobody is shown it any more
            log.error("file_not_removed", path=path, error=repr(error))
    log.info("account_erased", user_id=who.id)
    return without_cookies(HTTPResponse(None, 204))
