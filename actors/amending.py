"""What organisers have a show's lane change: its terms, its coupons, and which seats are on sale.

Pure, as all of deciding is.  What buyers have relied on stays while places are held or sold: when the show is, and the
terms of refunds and resale, so that every booking keeps those under which it was made.  All else may change, and rules
for bookings to come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from sagas.messages import AmendShow, BlockSeats, Changes, DropCoupon, OpenShow, SetCoupon, UnblockSeats
from sagas.refusals import AnyRefusal, ChangeRefused, CouponRefused, SeatTaken
from sagas.terms import Rules

if TYPE_CHECKING:
    from actors.show import Show

FREE, HELD, SOLD, BLOCKED = range(4)

#: What stays as it is while places are held or sold.
PROMISED = ("starts_at", "ends_at", "refund_until_hours", "refund_percent", "resale")
_RULES = frozenset(Rules.__struct_fields__)


def amended(terms: OpenShow, changes: Changes) -> OpenShow:
    """The terms with the changes in them."""
    new = {name: value for name in changes.__struct_fields__ if (value := getattr(changes, name)) is not UNSET}
    rules = msgspec.structs.replace(terms.rules or Rules(), **{name: new[name] for name in new if name in _RULES})
    own: dict[str, Any] = {name: value for name, value in new.items() if name not in _RULES}
    return msgspec.structs.replace(terms, rules=rules, **own)


def amendment_refused(show: Show, command: AmendShow, now: datetime) -> AnyRefusal | None:
    """Why the terms cannot be changed so."""
    before, after = show.terms, amended(show.terms, command.changes)
    if show.cancelled or now >= before.ends_at:
        return ChangeRefused(detail="This show is over or cancelled.", fields=())
    kept = tuple(name for name in PROMISED if _term(before, name) != _term(after, name))
    if kept and any(show.buyer_seats.values()):
        text = "Places are held or sold under these terms, so that they stay. To move the show, postpone it."
        return ChangeRefused(detail=text, fields=kept)
    if not after.starts_at < after.ends_at:
        return ChangeRefused(detail="A show ends after it starts.", fields=("starts_at", "ends_at"))
    if not after.sale_opens_at < after.sale_closes_at:
        return ChangeRefused(detail="A sale closes after it opens.", fields=("sale_opens_at", "sale_closes_at"))
    if {price.section_id for price in after.prices} != set(show.section_index):
        return ChangeRefused(detail="Each section of the hall has one price.", fields=("prices",))
    if any(first < 0 or count < 1 or first + count > show.plan.places for first, count in _runs(after)):
        return ChangeRefused(detail="An allocation has places of this hall.", fields=("allocations",))
    return None


def _runs(terms: OpenShow) -> Iterator[tuple[int, int]]:
    return (run for allocation in (terms.rules or Rules()).allocations for run in allocation.runs)


def _term(terms: OpenShow, name: str) -> Any:
    return getattr(terms.rules or Rules() if name in _RULES else terms, name)


def block(show: Show, command: BlockSeats) -> tuple[int, ...] | AnyRefusal:
    """The seats that are to be blocked: those that are not so yet."""
    return _turn(show, command.seats, FREE, BLOCKED, "Held or sold seats cannot be blocked.")


def unblock(show: Show, command: UnblockSeats) -> tuple[int, ...] | AnyRefusal:
    """The seats that are to be put on sale again: those that are blocked."""
    return _turn(show, command.seats, BLOCKED, FREE, "Held or sold seats are not blocked.")


def _turn(show: Show, seats: tuple[str, ...], was: int, to_be: int, text: str) -> tuple[int, ...] | AnyRefusal:
    ordinals = dict.fromkeys(show.ordinal(seat) for seat in seats)
    wrong = tuple(seat for seat in seats if (at := show.ordinal(seat)) < 0 or show.states[at] not in (was, to_be))
    if wrong:
        return SeatTaken(detail=text, taken=wrong)
    return tuple(ordinal for ordinal in ordinals if show.states[ordinal] == was)


def coupon_refused(show: Show, command: SetCoupon | DropCoupon) -> AnyRefusal | None:
    """A coupon that is not there cannot be dropped, and one that is there cannot be made."""
    if type(command) is DropCoupon and command.code not in show.coupons:
        return CouponRefused(detail="There is no such coupon for this show.", reason="unknown")
    if type(command) is SetCoupon and command.new and command.code in show.coupons:
        return ChangeRefused(detail=f"This show has a coupon {command.code} already.", fields=("code",))
    return None
