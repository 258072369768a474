"""An operator at a saga: what it has come through, and its being retried, undone or settled by hand.

Everything an operator does is an event or a command like any other, under an id that follows from what it is about; who
did it and why is on record."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import structlog
from msgspec import Meta
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from actors.lanes.publisher import NotAccepted
from actors.lanes.wire import Options, seal
from edge.context import context
from edge.cursor import Page, decode_cursor, encode_cursor
from edge.lane_calls import decide_soon
from edge.operation import json, operation
from edge.problems import Problem, not_found, unavailable
from edge.show_records import ShowBookings, show_booking
from edge.texts import Name
from edge.tokens import Who
from sagas.booking import at_the_bank
from sagas.identity import derived
from sagas.messages import CancelSeats, Event, GivenUp, MoneyRefunded, RefundAgain, event_id_for
from sagas.money import Money
from store import bookings, box_office, operators
from store import sagas as saga_rows
from store.connection import transaction
from store.organisers import record_change

log = structlog.get_logger()
admin_sagas = Blueprint("admin-sagas")

#: Why an operator neither retries nor settles what was taken at a box office: it would still be in the drawer's books.
AT_THE_COUNTER = "This money is handed over at the organiser's box office, where its staff say that they have done so."
#: Why the provider is not asked: it would decline, or the money would go back twice.
AT_THE_BANK = "The payer's bank disputes this payment. Once that is won, ask again; what is lost is owed no longer."


class Why(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: Name


class SagaQuery(Page, frozen=True, forbid_unknown_fields=True):
    """``stuck``: only those that were sent again and again, or whose refund has failed."""

    course: Literal["forward", "back", "ended"] | None = None
    stuck: bool = False


class BookingQuery(Page, frozen=True, forbid_unknown_fields=True):
    show_id: UUID | None = None
    email: Annotated[str, Meta(max_length=254)] | None = None


class SagaView(msgspec.Struct):
    """A saga: its step and course, what it ``awaits`` an answer to, and how often that was sent again."""

    id: UUID
    kind: str
    lane: str
    step: str
    course: str
    outcome: str
    booking_state: str | None
    show_id: UUID | None
    buyer_id: UUID | None
    awaits: list[str]
    sends: int
    next_send_at: datetime | None
    changed_at: datetime
    refund_failed: bool


class SagaList(msgspec.Struct):
    items: list[SagaView]
    next_cursor: str | None


class SagaEventView(msgspec.Struct):
    """One line of the timeline, with all that the event says."""

    n: int
    event: str
    step: str
    course: str
    at: datetime
    detail: dict[str, Any]


class OwedRefund(msgspec.Struct):
    id: UUID
    provider_payment_id: str
    amount: Money
    to: str
    reason: str
    status: str
    attempt: int
    cancellation_id: UUID | None
    created_at: datetime


class WholeSaga(msgspec.Struct):
    saga: SagaView
    timeline: list[SagaEventView]
    refunds: list[OwedRefund]


@operation(admin_sagas, "GET", "/v1/admin/sagas", query=SagaQuery, answers={200: SagaList})
async def list_sagas(request: Request, who: Who, query: SagaQuery) -> HTTPResponse:
    """Every saga, the one that moved last first."""
    found = await operators.sagas(decode_cursor(query.cursor), query.course, query.stuck, query.limit + 1)
    page = found[: query.limit]
    cursor = encode_cursor(page[-1]["changed_at"], page[-1]["id"]) if len(found) > query.limit else None
    return json(SagaList([_view(row) for row in page], cursor))


@operation(admin_sagas, "GET", "/v1/admin/sagas/{saga_id}", answers={200: WholeSaga}, problems=(404,))
async def get_saga(request: Request, saga_id: UUID, who: Who) -> HTTPResponse:
    """A saga with its timeline and its refunds."""
    return json(await _whole(saga_id))


@operation(admin_sagas, "GET", "/v1/admin/bookings", query=BookingQuery, answers={200: ShowBookings})
async def list_all_bookings(request: Request, who: Who, query: BookingQuery) -> HTTPResponse:
    """Every booking with its buyer, the latest first."""
    before = decode_cursor(query.cursor)
    email = query.email.strip().lower() if query.email else None
    found = await operators.bookings(before, query.show_id, email, query.limit + 1)
    page = found[: query.limit]
    items = [show_booking(row) for row in page]
    cursor = encode_cursor(page[-1]["decided_at"], page[-1]["id"]) if len(found) > query.limit else None
    return json(ShowBookings(items, cursor))


@operation(
    admin_sagas, "POST", "/v1/admin/sagas/{saga_id}/retry", body=Why, answers={202: WholeSaga}, problems=(404, 409, 503)
)
async def retry_saga(request: Request, saga_id: UUID, who: Who, body: Why) -> HTTPResponse:
    """Ask again now: for each refund that failed, or for whatever the saga awaits.

    409 where the payer's bank disputes what a refund that failed is to give back."""
    row = await _known(saga_id)
    failed, why_not = await _failed(saga_id)
    if failed:
        facts = saga_rows.booking_facts_of(row["progress"])
        failed = [refund for refund in failed if not at_the_bank(facts, refund["id"])]
        why_not = AT_THE_BANK
    async with transaction() as connection:
        if not failed and not await operators.send_now(connection, saga_id):
            raise Problem(409, why_not or "This saga awaits nothing, and no refund of it has failed.")
        await _in_turn(connection, saga_id, "saga.settle")
        await _record(connection, who, "saga.retry", saga_id, body.reason)
    for refund in failed:
        await _tell(
            request, row["lane"],
            RefundAgain(
                event_id=event_id_for(refund["id"], RefundAgain, refund["command_id"]), booking_id=saga_id,
                refund_id=refund["id"], by=who.id, reason=body.reason,
            ),
        )  # fmt: skip
    return json(await _whole(saga_id), 202)


