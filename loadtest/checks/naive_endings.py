"""How promises end, told again naively: confirmed, released, lapsed, extended, taken back, cancelled with the show.

1. A confirmation, release or expiry: the booking stood as it had to.  Late money gets its very seats, or in a standing
   area any that are free.
2. What was taken back was the booking's, in time, and what is owed for it is what the terms say.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from loadtest.checks.show_rules import Hall, accessible_kept, kept_from, ordinal_of, time_of

EARLIER_WINS = "the earlier place always wins: no seat was given while another had it, and each taken seat was taken"
REFUSALS_TRUE = "every other refusal says what was so"
ENDS_RIGHT = "holds are confirmed, released or expired as they stood"
TAKEN_BACK_RIGHT = "seats are taken back, and money is owed for them, as the terms say"
CHANGES_RIGHT = "what organisers changed could be changed then"
TABLES_FOLLOW = "seats and bookings are what the journal comes to"

HANDED_OVER_RIGHT = "tickets are offered, and change hands, as the terms say"

CHECKS = (EARLIER_WINS, REFUSALS_TRUE, ENDS_RIGHT, TAKEN_BACK_RIGHT, CHANGES_RIGHT, HANDED_OVER_RIGHT)

#: No hold is extended by more than this.
EXTENSION = timedelta(seconds=120)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the journal, read: the message as it was sent, and the outcome as it was written."""

    lane: str
    generation: int
    offset: int
    command: str
    booking_id: str
    outcome: str
    decided: bool
    decided_at: datetime
    message: dict[str, Any]
    result: dict[str, Any]
    inputs: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.lane} {self.generation}:{self.offset} {self.command} of {self.booking_id}"


@dataclass(slots=True)
class Booking:
    seats: list[str]
    state: str
    held_until: datetime | None
    where: str
    coupon: str = ""
    places: dict[str, dict[str, Any]] = field(default_factory=dict)
    buyer: str = ""
    listing: str = ""


@dataclass(slots=True)
class Complaints:
    """What is wrong, under the check that it belongs to, and how many rows each has looked at."""

    rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CHECKS, 0))
    wrong: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in (*CHECKS, TABLES_FOLLOW)})

    def looked(self, check: str) -> None:
        self.rows[check] += 1

    def say(self, check: str, about: object, what: str) -> None:
        self.wrong[check].append(f"{about}: {what}")


