"""Tickets that change hands, told again naively: what was offered could be, and each goes to one buyer at its price."""

from datetime import datetime, timedelta
from typing import Any

from loadtest.checks.naive_endings import HANDED_OVER_RIGHT, Booking, Endings, Row
from loadtest.checks.show_rules import time_of


class Reselling(Endings):
    """``offers`` are those that are open (no ``buyer``) or being bought."""

    offers: dict[str, dict[str, Any]]

    def _says(self, row: Row, fault: str) -> None:
        self.complaints.looked(HANDED_OVER_RIGHT)
        if fault:
            self.complaints.say(HANDED_OVER_RIGHT, row, fault)

    def _resale(self) -> dict[str, int]:
        return {"max_percent": 100, "fee_percent": 0, "until_hours": 2} | (self._rule("resale") or {})

    def _too_late_to_sell(self, at: datetime) -> bool:
        starts = time_of((self.terms or {})["starts_at"])
        return self.cancelled or at >= starts - timedelta(hours=self._resale()["until_hours"])

    def _price_may_be(self, price: int, face: int) -> bool:
        return price >= 1 and price * 100 <= face * self._resale()["max_percent"]

    def _offer(self, row: Row) -> None:
        wish, booking = row.message, self.bookings.get(row.booking_id)
        seat = wish["seat"]
        theirs = booking is not None and booking.state == "confirmed" and booking.buyer == wish["buyer_id"]
        place = booking.places[seat] if booking is not None and theirs and seat in booking.seats else {}
        paid = [place.get("price", 0), place.get("fees", 0), place.get("tax", 0), -place.get("discount", 0)]
        face = place.get("face") or sum(paid)
        may = bool(
            place
            and all(offer["seat"] != seat for offer in self.offers.values())
            and not self._too_late_to_sell(row.decided_at)
            and self._price_may_be(wish["price"], face)
        )
        self._says(row, "" if may == (row.outcome == "offered") else f"came to {row.outcome}")
        if row.outcome == "offered":
            told = {"seat": seat, "price": wish["price"], "face": face, "of": row.booking_id, "buyer": None}
            self.offers[wish["command_id"]] = told

    def _own_offer(self, row: Row) -> dict[str, Any] | None:
        offer = self.offers.get(row.message["listing_id"])
        theirs = offer is not None and self.bookings[offer["of"]].buyer == row.message["buyer_id"]
        return offer if theirs and offer is not None and offer["buyer"] is None else None

    def _revise(self, row: Row) -> None:
        offer, price = self._own_offer(row), row.message["price"]
        may = (
            offer is not None
            and not self._too_late_to_sell(row.decided_at)
            and self._price_may_be(price, offer["face"])
        )
        self._says(row, "" if may == (row.outcome == "revised") else f"came to {row.outcome}")
        if offer is not None and row.outcome == "revised":
            offer["price"] = price

    def _withdraw(self, row: Row) -> None:
        may = self._own_offer(row) is not None
        self._says(row, "" if may == (row.outcome == "withdrawn") else f"came to {row.outcome}")
        if row.outcome == "withdrawn":
            self.offers.pop(row.message["listing_id"], None)

    def _offer_fault(self, row: Row) -> str:
        """Why the refusal of a wish for an offered ticket (or none) was not due; nothing when it was."""
        offer = self.offers.get(row.message["listing_id"])
        if offer is None or self._too_late_to_sell(row.decided_at):
            due = "not-offered"
        elif offer["buyer"] is not None:
            due = "being-bought"
        else:
            own = self.bookings[offer["of"]].buyer == row.message["buyer_id"]
            due = "resale-refused" if own else "held"
        return "" if due == row.outcome else f"{due} was due"

    def _held_offer(self, row: Row) -> None:
        offer, places = self.offers.get(row.message["listing_id"]), row.result.get("places", [])
        fault = self._offer_fault(row)
        if offer is not None and not fault:
            given = [(place["id"], place["price"]) for place in places]
            if given != [(offer["seat"], offer["price"])]:
                fault = f"was promised {given}"
            offer["buyer"] = row.booking_id
        self._says(row, fault)

    def _confirm(self, row: Row) -> None:
        booking = self.bookings.get(row.booking_id)
        if booking is None or not booking.listing or booking.state == "confirmed":
            super()._confirm(row)
            return
        offer = self.offers.get(booking.listing)
        [seat] = booking.places
        late = (
            booking.state == "expired"
            and offer is not None
            and offer["buyer"] is None
            and offer["price"] == booking.places[seat]["price"]
            and not self._too_late_to_sell(row.decided_at)
        )
        may = offer is not None and not self.cancelled and (late or offer["buyer"] == row.booking_id)
        self._says(row, "" if may == (row.outcome == "confirmed") else f"came to {row.outcome}")
        if offer is None or row.outcome != "confirmed":
            booking.state = "released" if booking.state == "held" else booking.state
            return
        self._leave(self.bookings[offer["of"]], seat)
        booking.state, booking.seats = "confirmed", [seat]
        self._give(row.booking_id)
        del self.offers[booking.listing]

    def _leave(self, seller: Booking, seat: str) -> None:
        seller.seats = [kept for kept in seller.seats if kept != seat]
        seller.state = "confirmed" if seller.seats else "cancelled"

    def _ended(self, row: Row, state: str) -> None:
        super()._ended(row, state)
        booking = self.bookings.get(row.booking_id)
        offer = self.offers.get(booking.listing) if booking is not None else None
        if booking is not None and offer is not None and offer["buyer"] == row.booking_id and booking.state != "held":
            offer["buyer"] = None
            if self._too_late_to_sell(row.decided_at):
                del self.offers[booking.listing]

    def _cancel_seats(self, row: Row) -> None:
        booking = self.bookings.get(row.booking_id)
        seats = row.message.get("seats") or (booking.seats if booking is not None else [])
        theirs = {id for id, o in self.offers.items() if o["of"] == row.booking_id and o["seat"] in seats}
        bought = any(self.offers[id]["buyer"] is not None for id in theirs)
        if row.outcome == "being-bought":
            self._says(row, "" if bought else "nobody was buying these seats")
            return
        super()._cancel_seats(row)
        if row.outcome == "cancelled":
            self._says(row, "somebody was buying one of these seats" if bought else "")
            for id in theirs:
                del self.offers[id]

    def _cancel_show(self, row: Row) -> None:
        super()._cancel_show(row)
        if row.outcome == "show-cancelled":
            self.offers.clear()
