"""Organisers as bodies: anybody applies, the operator approves; what was changed, and by whom, is on record."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge.acting import Acting
from edge.cursor import Page, decode_cursor, encode_cursor
from edge.identity import Email
from edge.operation import json, operation
from edge.problems import Problem, not_found
from edge.texts import Name
from edge.tokens import Who
from store import mailing
from store import organisers as rows
from store.connection import transaction
from store.settings import settings

organisers = Blueprint("organisers")

TaxId = Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ./-]*$")]
PayoutAccount = Annotated[str, msgspec.Meta(min_length=4, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:/@-]*$")]


#: Why a body cannot be closed yet, in words.
HINDRANCES = {
    "coming-shows": "it has shows to come: cancel them first",
    "unfinished-bookings": "bookings of its shows are not finished",
    "refunds-pending": "money is on its way back to buyers",
    "open-shifts": "a shift of its box office is open: close it first",
    "money-owed": "its account with us is not even: wait for the payout, or pay what it owes",
}


class OrganiserApplication(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    legal_name: Name
    support_email: Email
    tax_id: TaxId | None = None
    payout_account: PayoutAccount | None = None


class OrganiserChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    legal_name: Name | UnsetType = UNSET
    support_email: Email | UnsetType = UNSET
    tax_id: TaxId | UnsetType | None = UNSET
    payout_account: PayoutAccount | UnsetType | None = UNSET


class StatusDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    status: rows.Decision


class OrganiserQuery(Page, frozen=True, forbid_unknown_fields=True):
    status: rows.Status | None = None


class OrganiserView(msgspec.Struct):
    """A body.  ``role`` is what you are to it; the payout account is for its owners and managers only."""

    id: UUID
    legal_name: str
    tax_id: str | None
    support_email: str
    payout_account: str | None
    status: rows.Status
    operator: bool
    role: str
    created_at: datetime


class OrganiserList(msgspec.Struct):
    items: list[OrganiserView]
    next_cursor: str | None


class ChangeView(msgspec.Struct):
    """Who did what to what.  ``actor_name`` is null once the account is gone."""

    id: UUID
    at: datetime
    actor_id: UUID
    actor_name: str | None
    action: str
    object_kind: str
    object_id: str
    detail: dict[str, Any]


class ChangeList(msgspec.Struct):
    items: list[ChangeView]
    next_cursor: str | None


@operation(
    organisers, "POST", "/v1/organisers", body=OrganiserApplication, answers={201: OrganiserView}, problems=(409,)
)
async def apply_as_organiser(request: Request, who: Who, body: OrganiserApplication) -> HTTPResponse:
    """Apply to be an organiser, as its owner: approved at once in development, by an admin otherwise."""
    status: rows.Status = "approved" if settings().frontrow_mode == "development" else "applied"
    entries = rows.Entries(
        body.legal_name.strip(), body.tax_id, body.support_email.strip().lower(), body.payout_account
    )
    async with transaction() as connection:
        made = await rows.make(connection, who.id, entries, status)
    if made is None:
        raise Problem(409, f"An account owns at most {rows.OWNED_LIMIT} organisers.")
    return json(view(made, "owner"), 201, {"Location": f"/v1/organisers/{made['id']}"})


@operation(organisers, "GET", "/v1/organisers", query=Page, answers={200: OrganiserList})
async def list_own_organisers(request: Request, who: Who, query: Page) -> HTTPResponse:
    """The organisers that you belong to."""
    found = await rows.of_account(who.id, decode_cursor(query.cursor), query.limit + 1)
    return _list(found, query.limit, None)


@operation(organisers, "GET", "/v1/organisers/{organiser_id}", answers={200: OrganiserView})
async def get_organiser(request: Request, organiser_id: UUID, acting: Acting) -> HTTPResponse:
    """An organiser that you belong to."""
    return json(view(await rows.find(organiser_id), acting.role))


@operation(organisers, "PATCH", "/v1/organisers/{organiser_id}", body=OrganiserChange, answers={200: OrganiserView})
async def change_organiser(request: Request, organiser_id: UUID, acting: Acting, body: OrganiserChange) -> HTTPResponse:
    """Change what an organiser says of itself."""
    given = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}
    async with transaction() as connection:
        before = await _locked(connection, organiser_id)
        entries = msgspec.convert({**before, **given}, rows.Entries)
        changed = {name: given[name] for name in given if getattr(entries, name) != before[name]}
        after = await rows.change(connection, organiser_id, entries)
        if changed:
            await rows.record_change(
                connection, acting.who.id, organiser_id, "organiser.change", "organiser", organiser_id,
                **_for_the_record(changed),
            )  # fmt: skip
    return json(view(after, acting.role))


@operation(organisers, "DELETE", "/v1/organisers/{organiser_id}", answers={204: None}, problems=(409,))
async def close_organiser(request: Request, organiser_id: UUID, acting: Acting) -> HTTPResponse:
    """Close an organiser, for ever: nobody acts for it any more.  What it sold stays on the books, and its statements
    and invoices are read as before.  Closing twice is closing once."""
    async with transaction() as connection:
        before = await _locked(connection, organiser_id, "The operator's own body stays.")
        if before["status"] == "closed":
            return HTTPResponse(None, 204)
        if reasons := await rows.hindrances(connection, organiser_id):
            said = "; ".join(HINDRANCES[reason] for reason in reasons)
            raise Problem(409, f"Not yet: {said}.", kind="organiser-in-use", title="This organiser is still needed",
                          reasons=reasons)  # fmt: skip
        await rows.close(connection, organiser_id)
        await rows.record_change(
            connection, acting.who.id, organiser_id, "organiser.close", "organiser", organiser_id, status="closed"
        )
    return HTTPResponse(None, 204)


def _for_the_record(changed: dict[str, Any]) -> dict[str, Any]:
    """Addresses may be a person's, and accounts tempt: that they were changed is enough."""
    return {
        name: "changed" if name in ("support_email", "payout_account") else value for name, value in changed.items()
    }


