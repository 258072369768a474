"""One batch of a show lane: the messages as read, each decided in turn, and all that the batch writes and tells.

The batch is written in portions: while Postgres writes one, the next is decided.  All is one transaction."""

import asyncio
import hashlib
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from actors.admitting import MOVING
from actors.lane_actor import SET_ASIDE, Line
from actors.lanes.session import Arrived, Session
from actors.lanes.wire import BODY_LIMIT_BYTES, Options, Sealed, open_body, seal
from actors.reselling import OFFERED, Offer
from actors.show import FREE, STATE_NAMES, HandedOver, Hold, Inputs, Outcome, Place, Show, apply, asked_of, decide
from sagas import booking as booking_saga
from sagas.clock import rfc3339
from sagas.identity import saga_lane
from sagas.messages import (
    AmendShow,
    BlockSeats,
    CancelSeats,
    CancelShow,
    ConfirmSeats,
    DropCoupon,
    ExpireHold,
    ExtendHold,
    Fence,
    HoldExpired,
    HoldExtended,
    HoldSeats,
    Method,
    MoveShow,
    OfferTicket,
    OpenShow,
    PostponeShow,
    ReleaseSeats,
    ReviseOffer,
    SagaEvent,
    SeatResold,
    SeatsCancelled,
    SeatsConfirmed,
    SeatsGone,
    SeatsHeld,
    SeatsReleased,
    SetCoupon,
    Several,
    ShowCommand,
    ShowLaneMessage,
    UnblockSeats,
    WithdrawOffer,
    event_id_for,
)
from sagas.money import wallet_part
from sagas.prices import Amounts
from sagas.refusals import AnyRefusal
from sagas.seat_plan import decode as decode_plan
from store import decisions, live
from store.bookings import BookingRow, from_row
from store.decisions import (
    BookingChange,
    Cancellation,
    JournalRow,
    ListingRow,
    NewSaga,
    SeatChange,
    ShowMove,
    ShowRow,
    Standing,
    StateDiffers,
    Writes,
)
from store.settings import settings

#: Shows and places that one session keeps in memory; the least recently used go first.
SHOWS_KEPT = 2_000
PLACES_KEPT = 4_000_000
#: Messages decided while Postgres writes those before them.
PORTION = 128
#: Events told to a saga lane in one message, well below the longest body that a lane takes.
EVENTS_TOLD_TOGETHER = 100

_decode = msgspec.json.Decoder(ShowLaneMessage).decode
_encode = msgspec.json.Encoder().encode
_decode_outcome = msgspec.json.Decoder(Outcome).decode
_decode_places = msgspec.json.Decoder(tuple[Place, ...]).decode
_NO_AMOUNTS = Amounts(seats=0)
_NOTHING = Outcome("repeat", decided=False)

#: Asked by type, not by isinstance: messages are structs of an abstract metaclass, which makes that a slow question.
BOOKING_COMMANDS = (HoldSeats, ConfirmSeats, ReleaseSeats, ExpireHold, ExtendHold, CancelSeats)
SEAT_COMMANDS = (ConfirmSeats, ReleaseSeats, ExpireHold, ExtendHold, CancelSeats)
TERMS_COMMANDS = (AmendShow, SetCoupon, DropCoupon, CancelShow, PostponeShow)
OFFERING = (OfferTicket, ReviseOffer, WithdrawOffer)
#: Those that somebody waits for, beside wishes.
ANSWERED = (*TERMS_COMMANDS, BlockSeats, UnblockSeats, MoveShow, OpenShow, CancelSeats, *OFFERING)
#: A show as the tables say; None until it is opened; or why it cannot be decided on here: its lane goes on without it.
Loaded = Show | None | str
Load = Callable[[Any, str, list[UUID]], Awaitable[dict[UUID, Loaded]]]


class Read(NamedTuple):
    """A message of the log, opened: its command, or why it cannot be read."""

    at: Arrived
    command: ShowCommand | Fence | None
    body: str
    options: Options
    fault: str = ""


