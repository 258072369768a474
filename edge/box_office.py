"""The box office: staff sell to whoever stands there, or give tickets away, through the show's own lane."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import views
from edge.acting import Acting
from edge.bookings import Asked, ask_the_lane, wish_hash
from edge.cancellations import CancellationView, named_seats, take_back
from edge.context import context
from edge.identity import Email
from edge.my_bookings import current, printed_tickets
from edge.operation import json, operation
from edge.problems import Problem, not_found
from edge.request_headers import idempotency_key
from edge.shows import own_show
from edge.texts import ShortName
from edge.wishes import PLACES_LIMIT, SeatId, Wish, check_wish
from sagas.identity import booking_id_for, derived
from sagas.messages import CancelSeats
from store import bookings, box_office, cancellations
from store.connection import transaction
from store.settings import settings

sales = Blueprint("box-office")


class Customer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who stands there: the name is printed on the tickets; with an e-mail address they are sent, too."""

    name: ShortName
    email: Email | None = None


class SaleCancellation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seats that the customer gives back: all that are left, when none is named."""

    seats: Annotated[list[SeatId], msgspec.Meta(min_length=1, max_length=PLACES_LIMIT)] | None = None


class SaleWish(Wish, frozen=True, kw_only=True):
    """As a buyer's wish; ``method``: taken in cash or at the terminal, or ``comp``, given away."""

    method: Literal["cash", "terminal", "comp"]
    customer: Customer

    def __post_init__(self) -> None:
        Wish.__post_init__(self)
        if self.method == "comp" and self.coupon is not None:
            raise ValueError("What is given away needs no `coupon`")


@operation(
    sales, "POST", "/v1/shows/{show_id}/sales", body=SaleWish, key=True, waits=True,
    answers={201: views.BookingView, 202: views.BookingView}, problems=(404, 409, 503),
)  # fmt: skip
async def create_sale(request: Request, show_id: UUID, body: SaleWish, acting: Acting) -> HTTPResponse:
    """Sell places at the box office, or give them away: paid at once, also before the public sale, and without caps.

    It is counted in the seller's open shift; who has none takes no cash (409 `no-shift`)."""
    await own_show(show_id, acting)
    key = idempotency_key(request)
    show = await context(request).shows.get(show_id)
    if show is None:
        raise not_found()
    check_wish(show, body)
    seller_id = acting.who.id
    booking_id = derived(booking_id_for(settings().booking_namespace, seller_id, key), "sale")
    sale = box_office.Sale(
        booking_id, acting.organiser_id, show_id, seller_id, body.method, body.customer.name, body.customer.email
    )

    async def note() -> None:
        try:
            async with transaction() as rows:
                await box_office.note_sale(rows, sale)
        except box_office.NoShift:
            raise Problem(409, "You have no open shift. Open one before you sell for cash.", kind="no-shift") from None

    asked = Asked(
        booking_id,
        derived(booking_id, "customer"),
        body.method,
        wish_hash(request, body, body.method, body.customer),
        f"/v1/shows/{show_id}/sales/{booking_id}",
        seller_id=seller_id,
        note=note,
    )
    return await ask_the_lane(request, show, body, asked)


async def _own_sale(show_id: UUID, booking_id: UUID, acting: Acting) -> Any:
    await own_show(show_id, acting)
    found = await box_office.sale(booking_id, show_id)
    if found is None:
        raise not_found()
    return found


@operation(
    sales, "GET", "/v1/shows/{show_id}/sales/{booking_id}", answers={200: views.BookingView}, problems=(404, 503)
)
async def get_sale(request: Request, show_id: UUID, booking_id: UUID, acting: Acting) -> HTTPResponse:
    """A sale of the box office, as its booking stands."""
    await _own_sale(show_id, booking_id, acting)
    return json(await current(context(request), derived(booking_id, "customer"), booking_id))


@operation(
    sales, "GET", "/v1/shows/{show_id}/sales/{booking_id}/tickets.pdf", answers={200: None}, problems=(404,),
    content_type="application/pdf",
)  # fmt: skip
async def get_sale_tickets(request: Request, show_id: UUID, booking_id: UUID, acting: Acting) -> HTTPResponse:
    """The tickets of a sale, printed within a moment of it."""
    await _own_sale(show_id, booking_id, acting)
    whole = await bookings.find(booking_id)
    if whole is None:
        raise not_found()
    return await printed_tickets(whole)


@operation(
    sales, "POST", "/v1/shows/{show_id}/sales/{booking_id}/cancellations", body=SaleCancellation, body_optional=True,
    key=True, answers={202: CancellationView}, problems=(404, 409, 503),
)  # fmt: skip
async def cancel_sale(
    request: Request, show_id: UUID, booking_id: UUID, body: SaleCancellation, acting: Acting
) -> HTTPResponse:
    """Take seats of a sale back and give back all that was paid for them, as it was paid: cash out of the drawer."""
    await _own_sale(show_id, booking_id, acting)
    row = await cancellations.booking(booking_id)
    if row is None:
        raise not_found()
    command = CancelSeats(
        command_id=derived(booking_id, "cancellation", idempotency_key(request)), show_id=show_id,
        booking_id=booking_id, buyer_id=row["buyer_id"], seats=tuple(named_seats(row, body.seats)), by="organiser",
        reason="box-office", actor_id=acting.who.id,
    )  # fmt: skip
    return json(await take_back(request, row, command), 202)
