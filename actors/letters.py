"""The letters worker: each letter once, by the delivery log, however often it is asked for.

The log's row is claimed before the mail server is spoken to.  Whoever dies between the server's yes and our note leaves
a row that looks unsent; the letter then goes out again under the same Message-ID, marked uncertain."""

import asyncio
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
from sagas import clock
from sagas.identity import booking_code
from sagas.messages import LetterSent, SendLetter, event_id_for
from sagas.money import Money
from store import files, mailing, sagas
from store.settings import settings

log = structlog.get_logger()

CLAIM_SECONDS = 60.0


@dramatiq.actor(queue_name=LETTERS)
def send_letter(message: dict[str, Any]) -> None:
    """Send one letter, and tell its saga.  A mail server that is down is tried again; one that refuses is not."""
    on_loop(_send(msgspec.convert(message, SendLetter)))


async def _send(command: SendLetter) -> None:
    row = await mailing.claim(command.booking_id, command.template, CLAIM_SECONDS)
    if row is None:
        if await mailing.is_done(command.booking_id, command.template):
            await _report(command)
        return
    try:
        letter = await _write(command.booking_id, command.template)
        await smtp.send(letter, _server(), clock.now())
    except smtp.MailUnavailable as error:
        await mailing.failed(row["id"], repr(error)[:300], again=True)
        log.warning("letter_waits", booking_id=str(command.booking_id), template=command.template, error=str(error))
        return
    except smtp.MailRefused as error:
        await mailing.failed(row["id"], repr(error)[:300], again=False)
        log.error("letter_refused", booking_id=str(command.booking_id), template=command.template, error=str(error))
        await _report(command)
        return
    await mailing.sent(row["id"], letter.message_id)
    log.info("letter_sent", booking_id=str(command.booking_id), template=command.template, trace_id=row["trace_id"])
    await _report(command)


async def _report(command: SendLetter) -> None:
    await workplace().report(
        LetterSent(
            event_id=event_id_for(command.command_id, LetterSent),
            booking_id=command.booking_id,
            answers=command.command_id,
            template=command.template,
        )
    )


async def _write(booking_id: UUID, template: str) -> letters.Letter:
    facts = await _facts(booking_id)
    domain = mailing.domain()
    if template == "confirmed":
        pdf = await files.find(booking_id, TICKETS_PDF)
        if pdf is None:  # its bytes were lost; the tickets are in the database, so they are printed again
            pdf = await asyncio.to_thread(print_pdf, await faces(booking_id))
            await keep_pdf(booking_id, pdf)
        return letters.confirmed(facts, pdf, domain)
    refund = await mailing.refund(booking_id)
    given = letters.RefundFacts(
        refund_id=refund["id"],
        amount=Money(refund["amount"], refund["currency"]),
        to=refund["to"],
        reason=refund["reason"],
    )
    return letters.refunded(facts, given, domain)


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
        seats=tuple(
            letters.SeatLine(_seat_label(place), "Standard", Money(place["price"], row["currency"])) for place in places
        ),
        total=Money(total, row["currency"]),
        paid_by=row["method"],
    )


def _seat_label(place: dict[str, Any]) -> str:
    if not place["row"]:
        return str(place["label"])
    return f"{place['section']}, row {place['row']}, seat {place['label']}"


def _server() -> smtp.MailServer:
    return smtp.MailServer(host=settings().smtp_host, port=settings().smtp_port, sender=settings().mail_from)
