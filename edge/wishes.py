"""What a buyer may wish for, and what is wrong with a wish by itself, before anybody is asked."""

from typing import Annotated, Literal

import msgspec

from edge.problems import invalid
from edge.show_cache import KnownShow

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


def canonical(wish: SeatWish) -> bytes:
    """The wish as bytes, the same however it was spelled."""
    return msgspec.json.encode([wish.seat_ids, wish.quantity, wish.section_id, wish.together, wish.payment])
