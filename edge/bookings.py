"""Booking: a wish becomes one message on the show's lane; reading a booking tells how far it has come.

The handler writes no row.  The booking's id follows from buyer and Idempotency-Key, so asking twice is harmless."""

import asyncio
import hashlib
import math
from contextlib import suppress
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from actors.lanes.publisher import NotAccepted
from actors.lanes.routes import PAYMENTS
from actors.lanes.wire import Options, seal
from edge import views
from edge.context import Context, context
from edge.cursor import Page, decode_cursor, encode_cursor
from edge.operation import json, operation
from edge.problems import Problem, invalid, not_found, refusal_problem, too_many, unavailable
from edge.show_cache import KnownShow
from edge.tokens import Who
from sagas.clock import after, from_unix, monotonic_seconds
from sagas.identity import booking_code, booking_id_for, derived, new_id, saga_lane
from sagas.messages import CheckPayment, HoldSeats, MethodChosen
from sagas.refusals import KeyReused, WalletTooLow
from store import bookings as rows
from store import files, money
from store.acceptance import Acceptance, NotesLost, note_of
from store.connection import is_operating
from store.live import Reply, booking_channel
from store.settings import settings

bookings = Blueprint("bookings")

#: The longest a client may wait for a decision; more counts as this.
WAIT_SECONDS = 10.0
#: A message that is lost costs a waiting client no more than this.
ASK_AGAIN_SECONDS = 0.5
PLACES_LIMIT = 100

SeatId = Annotated[str, msgspec.Meta(min_length=1, max_length=16)]


class PaymentWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    method: Literal["razorpay", "wallet"] = "razorpay"


class SeatRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A seat as an object; ticket types have not come to this show."""

    id: SeatId
    ticket_type: None = None


class SeatWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly one of ``seats`` and ``quantity`` (with ``section_id`` and ``together`` where wanted)."""

    seats: Annotated[list[SeatId | SeatRef], msgspec.Meta(min_length=1, max_length=PLACES_LIMIT)] | None = None
    quantity: Annotated[int, msgspec.Meta(ge=1, le=PLACES_LIMIT)] | None = None
    section_id: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    together: bool = False
    payment: PaymentWish = PaymentWish()

    @property
    def seat_ids(self) -> tuple[str, ...]:
        return tuple(seat if isinstance(seat, str) else seat.id for seat in self.seats or ())

    def __post_init__(self) -> None:
        if (self.seats is None) == (self.quantity is None):
            raise ValueError("Give exactly one of `seats` and `quantity`")
        if self.seats is not None and (self.section_id is not None or self.together):
            raise ValueError("`section_id` and `together` go with `quantity`, not with `seats`")


class MethodWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    method: Literal["razorpay", "wallet"]


class CheckoutAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What Checkout hands back to the shop."""

    razorpay_order_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    razorpay_payment_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    razorpay_signature: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


@operation(
    bookings, "POST", "/v1/shows/{show_id}/bookings", body=SeatWish, roles=("*",), key=True, waits=True,
    answers={201: views.BookingView, 202: views.BookingView}, problems=(404, 409, 429, 503),
)  # fmt: skip
async def create_booking(request: Request, show_id: UUID, who: Who, body: SeatWish) -> HTTPResponse:
    """Ask for seats: 202 with the number ahead, or the decision when you wait for it."""
    here, key, wait_seconds = context(request), idempotency_key(request), waiting(request)
    show = await here.shows.get(show_id)
    if show is None:
        raise not_found()
    check_wish(show, body)
    booking_id = booking_id_for(settings().booking_namespace, who.id, key)
    body_hash = hashlib.sha256(b"POST %s " % request.path.encode() + _canonical(body)).hexdigest()[:32]
    acceptance = await here.accepting.ask(booking_id, who.id, show_id, show.row["lane"], body_hash, body.payment.method)
    headers = _limit_headers(here, acceptance)
    _refuse_unaccepted(here, acceptance, headers)
    headers |= {"Location": f"/v1/bookings/{booking_id}"}
    if wait_seconds:
        headers["Preference-Applied"] = f"wait={wait_seconds:g}"
    if acceptance.status == "again" and (whole := await _known(booking_id)) is not None:
        return _as_decided(rows.from_row(whole), whole, body_hash, bool(wait_seconds), headers)
    wish = HoldSeats(
        command_id=booking_id,
        show_id=show_id,
        booking_id=booking_id,
        buyer_id=who.id,
        body_hash=body_hash,
        not_after=after(from_unix(acceptance.now), settings().wish_valid_seconds),
        seats=body.seat_ids,
        quantity=body.quantity or 0,
        section_id=body.section_id,
        together=body.together,
        method=body.payment.method,
    )
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
    ahead = await _ahead(here, booking_id, acceptance)
    return json(views.queued(booking_id, show_id, body.payment.method, ahead), 202, headers)


def pays_at_once(row: rows.BookingRow) -> bool:
    """Whether the hold is followed by its payment without anybody doing anything: by wallet, or for nothing."""
    return row.state == "held" and row.method in ("wallet", "none")


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
        return await asyncio.wait_for(asyncio.shield(expected), seconds)
    except TimeoutError:
        return None


async def _decided(
    here: Context, wish: HoldSeats, acceptance: Acceptance, reply: Reply | None, headers: dict[str, str]
) -> HTTPResponse:
    """The decision, as it was told, or as Postgres knows it at the deadline; else the booking is still queued."""
    if reply is not None and reply.booking is None and reply.refusal is not None:
        problem = refusal_problem(reply.refusal, booking_id=wish.booking_id)
        raise _key_reused() if problem.kind == KeyReused.type() else problem
    row, whole = reply.booking if reply else None, None
    if row is None or row.state not in ("held", "refused"):
        whole = await _known(wish.booking_id)
        row = rows.from_row(whole) if whole is not None else None
    if row is None:
        ahead = await _ahead(here, wish.booking_id, acceptance)
        return json(views.queued(wish.booking_id, wish.show_id, wish.method, ahead), 202, headers)
    return _as_decided(row, whole, wish.body_hash, True, headers)


def _as_decided(
    row: rows.BookingRow, whole: Any, body_hash: str, waited: bool, headers: dict[str, str]
) -> HTTPResponse:
    """The booking as it stands, or its refusal; a repeat that does not wait is answered 202, as the first was."""
    if row.body_hash != body_hash:
        raise _key_reused()
    refusal = views.refusal_of(row, whole)
    if waited and refusal is not None:
        refusal.headers |= headers
        raise refusal
    return json(views.booking(row, whole), 201 if waited else 202, headers)


async def _ahead(here: Context, booking_id: UUID, acceptance: Acceptance) -> int | None:
    """How many wishes are before this one, now that it is in the lane."""
    if acceptance.number is None:
        return None
    try:
        found = await note_of(here.redis, booking_id)
    except NotesLost:
        return None
    return found[1] if found else None


def check_wish(show: KnownShow, wish: SeatWish) -> None:
    """What is wrong with a wish by itself, before anybody is asked."""
    seats = wish.seat_ids
    for index, seat in enumerate(seats):
        if not show.has_seat(seat):
            raise invalid(f"/seats/{index}", f"{seat} is not a seat of this show")
    if len(set(seats)) != len(seats):
        again = next(index for index, seat in enumerate(seats) if seat in seats[:index])
        raise invalid(f"/seats/{again}", f"{seats[again]} is asked for twice")
    if wish.section_id is not None and wish.section_id not in show.sections:
        raise invalid("/section_id", f"{wish.section_id} is not a section of this show")


def idempotency_key(request: Request) -> str:
    keys = request.headers.getall("idempotency-key", [])
    if len(keys) > 1:
        raise Problem(400, "Send one Idempotency-Key header, not several.")
    key = keys[0] if keys else ""
    if not key:
        raise Problem(400, "Send an Idempotency-Key header: 1 to 255 visible ASCII characters, new for each booking.")
    if len(key) > 255 or not all("!" <= letter <= "~" for letter in key):
        raise Problem(400, "An Idempotency-Key has 1 to 255 visible ASCII characters.")
    return str(key)


def waiting(request: Request) -> float:
    """The seconds that ``Prefer: wait=N`` asks for; 0 without it."""
    for preference in request.headers.get("prefer", "").split(","):
        name, _, value = preference.strip().partition("=")
        if name.strip().lower() == "wait":
            try:
                seconds = float(value.strip().strip('"'))
            except ValueError:
                return 0.0
            return 0.0 if math.isnan(seconds) else min(max(seconds, 0.0), WAIT_SECONDS)
    return 0.0


def _canonical(wish: SeatWish) -> bytes:
    """The wish as bytes, the same however it was spelled."""
    return msgspec.json.encode([wish.seat_ids, wish.quantity, wish.section_id, wish.together, wish.payment])


def _limit_headers(here: Context, acceptance: Acceptance) -> dict[str, str]:
    bucket = here.bookings_bucket
    if bucket.burst == 0 or acceptance.status in ("again", "reused"):
        return {}
    refill = round(bucket.refill_seconds)
    return {
        "RateLimit-Policy": f'"{bucket.name}";q={bucket.burst};w={bucket.burst * refill}',
        "RateLimit": f'"{bucket.name}";r={acceptance.remaining};t={round(acceptance.wait) or refill}',
    }


def _refuse_unaccepted(here: Context, acceptance: Acceptance, headers: dict[str, str]) -> None:
    match acceptance.status:
        case "limited":
            raise too_many("You have asked for many bookings. Please wait a moment.", acceptance.wait, headers)
        case "crowded":
            raise too_many("So many are waiting for this show that no more can be taken now.", 2.0, headers)
        case "reused":
            raise _key_reused()


def _key_reused() -> Problem:
    return Problem(
        422, "This Idempotency-Key was used for another request. Use a new one.", kind="key-reused",
        title="This key was used before", errors=[{"pointer": "", "detail": "Idempotency-Key was used before"}],
    )  # fmt: skip


async def own_booking(who: Who, booking_id: UUID) -> Any:
    """The booking's whole row, if it is this buyer's."""
    whole = await rows.find(booking_id)
    if whole is None or whole["buyer_id"] != who.id:
        raise not_found()
    return whole


@operation(
    bookings, "GET", "/v1/bookings/{booking_id}", roles=("*",), answers={200: views.BookingView}, problems=(404, 503)
)
async def get_booking(request: Request, booking_id: UUID, who: Who) -> HTTPResponse:
    """A booking as it stands."""
    return json(await current(context(request), who, booking_id))


async def current(here: Context, who: Who, booking_id: UUID) -> views.BookingView:
    whole = await rows.find(booking_id)
    if whole is not None:
        if whole["buyer_id"] != who.id:
            raise not_found()
        return views.booking(rows.from_row(whole), whole)
    try:
        found = await note_of(here.redis, booking_id)
    except NotesLost as error:
        raise unavailable("Whether this was asked for cannot be told at the moment.", 5) from error
    if found is None or found[0].buyer != str(who.id):
        raise not_found()
    return views.queued(booking_id, UUID(found[0].show), found[0].method, found[1])


@operation(bookings, "GET", "/v1/bookings", roles=("*",), query=Page, answers={200: views.BookingList})
async def list_bookings(request: Request, who: Who, query: Page) -> HTTPResponse:
    """Your bookings, newest first."""
    found = await rows.of_buyer(who.id, decode_cursor(query.cursor), query.limit + 1)
    items = [views.booking(rows.from_row(whole), whole) for whole in found[: query.limit]]
    more = len(found) > query.limit
    last = found[query.limit - 1] if more else None
    return json(views.BookingList(items, encode_cursor(last["decided_at"], last["id"]) if last else None))


@operation(
    bookings, "GET", "/v1/bookings/{booking_id}/timeline", roles=("*",), answers={200: views.Timeline}, problems=(404,)
)
async def get_timeline(request: Request, booking_id: UUID, who: Who) -> HTTPResponse:
    """What happened to the booking, in order."""
    await own_booking(who, booking_id)
    items = []
    for row in await rows.timeline(booking_id):
        detail = msgspec.json.decode(row["detail"])
        items.append(
            views.TimelineItem(row["n"], row["event"], row["step"] or "ended", row["at"], detail.get("reason"))
        )
    return json(views.Timeline(items))


@operation(
    bookings, "GET", "/v1/bookings/{booking_id}/stream", roles=("*",), answers={200: None}, problems=(404, 503),
    content_type="text/event-stream",
)  # fmt: skip
async def stream_booking(request: Request, booking_id: UUID, who: Who) -> None:
    """The booking each time it changes, as server-sent events (``event: booking``)."""
    from edge.streams import send_booking

    await send_booking(request, who, booking_id)


@operation(
    bookings, "POST", "/v1/bookings/{booking_id}/payment", roles=("*",), body=MethodWish, key=True,
    answers={202: views.BookingView}, problems=(404, 409, 503),
)  # fmt: skip
async def choose_method(request: Request, booking_id: UUID, who: Who, body: MethodWish) -> HTTPResponse:
    """Pay in another way, as long as the booking is held and not paid."""
    key = idempotency_key(request)
    whole = await own_booking(who, booking_id)
    view = views.booking(rows.from_row(whole), whole)
    if view.status != "held" or view.amounts is None or (view.payment and view.payment.status == "captured"):
        raise Problem(409, "Only a held booking that is not paid yet can be paid in another way.")
    total = view.amounts.total
    if body.method == "wallet" and (balance := await money.balance(who.id, total.currency)) < total.amount:
        too_low = WalletTooLow(detail="Your wallet holds too little for this booking.", balance=balance)
        raise refusal_problem(msgspec.json.encode(too_low).decode(), booking_id=booking_id, place=view.place)
    event_id = derived(booking_id, "method", key, body.method)
    chosen = MethodChosen(event_id=event_id, booking_id=booking_id, method=body.method)
    lane = saga_lane(booking_id, settings().saga_lanes)
    try:
        await context(request).publisher.publish(seal(lane, chosen, Options(request.ctx.traceparent)))
    except NotAccepted as error:
        raise unavailable("Please send this again with the same Idempotency-Key.") from error
    return json(view, 202)


@operation(
    bookings, "POST", "/v1/bookings/{booking_id}/payment/verify", roles=("*",), body=CheckoutAnswer,
    answers={202: views.BookingView}, problems=(404, 503),
)  # fmt: skip
async def verify_payment(request: Request, booking_id: UUID, who: Who, body: CheckoutAnswer) -> HTTPResponse:
    """What Checkout handed back: its signature is checked, and the provider is asked what was paid."""
    from edge.signatures import checkout_is_signed

    whole = await own_booking(who, booking_id)
    if whole["razorpay_order_id"] != body.razorpay_order_id or not checkout_is_signed(
        body.razorpay_order_id, body.razorpay_payment_id, body.razorpay_signature
    ):
        raise invalid("/razorpay_signature", "this does not belong to the booking's payment")
    payment_id = whole["payment_id"]
    check = CheckPayment(command_id=new_id(), booking_id=booking_id, payment_id=payment_id)
    try:
        await context(request).publisher.publish(seal(PAYMENTS, check, Options(request.ctx.traceparent)))
    except NotAccepted as error:
        raise unavailable("Please send this again.") from error
    return json(views.booking(rows.from_row(whole), whole), 202)


@operation(
    bookings, "GET", "/v1/bookings/{booking_id}/tickets.pdf", roles=("*",), answers={200: None}, problems=(404,),
    content_type="application/pdf",
)  # fmt: skip
async def get_tickets_pdf(request: Request, booking_id: UUID, who: Who) -> HTTPResponse:
    """The tickets of a confirmed booking, printed."""
    whole = await own_booking(who, booking_id)
    content = await files.find(booking_id, "tickets.pdf") if whole["state"] == "confirmed" else None
    if content is None:
        raise not_found()
    name = f"tickets-{booking_code(booking_id)}.pdf"
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "private, no-store"}
    return HTTPResponse(content, 200, headers, "application/pdf")
