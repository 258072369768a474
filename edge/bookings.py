"""The booking step: a wish becomes one message on its show's lane, and the buyer hears what was decided.

The handler writes no row.  The booking's id follows from buyer and Idempotency-Key, so asking twice is harmless."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from actors.lanes.publisher import NotAccepted
from actors.lanes.wire import Options, seal
from edge import views
from edge.context import Context, context
from edge.limits import limit_headers
from edge.operation import json, operation
from edge.problems import Problem, key_reused, not_found, refusal_problem, too_many, unavailable
from edge.request_headers import idempotency_key, waiting
from edge.show_cache import KnownShow
from edge.tokens import Who
from edge.turns import end_turn
from edge.wishes import SeatWish, Wish, canonical, check_wish
from sagas.clock import after, from_unix, monotonic_seconds
from sagas.identity import booking_id_for
from sagas.messages import HoldSeats, Method
from sagas.refusals import KeyReused
from store import bookings as rows
from store.acceptance import Acceptance, NotesLost, note_of
from store.connection import is_operating
from store.live import Reply, booking_channel
from store.settings import settings

bookings = Blueprint("bookings")

#: A message that is lost costs a waiting client no more than this.
ASK_AGAIN_SECONDS = 0.5


@operation(
    bookings, "POST", "/v1/shows/{show_id}/bookings", body=SeatWish, key=True, waits=True, in_turn=True,
    answers={201: views.BookingView, 202: views.BookingView}, problems=(404, 409, 429, 503),
)  # fmt: skip
async def create_booking(request: Request, show_id: UUID, who: Who, body: SeatWish) -> HTTPResponse:
    """Ask for seats: 202 with the number ahead, or the decision when you wait for it."""
    here, key = context(request), idempotency_key(request)
    show = await here.shows.wished(show_id)
    if show is None:
        raise not_found()
    try:
        check_wish(show, body)
    except Problem:  # what is refused for good is refused by the show as it is now
        if (show := await here.shows.get(show_id)) is None:
            raise not_found() from None
        check_wish(show, body)
    booking_id = booking_id_for(settings().booking_namespace, who.id, key)
    asked = Asked(
        booking_id, who.id, body.payment.method, wish_hash(request, body, body.payment), f"/v1/bookings/{booking_id}",
        from_wallet=body.payment.from_wallet or 0,
    )  # fmt: skip
    return await ask_the_lane(request, show, body, asked)


class Asked(msgspec.Struct, frozen=True):
    """Who asks for places, and how they are paid for; ``location`` is where the booking is found, ``note`` what is
    written before its lane is asked."""

    booking_id: UUID
    buyer_id: UUID
    method: Method
    body_hash: str
    location: str
    from_wallet: int = 0
    seller_id: UUID | None = None
    note: Callable[[], Awaitable[None]] | None = None


def wish_hash(request: Request, wish: Wish, *paid_by: Any) -> str:
    """What the key stands for: the method, the path and the body, however that was spelled."""
    return hashlib.sha256(b"POST %s " % request.path.encode() + canonical(wish, *paid_by)).hexdigest()[:32]


def _said(wish: Wish | UUID) -> dict[str, Any]:
    """What is wished for, as fields of its command."""
    if isinstance(wish, UUID):
        return {"listing_id": wish, "version": 2}
    named = {"seats": wish.seat_ids, "quantity": wish.quantity or 0, "section_id": wish.section_id}
    version = {"version": 3} if wish.coupon else {}
    return {**named, "together": wish.together, **wish.extras, **version}


async def ask_the_lane(request: Request, show: KnownShow, wished: Wish | UUID, asked: Asked) -> HTTPResponse:
    """Send the wish (or the listing that is wished for) to its show's lane; the number ahead of it, or the decision for
    those who wait."""
    here, wait_seconds = context(request), waiting(request)
    show_id, booking_id, buyer_id = show.row["id"], asked.booking_id, asked.buyer_id
    lane = show.row["lane"]
    acceptance = await here.accepting.ask(booking_id, buyer_id, show_id, lane, asked.body_hash, asked.method)
    end_turn(request)
    headers = _limit_headers(here, acceptance)
    _refuse_unaccepted(here, acceptance, headers)
    headers |= {"Location": asked.location}
    if wait_seconds:
        headers["Preference-Applied"] = f"wait={wait_seconds:g}"
    if acceptance.status == "again" and (whole := await _known(booking_id)) is not None:
        return _as_decided(rows.from_row(whole), whole, asked.body_hash, bool(wait_seconds), headers)
    wish = HoldSeats(
        command_id=booking_id,
        show_id=show_id,
        booking_id=booking_id,
        buyer_id=buyer_id,
        body_hash=asked.body_hash,
        not_after=after(from_unix(acceptance.now), settings().wish_valid_seconds),
        method=asked.method,
        from_wallet=asked.from_wallet,
        seller_id=asked.seller_id,
        **_said(wished),
    )
    if asked.note is not None:
        try:
            await asked.note()
        except Exception:
            if acceptance.status == "accepted":
                await here.accepting.withdraw(booking_id, show_id)
            raise
    options = Options(request.ctx.traceparent, here.id if wait_seconds else "")
    expected = here.news.expect(booking_id) if wait_seconds else None
    try:
        await _publish(here, show, wish, options, fresh=acceptance.status == "accepted")
        deadline = monotonic_seconds() + wait_seconds
        reply = await _wait(expected, wait_seconds) if expected else None
        if reply is not None and reply.booking is not None and pays_at_once(reply.booking):
            await _paid_at_once(here, booking_id, deadline)
            reply = None
    finally:
        if expected:
            here.news.forget(booking_id, expected)
    if wait_seconds:
        return await _decided(here, wish, acceptance, reply, headers)
    ahead = acceptance.ahead if acceptance.status == "accepted" else await _ahead(here, booking_id)
    return json(views.queued(booking_id, show_id, asked.method, ahead), 202, headers)


def pays_at_once(row: rows.BookingRow) -> bool:
    """Whether the hold is followed by its payment without anybody doing anything: by wallet, at the box office, or for
    nothing."""
    return row.state == "held" and row.method != "razorpay"


async def _paid_at_once(here: Context, booking_id: UUID, deadline: float) -> None:
    """Wait until such a payment is decided: a wallet may hold too little, and then the booking is refused."""
    changed = asyncio.Event()

    def hear(_data: bytes) -> None:
        changed.set()

    channel = booking_channel(booking_id)
    await here.news.listen(channel, hear)
    try:
        while (left := deadline - monotonic_seconds()) > 0:
            if await rows.is_paid_or_over(booking_id):
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), min(left, ASK_AGAIN_SECONDS))
            changed.clear()
    finally:
        await here.news.unlisten(channel, hear)


async def _known(booking_id: UUID) -> Any | None:
    """The booking, if it is decided already and Postgres can say so; asking the lane again is safe otherwise."""
    try:
        return await rows.find(booking_id)
    except Exception as error:
        if is_operating(error):
            return None
        raise


async def _publish(here: Context, show: KnownShow, wish: HoldSeats, options: Options, fresh: bool) -> None:
    try:
        await here.publisher.publish(seal(show.row["lane"], wish, options))
    except NotAccepted as error:
        if fresh and not error.perhaps:
            await here.accepting.withdraw(wish.booking_id, wish.show_id)
        raise unavailable(
            "The booking is not known to be accepted. Ask again with the same Idempotency-Key."
        ) from error


async def _wait(expected: asyncio.Future[Reply], seconds: float) -> Reply | None:
    try:
        async with asyncio.timeout(seconds):
            return await expected
    except TimeoutError:
        return None


async def _decided(
    here: Context, wish: HoldSeats, acceptance: Acceptance, reply: Reply | None, headers: dict[str, str]
) -> HTTPResponse:
    """The decision, as it was told, or as Postgres knows it at the deadline; else the booking is still queued."""
    if reply is not None and reply.booking is None and reply.refusal is not None:
        problem = refusal_problem(reply.refusal, booking_id=wish.booking_id)
        raise key_reused() if problem.kind == KeyReused.type() else problem
    row, whole = reply.booking if reply else None, None
    if row is None or row.state not in ("held", "refused"):
        whole = await _known(wish.booking_id)
        row = rows.from_row(whole) if whole is not None else None
    if row is None:
        ahead = await _ahead(here, wish.booking_id)
        return json(views.queued(wish.booking_id, wish.show_id, wish.method, ahead), 202, headers)
    return _as_decided(row, whole, wish.body_hash, True, headers, wish.from_wallet)


def _as_decided(
    row: rows.BookingRow, whole: Any, body_hash: str, waited: bool, headers: dict[str, str], from_wallet: int = 0
) -> HTTPResponse:
    """The booking as it stands, or its refusal; a repeat that does not wait is answered 202, as the first was."""
    if row.body_hash != body_hash:
        raise key_reused()
    refusal = views.refusal_of(row, whole)
    if waited and refusal is not None:
        refusal.headers |= headers
        raise refusal
    return json(views.booking(row, whole, from_wallet), 201 if waited else 202, headers)


async def _ahead(here: Context, booking_id: UUID) -> int | None:
    """How many wishes are before this one now."""
    try:
        found = await note_of(here.redis, booking_id)
    except NotesLost:
        return None
    return found[1] if found else None


def _limit_headers(here: Context, acceptance: Acceptance) -> dict[str, str]:
    bucket = here.accepting.bucket
    if bucket.burst == 0 or acceptance.status in ("again", "reused"):
        return {}
    return limit_headers(bucket, acceptance.remaining, acceptance.wait)


def _refuse_unaccepted(here: Context, acceptance: Acceptance, headers: dict[str, str]) -> None:
    match acceptance.status:
        case "limited":
            raise too_many("You have asked for many bookings. Please wait a moment.", acceptance.wait, headers)
        case "crowded":
            raise too_many("So many are waiting for this show that no more can be taken now.", 2.0, headers)
        case "reused":
            raise key_reused()