@operation(organisers, "GET", "/v1/organisers/{organiser_id}/changes", query=Page, answers={200: ChangeList})
async def list_changes(request: Request, organiser_id: UUID, acting: Acting, query: Page) -> HTTPResponse:
    """What was changed for an organiser, and by whom; newest first."""
    return await _changes(organiser_id, query)


async def _changes(organiser_id: UUID | None, query: Page) -> HTTPResponse:
    found = await rows.changes(organiser_id, decode_cursor(query.cursor), query.limit + 1)
    items = [ChangeView(**{**row, "detail": msgspec.json.decode(row["detail"])}) for row in found[: query.limit]]
    more = encode_cursor(items[-1].at, items[-1].id) if len(found) > query.limit else None
    return json(ChangeList(items, more))


@operation(organisers, "GET", "/v1/admin/organisers", query=OrganiserQuery, answers={200: OrganiserList})
async def list_organisers(request: Request, who: Who, query: OrganiserQuery) -> HTTPResponse:
    """All organisers, newest first."""
    found = await rows.page(query.status, decode_cursor(query.cursor), query.limit + 1)
    return _list(found, query.limit, "admin")


@operation(organisers, "GET", "/v1/admin/changes", query=Page, answers={200: ChangeList})
async def list_service_changes(request: Request, who: Who, query: Page) -> HTTPResponse:
    """What was changed for no organiser but for the whole service, as rate limits; newest first."""
    return await _changes(None, query)


@operation(
    organisers, "PATCH", "/v1/admin/organisers/{organiser_id}", body=StatusDecision, answers={200: OrganiserView},
    problems=(404, 409),
)  # fmt: skip
async def decide_organiser(request: Request, organiser_id: UUID, who: Who, body: StatusDecision) -> HTTPResponse:
    """Approve, refuse or suspend an organiser; its members' roles follow, and once it is approved the letters to whom
    it has invited."""
    async with transaction() as connection:
        before = await _locked(connection, organiser_id, "The operator's own body stays approved.")
        if before["status"] == "closed":
            raise Problem(409, "Its owner has closed this organiser.")
        after = await rows.set_status(connection, organiser_id, body.status)
        if before["status"] != body.status:
            await rows.record_change(
                connection, who.id, organiser_id, "organiser.status", "organiser", organiser_id, status=body.status
            )
        await mailing.of_invitations(connection, organiser_id, trace=request.ctx.traceparent[3:35])
    return json(view(after, "admin"))


async def _locked(connection: Any, organiser_id: UUID, operator_refused: str = "") -> Any:
    """The organiser, for a change; ``operator_refused``: why it is none that the operator's own body can have."""
    row = await rows.lock(connection, organiser_id)
    if row is None:
        raise not_found()
    if operator_refused and row["operator"]:
        raise Problem(409, operator_refused)
    return row


def view(row: Any, role: str) -> OrganiserView:
    may_see = role in ("owner", "manager", "admin")
    return OrganiserView(
        row["id"], row["legal_name"], row["tax_id"], row["support_email"], row["payout_account"] if may_see else None,
        row["status"], row["operator"], role, row["created_at"],
    )  # fmt: skip


def _list(found: list[Any], limit: int, role: str | None) -> HTTPResponse:
    items = [view(row, role or row["role"]) for row in found[:limit]]
    more = encode_cursor(items[-1].created_at, items[-1].id) if len(found) > limit else None
    return json(OrganiserList(items, more))
