"""The saga lanes at work: events in, progress and commands out, many bookings to a commit.

A command whose effect is only rows (a wallet's payment, issuing tickets, the letter log) is carried out in the batch's
own transaction, and its event is fed to ``advance`` at once.  Everything else is sent after the commit; the saga's row
keeps it until it is answered, and the sweep sends it again."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import structlog

from actors.lane_actor import LaneActor, Line
from actors.lanes.publisher import Publisher
from actors.lanes.routes import Routes
from actors.lanes.session import Arrived, Session
from actors.lanes.wire import BODY_LIMIT_BYTES, Options, Sealed, open_body, seal
from actors.tickets import tickets_of
from sagas import booking, ledger, top_up
from sagas.disputes import aside
from sagas.messages import (
    CancelTickets,
    CapturePayment,
    DisputeChanged,
    Event,
    Fence,
    IssueTickets,
    KeepAside,
    LetterSent,
    MethodChosen,
    MoneyAuthorized,
    MoneyCaptured,
    MoneyKeptAside,
    MoneyRefunded,
    PaymentReady,
    PaymentRefused,
    RefundAgain,
    RefundAsked,
    RefundFailed,
    RefundMoney,
    RefundSeen,
    RequestPayment,
    SagaCommand,
    SagaLaneMessage,
    SeatResold,
    SeatsCancelled,
    SendLetter,
    Several,
    TicketsCancelled,
    TicketsIssued,
    event_id_for,
)
from sagas.saga import Progress, advance
from store import live, mailing, money, tickets
from store import sagas as saga_rows
from store.ledger import Books, open_books
from store.money import MoneyWrites
from store.sagas import SagaJournalRow, SagaRow, TimelineRow
from store.tickets import LetterRow, TicketRow

log = structlog.get_logger()

#: An answer that takes longer than this is asked for again: a lane's, the provider's, a letter's.
OVERDUE_SECONDS = {"confirm_seats": 5.0, "release_seats": 5.0, "make_pdf": 60.0, "send_letter": 60.0}
OVERDUE_OTHERWISE_SECONDS = 15.0

#: How customers without an account pay.
BOX_OFFICE = ("cash", "terminal", "comp")

#: Why seats are taken back where the box office gives the money back in the same moment.
AT_THE_COUNTER = "box-office"

#: The saga of each kind.
SAGAS = {"booking": booking.BOOKING, "top-up": top_up.TOP_UP}

_decode = msgspec.json.Decoder(SagaLaneMessage).decode
_encode = msgspec.json.Encoder().encode


class ReadEvent(NamedTuple):
    """A message of a saga lane's log, opened: its event, or why it cannot be read."""

    at: Arrived
    event: Event | Several | Fence | None
    body: str
    fault: str = ""

    @property
    def events(self) -> Sequence[Event]:
        if isinstance(self.event, Several):
            return self.event.events
        return (self.event,) if isinstance(self.event, Event) else ()


class Advanced(NamedTuple):
    """What a batch came to, once it is committed."""

    sealed: list[Sealed]
    bookings: list[UUID]
    lines: list[Line]


class SagaLanes(LaneActor[ReadEvent, Advanced]):
    """The saga lanes of this worker process."""

    def __init__(self, publisher: Publisher, redis: Any, owner: str, routes: Routes) -> None:
        super().__init__(publisher, owner)
        self._redis, self._routes = redis, routes

    def read(self, arrived: Arrived) -> ReadEvent:
        text = arrived.body[:BODY_LIMIT_BYTES].decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
        try:
            return ReadEvent(arrived, _decode(open_body(arrived.body).message), text)
        except (ValueError, RecursionError) as error:
            return ReadEvent(arrived, None, text, fault=f"unreadable: {error}"[:500])

    def weight(self, message: ReadEvent) -> int:
        return max(len(message.events), 1)

    async def decide(
        self, connection: Any, session: Session, now: datetime, batch: list[ReadEvent], poison: int
    ) -> Advanced:
        work = _Batch(connection, session, now)
        await work.look_up(batch)
        for message in batch:
            work.take(message, poison)
        await work.write()
        sealed = [seal(await self._routes.of(command), command, Options(trace)) for command, trace in work.to_send()]
        return Advanced(sealed, list(work.moved), work.lines)

    async def tell(self, advanced: Advanced) -> None:
        await self.publish("commands", advanced.sealed)
        try:
            await live.announce(self._redis, live.Announcement({}, {}, {}, advanced.bookings))
        except Exception as error:
            log.warning("bookings_not_told", error=repr(error), hint="pages ask again by themselves")


