"""A naive model of a show, which plays the rows of its journal and asks of each: could this have been decided so, then?

It is deliberately simple: a dictionary from seat to booking, and one from booking to its seats.  It knows the journal's
JSON and nothing of the code that wrote it.

1. A hold: its seats were free, are those that were wished for, and the wish was in time and within the caps.
2. A refusal: what it says was so.  A taken seat had been given to an earlier place in the log.
3. What organisers changed: it could be changed then.
4. How a promise ends is told in ``naive_endings``.
"""

from collections import defaultdict
from datetime import datetime
from typing import Any

from loadtest.checks.naive_endings import (
    CHANGES_RIGHT,
    EARLIER_WINS,
    REFUSALS_TRUE,
    TABLES_FOLLOW,
    Booking,
    Complaints,
    Row,
)
from loadtest.checks.naive_resale import Reselling
from loadtest.checks.show_rules import (
    Hall,
    accessible_kept,
    amended,
    amounts_fault,
    coupon_fault,
    is_closed,
    kept_from,
    kinds_of,
    ordinal_of,
    price_of,
    time_of,
)

#: What would have been said before any seats were chosen, and what would have kept the chosen ones from being given.
REFUSED_BEFORE = ("not-in-time", "show-closed", "limit-reached", "orphan-seat", "coupon-refused")


