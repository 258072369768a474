"""Money's rows: payments, captures and refunds.  In a saga lane's batch all of it is one transaction."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from sagas.messages import MoneyCaptured, RefundMoney, RequestPayment
from store.connection import pool
from store.decisions import columns
from store.ledger import wallet_id_of
from store.sql import query

#: A payment's statuses, each above the one before.
STATUSES = ("preparing", "failed", "ready", "authorized", "captured")


class MoneyWrites(msgspec.Struct):
    """What a batch of a saga lane does to money's rows."""

    requested: list[RequestPayment] = []
    statuses: dict[UUID, str] = {}
    captured: list[MoneyCaptured] = []
    refunds: list[RefundMoney] = []
    refunds_ended: dict[UUID, tuple[str, str]] = {}
    at_the_counter: list[UUID] = []

    def set_status(self, payment_id: UUID, status: str) -> None:
        """Payments only go forward, in whatever order the provider's words arrive."""
        if STATUSES.index(status) >= STATUSES.index(self.statuses.get(payment_id, STATUSES[0])):
            self.statuses[payment_id] = status

    def end_refund(self, refund_id: UUID, status: str, provider_refund_id: str = "") -> None:
        """What is done stays done."""
        if self.refunds_ended.get(refund_id, ("", ""))[0] != "processed":
            self.refunds_ended[refund_id] = (status, provider_refund_id)


async def write(connection: Any, now: datetime, writes: MoneyWrites) -> None:
    if writes.requested:
        rows = [(p.payment_id, p.booking_id, p.method, p.amount, p.currency) for p in writes.requested]
        await connection.execute(query("payments_begin"), now, *columns(rows, 5))
    if writes.statuses:
        await connection.execute(query("payments_change"), now, *columns(list(writes.statuses.items()), 2))
    if writes.captured:
        taken = [(c.provider_payment_id, c.payment_id, c.booking_id, c.amount, c.currency) for c in writes.captured]
        await connection.execute(query("captures_note"), now, *columns(taken, 5))
    if writes.refunds:
        due = [
            (r.refund_id, r.booking_id, r.payment_id, r.provider_payment_id, r.amount, r.currency,
             r.method if r.method in ("wallet", "cash", "terminal") else "source", r.reason, r.command_id, r.about,
             r.attempt)
            for r in writes.refunds
        ]  # fmt: skip
        await connection.execute(query("refunds_begin"), now, *columns(due, 11))
    if writes.refunds_ended:
        ended = [(refund_id, *how) for refund_id, how in writes.refunds_ended.items()]
        await connection.execute(query("refunds_end"), *columns(ended, 3))
    if writes.at_the_counter:
        await connection.execute(query("refunds_at_the_counter"), now, writes.at_the_counter)


async def capture(provider_payment_id: str) -> Any | None:
    """Whose captured money this is."""
    return await pool().fetchrow("SELECT * FROM capture WHERE provider_payment_id = $1", provider_payment_id)


async def refund_failed_of(provider_payment_id: str, amount: int) -> Any | None:
    """A refund of this payment and amount that the provider had failed to make."""
    return await pool().fetchrow(query("refund_failed_of"), provider_payment_id, amount)


async def is_a_riddle(provider_payment_id: str) -> bool:
    """Whether only a human can tell what a refund of this payment means that was made by hand."""
    return bool(await pool().fetchval(query("refund_is_a_riddle"), provider_payment_id))


async def method_chosen(booking_id: UUID, event_id: UUID) -> Any | None:
    """How to pay was chosen by this event; None when the booking's saga has not heard of it."""
    return await pool().fetchrow(query("method_chosen"), booking_id, str(event_id))


async def claim_payment(payment_id: UUID, seconds: float) -> Any | None:
    """The payment, leased to the caller; None while somebody else talks to the provider about it."""
    return await pool().fetchrow(query("payment_claim"), payment_id, seconds)


async def unclaim_payment(payment_id: UUID) -> None:
    await pool().execute(query("payment_unclaim"), payment_id)


async def set_order(payment_id: UUID, order_id: str) -> None:
    await pool().execute(query("payment_order"), payment_id, order_id)


async def payment(payment_id: UUID) -> Any | None:
    return await pool().fetchrow("SELECT * FROM payment WHERE id = $1", payment_id)


async def payment_by_order(order_id: str) -> Any | None:
    return await pool().fetchrow(query("payment_by_order"), order_id)


async def payments_to_check(limit: int) -> list[Any]:
    return list(await pool().fetch(query("payments_to_check"), limit))


async def payments_before_the_end(limit: int) -> list[Any]:
    """Payments whose hold ends within seconds, claimed for asking the provider about them."""
    return list(await pool().fetch(query("payments_before_the_end"), limit))


async def refunds_to_check(limit: int) -> list[Any]:
    """Refunds that have been pending for a while, claimed for asking the provider about them."""
    return list(await pool().fetch(query("refunds_to_check"), limit))


async def refunds_pending_of(payment_id: UUID) -> list[Any]:
    return list(await pool().fetch(query("refunds_pending_of"), payment_id))


async def claim_refund(refund_id: UUID, seconds: float) -> Any | None:
    return await pool().fetchrow(query("refund_claim"), refund_id, seconds)


async def unclaim_refund(refund_id: UUID) -> None:
    await pool().execute(query("refund_unclaim"), refund_id)


async def set_provider_refund(refund_id: UUID, provider_refund_id: str, attempt: int) -> None:
    """By which refund of the provider's this attempt is carried out."""
    await pool().execute(query("refund_known"), refund_id, provider_refund_id, attempt)


async def refund(refund_id: UUID | None, provider_refund_id: str) -> Any | None:
    """A refund of ours, by its own id or else by the provider's."""
    return await pool().fetchrow(query("refund_find"), refund_id, provider_refund_id)


async def keep_webhook(event_id: str, kind: str, body: str) -> None:
    await pool().execute(query("webhook_keep"), event_id, kind, body)


async def webhook_forwarded(event_id: str, note: str = "") -> None:
    await pool().execute(query("webhook_forwarded"), event_id, note)


async def webhook_note(event_id: str, note: str) -> None:
    await pool().execute(query("webhook_note"), event_id, note)


async def webhooks_to_try(limit: int) -> list[Any]:
    return list(await pool().fetch(query("webhooks_to_try"), limit))


async def seats_are_kept(booking_id: UUID) -> bool:
    """Whether the booking's seats are held or sold to it: only then is authorized money taken.  A top-up has none."""
    state = await pool().fetchval("SELECT state FROM booking WHERE id = $1", booking_id)
    return state in ("held", "confirmed", None)


async def balance(user_id: UUID, currency: str) -> int:
    """What the buyer's wallet holds, in minor units."""
    found = await pool().fetchval("SELECT balance FROM wallet WHERE id = $1", wallet_id_of(user_id, currency))
    return int(found or 0)


async def payment_of(payment_id: UUID, organiser_id: UUID) -> Any | None:
    """A payment for a booking of one of the organiser's shows."""
    return await pool().fetchrow(query("payment_of_organiser"), payment_id, organiser_id)


async def refund_asked(refund_id: UUID, event_id: UUID) -> Any | None:
    """The refund, once its saga has taken the event that asks for it; without an id when the saga gave nothing."""
    return await pool().fetchrow(query("refund_asked"), refund_id, event_id)