def _may_touch_a_wallet(saga: SagaRow, told: set[type[Event]]) -> bool:
    """Whether one of these events may move money into or out of the buyer's wallet."""
    facts = saga.progress.facts
    if saga.kind == "top-up":
        return bool(told & {MoneyCaptured, DisputeChanged, RefundSeen})
    of_wallet = facts.method == "wallet" or facts.from_wallet or any(part.method == "wallet" for part in facts.parts)
    lessened = facts.disputes or facts.refunds  # as with stray money, what is left may be too little for the provider
    moves = {MethodChosen, MoneyCaptured, SeatsCancelled, SeatResold, RefundAgain, RefundAsked, DisputeChanged}
    return bool(of_wallet or lessened or told & moves)


def _needs_its_booking(saga: SagaRow, told: set[type[Event]]) -> bool:
    """Whether one of these events needs the booking's seats, or whose show it is."""
    at_the_counter = saga.progress.facts.method in BOX_OFFICE
    asks = told & {SeatsCancelled, SeatResold, RefundAsked, RefundSeen, RefundFailed, DisputeChanged}
    return at_the_counter or saga.progress.step in ("confirm", "tickets") or bool(asks)


class _Batch:
    """Advances the sagas of one batch, and collects the rows that follow."""

    def __init__(self, connection: Any, session: Session, now: datetime) -> None:
        self._connection, self._lane, self._place, self._now = connection, session.lane, session.place, now
        self._previous = session.place.last_offset
        self._met: set[UUID] = set()
        self._sagas: dict[UUID, SagaRow] = {}
        self._bookings: dict[UUID, Any] = {}
        self._books = Books()
        self._money = MoneyWrites()
        self._tickets: list[TicketRow] = []
        self._tickets_ended: list[tuple[UUID, str]] = []
        self._frozen: dict[UUID, bool] = {}
        self._cancellations: list[UUID] = []
        self._resold: list[UUID] = []
        self._letters: list[LetterRow] = []
        self._timeline: list[TimelineRow] = []
        self._journal: list[SagaJournalRow] = []
        self.moved: set[UUID] = set()
        self._issued: list[tuple[SagaCommand, str]] = []
        self.lines: list[Line] = []

    async def look_up(self, batch: list[ReadEvent]) -> None:
        events = [event for message in batch for event in message.events]
        if not events:
            return
        self._met = await saga_rows.met(self._connection, [event.event_id for event in events])
        self._sagas = await saga_rows.load(self._connection, list({event.booking_id for event in events}))
        told: dict[UUID, set[type[Event]]] = {}
        for event in events:
            told.setdefault(event.booking_id, set()).add(type(event))
        rows = self._sagas.values()
        buyers = {saga.progress.facts.buyer_id for saga in rows if _may_touch_a_wallet(saga, told[saga.id])}
        self._books = await open_books(self._connection, sorted(buyers))
        sold = [saga.id for saga in rows if saga.kind == "booking" and _needs_its_booking(saga, told[saga.id])]
        if sold:
            self._bookings = {row["id"]: row for row in await tickets.bookings_to_ticket(self._connection, sold)}

    def take(self, message: ReadEvent, poison: int) -> None:
        event = message.event
        if event is None or poison:  # the events of a message that is set aside are sent again one by one
            self._note(message, "failed" if poison else "unreadable")
        elif isinstance(event, Fence):
            self._note(message, "fence")
        elif isinstance(event, Several):
            self._note(message, "several")
            for part, one in enumerate(event.events, start=1):
                self._take(message, one, part)
        else:
            self._take(message, event)

    def _take(self, message: ReadEvent, event: Event, part: int = 0) -> None:
        if event.event_id in self._met:
            self._note_event(message, event, part, "repeat", taken=False)
        elif event.booking_id not in self._sagas:
            self._note_event(message, event, part, "no-saga", taken=False)
        else:
            self._met.add(event.event_id)
            self._advance(event, self._now)
            self._note_event(message, event, part, self._sagas[event.booking_id].progress.step or "ended", taken=True)

    def _advance(self, event: Event, now: datetime) -> None:
        """Feed the event, and the events of commands that are only rows, until nothing follows from them."""
        events = deque([event])
        while events:
            event = events.popleft()
            saga = self._sagas[event.booking_id]
            progress, commands = advance(SAGAS[saga.kind], saga.progress, event)
            self._note_money(event, saga.progress.facts, progress.facts)
            if saga.kind == "booking":
                self._book(event, saga.progress, progress)
            else:
                self._top_up(event, saga.progress.facts, progress.facts)
            n = saga.events + 1
            self._timeline.append(
                TimelineRow(saga.id, n, event.name(), progress.step, progress.course, _encode(event).decode())
            )
            self._sagas[saga.id] = saga._replace(progress=progress, events=n)
            self.moved.add(saga.id)
            for command in commands:
                if (answer := self._carry_out(command)) is not None:
                    events.append(answer)
                else:
                    self._issued.append((command, saga.trace))

    def _note_money(self, event: Event, before: Any, facts: Any) -> None:
        """What an event says about payments and refunds, as rows.  Stray money is kept in mind, but is no payment."""
        match event:
            case PaymentReady():
                self._money.set_status(event.payment_id, "ready")
            case PaymentRefused():
                self._money.set_status(event.payment_id, "failed")
            case MoneyAuthorized():
                if facts.authorized is not before.authorized:
                    self._money.set_status(event.payment_id, "authorized")
            case MoneyCaptured():
                self._money.captured.append(event)
                if event.provider_payment_id in facts.kept:
                    self._money.set_status(event.payment_id, "captured")
            case MoneyRefunded():
                self._money.end_refund(event.refund_id, "processed", event.provider_refund_id)
            case RefundFailed():
                self._money.end_refund(event.refund_id, "failed")
            case _:
                pass

    def _book(self, event: Event, before: Progress, after: Progress) -> None:
        """What an event moves in the ledger: whatever is new in what the saga knows."""
        was: booking.Facts = before.facts
        now: booking.Facts = after.facts
        match event:
            case MoneyCaptured() if event.amount and (was.kept, was.stray) != (now.kept, now.stray):
                booked = self._books.add(ledger.captured(event, now.buyer_id, self._organiser(now.booking_id)))
                assert booked, "the wallet was asked before"
            case SeatsCancelled():
                # what the payer's bank has taken back is not owed once more, and what it holds is owed if we get it
                owed = sum(refund.amount for refund in now.refunds if refund.about == event.cancellation_id)
                organiser_id = self._organiser(now.booking_id)
                self._books.add(
                    ledger.cancelled(event.cancellation_id, now.booking_id, organiser_id, owed, now.currency)
                )
                self._cancellations.append(event.cancellation_id)
            case RefundAsked():
                self._book_goodwill(event, was, now)
            case MoneyRefunded():
                self._book_refund(event, was, now)
            case RefundSeen() if now.refunds is not was.refunds:
                self._book_seen(event, was, now)
            case DisputeChanged() if event.status == "won":
                self._free(event, was)
                organiser_id = self._organiser(now.booking_id)
                for refund in now.refunds[len(was.refunds) :]:
                    if refund.about is not None:  # else it was never the organiser's
                        self._books.add(
                            ledger.cancelled(
                                refund.about, now.booking_id, organiser_id, refund.amount, refund.currency, refund.id
                            )
                        )
            case DisputeChanged() if event.status == "lost":
                sold = "confirm" in before.done
                self._books.add(self._lost(event, was, now, sold=sold))
                self._book_done_by_bank(was, now, sold=sold)
            case RefundFailed():
                self._book_done_by_bank(was, now, sold="confirm" in before.done)
            case _:
                pass
        if "confirm" in after.done and "confirm" not in before.done:
            self._books.add(self._sale(now))
            missing = sum(part.amount - booking.there(now, part.provider_payment_id) for part in now.parts)
            self._books.add(
                ledger.sold_for_less(now.booking_id, self._organiser(now.booking_id), missing, now.currency)
            )
        if isinstance(event, SeatResold):
            kept, claim = aside(now.kept_aside) - aside(was.kept_aside), now.claimed - was.claimed
            self._books.add(
                ledger.proceeds(
                    event.listing_id, now.booking_id, now.buyer_id, self._organiser(now.booking_id),
                    event.price - event.fee, kept, claim, now.currency,
                )
            )  # fmt: skip
            self._resold.append(event.listing_id)
        if isinstance(event, DisputeChanged):
            self._frozen[now.booking_id] = booking.disputed(now)

    def _free(self, event: DisputeChanged, was: booking.Facts | top_up.Facts) -> None:
        """The dispute is won: what was kept aside for it is the buyer's to spend again."""
        kept = aside(was.kept_aside, event.dispute_id)
        self._books.add(ledger.freed(event.dispute_id, was.buyer_id, kept, event.currency))

    def _from_payer(self, event: DisputeChanged, was: booking.Facts | top_up.Facts, claim: int) -> ledger.FromPayer:
        """What can be had from the payer of what is claimed for a dispute that is lost."""
        return self._payer(was.buyer_id, aside(was.kept_aside, event.dispute_id), claim, event.currency)

    def _payer(self, user_id: UUID, kept: int, claim: int, currency: str) -> ledger.FromPayer:
        return ledger.FromPayer(user_id, kept, min(claim - kept, self._books.balance(user_id, currency)))

    def _lost(self, event: DisputeChanged, was: booking.Facts, now: booking.Facts, *, sold: bool) -> ledger.Posting:
        """What a payer's bank took back is the organiser's loss, if the organiser had it."""
        if sold:
            organiser_id = self._organiser(was.booking_id)
            payer = self._from_payer(event, was, now.claimed - was.claimed)
            return ledger.dispute_lost(
                event.dispute_id, was.booking_id, organiser_id, payer, event.amount, event.currency
            )
        there = booking.there(was, event.provider_payment_id)
        return ledger.unsold_lost(event.dispute_id, was.booking_id, there, event.amount, event.currency)

    def _sale(self, now: booking.Facts) -> ledger.Posting:
        """What the seats cost is the organiser's, or of a ticket that another buyer offered, theirs."""
        organiser = self._organiser(now.booking_id)
        if now.resold_by is None:
            return ledger.sold(now.booking_id, organiser, now.amount, now.currency)
        return ledger.resold(now.booking_id, organiser, now.resold_by, now.amount, now.resale_fee, now.currency)

    def _organiser(self, booking_id: UUID) -> Any:
        """Whose show it is; None where no event of the batch needs to know."""
        row = self._bookings.get(booking_id)
        return row["organiser_id"] if row is not None else None

    def _book_goodwill(self, event: RefundAsked | RefundSeen, was: booking.Facts, now: booking.Facts) -> None:
        """What was really asked for is the organiser's to bear, once."""
        there = {refund.id for refund in was.refunds}
        for refund in now.refunds:
            if refund.id == event.refund_id and refund.id not in there:
                organiser_id = self._organiser(now.booking_id)
                self._books.add(
                    ledger.goodwill(
                        refund.id, now.booking_id, organiser_id, refund.amount, refund.currency, refund.reason
                    )
                )

    def _book_refund(self, event: MoneyRefunded, was: booking.Facts, now: booking.Facts) -> None:
        done = {refund.id for refund in was.refunds if refund.state == "done"}
        for refund in now.refunds:
            if refund.id == event.refund_id and refund.state == "done" and refund.id not in done:
                target = ledger.source(refund.method, now.buyer_id, self._organiser(now.booking_id))
                self._books.add(
                    ledger.refunded(
                        refund.id, now.booking_id, ("by-hand", None) if event.by else target, refund.amount,
                        refund.currency,
                    )
                )  # fmt: skip

    def _book_done_by_bank(self, was: booking.Facts, now: booking.Facts, *, sold: bool) -> None:
        """What was on its way back the payer has from their bank: whoever bore what that took gets so much of it."""
        done = {refund.id for refund in was.refunds if refund.by_bank}
        for refund in now.refunds:
            if refund.by_bank and refund.id not in done:
                bearer: tuple[ledger.Account, UUID | None] = ("losses", None)
                if sold:
                    bearer = "organiser", self._organiser(now.booking_id)
                self._books.add(ledger.refunded(refund.id, now.booking_id, bearer, refund.amount, refund.currency))
                self._money.end_refund(refund.id, "processed")

    def _note_seen(self, event: RefundSeen, facts: booking.Facts | top_up.Facts, about: UUID | None) -> None:
        """The row of a refund that was made by hand."""
        self._money.refunds.append(
            RefundMoney(
                command_id=event.event_id, booking_id=facts.booking_id, payment_id=event.payment_id,
                buyer_id=facts.buyer_id, method="razorpay", provider_payment_id=event.provider_payment_id,
                refund_id=event.refund_id, amount=event.amount, currency=event.currency, reason=booking.BY_HAND,
                about=about,
            )
        )  # fmt: skip
        self._money.end_refund(event.refund_id, "processed", event.provider_refund_id)

    def _book_seen(self, event: RefundSeen, was: booking.Facts, now: booking.Facts) -> None:
        """Money that went back by hand: out of what the seats were sold for, or of what the booking has."""
        seen = now.refunds[-1]
        self._note_seen(event, now, seen.about)
        if seen.is_goodwill:
            self._book_goodwill(event, was, now)
        self._books.add(ledger.refunded(seen.id, now.booking_id, ("provider", None), seen.amount, seen.currency))

    def _top_up(self, event: Event, was: top_up.Facts, now: top_up.Facts) -> None:
        match event:
            case MoneyCaptured() if len(now.kept) > len(was.kept):
                self._books.add(ledger.topped_up(event.provider_payment_id, now.buyer_id, event.amount, event.currency))
            case DisputeChanged() if event.status == "won":
                self._free(event, was)
            case DisputeChanged() if event.status == "lost":
                payer = self._from_payer(event, was, event.amount)
                self._books.add(ledger.top_up_lost(event.dispute_id, payer, event.amount, event.currency))
            case RefundSeen() if len(now.given_back) > len(was.given_back):
                kept = aside(was.kept_aside) - aside(now.kept_aside)
                payer = self._payer(now.buyer_id, kept, event.amount, event.currency)
                self._books.add(ledger.top_up_given_back(event.refund_id, payer, event.amount, event.currency))
                self._note_seen(event, now, None)
            case _:
                pass

    def _carry_out(self, command: SagaCommand) -> Event | None:
        """Do what is only rows, and say so; None for what somebody else has to do."""
        match command:
            case RequestPayment():
                self._money.requested.append(command)
                if command.method == "razorpay":
                    return self._wallet_is_short(command)
                return PaymentReady(
                    event_id=event_id_for(command.command_id, PaymentReady), booking_id=command.booking_id,
                    answers=command.command_id, payment_id=command.payment_id, method=command.method,
                )  # fmt: skip
            case CapturePayment() if command.method != "razorpay":
                return self._pay(command)
            case RefundMoney():
                self._money.refunds.append(command)
                return None if command.method == "razorpay" else self._give_back(command)
            case KeepAside():
                return self._keep_aside(command)
            case CancelTickets():
                self._tickets_ended += [(command.booking_id, seat) for seat in command.seats]
                return TicketsCancelled(
                    event_id=event_id_for(command.command_id, TicketsCancelled), booking_id=command.booking_id,
                    answers=command.command_id, count=len(command.seats),
                )  # fmt: skip
            case IssueTickets():
                issued = tickets_of(self._bookings[command.booking_id])
                self._tickets += issued
                self._frozen[command.booking_id] = booking.disputed(self._sagas[command.booking_id].progress.facts)
                return TicketsIssued(
                    event_id=event_id_for(command.command_id, TicketsIssued), booking_id=command.booking_id,
                    answers=command.command_id, count=len(issued),
                )  # fmt: skip
            case SendLetter() if self._nobody_to_write_to(command.booking_id):
                return LetterSent(
                    event_id=event_id_for(command.command_id, LetterSent), booking_id=command.booking_id,
                    answers=command.command_id, template=command.template, about=command.about,
                )  # fmt: skip
            case SendLetter():
                about = command.about or command.booking_id
                letter_id = mailing.of_booking(command.booking_id, command.template, about)
                trace = self._sagas[command.booking_id].trace[3:35]
                self._letters.append(LetterRow(letter_id, command.booking_id, command.template, about, trace))
                return None
            case _:
                return None

    def _nobody_to_write_to(self, booking_id: UUID) -> bool:
        """Whether it was sold at the box office to somebody who left no address."""
        return (
            self._sagas[booking_id].progress.facts.method in BOX_OFFICE
            and not self._bookings[booking_id]["customer_email"]
        )

    def _wallet_is_short(self, command: RequestPayment) -> Event | None:
        """Nobody is asked to pay by Razorpay beside a wallet that holds too little for its part."""
        facts = self._sagas[command.booking_id].progress.facts
        part = facts.from_wallet if isinstance(facts, booking.Facts) else 0
        if not part or self._books.balance(facts.buyer_id, command.currency) >= part:
            return None
        return self._too_low(command, facts.buyer_id)

    def _pay(self, command: CapturePayment) -> Event:
        """Take the money: from the wallet, or as the box office has taken it.  A total of 0 takes nothing."""
        self._money.requested.append(
            RequestPayment(
                command_id=command.command_id, booking_id=command.booking_id, payment_id=command.payment_id,
                method=command.method, amount=command.amount, currency=command.currency,
            )
        )  # fmt: skip
        asks = command.method == "wallet" and command.amount > 0
        if not asks or self._books.balance(command.buyer_id, command.currency) >= command.amount:
            return MoneyCaptured(
                event_id=event_id_for(command.payment_id, MoneyCaptured), booking_id=command.booking_id,
                answers=command.command_id, payment_id=command.payment_id, method=command.method,
                provider_payment_id=f"{command.method}:{command.payment_id}", amount=command.amount,
                currency=command.currency,
            )  # fmt: skip
        return self._too_low(command, command.buyer_id)

    def _too_low(self, command: RequestPayment | CapturePayment, buyer_id: UUID) -> Event:
        return PaymentRefused(
            event_id=event_id_for(command.command_id, PaymentRefused), booking_id=command.booking_id,
            answers=command.command_id, payment_id=command.payment_id, reason="wallet-too-low",
            balance=self._books.balance(buyer_id, command.currency),
        )  # fmt: skip

    def _keep_aside(self, command: KeepAside) -> Event:
        amount = min(command.amount, self._books.balance(command.buyer_id, command.currency))
        self._books.add(ledger.kept_aside(command.dispute_id, command.buyer_id, amount, command.currency))
        return MoneyKeptAside(
            event_id=event_id_for(command.command_id, MoneyKeptAside), booking_id=command.booking_id,
            answers=command.command_id, dispute_id=command.dispute_id, amount=amount,
        )  # fmt: skip

    def _give_back(self, command: RefundMoney) -> Event:
        """Into the wallet at once; cash where staff stand with the customer.  Else somebody has to hand it over."""
        if command.method in ("cash", "terminal") and command.reason != AT_THE_COUNTER:
            return RefundFailed(
                event_id=event_id_for(command.command_id, RefundFailed), booking_id=command.booking_id,
                answers=command.command_id, refund_id=command.refund_id, payment_id=command.payment_id,
                reason="to be handed over at the box office",
            )  # fmt: skip
        if command.method in ("cash", "terminal"):
            self._money.at_the_counter.append(command.refund_id)
        return MoneyRefunded(
            event_id=event_id_for(command.refund_id, MoneyRefunded), booking_id=command.booking_id,
            answers=command.command_id, refund_id=command.refund_id, payment_id=command.payment_id,
            provider_payment_id=command.provider_payment_id, amount=command.amount,
        )  # fmt: skip

    def _note(self, message: ReadEvent, outcome: str) -> None:
        """The row of a message that is not one event: a fence, several of them, or what could not be taken."""
        event = message.event
        name = event.name() if event is not None else "unreadable"
        one = event if isinstance(event, Event) else None
        saga_id, event_id = (one.booking_id, one.event_id) if one is not None else (None, None)
        outcome = outcome if not message.fault else f"{outcome}: {message.fault}"
        self._add(message, 0, saga_id, name, event_id, message.body, outcome, taken=False)
        if not isinstance(event, Fence | Several):
            self.lines.append(Line(f"{name}:{outcome}", message.at.offset, None, saga_id, None))

    def _note_event(self, message: ReadEvent, event: Event, part: int, outcome: str, *, taken: bool) -> None:
        name, body = event.name(), "" if part else message.body
        self._add(message, part, event.booking_id, name, event.event_id, body, outcome, taken)
        saga = self._sagas.get(event.booking_id)
        did = name if taken else f"{name}:{outcome}"
        if saga is None:
            self.lines.append(Line(did, message.at.offset, None, event.booking_id, None))
            return
        show_id, trace = getattr(saga.progress.facts, "show_id", None), saga.trace[3:35] or None
        step = saga.progress.step or saga.progress.outcome
        self.lines.append(Line(did, message.at.offset, show_id, event.booking_id, trace, step=step))

    def _add(
        self, message: ReadEvent, part: int, saga_id: UUID | None, event: str, event_id: UUID | None, body: str,
        outcome: str, taken: bool,
    ) -> None:  # fmt: skip
        previous = None if part else self._previous
        at = message.at
        self._journal.append(
            SagaJournalRow(at.offset, part, previous, saga_id, event, event_id, at.publish_id, body, outcome, taken)
        )
        self._previous = at.offset

    def to_send(self) -> list[tuple[SagaCommand, str]]:
        """Commands whose answers are still awaited at the end of the batch, each with its trace."""
        awaited = {c.command_id for saga_id in self.moved for c in self._sagas[saga_id].progress.awaiting}
        return [(command, trace) for command, trace in self._issued if command.command_id in awaited]

    async def write(self) -> None:
        sagas = [(self._sagas[saga_id], self._send_after(saga_id)) for saga_id in self.moved]
        await money.write(self._connection, self._now, self._money)
        await self._books.write(self._connection, self._now)
        if self._cancellations:
            await saga_rows.cancellations_taken_up(self._connection, self._now, self._cancellations)
        if self._resold:
            await saga_rows.listings_taken_up(self._connection, self._now, self._resold)
        if self._tickets:
            await tickets.issue(self._connection, self._now, self._tickets)
        if self._tickets_ended:
            await tickets.cancel(self._connection, self._tickets_ended)
        if self._frozen:
            await tickets.freeze(self._connection, list(self._frozen.items()))
        if self._letters:
            await tickets.log_letters(self._connection, self._now, mailing.domain(), self._letters)
        await saga_rows.write(
            self._connection, self._lane, self._place.generation, self._now, sagas, self._timeline, self._journal
        )

    def _send_after(self, saga_id: UUID) -> float | None:
        awaiting = self._sagas[saga_id].progress.awaiting
        if not awaiting:
            return None
        return min(OVERDUE_SECONDS.get(command.name(), OVERDUE_OTHERWISE_SECONDS) for command in awaiting)
