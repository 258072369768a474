"""What money did is kept: no query of ours deletes a payment, a capture, a refund, a settlement or a ledger's row."""

import re

import pytest

from store.sql import _queries

pytestmark = pytest.mark.pure

KEPT = (
    "payment",
    "capture",
    "refund",
    "settlement_line",
    "ledger_transaction",
    "ledger_entry",
    "wallet",
    "cancellation",
)


def test_payment_records_are_never_deleted_not_after_15_minutes_and_not_ever():
    deletes = re.compile(rf"\b(DELETE FROM|TRUNCATE)\s+(ONLY\s+)?({'|'.join(KEPT)})\b", re.IGNORECASE)
    assert [name for name, text in _queries().items() if deletes.search(text)] == []
