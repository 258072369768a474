"""Members of organisers, and invitations to become one.

Who owns the invited address accepts, so that an invitation tells nobody whether the address has an account.  Changes
are made with the body's row locked (``organisers.lock``): so a body that has an owner always keeps one."""

from typing import Any
from uuid import UUID

from sagas.identity import new_id
from store.connection import pool
from store.organisers import Before, MemberRole, lock, roles_follow
from store.sql import query

#: A body has at most so many members, invited ones included.
MEMBERS_LIMIT = 200
INVITED_DAYS = 14


class LastOwner(Exception):
    """A body must keep an owner."""


class MemberAlready(Exception):
    """This address is a member's."""


class TooManyMembers(Exception):
    """The body has as many members and invitations as it may have."""


async def page(organiser_id: UUID, after: Before, limit: int) -> list[Any]:
    return list(await pool().fetch(query("members_page"), organiser_id, *(after or (None, None)), limit))


async def find(rows: Any, organiser_id: UUID, user_id: UUID) -> Any | None:
    return await rows.fetchrow(query("member_find"), organiser_id, user_id)


async def set_role(rows: Any, organiser_id: UUID, user_id: UUID, role: MemberRole) -> None:
    """Raises LastOwner."""
    if role != "owner":
        await _keep_an_owner(rows, organiser_id, user_id)
    await rows.execute(query("member_set_role"), organiser_id, user_id, role)
    await roles_follow(rows, [user_id])


async def remove(rows: Any, organiser_id: UUID, user_id: UUID) -> None:
    """Raises LastOwner."""
    await _keep_an_owner(rows, organiser_id, user_id)
    await rows.execute(query("member_remove"), organiser_id, user_id)
    await roles_follow(rows, [user_id])


async def _keep_an_owner(rows: Any, organiser_id: UUID, but: UUID) -> None:
    if not await rows.fetchval(query("owners_beside"), organiser_id, but):
        raise LastOwner


async def invite(rows: Any, organiser_id: UUID, email: str, role: MemberRole, by: UUID) -> Any:
    """An invitation.  Raises MemberAlready, TooManyMembers."""
    there = await rows.fetchrow(query("members_and_invitations"), organiser_id, email)
    if there["is_member"]:
        raise MemberAlready
    if there["count"] >= MEMBERS_LIMIT:
        raise TooManyMembers
    return await rows.fetchrow(query("invitation_make"), new_id(), organiser_id, email, role, by, INVITED_DAYS)


async def invitations(organiser_id: UUID, after: Before, limit: int) -> list[Any]:
    """Those that nobody has answered yet."""
    return list(await pool().fetch(query("invitations_page"), organiser_id, *(after or (None, None)), limit))


async def withdraw(rows: Any, organiser_id: UUID, invitation_id: UUID) -> bool:
    return bool(await rows.execute(query("invitation_withdraw"), organiser_id, invitation_id) == "DELETE 1")


async def invitations_of(user_id: UUID, after: Before, limit: int) -> list[Any]:
    """Invitations to an account, by the address that it has proved to own."""
    return list(await pool().fetch(query("invitations_of_account"), user_id, *(after or (None, None)), limit))


async def take(rows: Any, invitation_id: UUID, user_id: UUID) -> Any | None:
    """The invitation (organiser_id, role), used up; None when there is none for this account."""
    organiser_id = await rows.fetchval(query("invitation_body"), invitation_id)
    await lock(rows, organiser_id)
    return await rows.fetchrow(query("invitation_take"), invitation_id, user_id)


async def join(rows: Any, organiser_id: UUID, user_id: UUID, role: MemberRole) -> None:
    """Nothing happens when they are a member already."""
    await rows.execute(query("member_add"), new_id(), organiser_id, user_id, role)
    await roles_follow(rows, [user_id])