class Decided(NamedTuple):
    """What a batch came to, once it is committed: what to tell, and what to say in the log."""

    news: live.Announcement
    events: list[Sealed]
    lines: list[Line]


def read(arrived: Arrived) -> Read:
    """Open a message.  Nothing in it can raise: what is not ours is journalled as unreadable."""
    text = arrived.body[:BODY_LIMIT_BYTES].decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
    try:
        opened = open_body(arrived.body)
        return Read(arrived, _decode(opened.message), text, opened.options)
    except (ValueError, RecursionError) as error:
        return Read(arrived, None, text, Options(), fault=f"unreadable: {error}"[:500])


def chain_hash(before: str, generation: int, offset: int, body: str, at: str, result: str) -> str:
    """The show's hash after a decision: each link covers the one before, so no line can be changed unseen.

    ``at`` is the batch's time as RFC 3339 writes it."""
    link = f"{before}|{generation}|{offset}|{body}|{at}|{result}"
    return hashlib.sha256(link.encode()).hexdigest()


def hold_of(show: Show, row: Any) -> Hold:
    """A booking's row as its show remembers it."""
    places = msgspec.json.decode(row["seats"])
    seats = tuple(show.ordinal(place["id"]) for place in places if place.get("status", "") in ("", OFFERED))
    listing = UUID(places[0]["listing"]) if places and "listing" in places[0] else None
    coupon = msgspec.json.decode(row["amounts"])["coupon"] if '"coupon":' in row["amounts"] else ""
    return Hold(row["buyer_id"], seats, row["state"], row["held_until"], coupon, listing)


def offer_of(row: Any) -> Offer:
    """A listing's row as its show remembers it."""
    return Offer(
        row["id"], row["booking_id"], row["seller_id"], row["seat_id"], row["price"], row["face_price"], row["fee"],
        row["status"], row["buyer_booking_id"],
    )  # fmt: skip


