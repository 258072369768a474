"""Writes the letters that buyers get: subject, HTML and text from one set of facts.

Each letter's Message-ID follows from what the letter is about, so a letter that is sent again is the same letter to
every mail program.  The HTML asks for nothing from outside, reads well at 600 pixels and on a phone, light and dark.
"""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from mail.plain_line import plain_line
from mail.rendering import html, message_id, text
from sagas import clock, money
from sagas.money import Money

SEATS_MAX = 100  # as many places as one booking can have
ATTACHMENT_BYTES_MAX = 6_000_000  # base64 adds a third, and many servers refuse letters above 10 MB
_SUBJECT_CHARS_MAX = 150


class Attachment(msgspec.Struct, frozen=True):
    """A document that travels with a letter."""

    name: str
    content_type: str
    content: bytes


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A letter, ready to be sent: one receiver, two renderings of the same words."""

    to: str
    subject: str
    html: str
    text: str
    message_id: str
    attachments: tuple[Attachment, ...] = ()


class SeatLine(msgspec.Struct, frozen=True):
    """One place on the letter: ``Stalls, row C, seat 14``, its ticket type and its price."""

    label: str
    ticket_type: str
    price: Money


class BookingFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What letters say about a booking.  ``discount``, ``fees`` and ``tax`` are shown where they are not zero."""

    booking_id: UUID
    booking_code: str
    booking_url: str
    buyer_name: str
    buyer_email: str
    event: str
    venue: str
    address: str
    starts_at: datetime
    time_zone: str
    seats: tuple[SeatLine, ...]
    total: Money
    discount: Money | None = None
    fees: Money | None = None
    tax: Money | None = None
    paid_by: Literal["razorpay", "wallet", "none", "cash", "terminal", "comp"] = "razorpay"
    hall: str = ""


class RefundFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is given back, where it goes, and the saga's word for why; the organiser's own words if it is goodwill."""

    refund_id: UUID
    amount: Money
    to: Literal["source", "wallet", "cash", "terminal"] = "source"
    reason: str = ""
    goodwill: bool = False


class CancellationFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Which seats were taken back and by whom, what comes back for them and what the policy kept; ``before`` is what
    the organiser has given back of it already."""

    cancellation_id: UUID
    seats: tuple[SeatLine, ...]
    amount: Money
    waiting: Money | None = None
    taken: Money | None = None
    retained: Money
    before: Money | None = None
    to: Literal["source", "wallet"] = "source"
    by: str
    reason: str = ""


class SaleFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket that is offered to others, or that another buyer has taken: its price, what the seller gets of it, and
    what the organiser keeps."""

    listing_id: UUID
    seat: SeatLine
    price: Money
    credited: Money
    fee: Money


# Why money goes back, in a buyer's words: what happened, and why.  What is not listed gets the last pair.
_INCOMPLETE = "we are sorry: your booking could not be completed."
_SEATS_GONE = (
    "Your payment arrived after the time for which we could keep your seats, and they had gone to somebody else."
)
_REASONS = {
    "late": (_INCOMPLETE, _SEATS_GONE),
    "expired": (_INCOMPLETE, _SEATS_GONE),
    "seat-taken": (_INCOMPLETE, _SEATS_GONE),
    "cancelled": (_INCOMPLETE, "The booking was cancelled before it was complete."),
    "show-closed": (_INCOMPLETE, "The show was closed for booking before your payment arrived."),
    "double": ("you paid twice.", "The first payment is enough for this booking, so the second one is yours again."),
    "wrong-amount": (
        "a payment came that does not fit your booking.",
        "It was not the amount that the booking costs, so none of it was used.",
    ),
}
_REASON_UNKNOWN = (_INCOMPLETE, "Something on our side kept us from completing it.")


def confirmed(facts: BookingFacts, tickets_pdf: bytes, mail_domain: str, locale: str = "en_IN") -> Letter:
    """The seats are theirs: what, where, when, what it cost, and the tickets themselves."""
    if not tickets_pdf.startswith(b"%PDF-"):
        raise ValueError("The tickets of a confirmation letter must be a PDF.")
    if len(tickets_pdf) > ATTACHMENT_BYTES_MAX:
        raise ValueError(f"Tickets of {len(tickets_pdf):,} bytes are too large for a letter.")
    words = _words(facts, locale)
    return Letter(
        to=facts.buyer_email,
        subject=_subject("Your tickets: ", words["event"], f" (booking {words['booking_code']})"),
        html=html.get_template("confirmed.html").render(words),
        text=text.get_template("confirmed.txt").render(words),
        message_id=message_id("confirmed", facts.booking_id, mail_domain),
        attachments=(Attachment(f"tickets-{_file_name(facts.booking_code)}.pdf", "application/pdf", tickets_pdf),),
    )


def refunded(facts: BookingFacts, refund: RefundFacts, mail_domain: str, locale: str = "en_IN") -> Letter:
    """Money is on its way back: the booking could not be completed, or the payment was not needed."""
    what_happened, why = _REASONS.get(refund.reason, _REASON_UNKNOWN)
    words = _words(facts, locale) | {
        "amount": money.show(refund.amount, locale),
        "refund_to": refund.to,
        "at_the_counter": _AT_THE_COUNTER.get(refund.to, ""),
        "what_happened": what_happened,
        "why": why,
    }
    return Letter(
        to=facts.buyer_email,
        subject=_subject("Your money is on its way back: ", words["event"], f" (booking {words['booking_code']})"),
        html=html.get_template("refunded.html").render(words),
        text=text.get_template("refunded.txt").render(words),
        message_id=message_id("refunded", refund.refund_id, mail_domain),
    )


def cancelled(facts: BookingFacts, what: CancellationFacts, mail_domain: str, locale: str = "en_IN") -> Letter:
    """Seats are given back: which, at whose wish, and what is on its way to the buyer for them."""
    show_is_off = what.reason == "show-cancelled"
    opening = "this show has been cancelled. We are sorry." if show_is_off else _BY.get(what.by, _BY[""])
    to = facts.paid_by if what.to == "source" and facts.paid_by in _AT_THE_COUNTER else what.to
    paragraphs = [_on_its_way(what.amount, to, locale)] if what.amount.amount else []
    if what.waiting is not None and what.waiting.amount:
        paragraphs.append(
            f"Your bank holds {money.show(what.waiting, locale)} because you have disputed this payment. If the bank "
            "decides that it stays with us, we give it back to you; if not, the bank gives it to you."
        )
    if what.taken is not None and what.taken.amount:
        taken = money.show(what.taken, locale)
        paragraphs.append(f"Your bank has given you {taken} back already, because you had disputed this payment.")
    if what.before is not None and what.before.amount:
        paragraphs.append(f"The organiser has given {money.show(what.before, locale)} of it back to you before.")
    if not paragraphs and not what.retained.amount:
        paragraphs.append(_NOTHING_PAID)
    if what.retained.amount:
        kept = money.show(what.retained, locale)
        paragraphs.append(f"By the terms under which you booked, {kept} is not given back.")
    return _notice(
        facts, "cancelled", what.cancellation_id, mail_domain, locale, subject="Cancelled: ", opening=opening,
        headline="Your show is cancelled" if show_is_off else "Your places are cancelled", paragraphs=paragraphs,
        named=what.seats,
    )  # fmt: skip


_NOTHING_PAID = "Nothing was paid for them."

_BY = {
    "buyer": "you have given these places back.",
    "organiser": "the organiser has cancelled these places. We are sorry.",
    "": "these places have been cancelled. We are sorry.",
}


#: How the box office gives money back.
_AT_THE_COUNTER = {"cash": "in cash", "terminal": "on your card"}


def _on_its_way(amount: Money, to: str, locale: str) -> str:
    told = money.show(amount, locale)
    if to == "wallet":
        return f"{told} is in your Frontrow wallet, and you can use it at once."
    if to in _AT_THE_COUNTER:
        return f"The box office where you bought them gives you {told} back {_AT_THE_COUNTER[to]}."
    return f"{told} goes back the way it came. Banks usually take 5 to 7 working days to show it."


def _is_back(refund: RefundFacts, locale: str) -> str:
    if refund.to == "wallet":
        return _on_its_way(refund.amount, refund.to, locale)
    if refund.to in _AT_THE_COUNTER:
        return f"The box office has given it back to you {_AT_THE_COUNTER[refund.to]}."
    return "It went back the way it came. Your bank may take some days more to show it."


def money_back(facts: BookingFacts, refund: RefundFacts, mail_domain: str, locale: str = "en_IN") -> Letter:
    """What was on its way back has been paid."""
    told = money.show(refund.amount, locale)
    opening, paragraphs = "your refund is done.", [_is_back(refund, locale)]
    if refund.goodwill:
        opening = f"the organiser has given you {told} back."
        paragraphs = [
            f"Their reason: {plain_line(refund.reason, 200)}", *paragraphs,
            "Your booking is as it was: every ticket of it that was good is good still.",
        ]  # fmt: skip
    return _notice(
        facts, "money-back", refund.refund_id, mail_domain, locale, subject="Your money is back: ", opening=opening,
        headline=f"{told} has been given back", named=facts.seats, paragraphs=paragraphs,
    )  # fmt: skip


def listed(facts: BookingFacts, sale: SaleFacts, mail_domain: str, locale: str = "en_IN") -> Letter:
    """A ticket is offered to others: for how much, what is left of it, and that it opens the door until it is sold."""
    credited = money.show(sale.credited, locale)
    fee = f", less the organiser's fee of {money.show(sale.fee, locale)}" if sale.fee.amount else ""
    return _notice(
        facts, "listed", sale.listing_id, mail_domain, locale, subject="For sale: ",
        opening="you have put a ticket up for sale.",
        headline=f"Your ticket is offered for {money.show(sale.price, locale)}",
        paragraphs=[
            f"When somebody buys it, {credited} comes into your Frontrow wallet{fee}, and we write to you.",
            "Until then it stays your ticket and opens the door, and you can change its price or take it back.",
            "Was it not you? Then take it back, and change your password.",
        ],
        named=(sale.seat,),
    )  # fmt: skip


def sold(facts: BookingFacts, sale: SaleFacts, mail_domain: str, locale: str = "en_IN") -> Letter:
    """An offered ticket has its buyer: the old one opens no door any more."""
    paragraphs = [_on_its_way(sale.credited, "wallet", locale) if sale.credited.amount else "Nothing was left of it."]
    if sale.fee.amount:
        paragraphs.append(f"The organiser's fee of {money.show(sale.fee, locale)} has been taken off.")
    paragraphs.append("Your ticket for this seat, printed or not, opens no door any more.")
    return _notice(
        facts, "sold", sale.listing_id, mail_domain, locale, subject="Sold: ",
        opening="somebody has bought the ticket that you offered.", headline="Your ticket is sold",
        paragraphs=paragraphs, named=(sale.seat,),
    )  # fmt: skip


def postponed(
    facts: BookingFacts, refund_until: datetime | None, about: UUID, mail_domain: str, locale: str = "en_IN"
) -> Letter:
    """The show is at another time: the tickets stay good, and the money can be taken back until a time."""
    paragraphs = ["Your tickets stay good; there is nothing that you need to do."]
    if refund_until is not None:
        until = clock.show(refund_until, facts.time_zone, locale)
        paragraphs.append(f"If you cannot come then, you can take all your money back until {until}.")
    return _notice(
        facts, "postponed", about, mail_domain, locale, subject="A new time: ", opening="your show has been moved.",
        headline="Your show has a new time", paragraphs=paragraphs, named=facts.seats,
    )  # fmt: skip


def _notice(
    facts: BookingFacts, template: str, about: UUID, mail_domain: str, locale: str, *, subject: str, opening: str,
    headline: str, paragraphs: list[str], named: tuple[SeatLine, ...],
) -> Letter:  # fmt: skip
    """A letter of few words about a booking."""
    words = _words(facts, locale) | {
        "opening": opening, "headline": headline, "paragraphs": paragraphs,
        "named": [_seat(seat, locale) for seat in named],
    }  # fmt: skip
    return Letter(
        to=facts.buyer_email,
        subject=_subject(subject, words["event"], f" (booking {words['booking_code']})"),
        html=html.get_template("notice.html").render(words),
        text=text.get_template("notice.txt").render(words),
        message_id=message_id(template, about, mail_domain),
    )


def _seat(seat: SeatLine, locale: str) -> dict[str, str]:
    return {
        "label": plain_line(seat.label, 80),
        "ticket_type": plain_line(seat.ticket_type, 40),
        "price": money.show(seat.price, locale),
    }


def _words(facts: BookingFacts, locale: str) -> dict[str, Any]:
    if not 1 <= len(facts.seats) <= SEATS_MAX:
        raise ValueError(f"A letter names 1 to {SEATS_MAX} seats, not {len(facts.seats)}.")
    if not facts.booking_url.startswith(("http://", "https://")):
        raise ValueError("A letter links to the booking's page by http or https only.")
    amounts = (("Discount", facts.discount), ("Fees", facts.fees), ("Tax", facts.tax))
    return {
        "name": plain_line(facts.buyer_name, 60),
        "event": plain_line(facts.event, 130),
        "when": clock.show(facts.starts_at, facts.time_zone, locale),
        "venue": plain_line(facts.venue, 100),
        "hall": plain_line(facts.hall, 60),
        "address": plain_line(facts.address, 160),
        "seats": [_seat(seat, locale) for seat in facts.seats],
        "amounts": [(name, money.show(amount, locale)) for name, amount in amounts if amount and amount.amount],
        "total": money.show(facts.total, locale),
        "paid_by": facts.paid_by,
        "booking_code": plain_line(facts.booking_code, 24),
        "booking_url": facts.booking_url,
    }


def _subject(before: str, event: str, after: str) -> str:
    """The booking's code stays readable, however long the event's name is."""
    return before + plain_line(event, _SUBJECT_CHARS_MAX - len(before) - len(after)) + after


def _file_name(code: str) -> str:
    kept = (letter for letter in code if letter.isascii() and (letter.isalnum() or letter == "-"))
    return "".join(kept)[:24] or "booking"
