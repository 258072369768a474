"""Money's rows: payments, captures, refunds and wallets.  In a saga lane's batch all of it is one transaction."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from sagas.identity import derived, new_id
from sagas.messages import CapturePayment, MoneyCaptured, RefundMoney, RequestPayment
from store.connection import pool
from store.decisions import columns
from store.sql import query


class WalletEntry(NamedTuple):
    id: UUID
    wallet_id: UUID
    amount: int
    balance_after: int
    reference: str
    description: str


class Wallets:
    """The wallets of a batch's buyers, locked, with what the batch does to them."""

    def __init__(self, users: Iterable[UUID], rows: list[Any]) -> None:
        self._users = frozenset(users)
        self._balances = {(row["user_id"], row["currency"]): int(row["balance"]) for row in rows}
        self.changed: dict[tuple[UUID, str], int] = {}
        self.entries: list[WalletEntry] = []

    def balance(self, user_id: UUID, currency: str) -> int:
        assert user_id in self._users, f"the wallets of {user_id} were not locked"
        return self._balances.get((user_id, currency), 0)

    def change(self, user_id: UUID, currency: str, amount: int, reference: str, description: str) -> bool:
        """Debit (below 0) or credit a wallet; False when it holds too little.  A credit makes a missing wallet."""
        balance = self.balance(user_id, currency) + amount
        if balance < 0:
            return False
        self._balances[user_id, currency] = self.changed[user_id, currency] = balance
        wallet_id = wallet_id_of(user_id, currency)
        self.entries.append(WalletEntry(new_id(), wallet_id, amount, balance, reference, description))
        return True


#: A payment's statuses, each above the one before.
STATUSES = ("preparing", "failed", "ready", "authorized", "captured")


class MoneyWrites(msgspec.Struct):
    """What a batch of a saga lane does to money's rows."""

    requested: list[RequestPayment] = []
    statuses: dict[UUID, str] = {}
    captured: list[MoneyCaptured] = []
    refunds: list[RefundMoney] = []
    refunds_ended: list[tuple[UUID, str, str]] = []

    def set_status(self, payment_id: UUID, status: str) -> None:
        """Payments only go forward, in whatever order the provider's words arrive."""
        if STATUSES.index(status) >= STATUSES.index(self.statuses.get(payment_id, STATUSES[0])):
            self.statuses[payment_id] = status


def wallet_id_of(user_id: UUID, currency: str) -> UUID:
    return derived(user_id, "wallet", currency)


async def lock_wallets(connection: Any, users: list[UUID]) -> Wallets:
    """The buyers' wallets, until the transaction's end."""
    return Wallets(users, list(await connection.fetch(query("wallets_lock"), users)) if users else [])


async def write(connection: Any, now: datetime, writes: MoneyWrites, wallets: Wallets | None) -> None:
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
             "source" if r.method == "razorpay" else "wallet", r.reason, r.command_id)
            for r in writes.refunds
        ]  # fmt: skip
        await connection.execute(query("refunds_begin"), now, *columns(due, 9))
    if writes.refunds_ended:
        await connection.execute(query("refunds_end"), *columns(writes.refunds_ended, 3))
    if wallets is not None and wallets.changed:
        held = [(wallet_id_of(*whose), *whose, balance) for whose, balance in wallets.changed.items()]
        await connection.execute(query("wallets_write"), *columns(held, 4))
        await connection.execute(query("wallet_entries_write"), now, *columns(wallets.entries, 6))


async def credit(connection: Any, now: datetime, user_id: UUID, currency: str, amount: int, reference: str) -> None:
    """Put money into a wallet, once for each reference."""
    wallets = await lock_wallets(connection, [user_id])
    if await connection.fetch(query("wallet_entries_met"), [reference]):
        return
    wallets.change(user_id, currency, amount, reference, "Opening balance")
    await write(connection, now, MoneyWrites(), wallets)


def debit_reference(command: CapturePayment) -> str:
    return f"debit:{command.payment_id}"


def refund_reference(command: RefundMoney) -> str:
    return f"refund:{command.refund_id}"


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
    """Whether the booking's seats are held or sold to it: only then is authorized money taken."""
    state = await pool().fetchval("SELECT state FROM booking WHERE id = $1", booking_id)
    return state in ("held", "confirmed")


async def balance(user_id: UUID, currency: str) -> int:
    """What the buyer's wallet holds, in minor units."""
    found = await pool().fetchval("SELECT balance FROM wallet WHERE id = $1", wallet_id_of(user_id, currency))
    return int(found or 0)