class Endings:
    """What a show remembers of its bookings, and how they end."""

    def __init__(self, complaints: Complaints, hall: Hall) -> None:
        self.complaints, self.hall = complaints, hall
        self.terms: dict[str, Any] | None = None
        self.owner: dict[str, str] = {}
        self.bookings: dict[str, Booking] = {}
        self.blocked: set[str] = set()
        self.cancelled = False

    def _give(self, booking_id: str) -> None:
        for seat in self.bookings[booking_id].seats:
            self.owner[seat] = booking_id

    def _take(self, booking_id: str, seats: list[str]) -> None:
        for seat in seats:
            if self.owner.get(seat) == booking_id:
                del self.owner[seat]

    def _confirm(self, row: Row) -> None:
        self.complaints.looked(ENDS_RIGHT)
        booking = self.bookings.get(row.booking_id)
        state = booking.state if booking else "unknown"
        again = booking is not None and state == "expired" and self._can_have(booking, row)
        if row.outcome == "gone":
            if self.cancelled and booking is not None and state == "held":
                booking.state = "released"
                self._take(row.booking_id, booking.seats)
                return
            if row.result.get("reason") == "coupon" and booking is not None and booking.coupon:
                return
            if state in ("held", "confirmed") or (again and not self._over(row.decided_at)):
                self.complaints.say(ENDS_RIGHT, row, f"was told that the seats are gone; the booking was {state}")
            return
        allowed = state == "confirmed" or again or (state == "held" and not self.cancelled)
        if row.outcome != "confirmed" or booking is None or not allowed:
            self.complaints.say(ENDS_RIGHT, row, f"came to {row.outcome}; the booking was {state}")
            return
        if row.result.get("places"):
            self._seat_elsewhere(row, booking)
        booking.state = "confirmed"
        self._give(row.booking_id)

    def _is_taken(self, seat: str) -> bool:
        return seat in self.owner or seat in self.blocked

    def _can_have(self, booking: Booking, row: Row) -> bool:
        """Whether the places of a lapsed booking are free, or others in the same standing areas."""
        gone = [seat for seat in booking.seats if self._is_taken(seat)]
        kept = kept_from(self.hall, self.terms or {}, {}, row.decided_at)
        kept |= accessible_kept(self.hall, self.terms or {}, row.decided_at)
        taken = {ordinal_of(seat) for seat in (*self.owner, *self.blocked, *booking.seats)}
        for _, kind, places in self.hall.sections:
            missing = sum(ordinal_of(seat) in places for seat in gone)
            if missing and (kind != "standing" or len(set(places) - taken - kept) < missing):
                return False
        return True

    def _seat_elsewhere(self, row: Row, booking: Booking) -> None:
        before, after = booking.seats, [place["id"] for place in row.result["places"]]
        for was, now in zip(before, after, strict=True):
            if was != now and (self._is_taken(now) or now in before or not self._same_area(was, now)):
                self.complaints.say(EARLIER_WINS, row, f"was given {now} for {was}")
        booking.seats = after
        booking.places = {place["id"]: place for place in row.result["places"]}

    def _same_area(self, one: str, other: str) -> bool:
        return any(
            kind == "standing" and ordinal_of(one) in places and ordinal_of(other) in places
            for _, kind, places in self.hall.sections
        )

    def _over(self, at: datetime) -> bool:
        return self.cancelled or self.terms is None or at >= time_of(self.terms["ends_at"])

    def _release(self, row: Row) -> None:
        self._ended(row, "released")

    def _expire(self, row: Row) -> None:
        booking = self.bookings.get(row.booking_id)
        if row.outcome == "not-held":
            self._not_held(row)
            return
        if booking is not None and booking.held_until is not None and row.decided_at < booking.held_until:
            self.complaints.say(ENDS_RIGHT, row, f"expired at {row.decided_at}, before {booking.held_until}")
        self._ended(row, "expired")

    def _not_held(self, row: Row) -> None:
        self.complaints.looked(ENDS_RIGHT)
        booking = self.bookings.get(row.booking_id)
        if booking is not None and booking.state == "held":
            self.complaints.say(ENDS_RIGHT, row, "was told that nothing is held; it was")

    def _extend(self, row: Row) -> None:
        booking = self.bookings.get(row.booking_id)
        if row.outcome == "not-held" or booking is None or booking.held_until is None:
            self._not_held(row)
            return
        self.complaints.looked(ENDS_RIGHT)
        until = time_of(row.result["held_until"])
        if (
            booking.state != "held"
            or not booking.held_until <= until <= max(booking.held_until, row.decided_at) + EXTENSION
        ):
            self.complaints.say(ENDS_RIGHT, row, f"was extended from {booking.held_until} to {until}")
        booking.held_until = until

    def _ended(self, row: Row, state: str) -> None:
        self.complaints.looked(ENDS_RIGHT)
        booking = self.bookings.get(row.booking_id)
        changes = bool(row.result.get("booking_state"))
        was_held = booking is not None and booking.state == "held"
        if row.outcome != state or changes != was_held:
            found = booking.state if booking else "unknown"
            self.complaints.say(ENDS_RIGHT, row, f"came to {row.outcome}; the booking was {found}")
            return
        if booking is not None and was_held:
            booking.state = state
            self._take(row.booking_id, booking.seats)

    def _cancel_seats(self, row: Row) -> None:
        self.complaints.looked(TAKEN_BACK_RIGHT)
        booking, asked = self.bookings.get(row.booking_id), row.message.get("seats", [])
        theirs = booking is not None and booking.state == "confirmed" and set(asked) <= set(booking.seats)
        whole = row.message["by"] != "buyer" or self.cancelled or self._postponed(row.decided_at)
        fault = ""
        match row.outcome:
            case "nothing-to-cancel":
                fault = "these seats were the booking's" if theirs else ""
            case "too-late":
                fault = "" if theirs and not whole and self._is_too_late(row.decided_at) else "it was not too late"
            case "cancelled" if booking is not None and theirs:
                if not whole and self._is_too_late(row.decided_at):
                    fault = "it was too late"
                seats = asked or list(booking.seats)
                if sorted(row.result["taken_back"]) != sorted(seats):
                    fault = f"{row.result['taken_back']} were taken back instead of {seats}"
                fault = fault or self._owed_fault(row, [booking.places[seat] for seat in seats], whole)
                self._take(row.booking_id, seats)
                booking.seats = [seat for seat in booking.seats if seat not in seats]
                booking.state = "confirmed" if booking.seats else "cancelled"
            case other:
                fault = f"came to {other}"
        if fault:
            self.complaints.say(TAKEN_BACK_RIGHT, row, fault)

    def _owed_fault(self, row: Row, places: list[dict[str, Any]], whole: bool) -> str:
        percent = 100 if whole else ((self.terms or {}).get("rules") or {}).get("refund_percent", 100)
        owed = sum(owed_for(place, percent, whole) for place in places)
        paid = sum(p["price"] - p.get("discount", 0) + p.get("fees", 0) + p.get("tax", 0) for p in places)
        told = row.result.get("back", 0), row.result.get("retained", 0)
        return "" if told == (owed, paid - owed) else f"owes {told[0]} and keeps {told[1]}; {owed} of {paid} is due"

    def _rule(self, name: str) -> Any:
        return ((self.terms or {}).get("rules") or {}).get(name)

    def _postponed(self, at: datetime) -> bool:
        until = self._rule("refund_all_until")
        return until is not None and at < time_of(until)

    def _is_too_late(self, at: datetime) -> bool:
        rules = (self.terms or {}).get("rules") or {}
        hours = rules.get("refund_until_hours", 24)
        return hours is None or at >= time_of((self.terms or {})["starts_at"]) - timedelta(hours=hours)

    def _cancel_show(self, row: Row) -> None:
        self.complaints.looked(CHANGES_RIGHT)
        if (row.outcome == "show-cancelled") == self._over(row.decided_at):
            self.complaints.say(CHANGES_RIGHT, row, "the show was not as the answer says")
        self.cancelled = self.cancelled or row.outcome == "show-cancelled"

    def _postpone(self, row: Row) -> None:
        self.complaints.looked(CHANGES_RIGHT)
        if row.outcome != "postponed":
            return
        if self._over(row.decided_at):
            self.complaints.say(CHANGES_RIGHT, row, "a show that is over or cancelled was postponed")
        times = {name: row.message[name] for name in ("starts_at", "ends_at", "sale_closes_at")}
        rules = ((self.terms or {}).get("rules") or {}) | {"refund_all_until": row.message["refund_until"]}
        self.terms = (self.terms or {}) | times | {"rules": rules}


def owed_for(place: dict[str, Any], percent: int, whole: bool) -> int:
    """What is given back for one place: all that was paid for it, or a percentage without fees and the tax on them, and
    of a resold one at most what it cost at first."""
    paid: int = place["price"] - place.get("discount", 0)
    fees: int = place.get("fees", 0)
    tax: int = place.get("tax", 0)
    if whole:
        return paid + fees + tax
    if "face" in place:
        paid = min(paid, place["face"])
    due: int = paid + fees
    own_tax = (2 * tax * paid + due) // (2 * due) if due else 0
    return (2 * (paid + own_tax) * percent + 100) // 200
