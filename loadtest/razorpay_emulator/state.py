"""What the emulator remembers: everything in memory, written behind to one SQLite file.

Answers come from memory. Every WRITE_EVERY_SECONDS all that changed goes to the file in one transaction, in a thread,
so the file always holds one consistent moment. A clean stop writes the rest; after a kill -9 at most what was answered
in the last WRITE_EVERY_SECONDS (and the write then under way) is gone. `synchronous=OFF` is enough for that: it is
the operating system's crash, not the process's, that it does not survive. The file is locked, so that two emulators
never share one. Orders and payments stay for good: about 4 KB of memory for each sale.
"""

import asyncio
import sqlite3
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import structlog

from .entities import Delivery, Dispute, OrderRecord, PaymentRecord, RefundKey, RefundRecord, SettlementRecord

log = structlog.get_logger()

WRITE_EVERY_SECONDS = 0.2

KINDS: dict[str, Any] = {
    "order": OrderRecord,
    "payment": PaymentRecord,
    "refund": RefundRecord,
    "refund_key": RefundKey,
    "dispute": Dispute,
    "settlement": SettlementRecord,
    "delivery": Delivery,
    "count": int,
}

SCHEMA = """
create table if not exists remembered (kind text, id text, record blob not null, primary key (kind, id)) without rowid
"""


class StateUnusable(Exception):
    """The data file cannot be opened, or another emulator has it."""


class State:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.orders: dict[str, OrderRecord] = {}
        self.payments: dict[str, PaymentRecord] = {}
        self.refunds: dict[str, RefundRecord] = {}
        self.refund_keys: dict[str, RefundKey] = {}
        self.disputes: dict[str, Dispute] = {}
        self.settlements: dict[str, SettlementRecord] = {}
        self.deliveries: dict[str, Delivery] = {}
        self.counts: dict[str, int] = defaultdict(int)
        self.orders_by_receipt: dict[str, list[str]] = defaultdict(list)
        self._tables: dict[str, dict[str, Any]] = {
            "order": self.orders,
            "payment": self.payments,
            "refund": self.refunds,
            "refund_key": self.refund_keys,
            "dispute": self.disputes,
            "settlement": self.settlements,
            "delivery": self.deliveries,
            "count": self.counts,
        }
        self._changed: dict[tuple[str, str], None] = {}
        self._writer = ThreadPoolExecutor(1, "state")
        self._file = self._open()
        self._load()

    def _open(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=1)
            file.execute("pragma locking_mode = exclusive")
            file.execute("pragma journal_mode = wal")
            file.execute("pragma synchronous = off")
            file.execute(SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise StateUnusable(
                f"EMULATOR_DATA: {self.path} cannot be used ({error}). Is another emulator running on it? "
                "Stop that one, or name another file."
            ) from None
        return file

    def _load(self) -> None:
        for kind, id, record in self._file.execute("select kind, id, record from remembered order by kind, id"):
            self._tables[kind][id] = msgspec.json.decode(record, type=KINDS[kind])
        for order in self.orders.values():
            self._index(order)

    def _index(self, order: OrderRecord) -> None:
        if order.entity.receipt is not None:
            self.orders_by_receipt[order.entity.receipt].append(order.entity.id)

    def add_order(self, order: OrderRecord) -> None:
        self.orders[order.entity.id] = order
        self._index(order)
        self.changed("order", order.entity.id)

    def changed(self, kind: str, id: str) -> None:
        """To be written: what the table now holds under this id, or that it holds nothing any more."""
        self._changed[kind, id] = None

    def count(self, name: str) -> None:
        self.counts[name] += 1
        self.changed("count", name)

    async def write_for_ever(self) -> None:
        while True:
            await asyncio.sleep(WRITE_EVERY_SECONDS)
            await self.write()

    async def write(self) -> None:
        changed, self._changed = self._changed, {}
        if not changed:
            return
        rows, gone = [], []
        for kind, id in changed:
            record = self._tables[kind].get(id)
            if record is None:
                gone.append((kind, id))
            else:
                rows.append((kind, id, msgspec.json.encode(record)))
        try:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._write_rows, rows, gone)
        except sqlite3.Error as error:
            log.error("state_not_written", file=str(self.path), reason=str(error), records=len(changed))
            self._changed = changed | self._changed  # tried again with the next write

    def _write_rows(self, rows: list[tuple[str, str, bytes]], gone: list[tuple[str, str]]) -> None:
        self._file.execute("begin")
        try:
            self._file.executemany("insert or replace into remembered values (?, ?, ?)", rows)
            self._file.executemany("delete from remembered where kind = ? and id = ?", gone)
            self._file.execute("commit")
        except BaseException:
            if self._file.in_transaction:
                self._file.execute("rollback")
            raise

    async def close(self) -> None:
        await self.write()
        self._writer.shutdown()
        self._file.close()
