"""Accounts as the operator sees them: found, given a role, suspended and let in again."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import structlog
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import views
from edge.context import context
from edge.cursor import Page, decode_cursor, encode_cursor
from edge.operation import json, operation
from edge.problems import Problem, invalid, not_found
from edge.tokens import Who
from store import organisers, people, sessions
from store.connection import transaction

log = structlog.get_logger()

admin_users = Blueprint("admin-users")

Role = Literal["buyer", "organiser", "scanner", "admin"]


class UserQuery(Page, frozen=True, forbid_unknown_fields=True):
    q: Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^\x00]*$")] | None = None
    role: Role | None = None
    suspended: bool | None = None


class UserChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    role: Role | None = None
    suspended: bool | None = None


@operation(
    admin_users, "GET", "/v1/admin/users", query=UserQuery, answers={200: views.AccountList}
)  # fmt: skip
async def list_users(request: Request, who: Who, query: UserQuery) -> HTTPResponse:
    """Accounts, newest first; by words of address or name, role, or whether they are suspended."""
    words = query.q.strip().lower() if query.q else None
    wanted = people.UserFilter(words or None, query.role, query.suspended)
    found = await people.page(wanted, decode_cursor(query.cursor), query.limit + 1)
    items = [_view(row) for row in found[: query.limit]]
    more = encode_cursor(items[-1].created_at, items[-1].id) if len(found) > query.limit else None
    return json(views.AccountList(items, more))


@operation(
    admin_users, "GET", "/v1/admin/users/{user_id}", answers={200: views.AccountView}, problems=(404,)
)  # fmt: skip
async def get_user(request: Request, user_id: UUID, who: Who) -> HTTPResponse:
    """One account."""
    row = await people.for_operator(user_id)
    if row is None:
        raise not_found()
    return json(_view(row))


@operation(
    admin_users, "PATCH", "/v1/admin/users/{user_id}", body=UserChange,
    answers={200: views.AccountView}, problems=(404, 409),
)  # fmt: skip
async def change_user(request: Request, user_id: UUID, who: Who, body: UserChange) -> HTTPResponse:
    """Give an account a role, suspend it, or let it in again.  Its sessions end: tokens say what they said."""
    if body.role is None and body.suspended is None:
        raise invalid("", "Say role, suspended, or both")
    ended: list[UUID] = []
    async with transaction() as rows:
        admins = await people.lock_admins(rows)
        if who.id not in admins:
            raise Problem(403, "You are no admin any more.")
        if admins == {user_id} and (body.suspended or body.role not in (None, "admin")):
            raise Problem(409, "Somebody must be able to let others in again: make another admin first.",
                          kind="last-admin", title="This is the last admin")  # fmt: skip
        before = await people.for_change(rows, user_id)
        if before is None:
            raise not_found()
        after = await people.change(rows, user_id, body.role, body.suspended)
        if after["role"] != before["role"] or after["suspended_at"] != before["suspended_at"]:
            ended = await sessions.end_all(rows, user_id, "suspended" if after["suspended_at"] else "role")
            await organisers.record_change(
                rows, who.id, None, "account.change", "user", user_id, role=after["role"],
                suspended=after["suspended_at"] is not None,
            )  # fmt: skip
    context(request).ended_sessions.add(*ended)
    log.info("account_changed", user_id=user_id, by=who.id, role=after["role"], suspended=bool(after["suspended_at"]))
    return json(_view(after))


def _view(row: Any) -> views.AccountView:
    return views.AccountView(
        UUID(str(row["id"])), row["email"], row["name"], row["role"], row["email_verified"],
        row["suspended_at"] is not None, row["suspended_at"], row["created_at"],
    )  # fmt: skip
