"""Wallets: never below zero, whoever takes from them at once, and each reference once."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from sagas.identity import derived, new_id
from sagas.messages import CapturePayment, MoneyCaptured, RefundMoney, RequestPayment
from store import money
from store.connection import transaction
from store.money import MoneyWrites

NOW = datetime(2026, 12, 5, 12, tzinfo=UTC)
OPENING = 50_000


@pytest.fixture
async def buyer(show: UUID, empty: Any) -> UUID:
    """A buyer whose wallet holds 500 rupees."""
    buyer_id = new_id()
    async with transaction() as rows:
        await money.credit(rows, NOW, buyer_id, "INR", OPENING, "opening")
    return buyer_id


async def debit(buyer: UUID, amount: int, reference: str) -> bool:
    async with transaction() as rows:
        wallets = await money.lock_wallets(rows, [buyer])
        done = wallets.change(buyer, "INR", -amount, reference, "Booking")
        await money.write(rows, NOW, MoneyWrites(), wallets)
    return done


async def rows_of(pool: Any, buyer: UUID) -> tuple[int, list[tuple[int, int]]]:
    balance = await pool.fetchval("SELECT balance FROM wallet WHERE user_id = $1", buyer)
    entries = await pool.fetch("SELECT amount, balance_after FROM wallet_entry ORDER BY ctid")
    return balance, [tuple(entry) for entry in entries]


async def test_of_fifty_debits_of_the_whole_balance_at_once_one_is_served(buyer: UUID, empty: Any):
    served = await asyncio.gather(*(debit(buyer, OPENING, f"debit:{number}") for number in range(50)))
    assert sum(served) == 1
    assert await rows_of(empty, buyer) == (0, [(OPENING, OPENING), (-OPENING, 0)])


async def test_debits_that_fit_are_all_served_and_entries_add_up_to_the_balance(buyer: UUID, empty: Any):
    assert all(await asyncio.gather(*(debit(buyer, 1_000, f"debit:{number}") for number in range(20))))
    balance, entries = await rows_of(empty, buyer)
    assert balance == sum(amount for amount, _ in entries) == OPENING - 20_000
    assert await money.balance(buyer, "INR") == balance


async def test_a_wallet_that_holds_one_paisa_less_pays_nothing(buyer: UUID, empty: Any):
    assert not await debit(buyer, OPENING + 1, "debit")
    assert await rows_of(empty, buyer) == (OPENING, [(OPENING, OPENING)])


async def test_the_database_refuses_what_a_bug_would_write(buyer: UUID, empty: Any):
    with pytest.raises(asyncpg.CheckViolationError):
        await empty.execute("UPDATE wallet SET balance = -1 WHERE user_id = $1", buyer)
    with pytest.raises(asyncpg.CheckViolationError):
        await empty.execute("UPDATE wallet_entry SET balance_after = -1")


async def test_the_same_reference_is_credited_once(buyer: UUID, empty: Any):
    async with transaction() as rows:
        await money.credit(rows, NOW, buyer, "INR", OPENING, "opening")
    assert (await rows_of(empty, buyer))[0] == OPENING
    with pytest.raises(asyncpg.UniqueViolationError):
        await debit(buyer, 1, "opening")


async def test_currencies_have_wallets_of_their_own(buyer: UUID, empty: Any):
    async with transaction() as rows:
        wallets = await money.lock_wallets(rows, [buyer])
        assert not wallets.change(buyer, "USD", -1, "usd", "Booking")
        assert wallets.balance(buyer, "USD") == 0
        assert wallets.balance(buyer, "INR") == OPENING


async def test_two_debits_in_one_batch_see_each_other(buyer: UUID, empty: Any):
    async with transaction() as rows:
        wallets = await money.lock_wallets(rows, [buyer])
        assert wallets.change(buyer, "INR", -30_000, "one", "Booking")
        assert not wallets.change(buyer, "INR", -30_000, "two", "Booking")
        assert wallets.change(buyer, "INR", 10_000, "back", "Refund")
        assert wallets.change(buyer, "INR", -30_000, "three", "Booking")
        await money.write(rows, NOW, MoneyWrites(), wallets)
    assert await rows_of(empty, buyer) == (
        0, [(OPENING, OPENING), (-30_000, 20_000), (10_000, 30_000), (-30_000, 0)],
    )  # fmt: skip


def payment(booking: UUID) -> RequestPayment:
    return RequestPayment(
        command_id=new_id(),
        booking_id=booking,
        payment_id=derived(booking, "p"),
        method="razorpay",
        amount=5,
        currency="INR",
    )


async def test_a_captured_payment_stays_captured_whatever_is_told_later(empty: Any):
    wish = payment(new_id())
    async with transaction() as rows:
        await money.write(rows, NOW, MoneyWrites(requested=[wish]), None)
        await money.write(rows, NOW, MoneyWrites(requested=[wish], statuses={wish.payment_id: "captured"}), None)
        for told in ("ready", "authorized", "failed"):
            await money.write(rows, NOW, MoneyWrites(statuses={wish.payment_id: told}), None)
    kept = await money.payment(wish.payment_id)
    assert kept is not None
    assert kept["status"] == "captured"


async def test_one_provider_payment_is_one_capture_and_one_refund(empty: Any):
    booking = new_id()
    told = MoneyCaptured(
        event_id=new_id(), booking_id=booking, payment_id=new_id(), provider_payment_id="pay_1", method="razorpay",
        amount=5, currency="INR",
    )  # fmt: skip
    due = RefundMoney(
        command_id=new_id(), booking_id=booking, payment_id=told.payment_id, buyer_id=new_id(), method="razorpay",
        provider_payment_id="pay_1", refund_id=new_id(), amount=5, currency="INR", reason="late",
    )  # fmt: skip
    for _ in range(2):
        async with transaction() as rows:
            await money.write(rows, NOW, MoneyWrites(captured=[told], refunds=[due]), None)
    assert await empty.fetchval("SELECT count(*) FROM capture") == 1
    assert await empty.fetchval("SELECT count(*) FROM refund") == 1


async def test_two_workers_never_talk_to_the_provider_about_one_payment_at_once(empty: Any):
    wish = payment(new_id())
    async with transaction() as rows:
        await money.write(rows, NOW, MoneyWrites(requested=[wish]), None)
    claims = await asyncio.gather(*(money.claim_payment(wish.payment_id, 30) for _ in range(8)))
    [mine] = [claim for claim in claims if claim is not None]
    assert not mine["tried"]
    await empty.execute("UPDATE payment SET claimed_until = now() - interval '1 s'")
    again = await money.claim_payment(wish.payment_id, 30)
    assert again is not None
    assert again["tried"]


def test_debits_and_refunds_have_references_that_follow_from_what_they_are_for():
    capture = CapturePayment(
        command_id=new_id(), booking_id=new_id(), payment_id=UUID(int=5), buyer_id=new_id(), method="wallet", amount=1,
        currency="INR",
    )  # fmt: skip
    assert money.debit_reference(capture) == f"debit:{UUID(int=5)}"
