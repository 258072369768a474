"""The ledger as rows: what a transaction books, together with the wallets that it touches.

A wallet's balance is a guarded row: whoever books on it has locked it, and it never goes below zero."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sagas.identity import derived, new_id
from sagas.ledger import Entry, Posting, given
from store.decisions import StateDiffers, columns
from store.sql import query


class _TransactionRow(NamedTuple):
    id: UUID
    kind: str
    reference: str
    booking_id: UUID | None
    note: str


class _EntryRow(NamedTuple):
    transaction_id: UUID
    n: int
    account: str
    owner: UUID | None
    currency: str
    amount: int
    balance_after: int | None


class Books:
    """What one database transaction adds to the ledger; the wallets of ``users`` are locked for it."""

    def __init__(self, users: Iterable[UUID] = (), rows: Iterable[Any] = ()) -> None:
        self._users = frozenset(users)
        self._balances = {(row["user_id"], row["currency"]): int(row["balance"]) for row in rows}
        self._there = frozenset(self._balances)
        self._changed: set[tuple[UUID, str]] = set()
        self._transactions: list[_TransactionRow] = []
        self._entries: list[_EntryRow] = []

    def balance(self, user_id: UUID, currency: str) -> int:
        """What a locked wallet holds, in minor units."""
        assert user_id in self._users, f"the wallets of {user_id} were not locked"
        return self._balances.get((user_id, currency), 0)

    def add(self, posting: Posting) -> bool:
        """Book it; False, and nothing is booked, when a wallet holds too little.  Amounts of 0 book nothing."""
        moves = [entry for entry in posting.entries if entry.amount]
        if not moves:
            return True
        after = [self._after(entry, posting.currency) for entry in moves]
        if any(balance is not None and balance < 0 for balance in after):
            return False
        row = _TransactionRow(self._next_id(), posting.kind, posting.reference, posting.booking_id, posting.note)
        self._transactions.append(row)
        for n, (entry, balance) in enumerate(zip(moves, after, strict=True), start=1):
            self._entries.append(_EntryRow(row.id, n, *entry[:2], posting.currency, entry.amount, balance))
            if balance is not None and entry.owner is not None:
                self._balances[entry.owner, posting.currency] = balance
                self._changed.add((entry.owner, posting.currency))
        return True

    def _next_id(self) -> UUID:
        """Ids rise in the order in which it was booked: so histories are told in that order."""
        last = self._transactions[-1].id.int if self._transactions else 0
        return max(new_id(), UUID(int=last + 1))

    def _after(self, entry: Entry, currency: str) -> int | None:
        if entry.account != "wallet" or entry.owner is None:
            return None
        return self.balance(entry.owner, currency) - entry.amount

    async def write(self, connection: Any, now: datetime) -> None:
        """Raises UniqueViolationError for a fact that was booked before, and StateDiffers when a wallet that was not
        there yet has been made meanwhile: what is not there cannot be locked, so all is to be booked again."""
        if not self._transactions:
            return
        await connection.execute(query("ledger_transactions_add"), now, *columns(self._transactions, 5))
        await connection.execute(query("ledger_entries_add"), now, *columns(self._entries, 7))
        old = [(wallet_id_of(*whose), self._balances[whose]) for whose in self._changed & self._there]
        new = [(wallet_id_of(*whose), *whose, self._balances[whose]) for whose in sorted(self._changed - self._there)]
        if old:
            await connection.execute(query("wallets_change"), *columns(old, 2))
        if new and len(await connection.fetch(query("wallets_make"), *columns(new, 4))) != len(new):
            raise StateDiffers("a wallet that was not there was made meanwhile")


def wallet_id_of(user_id: UUID, currency: str) -> UUID:
    return derived(user_id, "wallet", currency)


async def open_books(connection: Any, users: list[UUID]) -> Books:
    """Books with these buyers' wallets locked until the transaction's end."""
    return Books(users, await connection.fetch(query("wallets_lock"), sorted(users)) if users else [])


async def give(connection: Any, now: datetime, user_id: UUID, currency: str, amount: int, reference: str) -> None:
    """Put the service's money into a wallet, once for each reference."""
    books = await open_books(connection, [user_id])
    if not await connection.fetchval(query("ledger_has"), reference):
        books.add(given(reference, user_id, amount, currency, "Opening balance"))
        await books.write(connection, now)
