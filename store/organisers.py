"""Organisers: bodies, which of them an account may act for, and the record of who changed what."""

from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec

from sagas.identity import new_id
from store import statements
from store.connection import pool
from store.sql import query

#: A person's roles within a body.
ROLES = ("owner", "manager", "box-office", "scanner")
MemberRole = Literal["owner", "manager", "box-office", "scanner"]
STATUSES = ("applied", "approved", "suspended", "refused", "closed")
Status = Literal["applied", "approved", "suspended", "refused", "closed"]
#: What the operator makes of a body; only its owner closes it, for ever.
Decision = Literal["applied", "approved", "suspended", "refused"]
#: An account may own, or apply for, so many bodies.
OWNED_LIMIT = 10

#: Where a page before ended.
Before = tuple[datetime, UUID] | None


class Standing(NamedTuple):
    """What an account is to a body.  ``role`` is one of ROLES, or ``admin`` for those who run the whole service."""

    organiser_id: UUID
    role: str
    status: str
    operator: bool


class Entries(msgspec.Struct, frozen=True):
    """What a body says of itself."""

    legal_name: str
    tax_id: str | None
    support_email: str
    payout_account: str | None


async def standings(user_id: UUID, named: UUID | None = None) -> list[Standing]:
    """What an account is, to each body that it may act for; admins may act for any, when it is named."""
    return [Standing(*row) for row in await pool().fetch(query("bodies_of_account"), user_id, named)]


async def record_change(
    rows: Any,
    actor_id: UUID,
    organiser_id: UUID | None,
    action: str,
    object_kind: str,
    object_id: object,
    **detail: Any,
) -> None:
    """Add to the record, in the transaction of the change itself.  ``action`` is like ``event.publish``; ``detail`` is
    what it was changed to, without names and addresses of people."""
    await rows.execute(
        query("change_record_add"), new_id(), organiser_id, actor_id, action, object_kind, str(object_id),
        msgspec.json.encode(detail).decode(),
    )  # fmt: skip


async def changes(organiser_id: UUID | None, before: Before, limit: int) -> list[Any]:
    """What was changed for a body, or for the whole service; newest first."""
    return list(await pool().fetch(query("change_records"), organiser_id, *(before or (None, None)), limit))


async def make(rows: Any, maker_id: UUID, entries: Entries, status: Status) -> Any | None:
    """A new body, with its maker as owner.  None when they own as many as they may."""
    await rows.execute(query("account_lock"), maker_id)
    if await rows.fetchval(query("organisers_owned"), maker_id) >= OWNED_LIMIT:
        return None
    body = await rows.fetchrow(query("organiser_make"), new_id(), *msgspec.structs.astuple(entries), status)
    await rows.execute(query("member_add"), new_id(), body["id"], maker_id, "owner")
    await roles_follow(rows, [maker_id])
    await record_change(rows, maker_id, body["id"], "organiser.apply", "organiser", body["id"], status=status)
    return body


async def find(organiser_id: UUID) -> Any | None:
    return await pool().fetchrow(query("organiser_find"), organiser_id)


async def lock(rows: Any, organiser_id: UUID) -> Any | None:
    """The body; whoever would change it, its members or invitations waits until the transaction's end."""
    return await rows.fetchrow(query("organiser_lock"), organiser_id)


async def change(rows: Any, organiser_id: UUID, entries: Entries) -> Any:
    return await rows.fetchrow(query("organiser_change"), organiser_id, *msgspec.structs.astuple(entries))


async def set_status(rows: Any, organiser_id: UUID, status: Status) -> Any:
    """Change a body's status, and its members' roles with it."""
    body = await rows.fetchrow(query("organiser_set_status"), organiser_id, status)
    await roles_follow(rows, [row["user_id"] for row in await rows.fetch(query("member_ids"), organiser_id)])
    return body


async def hindrances(rows: Any, organiser_id: UUID) -> list[str]:
    """Why a body that is locked cannot be closed now; nothing when it can."""
    found = [row["reason"] for row in await rows.fetch(query("closing_hindered"), organiser_id)]
    if any(balance.owed for balance in await statements.all_balances(rows, organiser_id)):
        found.append("money-owed")
    return found


async def close(rows: Any, organiser_id: UUID) -> Any:
    """Close a body: nobody acts for it any more, and nobody is invited to."""
    await rows.execute(query("organiser_put_away"), organiser_id)
    return await set_status(rows, organiser_id, "closed")


async def status_kept(rows: Any, organiser_id: UUID) -> str | None:
    """A body's status, which stays so until the transaction's end: one that is being closed makes no show meanwhile."""
    status: str | None = await rows.fetchval(query("organiser_status_kept"), organiser_id)
    return status


async def roles_follow(rows: Any, user_ids: list[UUID]) -> None:
    """Accounts' roles, after what they are to approved bodies."""
    await rows.execute(query("account_roles_follow"), user_ids)


async def of_account(user_id: UUID, after: Before, limit: int) -> list[Any]:
    """The bodies that an account belongs to, each with its role there."""
    return list(await pool().fetch(query("organisers_of_account"), user_id, *(after or (None, None)), limit))


async def page(status: Status | None, before: Before, limit: int) -> list[Any]:
    """All bodies, newest first."""
    return list(await pool().fetch(query("organisers_page"), status, *(before or (None, None)), limit))