@operation(
    admin_sagas, "POST", "/v1/admin/sagas/{saga_id}/undo", body=Why, answers={202: WholeSaga}, problems=(404, 409, 503)
)
async def undo_saga(request: Request, saga_id: UUID, who: Who, body: Why) -> HTTPResponse:
    """Take a booking back: one that is held is released, one that is confirmed is cancelled whole, fees included."""
    row = await _known(saga_id)
    if row["kind"] != "booking" or row["state"] not in ("held", "confirmed"):
        raise Problem(409, "There is nothing to undo: the booking is neither held nor confirmed.")
    async with transaction() as connection:
        await _record(connection, who, "saga.undo", saga_id, body.reason)
    if row["state"] == "held":
        event = GivenUp(event_id=derived(saga_id, "given-up", "operator"), booking_id=saga_id, reason="operator")
        await _tell(request, row["lane"], event)
    else:
        left = [place["id"] for place in msgspec.json.decode(row["seats"]) if not place.get("status")]
        command = CancelSeats(
            command_id=derived(saga_id, "undone", *left), show_id=row["show_id"], booking_id=saga_id,
            buyer_id=row["buyer_id"], by="operator", reason="operator", actor_id=who.id,
        )  # fmt: skip
        await decide_soon(context(request), row["show_lane"], command, request.ctx.traceparent)
    return json(await _whole(saga_id), 202)


@operation(
    admin_sagas,
    "POST",
    "/v1/admin/sagas/{saga_id}/settle",
    body=Why,
    answers={202: WholeSaga},
    problems=(404, 409, 503),
)
async def settle_saga(request: Request, saga_id: UUID, who: Who, body: Why) -> HTTPResponse:
    """The refunds that failed were seen to outside (a bank transfer, say): they are owed no longer."""
    row = await _known(saga_id)
    failed, at_the_counter = await _failed(saga_id)
    if not failed:
        pending = "No refund of this saga has failed; one that is pending may still be paid by the provider."
        raise Problem(409, at_the_counter or pending)
    async with transaction() as connection:
        await _in_turn(connection, saga_id, "saga.retry")
        await _record(connection, who, "saga.settle", saga_id, body.reason)
    for refund in failed:
        await _tell(
            request, row["lane"],
            MoneyRefunded(
                event_id=event_id_for(refund["id"], MoneyRefunded), booking_id=saga_id, answers=refund["command_id"],
                refund_id=refund["id"], payment_id=refund["payment_id"], amount=refund["amount"], by=who.id,
                provider_payment_id=refund["provider_payment_id"], reason=body.reason,
            ),
        )  # fmt: skip
    return json(await _whole(saga_id), 202)


async def _known(saga_id: UUID) -> Any:
    row = await operators.saga(saga_id)
    if row is None:
        raise not_found()
    return row


async def _failed(saga_id: UUID) -> tuple[list[Any], str]:
    """The saga's refunds that the provider has failed; and what to say of those that only a box office can see to."""
    failed = [refund for refund in await operators.refunds(saga_id) if refund["status"] == "failed"]
    others = [refund for refund in failed if refund["to"] not in box_office.METHODS]
    return others, AT_THE_COUNTER if len(others) < len(failed) else ""


async def _in_turn(connection: Any, saga_id: UUID, other: str) -> None:
    """Raises 409 when the other order may still be on its way: what the provider is asked to give back once more must
    not be given by hand as well, and the other way round."""
    if await operators.was_ordered(connection, saga_id, other):
        raise Problem(409, f"A {other} was ordered a moment ago. Look at the timeline in some seconds, then ask again.")


async def _record(connection: Any, who: Who, action: str, saga_id: UUID, reason: str) -> None:
    await record_change(connection, who.id, None, action, "saga", saga_id, reason=reason)
    log.warning(action.replace(".", "_"), saga_id=str(saga_id), by=str(who.id), reason=reason)


async def _tell(request: Request, lane: str, event: Event) -> None:
    try:
        await context(request).publisher.publish(seal(lane, event, Options(request.ctx.traceparent)))
    except NotAccepted as error:
        raise unavailable("This is not known to be accepted. Ask again.") from error


async def _whole(saga_id: UUID) -> WholeSaga:
    row = await _known(saga_id)
    timeline = [
        SagaEventView(
            line["n"], line["event"], line["step"] or "ended", line["course"], line["at"],
            msgspec.json.decode(line["detail"]),
        )
        for line in await bookings.timeline(saga_id)
    ]  # fmt: skip
    refunds = [
        OwedRefund(
            refund["id"], refund["provider_payment_id"], Money(refund["amount"], refund["currency"]), refund["to"],
            refund["reason"], refund["status"], refund["attempt"], refund["about"], refund["created_at"],
        )
        for refund in await operators.refunds(saga_id)
    ]  # fmt: skip
    return WholeSaga(_view(row), timeline, refunds)


def _view(row: Any) -> SagaView:
    return SagaView(
        row["id"], row["kind"], row["lane"], row["step"], row["course"], row["outcome"], row["state"], row["show_id"],
        row["buyer_id"], [message.name() for message in saga_rows.outbox_of(row["outbox"])], row["sends"],
        row["next_send_at"], row["changed_at"], row["refund_failed"],
    )  # fmt: skip
