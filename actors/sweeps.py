"""The sweeps: carry on whatever was left.  They only *send*; what is sent is decided where it always is.  What the
provider has settled, the numbers of invoices, the letters that sellers are due and what is forgotten are only rows, and
are written here; so are files that go.

- Holds whose time has passed are sent an ExpireHold (its command id follows from booking and time).
- Sagas whose answer is overdue are sent again what they await, later each time.
- Webhooks that could not be resolved are tried again; silent payments and pending refunds are asked about at the
  provider, and payments once more shortly before their hold ends; every few minutes all of its lists are compared.
- Shows whose OpenShow was lost are opened.
- What came to a lane after its show had left is sent to the show's lane as it is now.
- What work queues and lanes gave up is written down.
- Sellers' sagas that have not heard that a ticket of theirs was handed over are told again.
- Sagas that have not heard that the box office has handed their money over are told again.
- Letters that no saga asks for are sent: to people about their accounts, to buyers whose show was postponed, to sellers
  whose ticket is offered.
- Sessions, log-ins, links and invitations that have served their time are forgotten.
- Posters that no event shows any more are taken away.
- Bookings of shows that were cancelled or postponed are carried on in slices (``actors/called_off.py``)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog

from actors import provider_facts
from actors.called_off import CalledOff
from actors.dead_letters import DeadLetters
from actors.lanes.routes import LETTERS, PAYMENTS, Routes
from actors.lanes.wire import Options, Sealed, seal, seal_again
from actors.payment_gateway import Unknown
from actors.reconcile import ROUND_HOURS, reconcile
from actors.workplace import NotAccepted, Workplace
from sagas.clock import monotonic_seconds
from sagas.identity import derived, new_id, saga_lane
from sagas.messages import CheckPayment, ExpireHold, SeatResold, SeatsHeld, SendPersonalLetter, event_id_for
from sagas.refunds import handed_over
from store import box_office, catalogue, forgetting, invoices, lanes, mailing, money, posters, sagas, settlements
from store.connection import is_operating, transaction
from store.settings import settings

log = structlog.get_logger()

#: The most that one round takes up.
ROUND_LIMIT = 500
#: The provider is asked about no more holds that end than this in a second: whoever pays late is seated or paid back.
LAST_MOMENTS_LIMIT = 100
#: A refund usually takes minutes, at some banks days; after so many somebody must look.
REFUND_DAYS = 3
#: An ExpireHold (a command that was turned away) that was sent is sent again after this, doubling, until it is decided.
AGAIN_SECONDS = (2.0, 60.0)


class Sweeps:
    def __init__(self, here: Workplace) -> None:
        self._here, self._routes = here, Routes()
        self._dead_letters = DeadLetters(settings().rabbitmq_url)
        self._called_off = CalledOff(self._send)
        self._expiries: dict[tuple[UUID, datetime], tuple[float, float]] = {}
        self._turned_away: dict[tuple[str, int, int], tuple[float, float]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        rounds: list[tuple[str, float, Callable[[], Awaitable[None]]]] = [
            ("expire", 0.25, self.expire_holds),
            ("turned_away", 0.25, self.pass_on),
            ("outbox", 1.0, self.send_again),
            ("webhooks", 1.0, self.forward_webhooks),
            ("payments", 2.0, self.check_payments),
            ("last_moments", 1.0, self.check_before_the_end),
            ("refunds", 5.0, self.check_refunds),
            ("reconcile", 5.0, partial(self.reconcile, stop)),
            ("settlements", 5.0, self.book_settlements),
            ("invoices", 1.0, self.number_invoices),
            ("shows", 2.0, self.open_shows),
            ("dead_letters", 1.0, self._dead_letters.write_down),
            ("letters", 0.5, self.send_letters),
            ("forget", 15.0, self.forget),
            ("posters", 5.0, self.sweep_posters),
            ("called_off", 0.5, self._called_off.cancel_shows),
            ("postponed", 1.0, self._called_off.tell_postponed),
            ("resales", 2.0, self.tell_sellers),
            ("cancellations", 2.0, self._called_off.tell_again),
            ("handed_over", 2.0, self.tell_handed_over),
        ]
        await asyncio.gather(*(self._keep(name, seconds, sweep, stop) for name, seconds, sweep in rounds))

    async def _keep(self, name: str, seconds: float, sweep: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await sweep()
            except Exception as error:
                if is_operating(error):
                    log.warning("sweep_waits", sweep=name, error=repr(error))
                else:
                    log.exception("sweep_failed", sweep=name)
            try:
                await asyncio.wait_for(stop.wait(), seconds)
            except TimeoutError:
                continue

    async def expire_holds(self) -> None:
        """Holds whose time has passed, and expiries of which the saga has not heard."""
        due = await sagas.holds_to_expire(ROUND_LIMIT) + await sagas.expiries_not_taken_up(ROUND_LIMIT)
        now, sealed, standing = monotonic_seconds(), [], {}
        for hold in due:
            key = (hold["id"], hold["held_until"])
            again_at, delay = self._expiries.get(key, (0.0, AGAIN_SECONDS[0]))
            if again_at <= now:
                command = ExpireHold(
                    command_id=derived(hold["id"], "expire", hold["held_until"].timestamp()), show_id=hold["show_id"],
                    booking_id=hold["id"], buyer_id=hold["buyer_id"], held_until=hold["held_until"],
                )  # fmt: skip
                sealed.append(seal(hold["lane"], command, Options()))
                again_at, delay = now + delay, min(delay * 2, AGAIN_SECONDS[1])
            standing[key] = (again_at, delay)
        self._expiries = standing
        await self._send("holds_expiring", sealed)

    async def pass_on(self) -> None:
        """What was turned away by a lane that its show has left, wishes included: each command gets its answer."""
        now, sealed, standing = monotonic_seconds(), [], {}
        for row in await lanes.turned_away(ROUND_LIMIT):
            key = (row["left_lane"], row["generation"], row["offset"])
            again_at, delay = self._turned_away.get(key, (0.0, AGAIN_SECONDS[0]))
            if again_at <= now:
                sealed.append(seal_again(row["lane"], row["body"].encode()))
                again_at, delay = now + delay, min(delay * 2, AGAIN_SECONDS[1])
            standing[key] = (again_at, delay)
        self._turned_away = standing
        await self._send("turned_away", sealed)

    async def send_again(self) -> None:
        """What sagas await and has not been answered in time."""
        sealed = []
        for row in await sagas.overdue(ROUND_LIMIT):
            for message in sagas.outbox_of(row["outbox"]):
                queue = row["lane"] if isinstance(message, SeatsHeld) else await self._routes.of(message)
                sealed.append(seal(queue, message, Options(row["trace"])))
                log.info("sent_again", booking_id=str(row["id"]), message=message.name(), times=row["sends"])
        await self._send("outbox", sealed)

    async def forward_webhooks(self) -> None:
        for row in await money.webhooks_to_try(ROUND_LIMIT):
            try:
                await provider_facts.forward(row["event_id"], row["body"])
            except Exception as error:  # one that cannot be forwarded must not keep the others
                log.warning("webhook_waits", event_id=row["event_id"], error=repr(error))

    async def check_payments(self) -> None:
        """Payments that nobody has told us about for a while: the webhook may never come."""
        due = await money.payments_to_check(ROUND_LIMIT)
        await self._check("payments_checked", [(row["id"], row["booking_id"]) for row in due])

    async def tell_sellers(self) -> None:
        """Tickets that were handed over, of which their sellers' sagas have not heard."""
        sealed = []
        for row in await sagas.sales_not_taken_up(ROUND_LIMIT):
            event = SeatResold(
                event_id=event_id_for(row["id"], SeatResold), booking_id=row["booking_id"], listing_id=row["id"],
                seat=row["seat_id"], price=row["price"], fee=row["fee"], left=row["left"],
            )  # fmt: skip
            sealed.append(seal(saga_lane(row["booking_id"], settings().saga_lanes), event, Options()))
        await self._send("resales_told", sealed)

    async def tell_handed_over(self) -> None:
        """Money that the box office has handed over, of which the sagas have not heard."""
        found = await box_office.refunds_handed_over(ROUND_LIMIT)
        await self._send("handed_over_told", [seal(row["lane"], handed_over(row), Options()) for row in found])

    async def check_before_the_end(self) -> None:
        """Payments whose hold is about to end: no webhook tells of an attempt that is pending at the bank."""
        due = await money.payments_before_the_end(LAST_MOMENTS_LIMIT)
        await self._check("last_moments_checked", [(row["id"], row["booking_id"]) for row in due])

    async def check_refunds(self) -> None:
        """Refunds that the provider has not ended yet; those that take too long are said aloud."""
        due = await money.refunds_to_check(ROUND_LIMIT)
        for row in due:
            if row["days"] >= REFUND_DAYS:
                told = {"refund_id": str(row["id"]), "booking_id": str(row["booking_id"])}
                log.error("refund_takes_long", **told, days=row["days"])
        await self._check("refunds_checked", list({row["payment_id"]: row["booking_id"] for row in due}.items()))

    async def reconcile(self, stop: asyncio.Event) -> None:
        """The provider's lists beside our rows, when nobody has compared them for a while; given up at the end."""
        run = asyncio.ensure_future(reconcile(self._here, ROUND_HOURS, not_within_seconds=settings().reconcile_seconds))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait((run, stopping), return_when=asyncio.FIRST_COMPLETED)
        for task in (run, stopping):
            task.cancel()
        try:
            await run
        except (Unknown, NotAccepted) as error:
            log.warning("reconcile_waits", error=str(error))
        except asyncio.CancelledError:
            if not stop.is_set():
                raise

    async def _check(self, what: str, payments: list[tuple[UUID, UUID]]) -> None:
        commands = [CheckPayment(command_id=new_id(), payment_id=id, booking_id=booking) for id, booking in payments]
        await self._send(what, [seal(PAYMENTS, command, Options()) for command in commands])

    async def book_settlements(self) -> None:
        """What the provider has moved to our bank, and kept as its fees, as the ledger has it."""
        async with transaction() as connection:
            await settlements.book(connection, ROUND_LIMIT)

    async def number_invoices(self) -> None:
        """Sales and cancellations get their invoices and credit notes."""
        async with transaction() as connection:
            await invoices.number(connection, ROUND_LIMIT)

    async def open_shows(self) -> None:
        sealed = [
            seal(row["lane"], catalogue.terms_of(row), Options()) for row in await catalogue.shows_unopened(ROUND_LIMIT)
        ]
        await self._send("shows_opening", sealed)

    async def send_letters(self) -> None:
        """Letters to people whose time has come; one whose sending failed comes again, later each time."""
        await mailing.to_sellers(ROUND_LIMIT)
        sealed = [
            seal(LETTERS, SendPersonalLetter(letter_id=row["id"]), Options()) for row in await mailing.due(ROUND_LIMIT)
        ]
        await self._send("letters_due", sealed)

    async def forget(self) -> None:
        """What is kept for a stated time only."""
        if gone := await forgetting.forget(ROUND_LIMIT):
            log.info("forgotten", **gone)

    async def sweep_posters(self) -> None:
        """Images that no event shows; those that a bucket does not let go of come again."""
        if gone := await posters.sweep(ROUND_LIMIT):
            log.info("posters_swept", images=gone)

    async def _send(self, what: str, sealed: list[Sealed]) -> None:
        if not sealed:
            return
        failed = [error for error in await self._here.publisher.publish_all(sealed) if error is not None]
        if failed:
            log.warning("sweep_not_accepted", what=what, messages=len(failed), error=repr(failed[0]))
