"""Members of organisers: invited by address, in an answer that does not tell whether the address has an account."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge.acting import Acting
from edge.cursor import Page, decode_cursor, encode_cursor
from edge.identity import Email
from edge.operation import json, operation
from edge.organisers import OrganiserView, view
from edge.problems import Problem, not_found
from edge.tokens import Who
from store import mailing
from store import members as rows
from store.connection import transaction
from store.organisers import MemberRole, lock, record_change

members = Blueprint("members")


class Invitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Email
    role: MemberRole


class RoleChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    role: MemberRole


class MemberView(msgspec.Struct):
    user_id: UUID
    name: str
    email: str
    role: MemberRole
    since: datetime


class MemberList(msgspec.Struct):
    items: list[MemberView]
    next_cursor: str | None


class InvitationView(msgspec.Struct):
    """An invitation that nobody has answered yet."""

    id: UUID
    email: str
    role: MemberRole
    invited_at: datetime
    expires_at: datetime


class InvitationList(msgspec.Struct):
    items: list[InvitationView]
    next_cursor: str | None


class OwnInvitation(msgspec.Struct):
    """An invitation to you."""

    id: UUID
    organiser_id: UUID
    legal_name: str
    role: MemberRole
    invited_at: datetime
    expires_at: datetime


class OwnInvitationList(msgspec.Struct):
    items: list[OwnInvitation]
    next_cursor: str | None


@operation(members, "GET", "/v1/organisers/{organiser_id}/members", query=Page, answers={200: MemberList})
async def list_members(request: Request, organiser_id: UUID, acting: Acting, query: Page) -> HTTPResponse:
    """Who acts for an organiser, and as what."""
    found = await rows.page(organiser_id, decode_cursor(query.cursor), query.limit + 1)
    items = [MemberView(**row) for row in found[: query.limit]]
    more = encode_cursor(items[-1].since, items[-1].user_id) if len(found) > query.limit else None
    return json(MemberList(items, more))


@operation(
    members, "POST", "/v1/organisers/{organiser_id}/members", body=Invitation, answers={201: InvitationView},
    problems=(409,),
)  # fmt: skip
async def invite_member(request: Request, organiser_id: UUID, acting: Acting, body: Invitation) -> HTTPResponse:
    """Invite whoever owns an address; they are a member once they accept, at ``/v1/me/invitations``.  They get a
    letter, as soon as the organiser is approved."""
    email = body.email.strip().lower()
    async with transaction() as connection:
        await lock(connection, organiser_id)
        try:
            made = await rows.invite(connection, organiser_id, email, body.role, acting.who.id)
        except rows.MemberAlready:
            raise Problem(409, "This is a member's address already. Change their role instead.") from None
        except rows.TooManyMembers:
            raise Problem(409, f"An organiser has at most {rows.MEMBERS_LIMIT} members and invitations.") from None
        await record_change(
            connection, acting.who.id, organiser_id, "member.invite", "invitation", made["id"], role=body.role
        )
        await mailing.of_invitations(connection, organiser_id, made["id"], request.ctx.traceparent[3:35])
    return json(_invitation(made), 201)


@operation(
    members, "PATCH", "/v1/organisers/{organiser_id}/members/{user_id}", body=RoleChange, answers={200: MemberView},
    problems=(409,),
)  # fmt: skip
async def change_member(
    request: Request, organiser_id: UUID, user_id: UUID, acting: Acting, body: RoleChange
) -> HTTPResponse:
    """Give a member another role."""
    async with transaction() as connection:
        before = await _locked(connection, organiser_id, user_id)
        try:
            await rows.set_role(connection, organiser_id, user_id, body.role)
        except rows.LastOwner:
            raise _last_owner() from None
        if before["role"] != body.role:
            await record_change(
                connection, acting.who.id, organiser_id, "member.change", "member", user_id, role=body.role
            )
    return json(MemberView(**{**before, "role": body.role}))


@operation(
    members, "DELETE", "/v1/organisers/{organiser_id}/members/{user_id}", answers={204: None}, problems=(409,)
)  # fmt: skip
async def remove_member(request: Request, organiser_id: UUID, user_id: UUID, acting: Acting) -> HTTPResponse:
    """Send a member away."""
    await _remove(acting, organiser_id, user_id)
    return HTTPResponse(None, 204)


@operation(members, "DELETE", "/v1/me/organisers/{organiser_id}", answers={204: None}, problems=(409,))
async def leave_organiser(request: Request, organiser_id: UUID, acting: Acting) -> HTTPResponse:
    """Leave an organiser; its last owner cannot."""
    await _remove(acting, organiser_id, acting.who.id)
    return HTTPResponse(None, 204)


async def _remove(acting: Acting, organiser_id: UUID, user_id: UUID) -> None:
    async with transaction() as connection:
        before = await _locked(connection, organiser_id, user_id)
        try:
            await rows.remove(connection, organiser_id, user_id)
        except rows.LastOwner:
            raise _last_owner() from None
        await record_change(
            connection, acting.who.id, organiser_id, "member.remove", "member", user_id, role=before["role"]
        )


async def _locked(connection: Any, organiser_id: UUID, user_id: UUID) -> Any:
    """The member, of a body that is locked."""
    await lock(connection, organiser_id)
    found = await rows.find(connection, organiser_id, user_id)
    if found is None:
        raise not_found()
    return found


def _last_owner() -> Problem:
    return Problem(409, "An organiser keeps an owner: make another member one first.", kind="last-owner",
                   title="This is the last owner")  # fmt: skip


@operation(members, "GET", "/v1/organisers/{organiser_id}/invitations", query=Page, answers={200: InvitationList})
async def list_invitations(request: Request, organiser_id: UUID, acting: Acting, query: Page) -> HTTPResponse:
    """Invitations that nobody has answered yet."""
    found = await rows.invitations(organiser_id, decode_cursor(query.cursor), query.limit + 1)
    items = [_invitation(row) for row in found[: query.limit]]
    more = encode_cursor(items[-1].invited_at, items[-1].id) if len(found) > query.limit else None
    return json(InvitationList(items, more))


@operation(members, "DELETE", "/v1/organisers/{organiser_id}/invitations/{invitation_id}", answers={204: None})
async def withdraw_invitation(
    request: Request, organiser_id: UUID, invitation_id: UUID, acting: Acting
) -> HTTPResponse:
    """Take an invitation back."""
    async with transaction() as connection:
        await lock(connection, organiser_id)
        if not await rows.withdraw(connection, organiser_id, invitation_id):
            raise not_found()
        await record_change(
            connection, acting.who.id, organiser_id, "member.withdraw-invitation", "invitation", invitation_id
        )
    return HTTPResponse(None, 204)


def _invitation(row: Any) -> InvitationView:
    return InvitationView(row["id"], row["email"], row["role"], row["invited_at"], row["expires_at"])


@operation(members, "GET", "/v1/me/invitations", query=Page, answers={200: OwnInvitationList})
async def list_own_invitations(request: Request, who: Who, query: Page) -> HTTPResponse:
    """Invitations to your address, once you have verified it."""
    found = await rows.invitations_of(who.id, decode_cursor(query.cursor), query.limit + 1)
    items = [OwnInvitation(**row) for row in found[: query.limit]]
    more = encode_cursor(items[-1].invited_at, items[-1].id) if len(found) > query.limit else None
    return json(OwnInvitationList(items, more))


@operation(members, "POST", "/v1/me/invitations/{invitation_id}/accept", answers={200: OrganiserView}, problems=(404,))
async def accept_invitation(request: Request, invitation_id: UUID, who: Who) -> HTTPResponse:
    """Become a member of the organiser that has invited you."""
    async with transaction() as connection:
        taken = await _taken(connection, invitation_id, who)
        body, role = taken["organiser_id"], taken["role"]
        await rows.join(connection, body, who.id, role)
        await record_change(connection, who.id, body, "member.join", "member", who.id, role=role)
        organiser = await lock(connection, body)
    return json(view(organiser, role))


@operation(members, "DELETE", "/v1/me/invitations/{invitation_id}", answers={204: None}, problems=(404,))
async def decline_invitation(request: Request, invitation_id: UUID, who: Who) -> HTTPResponse:
    """Decline an invitation."""
    async with transaction() as connection:
        taken = await _taken(connection, invitation_id, who)
        await record_change(connection, who.id, taken["organiser_id"], "member.decline", "invitation", invitation_id)
    return HTTPResponse(None, 204)


async def _taken(connection: Any, invitation_id: UUID, who: Who) -> Any:
    taken = await rows.take(connection, invitation_id, who.id)
    if taken is None:
        raise not_found()
    return taken