class Batch:
    """Decides messages one after the other against the session's memory, and collects the rows that follow."""

    def __init__(self, load: Load, session: Session, connection: Any, now: datetime) -> None:
        self._load, self._session, self._connection, self._now = load, session, connection, now
        self._at, self._settings = rfc3339(now), settings()
        self._lane, self._generation = session.lane, session.place.generation
        self._previous = session.place.last_offset
        self._shows: OrderedDict[UUID, Show | None] = session.memory.setdefault("shows", OrderedDict())
        self._away: dict[UUID, str] = {}
        self._met: dict[UUID, tuple[UUID, str, Outcome]] = {}
        self._booked: dict[UUID, BookingRow] = {}
        self._live_holds: dict[UUID, int] = {}
        self._holds_change: dict[UUID, int] = {}
        self._seats: dict[tuple[UUID, int], tuple[int, int, UUID | None]] = {}
        self._places: dict[UUID, str] = {}
        self._touched: set[UUID] = set()
        self._moves: list[ShowMove] = []
        self._writes = Writes()
        self._writing: asyncio.Future[None] | None = None
        self._news = live.Announcement({}, {}, {}, [])
        self._events: defaultdict[str, list[tuple[SagaEvent, str]]] = defaultdict(list)
        self._lines: list[Line] = []

    async def look_up(self, messages: list[Read]) -> None:
        """Ask the tables for what this batch needs and memory does not hold."""
        commands: list[Any] = [m.command for m in messages if m.command is not None and type(m.command) is not Fence]
        rows = await decisions.met(self._connection, [command.command_id for command in commands])
        for command_id, row in rows.items():
            self._met[command_id] = (row["show_id"], row["outcome"], _decode_outcome(row["result"]))
        odd = [c.booking_id for c in commands if type(c) is HoldSeats and c.booking_id != c.command_id]
        if self._met or odd:
            for booking in await decisions.bookings(self._connection, [*self._met, *odd]):
                self._booked[booking["id"]] = from_row(booking)
        needed = {command.show_id for command in commands}
        await self._look_up_shows(needed)
        await self._look_up_bookings(commands)
        buyers = {self._buyer_of(command) for command in commands if type(command) in BOOKING_COMMANDS}
        if buyers:
            self._live_holds = await decisions.live_holds(self._connection, sorted(buyers))

    def _buyer_of(self, command: Any) -> UUID:
        """Whose live holds the command may change: the hold's own buyer, where there is one."""
        show = self._shows.get(command.show_id)
        hold = show.bookings.get(command.booking_id) if show is not None else None
        return hold.buyer_id if hold is not None else command.buyer_id

    async def _look_up_shows(self, needed: set[UUID]) -> None:
        for show_id in needed & self._shows.keys():
            self._shows.move_to_end(show_id)
        missing = [show_id for show_id in needed if show_id not in self._shows]
        if not missing:
            return
        for show_id, found in (await self._load(self._connection, self._lane, missing)).items():
            if isinstance(found, str):
                self._away[show_id] = found
                continue
            if found is not None and found.moved_at is not None and found.moved_at >= self._now:
                raise StateDiffers(f"show {show_id} came here while this batch began: its time must not go back")
            self._shows[show_id] = found
        self._forget_unused(needed)

    def _forget_unused(self, needed: set[UUID]) -> None:
        """Keep memory within its bounds, without the shows that were not asked for the longest."""
        places = sum(len(show.states) for show in self._shows.values() if show)
        for show_id in list(self._shows):
            if len(self._shows) <= SHOWS_KEPT and places <= PLACES_KEPT:
                return
            if show_id not in needed:
                show = self._shows.pop(show_id)
                places -= len(show.states) if show else 0

    async def _look_up_bookings(self, commands: list[Any]) -> None:
        """What memory does not keep: bookings that have ended (late money and repeats ask for them), and the places of
        those of which seats are cancelled."""
        asked = [
            command.booking_id
            for command in commands
            if type(command) in SEAT_COMMANDS
            and (show := self._shows.get(command.show_id)) is not None
            and (type(command) is CancelSeats or command.booking_id not in show.bookings)
        ]
        for row in await decisions.bookings(self._connection, asked) if asked else []:
            if (show := self._shows.get(row["show_id"])) is None:
                continue
            self._places[row["id"]] = row["seats"]
            if row["id"] not in show.bookings and row["state"] in ("expired", "released", "cancelled"):
                show.remember(row["id"], hold_of(show, row))

    async def _know_places(self, show: Show, booking_id: UUID) -> None:
        """Tell the show a booking's places, as they are after what this batch has decided before."""
        new = self._booked.get(booking_id)
        text = self._places.get(booking_id) or (new.seats if new is not None else "")
        if not text:
            await self._written()
            rows = await decisions.bookings(self._connection, [booking_id])
            text = self._places[booking_id] = rows[0]["seats"] if rows else "[]"
        show.places_of[booking_id] = _decode_places(text)

    async def decide(self, message: Read, poison: int) -> None:
        """Take one message: its row in the journal, and what follows from it."""
        command: Any = message.command
        if command is None or poison:
            self._note(message, Outcome("failed" if poison else "unreadable", decided=False, reason=message.fault))
            if type(command) is HoldSeats and poison < SET_ASIDE:
                self._book(message, command, Outcome("failed", booking_state="failed", reason=message.fault), 0)
            return
        if type(command) is Fence:
            self._note(message, Outcome("fence", decided=False))
            return
        if command.show_id in self._away:
            self._turn_away(message, command)
            return
        show = self._shows.get(command.show_id)
        inputs = self._inputs(command)
        for booking_id in asked_of(show, command) if show is not None else ():
            await self._know_places(show, booking_id)  # type: ignore[arg-type]
        outcome = decide(show, command, self._now, inputs)
        if not outcome.decided:
            self._note(message, outcome, inputs)
            self._answer_again(message, command, outcome)
            return
        if type(command) is OpenShow:
            show = await self._open(command)
        before = (
            show.bookings.get(command.booking_id) if show is not None and type(command) in BOOKING_COMMANDS else None
        )
        if show is not None:
            self._change_seats(show, command, outcome)
            apply(show, command, outcome)
            if type(command) in TERMS_COMMANDS and outcome.refusal is None:
                await self._keep_terms(show, command)
            if type(command) is MoveShow:
                self._moves.append(ShowMove(show.id, command.to, outcome.off_sale_until, command.alone, self._now))
                self._away[show.id] = "elsewhere"
        self._settle(message, command, outcome, inputs, show, before)
        if show is not None:
            show.places_of.clear()

    def _inputs(self, command: ShowCommand) -> Inputs:
        met = self._met.get(command.command_id)
        if met is None and type(command) is HoldSeats and (booked := self._booked.get(command.booking_id)):
            met = (booked.show_id, booked.state, _NOTHING)  # a booking met before, under another command
        live_holds = 0
        if type(command) is HoldSeats:
            live_holds = self._live_holds.get(command.buyer_id, 0) + self._holds_change.get(command.buyer_id, 0)
        return Inputs(
            live_holds=live_holds,
            live_holds_limit=self._settings.max_live_holds_per_buyer,
            met=met[1] if met else "",
            met_on_other_show=bool(met and met[0] != command.show_id),
        )

    async def _open(self, command: OpenShow) -> Show:
        await self._written()
        show = Show(command.show_id, command, decode_plan(await decisions.plan(self._connection, command.plan)))
        await decisions.open_seats(
            self._connection, show.id, [show.seat_id(ordinal) for ordinal in range(len(show.states))]
        )
        self._shows[command.show_id] = show
        return show

    async def _keep_terms(
        self, show: Show, command: AmendShow | SetCoupon | DropCoupon | CancelShow | PostponeShow
    ) -> None:
        """The show's terms and coupons as rows, for whoever loads it next and for those who read."""
        await self._written()
        if type(command) in (AmendShow, PostponeShow):
            await decisions.amend(self._connection, show.terms)
        elif type(command) is CancelShow:
            await decisions.cancel(self._connection, show.id)
        else:
            terms = show.coupons.get(command.code)  # type: ignore[union-attr]
            await decisions.keep_coupon(self._connection, show.id, command.code, terms)  # type: ignore[union-attr]

    def _change_seats(self, show: Show, command: ShowCommand, outcome: Outcome) -> None:
        booking_id = getattr(command, "booking_id", None) if outcome.seat_state != FREE else None
        for ordinal in outcome.seats:
            was = self._seats.get((show.id, ordinal), (show.states[ordinal],))[0]
            self._seats[show.id, ordinal] = (was, outcome.seat_state, booking_id)

    def _settle(
        self, message: Read, command: Any, outcome: Outcome, inputs: Inputs, show: Show | None,
        before: Hold | None,
    ) -> None:  # fmt: skip
        """Everything that follows from a decision that took effect."""
        self._met[command.command_id] = (command.show_id, outcome.name, outcome)
        place = 0
        if show is not None:
            self._touched.add(show.id)
            show.places += type(command) is HoldSeats
            place = show.places
        self._note(message, outcome, inputs, show, place)
        if type(command) is HoldSeats:
            self._book(message, command, outcome, place)
            self._news.decided[command.show_id] = self._news.decided.get(command.show_id, 0) + 1
        elif outcome.booking_state:
            self._change_booking(command.booking_id, outcome)
            if before is not None and before.state == "held" != outcome.booking_state:
                self._count_hold(before.buyer_id, -1)
        if type(command) is CancelSeats and outcome.refusal is None and show is not None:
            self._note_cancellation(command, outcome, show)
        for offer in outcome.offers:
            self._writes.listings.append(ListingRow(
                offer.id, command.show_id, offer.booking_id, offer.seller_id, offer.seat, offer.price, offer.face,
                offer.fee, offer.status, offer.buyer_booking_id,
            ))  # fmt: skip
        if outcome.handed_over is not None:
            self._take_from_seller(outcome.handed_over)
        self._report(message, command, outcome)
        if type(command) in ANSWERED:
            self._reply(message, None, outcome.refusal)

    def _note_cancellation(self, command: CancelSeats, outcome: Outcome, show: Show) -> None:
        self._writes.cancellations.append(
            Cancellation(
                command.command_id, command.booking_id, command.show_id, _encode(outcome.taken_back).decode(),
                outcome.back, outcome.retained, show.terms.currency, command.to, command.by, command.reason,
                command.actor_id,
            )
        )  # fmt: skip

    def _note(
        self, message: Read, outcome: Outcome, inputs: Inputs | None = None, show: Show | None = None, place: int = 0
    ) -> None:
        """The message's row in the journal, and its line in the log."""
        command, result, link = message.command, None, None
        if outcome.decided:
            result = _encode(outcome).decode()
        if show is not None and result is not None:
            link = show.hash = chain_hash(
                show.hash, self._generation, message.at.offset, message.body, self._at, result
            )
        booking_id, show_id = getattr(command, "booking_id", None), getattr(command, "show_id", None)
        told = outcome.refusal.type() if outcome.refusal and outcome.decided else outcome.name
        self._writes.journal.append(
            JournalRow(
                message.at.offset, self._previous, show_id, booking_id, command.name() if command else "unreadable",
                getattr(command, "command_id", None), message.at.publish_id, message.body,
                _encode(inputs).decode() if inputs else None, told, result or (outcome.reason or None), outcome.decided,
                place or None, link,
            )
        )  # fmt: skip
        self._previous = message.at.offset
        if type(command) is not Fence:
            self._lines.append(
                Line(
                    f"{command.name() if command else 'message'}:{told}", message.at.offset, show_id, booking_id,
                    message.options.traceparent[3:35] or None, place or None,
                )
            )  # fmt: skip

    def _book(self, message: Read, wish: HoldSeats, outcome: Outcome, place: int) -> None:
        show = self._shows.get(wish.show_id)
        row = BookingRow(
            id=wish.booking_id,
            show_id=wish.show_id,
            buyer_id=wish.buyer_id,
            lane=self._lane,
            generation=self._generation,
            offset=message.at.offset,
            place=place,
            state=outcome.booking_state,
            seats=_encode(outcome.places).decode(),
            amounts=_encode(outcome.amounts or _NO_AMOUNTS).decode(),
            currency=show.terms.currency if show else "INR",
            method=_method(wish, outcome.amounts),
            held_until=outcome.held_until,
            refusal=_encode(outcome.refusal).decode() if outcome.refusal else None,
            body_hash=wish.body_hash,
            decided_at=self._now,
        )
        self._writes.bookings[row.id] = self._booked[row.id] = row
        self._reply(message, row)
        if outcome.booking_state == "held":
            self._count_hold(wish.buyer_id, +1)
            self._begin_saga(message, row, outcome, wish.from_wallet)

    def _begin_saga(self, message: Read, row: BookingRow, outcome: Outcome, from_wallet: int) -> None:
        offer = outcome.offers[0] if outcome.offers else None
        total = outcome.amounts.total if outcome.amounts else 0
        held = SeatsHeld(
            event_id=event_id_for(row.id, SeatsHeld),
            booking_id=row.id,
            show_id=row.show_id,
            buyer_id=row.buyer_id,
            method=row.method,  # type: ignore[arg-type]
            amount=total,
            currency=row.currency,
            from_wallet=wallet_part(from_wallet, total) if row.method == "razorpay" else 0,
            resold_by=offer.seller_id if offer else None,
            resale_fee=offer.fee if offer else 0,
        )
        lane, trace = saga_lane(row.id, self._settings.saga_lanes), message.options.traceparent
        progress = _encode(booking_saga.begin(held)).decode()
        self._writes.sagas.append(NewSaga(row.id, lane, progress, _encode([held]).decode(), trace))
        self._events[lane].append((held, trace))

    def _change_booking(self, booking_id: UUID, outcome: Outcome) -> None:
        changed: dict[str, Any] = {"state": outcome.booking_state}
        if outcome.places:
            changed["seats"] = _encode(outcome.places).decode()
        if outcome.held_until is not None:
            changed["held_until"] = outcome.held_until
        self._change(booking_id, changed)

    def _take_from_seller(self, sold: HandedOver) -> None:
        self._change(sold.booking_id, {"state": sold.state, "seats": _encode(sold.places).decode()})

    def _change(self, booking_id: UUID, changed: dict[str, Any]) -> None:
        if "seats" in changed:
            self._places[booking_id] = changed["seats"]
        if (new := self._writes.bookings.get(booking_id)) is not None:
            self._writes.bookings[booking_id] = msgspec.structs.replace(new, **changed)
        else:
            before = self._writes.booking_changes.get(booking_id, BookingChange(booking_id, ""))
            self._writes.booking_changes[booking_id] = before._replace(**changed)
        self._news.bookings.append(booking_id)

    def _count_hold(self, buyer_id: UUID, step: int) -> None:
        self._holds_change[buyer_id] = self._holds_change.get(buyer_id, 0) + step

    def _report(self, message: Read, command: Any, outcome: Outcome) -> None:
        """Tell the booking's saga what its command came to."""
        if type(command) in SEAT_COMMANDS and (event := event_of(command, outcome)):
            lane = saga_lane(command.booking_id, self._settings.saga_lanes)
            self._events[lane].append((event, message.options.traceparent))
        if (sold := outcome.handed_over) is not None:
            lane = saga_lane(sold.booking_id, self._settings.saga_lanes)
            self._events[lane].append((_resold(sold, outcome), message.options.traceparent))

    def _reply(self, message: Read, row: BookingRow | None, refusal: AnyRefusal | None = None) -> None:
        command: Any = message.command
        if message.options.reply_to:
            text = _encode(refusal).decode() if refusal else None
            about = command.booking_id if type(command) is HoldSeats else command.command_id
            reply = live.Reply(about, row, text)
            self._news.replies.setdefault(message.options.reply_to, []).append(reply)

    def _answer_again(self, message: Read, command: ShowCommand, outcome: Outcome) -> None:
        """A repeat changes nothing, and is answered as the first was."""
        if type(command) is HoldSeats:
            self._reply(message, None if outcome.refusal else self._booked.get(command.booking_id), outcome.refusal)
        elif command.command_id in self._met:
            first = self._met[command.command_id][2]
            self._report(message, command, first)
            if type(command) in ANSWERED:
                self._reply(message, None, first.refusal)

    def _turn_away(self, message: Read, command: ShowCommand) -> None:
        why = self._away[command.show_id]
        self._note(message, Outcome("elsewhere" if why == "elsewhere" else "quarantined", decided=False, reason=why))
        if why != "elsewhere" or type(command) is HoldSeats:  # what is passed on is answered where it is decided
            self._reply(message, None, MOVING)

    async def write_portion(self) -> None:
        """Begin to write what was decided since the last portion, once that one is written."""
        await self._written()
        portion, self._writes = self._writes, Writes()
        for (show_id, ordinal), (was, state, booking_id) in self._seats.items():
            show = self._shows[show_id]
            assert show is not None
            seat = show.seat_id(ordinal)
            portion.seats.append(SeatChange(show_id, seat, STATE_NAMES[was], STATE_NAMES[state], booking_id))
            self._tell_seat(show, ordinal, seat, STATE_NAMES[state])
        self._seats.clear()
        self._writing = asyncio.ensure_future(
            decisions.write(self._connection, self._lane, self._generation, self._now, portion)
        )
        await asyncio.sleep(0)  # it is on its way to Postgres before the next portion takes this thread

    def _tell_seat(self, show: Show, ordinal: int, seat: str, state: str) -> None:
        told = self._news.seats.get(show.id)
        if told is None:
            show.seats_version += 1
            told = live.SeatsChanged(show.seats_version, show.seats_version - 1, {}, {}, [])
            self._news.seats[show.id] = told
        if show.choice.row_of[ordinal] >= 0:  # standing places are only counted
            told.changes[seat] = state

    async def _written(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing

    async def abandon(self) -> None:
        """Let go of the connection: whatever is still being written is rolled back with the rest."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)

    async def finish(self) -> Decided:
        """Write where the batch leaves shows and buyers; what to tell once it is committed."""
        await self._written()
        shows = []
        for show_id in self._touched:
            show = self._shows[show_id]
            assert show is not None
            left, kept = show.left_by_section(), show.kept_left()
            shows.append(
                ShowRow(
                    show_id, show.places, show.seats_version, _encode(left).decode(),
                    _encode(kept).decode() if kept else None, show.hash,
                )
            )  # fmt: skip
            if (told := self._news.seats.get(show_id)) is not None:
                told.left.update(left)
                told.kept.extend(kept)
        buyers = {
            buyer: (self._live_holds.get(buyer, 0), change) for buyer, change in self._holds_change.items() if change
        }
        await decisions.settle(self._connection, self._now, Standing(shows, buyers, tuple(self._moves)))
        for move in self._moves:
            self._shows.pop(move.id, None)  # whoever brings it back reads it again
        return Decided(self._news, self._sealed(), self._lines)

    def _sealed(self) -> list[Sealed]:
        """The events for each saga lane: those of a crowd in few messages."""
        sealed = []
        for lane, told in self._events.items():
            if len(told) == 1:
                event, trace = told[0]
                sealed.append(seal(lane, event, Options(trace)))
                continue
            for begin in range(0, len(told), EVENTS_TOLD_TOGETHER):
                events = tuple(event for event, _ in told[begin : begin + EVENTS_TOLD_TOGETHER])
                sealed.append(seal(lane, Several(events=events), Options()))
        return sealed


def _method(wish: HoldSeats, amounts: Amounts | None) -> Method:
    """How a booking is paid for: what costs nothing needs no payment, what the wallet pays whole no provider."""
    total = amounts.total if amounts else None
    if total == 0:
        return "comp" if wish.method == "comp" else "none"
    return "wallet" if total is not None and wish.from_wallet >= total else wish.method


def _resold(sold: HandedOver, outcome: Outcome) -> SeatResold:
    """What the seller's saga is told of its seat."""
    [offer] = outcome.offers
    return SeatResold(
        event_id=event_id_for(offer.id, SeatResold), booking_id=sold.booking_id, listing_id=offer.id, seat=offer.seat,
        price=offer.price, fee=offer.fee, left=sum(not place.status for place in sold.places),
    )  # fmt: skip


def event_of(
    command: ConfirmSeats | ReleaseSeats | ExpireHold | ExtendHold | CancelSeats, outcome: Outcome
) -> SagaEvent | None:
    """The event that reports a seat command's outcome to its saga; None for what its saga need not know."""
    kind = _TOLD.get(outcome.name) or (HoldExtended if type(command) is ExtendHold else None)
    if kind is None or outcome.refusal is not None:
        return None
    more: dict[str, Any] = {}
    if kind is SeatsGone:
        more["reason"] = outcome.reason
    elif kind is HoldExtended:
        more["held_until"] = outcome.held_until
    elif isinstance(command, CancelSeats):
        more = {
            "cancellation_id": command.command_id, "seats": outcome.taken_back, "amount": outcome.back,
            "retained": outcome.retained, "to": command.to, "by": command.by, "reason": command.reason,
            "left": sum(not place.status for place in outcome.places),
        }  # fmt: skip
    return kind(
        event_id=event_id_for(command.command_id, kind),
        booking_id=command.booking_id,
        answers=command.command_id,
        **more,
    )


_TOLD: dict[str, type[SeatsConfirmed | SeatsGone | SeatsReleased | HoldExpired | SeatsCancelled]] = {
    "confirmed": SeatsConfirmed,
    "gone": SeatsGone,
    "released": SeatsReleased,
    "expired": HoldExpired,
    "cancelled": SeatsCancelled,
}
