"""The letters worker: each letter once, by the delivery log, however often it is asked for.

The log's row is claimed before the mail server is spoken to.  Whoever dies between the server's yes and our note leaves
a row that looks unsent; the letter then goes out again under the same Message-ID, marked uncertain."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import dramatiq
import msgspec
import structlog

from actors.lanes.consumer import on_loop
from actors.lanes.routes import LETTERS
from actors.tickets import TICKETS_PDF, faces, keep_pdf, print_pdf
from actors.workplace import workplace
from mail import letters, smtp
from mail.account_letters import AccountFacts, account_letter, invitation_letter
from sagas import clock
from sagas.identity import booking_code, derived
from sagas.messages import LetterSent, SendLetter, SendPersonalLetter, event_id_for
from sagas.money import Money
from sagas.terms import decode_rules
from store import files, letter_links, mailing, sagas, tickets
from store.settings import settings

log = structlog.get_logger()

CLAIM_SECONDS = 60.0


#: Where the link of each letter about an account leads.
PAGES = {"welcome": "/verify-email", "verify": "/verify-email", "reset": "/reset-password"}


class Withheld(Exception):
    """The letter waits: its saga asks for it again."""


Writing = Callable[[], Awaitable[letters.Letter]]


class NothingToSay(Exception):
    """What the letter was about is over: its link has run out or been used, the account was erased, or the ticket is
    offered no longer."""


@dramatiq.actor(queue_name=LETTERS)
def send_letter(message: dict[str, Any]) -> None:
    """Send one letter, and tell its saga.  A mail server that is down is tried again; one that refuses is not."""
    on_loop(_send(msgspec.convert(message, SendLetter)))


@dramatiq.actor(queue_name=LETTERS)
def send_personal_letter(message: dict[str, Any]) -> None:
    """Send one letter about an account.  The sweep asks again for one that a mail server did not take."""
    on_loop(_send_personal(msgspec.convert(message, SendPersonalLetter)))


async def _send(command: SendLetter) -> None:
    letter_id = mailing.of_booking(command.booking_id, command.template, command.about or command.booking_id)
    row = await mailing.claim(letter_id, CLAIM_SECONDS)
    if row is None:
        if await mailing.is_done(letter_id):
            await _report(command)
        return
    if await _deliver(row, lambda: _write(command)):
        await _report(command)


async def _send_personal(command: SendPersonalLetter) -> None:
    row = await mailing.claim(command.letter_id, CLAIM_SECONDS)
    if row is not None:
        write = _write_personal if row["user_id"] else _write_unasked if row["booking_id"] else _write_invitation
        await _deliver(row, lambda: write(row))


async def _write_unasked(row: Any) -> letters.Letter:
    """A letter about a booking that no saga waits for."""
    return await _write(
        SendLetter(command_id=row["id"], booking_id=row["booking_id"], template=row["template"], about=row["about"])
    )


async def _deliver(row: Any, write: Writing) -> bool:
    """Write the claimed letter, hand it to the mail server and note what became of it; False when it must be tried
    again."""
    about = {name: row[name] for name in ("booking_id", "user_id") if row[name]} or {"invitation_id": row["about"]}
    said = log.bind(template=row["template"], **about)
    try:
        letter = await write()
        await smtp.send(letter, _server(), clock.now())
    except NothingToSay as error:
        await mailing.failed(row["id"], str(error), again=False)
        said.info("letter_dropped", reason=str(error))
        return True
    except Withheld as error:
        await mailing.failed(row["id"], str(error), again=True)
        said.info("letter_withheld", reason=str(error))
        return True
    except smtp.MailUnavailable as error:
        await mailing.failed(row["id"], repr(error)[:300], again=True)
        said.warning("letter_waits", error=str(error))
        return False
    except smtp.MailRefused as error:
        await mailing.failed(row["id"], repr(error)[:300], again=False)
        said.error("letter_refused", error=str(error))
        return True
    await mailing.sent(row["id"], letter.message_id)
    said.info("letter_sent", trace_id=row["trace_id"])
    return True


async def _report(command: SendLetter) -> None:
    await workplace().report(
        LetterSent(
            event_id=event_id_for(command.command_id, LetterSent),
            booking_id=command.booking_id,
            answers=command.command_id,
            template=command.template,
            about=command.about,
        )
    )


async def _write(command: SendLetter) -> letters.Letter:
    booking_id, about = command.booking_id, command.about or command.booking_id
    facts = await _facts(booking_id)
    domain = mailing.domain()
    match command.template:
        case "confirmed":
            pdf = await files.find(booking_id, TICKETS_PDF)
            if pdf is None:  # its bytes were lost; the tickets are in the database, so they are printed again
                if not (printed := await faces(booking_id)):
                    if any(ticket["status"] == "frozen" for ticket in await tickets.of_booking(booking_id)):
                        raise Withheld("its payment is disputed, and its tickets are frozen")
                    raise NothingToSay("its seats were cancelled before the letter was sent")
                pdf = await asyncio.to_thread(print_pdf, printed)
                await keep_pdf(booking_id, pdf)
            return letters.confirmed(facts, pdf, domain)
        case "cancelled":
            return letters.cancelled(facts, await _cancelled(booking_id, about), domain)
        case "postponed":
            return letters.postponed(facts, await _postponed(booking_id), derived(about, booking_id), domain)
        case "listed":
            return letters.listed(facts, await _sale(booking_id, about, still_offered=True), domain)
        case "sold":
            return letters.sold(facts, await _sale(booking_id, about), domain)
        case "money-back":
            return letters.money_back(facts, await _refund(about), domain)
        case _:
            return letters.refunded(facts, await _refund(about), domain)


async def _refund(refund_id: UUID) -> letters.RefundFacts:
    refund = await mailing.refund(refund_id)
    amount = Money(refund["amount"], refund["currency"])
    return letters.RefundFacts(
        refund_id=refund_id, amount=amount, to=refund["to"], reason=refund["reason"],
        goodwill=refund["about"] == refund_id,
    )  # fmt: skip


async def _sale(booking_id: UUID, listing_id: UUID, *, still_offered: bool = False) -> letters.SaleFacts:
    row = await mailing.listing(listing_id)
    if still_offered and row["status"] not in ("open", "being_bought"):
        raise NothingToSay("the ticket is offered no longer")
    booked = await sagas.booking_facts(booking_id)
    assert booked is not None, f"no booking {booking_id}"
    [place] = [place for place in msgspec.json.decode(booked["seats"]) if place["id"] == row["seat_id"]]
    return letters.SaleFacts(
        listing_id=listing_id,
        seat=_line(place, row["currency"]),
        price=Money(row["price"], row["currency"]),
        credited=Money(row["price"] - row["fee"], row["currency"]),
        fee=Money(row["fee"], row["currency"]),
    )


async def _cancelled(booking_id: UUID, cancellation_id: UUID) -> letters.CancellationFacts:
    row = await mailing.cancellation(cancellation_id)
    named = set(msgspec.json.decode(row["seats"]))
    booked = await sagas.booking_facts(booking_id)
    assert booked is not None, f"no booking {booking_id}"
    places = [place for place in msgspec.json.decode(booked["seats"]) if place["id"] in named]
    return letters.CancellationFacts(
        cancellation_id=cancellation_id,
        seats=tuple(_line(place, row["currency"]) for place in places),
        amount=Money(row["back"], row["currency"]),
        waiting=Money(row["waiting"], row["currency"]),
        taken=Money(row["amount"] - row["back"] - row["waiting"] - row["before"], row["currency"]),
        retained=Money(row["retained"], row["currency"]),
        before=Money(row["before"], row["currency"]),
        to=row["to"],
        by=row["by"],
        reason=row["reason"],
    )


async def _postponed(booking_id: UUID) -> datetime | None:
    """Until when all money can be taken back."""
    row = await sagas.booking_facts(booking_id)
    rules = decode_rules(row["rules"]) if row is not None else None
    return rules.refund_all_until if rules is not None else None


async def _write_personal(row: Any) -> letters.Letter:
    person = await mailing.person(row["id"])
    if person is None:
        raise NothingToSay("the account was erased")
    page, about = "/forgot-password", row["id"]
    if row["link_id"] is not None:
        token = await letter_links.token_for(row["link_id"])
        if token is None:
            raise NothingToSay("its link has been used, or has run out")
        page, about = f"{PAGES[row['template']]}#{token}", row["link_id"]  # a fragment: no server and no log sees it
    facts = AccountFacts(about=about, name=person["name"], email=person["email"], url=f"{settings().edge_url}{page}")
    return account_letter(row["template"], facts, mailing.domain())


async def _write_invitation(row: Any) -> letters.Letter:
    found = await mailing.invitation(row["about"])
    if found is None:
        raise NothingToSay("the invitation was answered, withdrawn, or has run out")
    url = f"{settings().edge_url}/profile#invitations"
    facts = AccountFacts(about=row["about"], name="", email=found["email"], url=url)
    until = clock.show(found["expires_at"], "UTC")
    return invitation_letter(facts, found["legal_name"], found["role"], until, mailing.domain())


async def _facts(booking_id: UUID) -> letters.BookingFacts:
    row = await sagas.booking_facts(booking_id)
    assert row is not None, f"no booking {booking_id}"
    amounts = msgspec.json.decode(row["amounts"])
    places = msgspec.json.decode(row["seats"])
    total = amounts["seats"] - amounts["discount"] + amounts["fees"] + amounts["tax"]
    return letters.BookingFacts(
        booking_id=booking_id,
        booking_code=booking_code(booking_id),
        booking_url=f"{settings().edge_url}/bookings/{booking_id}",
        buyer_name=row["buyer_name"],
        buyer_email=row["email"],
        event=row["title"],
        venue=row["venue"],
        address=f"{row['address']}, {row['city']}",
        hall=row["hall"],
        starts_at=row["starts_at"],
        time_zone=row["time_zone"],
        seats=tuple(_line(place, row["currency"]) for place in places),
        total=Money(total, row["currency"]),
        paid_by=row["method"],
    )


def _line(place: dict[str, Any], currency: str) -> letters.SeatLine:
    return letters.SeatLine(_seat_label(place), place.get("ticket_type") or "Standard", Money(place["price"], currency))


def _seat_label(place: dict[str, Any]) -> str:
    if not place["row"]:
        return str(place["label"])
    return f"{place['section']}, row {place['row']}, seat {place['label']}"


def _server() -> smtp.MailServer:
    return smtp.MailServer(host=settings().smtp_host, port=settings().smtp_port, sender=settings().mail_from)
