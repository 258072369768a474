"""Tickets that their holders offer to others: listed, revised, withdrawn, bought.  All is decided on the show's lane.

Only tickets that were bought here can be offered: of others no seat could be proved."""

import hashlib
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from edge import views
from edge.bookings import Asked, ask_the_lane
from edge.catalogue import known_show
from edge.context import context
from edge.cursor import Page, decode_listing_cursor, encode_cursor
from edge.lane_calls import decide_soon
from edge.operation import json, operation
from edge.problems import Problem, key_reused, not_found, unavailable
from edge.request_headers import idempotency_key
from edge.tickets import TicketSeat, own_ticket, seat_of
from edge.tokens import Who
from edge.wishes import PaymentWish
from sagas.identity import booking_id_for, derived, new_id
from sagas.messages import OfferTicket, ReviseOffer, ShowCommand, WithdrawOffer
from sagas.money import PAYABLE_MAX, PAYABLE_MIN, Money
from sagas.refusals import NotOffered
from store import listings as rows
from store.settings import settings

listings = Blueprint("listings")

Price = Annotated[int, msgspec.Meta(ge=PAYABLE_MIN, le=PAYABLE_MAX)]


class NewListing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ticket, and what it is offered for, in minor units of its show's currency."""

    ticket_id: UUID
    price: Price


class ListingChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    price: Price


class ListingQuery(Page, frozen=True, forbid_unknown_fields=True, kw_only=True):
    show_id: UUID


class ListingWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    payment: PaymentWish = PaymentWish()


class ListingView(msgspec.Struct):
    """An offered ticket; who offers it is not told.  ``face_price`` is what the place cost at first."""

    id: UUID
    show_id: UUID
    seat: TicketSeat
    price: Money
    face_price: Money
    status: Literal["open", "being_bought", "sold", "withdrawn", "ended"]


class ListingList(msgspec.Struct):
    items: list[ListingView]
    next_cursor: str | None


@operation(
    listings, "POST", "/v1/listings", body=NewListing, key=True, answers={201: ListingView}, problems=(404, 409, 503)
)  # fmt: skip
async def create_listing(request: Request, who: Who, body: NewListing) -> HTTPResponse:
    """Offer one of your tickets; 409 `resale-refused` where its show's terms say no (`max_price`: what they allow)."""
    listing_id = derived(who.id, "listing", idempotency_key(request))
    ticket, before = await own_ticket(who, body.ticket_id), await rows.find(listing_id)
    if before is not None and (before["booking_id"], before["seat_id"]) != (ticket["booking_id"], ticket["seat_id"]):
        raise key_reused()
    if before is None:
        if ticket["status"] != "valid":
            raise Problem(409, "Only a valid ticket can be offered.")
        command = OfferTicket(
            command_id=listing_id, show_id=ticket["show_id"], booking_id=ticket["booking_id"], buyer_id=who.id,
            seat=ticket["seat_id"], price=body.price,
        )  # fmt: skip
        before = await _decided(request, command, listing_id)
    return json(_view(before), 201, {"Location": f"/v1/listings/{listing_id}"})


@operation(
    listings, "GET", "/v1/listings", query=ListingQuery, answers={200: ListingList}, problems=(404,)
)  # fmt: skip
async def list_listings(request: Request, query: ListingQuery) -> HTTPResponse:
    """What a show's holders offer, the cheapest first."""
    await known_show(request, query.show_id)
    found = await rows.open_of_show(query.show_id, decode_listing_cursor(query.cursor), query.limit + 1)
    shown = found[: query.limit]
    more = encode_cursor(shown[-1]["price"], shown[-1]["id"]) if len(found) > query.limit else None
    return json(ListingList([_view(row) for row in shown], more))


@operation(listings, "GET", "/v1/listings/{listing_id}", answers={200: ListingView}, problems=(404,))
async def get_listing(request: Request, listing_id: UUID) -> HTTPResponse:
    """An offered ticket as it stands."""
    return json(_view(await _find(listing_id)))


@operation(
    listings, "PATCH", "/v1/listings/{listing_id}", body=ListingChange, answers={200: ListingView},
    problems=(404, 409, 503),
)  # fmt: skip
async def change_listing(request: Request, listing_id: UUID, who: Who, body: ListingChange) -> HTTPResponse:
    """Offer it at another price; 409 `being-bought` while somebody is buying it."""
    row = await _own(who, listing_id)
    command = ReviseOffer(
        command_id=new_id(), show_id=row["show_id"], listing_id=listing_id, buyer_id=who.id, price=body.price
    )
    return json(_view(await _decided(request, command, listing_id)))


@operation(listings, "DELETE", "/v1/listings/{listing_id}", answers={204: None}, problems=(404, 409, 503))
async def delete_listing(request: Request, listing_id: UUID, who: Who) -> HTTPResponse:
    """Offer it no more; 409 `being-bought` while somebody is buying it."""
    row = await _own(who, listing_id)
    if row["status"] != "withdrawn":
        command = WithdrawOffer(command_id=new_id(), show_id=row["show_id"], listing_id=listing_id, buyer_id=who.id)
        await _decided(request, command, listing_id)
    return HTTPResponse(None, 204)


@operation(
    listings, "POST", "/v1/listings/{listing_id}/bookings", body=ListingWish, body_optional=True, key=True, waits=True,
    answers={201: views.BookingView, 202: views.BookingView}, problems=(404, 409, 429, 503),
)  # fmt: skip
async def buy_listing(request: Request, listing_id: UUID, who: Who, body: ListingWish) -> HTTPResponse:
    """Ask for an offered ticket: a booking like any other.  The seat changes hands when it is paid for.

    409 `not-offered` also while its holder's payment is disputed: the lane does not know of that."""
    row = await _find(listing_id)
    if row["frozen"] and row["status"] == "open":
        raise Problem(
            409, "The payment for this ticket is disputed, so nobody can buy it at the moment.",
            kind=NotOffered.type(), title=NotOffered.title(),
        )  # fmt: skip
    show = await known_show(request, row["show_id"])
    booking_id = booking_id_for(settings().booking_namespace, who.id, idempotency_key(request))
    said = hashlib.sha256(b"POST %s " % request.path.encode() + msgspec.json.encode(body)).hexdigest()[:32]
    asked = Asked(
        booking_id, who.id, body.payment.method, said, f"/v1/bookings/{booking_id}",
        from_wallet=body.payment.from_wallet or 0,
    )  # fmt: skip
    return await ask_the_lane(request, show, listing_id, asked)


async def _find(listing_id: UUID) -> Any:
    row = await rows.find(listing_id)
    if row is None:
        raise not_found()
    return row


async def _own(who: Who, listing_id: UUID) -> Any:
    row = await _find(listing_id)
    if row["seller_id"] != who.id:
        raise not_found()
    return row


async def _decided(request: Request, command: ShowCommand, listing_id: UUID) -> Any:
    """The listing once the lane has decided.  Raises the problem of a refusal."""
    show = await known_show(request, command.show_id)
    decided = await decide_soon(context(request), show.row["lane"], command, request.ctx.traceparent)
    row = await rows.find(listing_id) if decided else None
    if row is None:
        raise unavailable("This is not decided yet. See whether it was done.")
    return row


def _view(row: Any) -> ListingView:
    currency, status = row["currency"], row["status"]
    if status == "open" and row.get("over"):
        status = "ended"
    return ListingView(
        row["id"], row["show_id"], seat_of(row), Money(row["price"], currency), Money(row["face_price"], currency),
        status,
    )  # fmt: skip
