"""What a buyer may wish for, and what is wrong with a wish by itself, before anybody is asked."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from edge.problems import invalid
from edge.show_cache import KnownShow
from edge.texts import Word
from sagas.messages import StandingWish
from sagas.money import PAYABLE_MAX

PLACES_LIMIT = 100

SeatId = Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
SectionId = Annotated[str, msgspec.Meta(max_length=64)]
Quantity = Annotated[int, msgspec.Meta(ge=1, le=PLACES_LIMIT)]
#: Codes are read aloud and typed: upper and lower case are one.
CouponCode = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{1,40}$")]


#: What a buyer's wallet is to pay, in minor units of the show's currency.
FromWallet = Annotated[int, msgspec.Meta(ge=1, le=PAYABLE_MAX)]


class MethodWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``from_wallet``: what the wallet pays of it, and Razorpay the rest."""

    method: Literal["razorpay", "wallet"]
    from_wallet: FromWallet | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.method != "razorpay" and self.from_wallet is not UNSET:
            raise ValueError("`from_wallet` goes with the method razorpay, which pays the rest")


class PaymentWish(MethodWish, frozen=True):
    method: Literal["razorpay", "wallet"] = "razorpay"


class SeatRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A seat as an object, with the ticket type that it is for."""

    id: SeatId
    ticket_type: Word | None = None


class StandingPlaces(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Places in a standing area, beside seats."""

    section_id: SectionId
    quantity: Quantity
    ticket_type: Word | None = None


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly one of ``seats`` and ``quantity`` (with ``section_id``, ``together`` and ``ticket_types`` where wanted),
    and beside either ``standing`` places.  ``ticket_types`` say how many of the quantity are of which type."""

    seats: Annotated[list[SeatId | SeatRef], msgspec.Meta(min_length=1, max_length=PLACES_LIMIT)] | None = None
    quantity: Quantity | None = None
    section_id: SectionId | None = None
    together: bool = False
    ticket_types: Annotated[dict[Word, Quantity], msgspec.Meta(min_length=1, max_length=20)] | None = None
    accessible: bool = False
    standing: Annotated[list[StandingPlaces], msgspec.Meta(min_length=1, max_length=20)] | None = None
    coupon: CouponCode | None = None
    access_code: Annotated[str, msgspec.Meta(min_length=1, max_length=40)] | None = None

    @property
    def seat_ids(self) -> tuple[str, ...]:
        return tuple(seat if isinstance(seat, str) else seat.id for seat in self.seats or ())

    @property
    def place_types(self) -> tuple[str, ...]:
        """The ticket type of each seat, or of each place of the quantity; nothing where no type was named."""
        if self.ticket_types is not None:
            return tuple(name for name, count in self.ticket_types.items() for _ in range(count))
        named = tuple((not isinstance(seat, str) and seat.ticket_type) or "" for seat in self.seats or ())
        return named if any(named) else ()

    @property
    def wanted(self) -> int:
        return (len(self.seats or ()) or self.quantity or 0) + sum(area.quantity for area in self.standing or ())

    @property
    def is_simple(self) -> bool:
        """Whether it asks for no more than seats or a quantity: most do, and pay for no more."""
        return not (
            self.standing or self.ticket_types or self.accessible or self.coupon or self.access_code
            or any(type(seat) is not str for seat in self.seats or ())
        )  # fmt: skip

    @property
    def extras(self) -> dict[str, Any]:
        """What the wish says beyond seats or a quantity, as fields of its command; nothing for a simple wish."""
        if self.is_simple:
            return {}
        said: dict[str, Any] = {
            "ticket_types": self.place_types,
            "standing": tuple(
                StandingWish(area.section_id, area.quantity, area.ticket_type or "") for area in self.standing or ()
            ),
            "accessible": self.accessible,
            "coupon": self.coupon.upper() if self.coupon else "",
            "access_code": self.access_code or "",
        }
        said = {name: value for name, value in said.items() if value}
        return said | {"version": 2} if said else said

    def __post_init__(self) -> None:
        if (self.seats is None) == (self.quantity is None):
            raise ValueError("Give exactly one of `seats` and `quantity`")
        if self.seats is not None and (self.section_id is not None or self.together or self.ticket_types is not None):
            raise ValueError("`section_id`, `together` and `ticket_types` go with `quantity`, not with `seats`")
        if self.wanted > PLACES_LIMIT:
            raise ValueError(f"A booking has at most {PLACES_LIMIT} places")
        if self.ticket_types is not None and sum(self.ticket_types.values()) != self.quantity:
            raise ValueError("`ticket_types` add up to the `quantity`")


class SeatWish(Wish, frozen=True):
    """What a buyer wishes for, and how they would pay."""

    payment: PaymentWish = PaymentWish()


def check_wish(show: KnownShow, wish: Wish) -> None:
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
    if wish.is_simple:
        return
    beside = [area.section_id for area in wish.standing or ()]
    for index, section_id in enumerate(beside):
        if section_id not in show.standing:
            raise invalid(f"/standing/{index}/section_id", f"{section_id} is not a standing area of this show")
        if section_id in (*beside[:index], wish.section_id):
            raise invalid(f"/standing/{index}/section_id", f"{section_id} is asked for twice")
    _check_types(show, wish)


def _check_types(show: KnownShow, wish: Wish) -> None:
    known = {kind.name for kind in show.rules.ticket_types}
    named = [(f"/seats/{at}/ticket_type", seat.ticket_type) for at, seat in enumerate(wish.seats or ())
             if isinstance(seat, SeatRef)]  # fmt: skip
    named += [(f"/ticket_types/{name}", name) for name in wish.ticket_types or ()]
    named += [(f"/standing/{at}/ticket_type", area.ticket_type) for at, area in enumerate(wish.standing or ())]
    for pointer, name in named:
        if name and name not in known:
            raise invalid(pointer, f"{name} is not a ticket type of this show")


def canonical(wish: Wish, *paid_by: Any) -> bytes:
    """The wish as bytes, the same however it was spelled."""
    said = [wish.seat_ids, wish.quantity, wish.section_id, wish.together, *paid_by]
    return msgspec.json.encode([*said, wish.extras] if wish.extras else said)