class NaiveShow(Reselling):
    """One show as the journal tells it.  ``plan`` is the stored seat plan, decoded; None for a show without one."""

    def __init__(self, show_id: str, plan: dict[str, Any] | None, complaints: Complaints) -> None:
        super().__init__(complaints, Hall(plan or {"sections": []}))
        self.id, self.plan = show_id, plan
        self.lane: str | None = None
        self.off_sale_until: datetime | None = None
        self.of_buyer: dict[str, list[Booking]] = defaultdict(list)
        self.places = sum(len(places) for _, _, places in self.hall.sections)
        self.coupons: dict[str, dict[str, Any]] = {}
        self.offers = {}

    def take(self, row: Row) -> None:
        """Play one row."""
        if not row.decided:
            if row.command == "hold_seats" and row.outcome == "failed":
                self._remember(row, "failed", [], None)
            return
        play = {
            "open_show": self._open,
            "hold_seats": self._hold,
            "confirm_seats": self._confirm,
            "release_seats": self._release,
            "expire_hold": self._expire,
            "extend_hold": self._extend,
            "cancel_seats": self._cancel_seats,
            "cancel_show": self._cancel_show,
            "postpone_show": self._postpone,
            "amend_show": self._amend,
            "block_seats": self._block,
            "unblock_seats": self._unblock,
            "set_coupon": self._set_coupon,
            "drop_coupon": self._drop_coupon,
            "move_show": self._move,
            "offer_ticket": self._offer,
            "revise_offer": self._revise,
            "withdraw_offer": self._withdraw,
        }.get(row.command)
        self.lane = self.lane or row.lane
        if row.lane != self.lane:
            self.complaints.say(EARLIER_WINS, row, f"was decided while the show was on {self.lane}")
        if play is None:
            self.complaints.say(TABLES_FOLLOW, row, "the model does not know this command")
        else:
            play(row)

    def _open(self, row: Row) -> None:
        if self.terms is not None:
            self.complaints.say(TABLES_FOLLOW, row, "the show was opened before")
        self.terms = row.message

    def _move(self, row: Row) -> None:
        """From here on another lane decides; for a moment nothing is sold."""
        if row.outcome != "moved":
            return
        self.lane = row.message["to"]
        self.off_sale_until = time_of(row.result["off_sale_until"])

    def _hold(self, row: Row) -> None:
        if row.booking_id in self.bookings:
            self.complaints.say(EARLIER_WINS, row, "this wish was decided before")
        if row.outcome == "held":
            self.complaints.looked(EARLIER_WINS)
            self._held(row)
            return
        self._remember(row, "refused", [], None)
        check = EARLIER_WINS if row.outcome == "seat-taken" else REFUSALS_TRUE
        self.complaints.looked(check)
        if fault := self._refusal_fault(row, row.result.get("refusal") or {}):
            self.complaints.say(check, row, fault)

    def _held(self, row: Row) -> None:
        seats = [place["id"] for place in row.result.get("places", [])]
        if row.message.get("listing_id"):
            self._held_offer(row)
            if fault := self._refused_before_fault(row):
                self.complaints.say(EARLIER_WINS, row, fault)
            self._remember(row, "held", seats, time_of(row.result["held_until"]))
            return
        for seat in seats:
            if seat in self.blocked:
                self.complaints.say(EARLIER_WINS, row, f"{seat} was given, though it was blocked")
            if (other := self.owner.get(seat)) is not None:
                self.complaints.say(EARLIER_WINS, row, f"{seat} was given, though {self.bookings[other].where} had it")
        if fault := self._hold_fault(row, seats):
            self.complaints.say(EARLIER_WINS, row, fault)
        until = time_of(row.result["held_until"]) if row.result.get("held_until") else None
        self._remember(row, "held", seats, until)
        self._give(row.booking_id)

    def _remember(self, row: Row, state: str, seats: list[str], held_until: datetime | None) -> None:
        places = {place["id"]: place for place in row.result.get("places", [])}
        booking = Booking(
            seats, state, held_until, str(row), row.message.get("coupon", ""), places, row.message["buyer_id"],
            row.message.get("listing_id") or "",
        )  # fmt: skip
        self.bookings[row.booking_id] = booking
        self.of_buyer[row.message["buyer_id"]].append(booking)

    def _hold_fault(self, row: Row, seats: list[str]) -> str:
        """Why this hold should not have been granted as it was."""
        wish = row.message
        asked = wish.get("seats") or []
        if asked and sorted(asked) != sorted(seats[: len(asked)]):
            return f"asked for {', '.join(asked)} and got {', '.join(seats)}"
        if len(set(seats)) != _wanted(wish):
            return f"got {len(set(seats))} seats"
        places, own = row.result["places"], len(asked) or wish.get("quantity", 0)
        section = wish.get("section_id")
        if section and any(place["section_id"] != section for place in places[:own]):
            return "got seats of another section"
        standing = [area["section_id"] for area in wish.get("standing", []) for _ in range(area["quantity"])]
        if [place["section_id"] for place in places[own:]] != standing:
            return "got standing places of another area"
        return self._refused_before_fault(row) or self._promise_fault(row, places)

    def _refused_before_fault(self, row: Row) -> str:
        for reason in REFUSED_BEFORE:
            if not self._reason_fault(row, {"type": reason}):
                return f"was granted, though it should have been refused: {reason}"
        return ""

    def _promise_fault(self, row: Row, places: list[dict[str, Any]]) -> str:
        """What is wrong with the places that were given, or with what they were promised for."""
        wish, terms = row.message, self.terms or {}
        kept = kept_from(self.hall, terms, wish, row.decided_at)
        if any(ordinal_of(place["id"]) in kept for place in places):
            return "got a place that is kept for others"
        if (
            wish.get("accessible")
            and wish.get("quantity")
            and not any(ordinal_of(place["id"]) in self.hall.accessible for place in places)
        ):
            return "asked for an accessible place and got none"
        for place, kind in zip(places, kinds_of(wish), strict=True):
            if (place["price"], place.get("ticket_type", "")) != (price_of(terms, place["section_id"], kind), kind):
                return f"{place['id']} was promised at {place['price']}"
        coupon = self.coupons.get(wish["coupon"]) if wish.get("coupon") else None
        if wish.get("method") == "comp":
            coupon = {"percent": 100}
        return amounts_fault(terms, coupon, places, row.result.get("amounts") or {}, wish.get("version", 1) >= 3)

    def _refusal_fault(self, row: Row, refusal: dict[str, Any]) -> str:
        if refusal.get("type") != row.outcome:
            return f"the refusal is {refusal.get('type')}, the journal says {row.outcome}"
        return self._reason_fault(row, refusal)

    def _reason_fault(self, row: Row, refusal: dict[str, Any]) -> str:
        """Why this reason did not hold when the row was decided; nothing when it did."""
        wish, terms = row.message, self.terms
        match refusal["type"]:
            case "seat-taken":
                taken = sorted(seat for seat in wish.get("seats", []) if not self._is_free(seat, row))
                told = sorted(refusal.get("taken", []))
                offered = [seat for seat in refusal.get("alternatives", []) if not self._is_free(seat, row)]
                twice = len(set(wish.get("seats", []))) < len(wish.get("seats", []))
                if taken != told or not (taken or twice):
                    return f"was told that {told} are taken; {taken} were"
                return f"was offered {offered}, which were taken" if offered else ""
            case "sold-out":
                return self._sold_out_fault(row, refusal.get("left"))
            case "not-together":
                left, wanted = self._free(row), wish.get("quantity", 0)
                true = wish.get("together") and left >= wanted and refusal.get("left") == left
                return "" if true else f"wanted {wanted} together, was told {refusal.get('left')} are left; {left} were"
            case "orphan-seat":
                return self._orphan_fault(row, refusal.get("seats"))
            case "accessible-only":
                kept = accessible_kept(self.hall, terms or {}, row.decided_at)
                told = refusal.get("seats", [])
                true = told and all(ordinal_of(seat) in kept for seat in told) and not wish.get("accessible")
                return "" if true else f"{told} are not kept for those who need them"
            case "ticket-type-refused":
                kinds = {kind for kind in kinds_of(wish) if kind}
                offered = [s for s, _, _ in self.hall.sections if all(price_of(terms or {}, s, k) for k in kinds)]
                return f"{kinds} are offered in all sections" if len(offered) == len(self.hall.sections) else ""
            case "coupon-refused":
                fault = self._coupon_fault(row)
                true = fault and refusal.get("reason", fault) == fault
                return "" if true else f"the coupon {wish.get('coupon')} could be used"
            case "not-in-time":
                late = row.decided_at > time_of(wish["not_after"])
                return "" if late else f"was decided at {row.decided_at}, in time for {wish['not_after']}"
            case "show-closed":
                return (
                    ""
                    if terms is None
                    or self.cancelled
                    or self._is_moving(row.decided_at)
                    or is_closed(terms, wish, row.decided_at)
                    else f"the show was on sale at {row.decided_at}"
                )
            case "not-offered" | "being-bought" | "resale-refused":
                return self._offer_fault(row)
            case "limit-reached":
                return "" if terms is not None and self._over_a_limit(row, terms) else "no limit was reached"
            case other:
                return f"the model does not know the refusal {other}"

    def _is_moving(self, at: datetime) -> bool:
        return self.off_sale_until is not None and at < self.off_sale_until

    def _over_a_limit(self, row: Row, terms: dict[str, Any]) -> bool:
        wish = row.message
        if wish.get("seller_id"):
            return False
        wanted = _wanted(wish)
        own = [booking for booking in self.of_buyer[wish["buyer_id"]] if booking.state in ("held", "confirmed")]
        held = sum(booking.state == "held" for booking in own)
        cap = terms.get("max_seats_per_buyer")
        return (
            wanted > terms.get("max_seats_per_booking", 10)
            or held >= terms.get("max_live_holds", 2)
            or row.inputs.get("live_holds", 0) >= row.inputs.get("live_holds_limit", 6)
            or (cap is not None and sum(len(booking.seats) for booking in own) + wanted > cap)
        )

    def _is_free(self, seat: str, row: Row) -> bool:
        """Whether this buyer could have had the seat then."""
        kept = kept_from(self.hall, self.terms or {}, row.message, row.decided_at)
        at = ordinal_of(seat)
        return seat not in self.owner and seat not in self.blocked and at < self.places and at not in kept

    def _free_places(self, row: Row) -> set[int]:
        gone = {ordinal_of(seat) for seat in (*self.owner, *self.blocked)}
        kept = kept_from(self.hall, self.terms or {}, row.message, row.decided_at)
        return {at for _, _, places in self.hall.sections for at in places} - gone - kept

    def _free(self, row: Row) -> int:
        """The places that were free for this buyer where they wished to be, and their ticket types are offered."""
        wish, terms = row.message, self.terms or {}
        if not (self.blocked or wish.get("section_id") or kept_from(self.hall, terms, wish, row.decided_at)) and (
            wish.get("version", 1) == 1
        ):
            return self.places - len(self.owner)
        return len(self._asked_places(row))

    def _asked_places(self, row: Row) -> set[int]:
        """Those places, one by one."""
        wish, terms = row.message, self.terms or {}
        kinds = {kind for kind in wish.get("ticket_types", []) if kind}
        beside = {area["section_id"] for area in wish.get("standing", [])}
        free = self._free_places(row)
        return {
            at
            for section, _, places in self.hall.sections
            if wish.get("section_id") in (None, section) and section not in beside
            if all(price_of(terms, section, kind) is not None for kind in kinds)
            for at in free.intersection(places)
        }

    def _sold_out_fault(self, row: Row, told: int | None) -> str:
        wish, free = row.message, self._free_places(row)
        wanted, left = wish.get("quantity", 0), self._free(row)
        if left < wanted and told == left:
            return ""
        if wish.get("accessible") and wanted and not self.hall.accessible & self._asked_places(row):
            return ""
        asked = {ordinal_of(seat) for seat in wish.get("seats", [])}
        for area in wish.get("standing", []):
            there = len(free.intersection(self.hall.places_of(area["section_id"])) - asked)
            if there < area["quantity"] and told == there:
                return ""
        return f"wanted {wanted}, was told {told} are left; {left} were"

    def _orphan_fault(self, row: Row, told: list[str] | None) -> str:
        """Why this choice leaves no single seat alone that it could have spared; nothing when it does."""
        rules = (self.terms or {}).get("rules") or {}
        chosen = {ordinal_of(seat) for seat in row.message.get("seats", [])}
        if rules.get("single_seats") != "refuse" or not chosen:
            return "single seats may be left"
        free = self._free_places(row)
        for in_row in sorted({self.hall.row_of[at] for at in chosen if at in self.hall.row_of}):
            here = {at for at in chosen if self.hall.row_of.get(at) == in_row}
            alone = self.hall.singles(free, here)
            spared = any(not self.hall.singles(free, window) for window in self.hall.windows(in_row, len(here), free))
            if alone and spared:
                return "" if told is None or {ordinal_of(seat) for seat in told} == alone else f"{alone} would be alone"
        return "no seat is left alone that could be spared"

    def _coupon_fault(self, row: Row) -> str:
        wish = row.message
        if not wish.get("coupon"):
            return ""
        return coupon_fault(self.coupons.get(wish["coupon"]), *self._uses(row), row.decided_at)

    def _uses(self, row: Row) -> tuple[int, int]:
        """How often the coupon was in use: by all, and by this buyer."""
        code, live = row.message["coupon"], ("held", "confirmed")
        every = sum(b.coupon == code and b.state in live for b in self.bookings.values())
        return every, sum(b.coupon == code and b.state in live for b in self.of_buyer[row.message["buyer_id"]])

    def _amend(self, row: Row) -> None:
        self.complaints.looked(CHANGES_RIGHT)
        if row.outcome == "amended":
            self.terms = amended(self.terms or {}, row.message["changes"])

    def _block(self, row: Row) -> None:
        self._turn(row, "blocked")
        if row.outcome == "blocked":
            self.blocked |= set(row.message["seats"])

    def _unblock(self, row: Row) -> None:
        self._turn(row, "unblocked")
        if row.outcome == "unblocked":
            self.blocked -= set(row.message["seats"])

    def _turn(self, row: Row, done: str) -> None:
        self.complaints.looked(CHANGES_RIGHT)
        owned = sorted(seat for seat in row.message["seats"] if seat in self.owner or ordinal_of(seat) >= self.places)
        if owned and row.outcome == done:
            self.complaints.say(CHANGES_RIGHT, row, f"{owned} were held or sold")
        if row.outcome == "seat-taken" and sorted(row.result["refusal"]["taken"]) != owned:
            self.complaints.say(CHANGES_RIGHT, row, f"was told that other seats are taken than {owned}")

    def _set_coupon(self, row: Row) -> None:
        self.complaints.looked(CHANGES_RIGHT)
        there = bool(row.message.get("new")) and row.message["code"] in self.coupons
        if there == (row.outcome == "coupon-set"):
            self.complaints.say(CHANGES_RIGHT, row, "the coupon was not as the answer says")
        if row.outcome == "coupon-set":
            self.coupons[row.message["code"]] = row.message["terms"]

    def _drop_coupon(self, row: Row) -> None:
        self.complaints.looked(CHANGES_RIGHT)
        if (self.coupons.pop(row.message["code"], None) is not None) != (row.outcome == "coupon-dropped"):
            self.complaints.say(CHANGES_RIGHT, row, "the coupon was not as the answer says")


def _wanted(wish: dict[str, Any]) -> int:
    """How many places were wished for."""
    own: int = len(wish.get("seats") or []) or wish.get("quantity", 0) or bool(wish.get("listing_id"))
    return own + sum(int(area["quantity"]) for area in wish.get("standing", []))
