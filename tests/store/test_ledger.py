"""The ledger and its wallets: sums of zero, rows only added, never below zero, and each fact booked once."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from sagas.identity import derived, new_id
from sagas.ledger import Posting, moved
from sagas.messages import MoneyCaptured, RefundMoney, RequestPayment
from store import ledger, money
from store.connection import transaction
from store.decisions import StateDiffers
from store.money import MoneyWrites

NOW = datetime(2026, 12, 5, 12, tzinfo=UTC)
OPENING = 50_000


@pytest.fixture
async def buyer(show: UUID, empty: Any) -> UUID:
    """A buyer whose wallet holds 500 rupees."""
    buyer_id = new_id()
    async with transaction() as rows:
        await ledger.give(rows, NOW, buyer_id, "INR", OPENING, "opening")
    return buyer_id


def moving(buyer: UUID, amount: int, reference: str, currency: str = "INR") -> Posting:
    """Out of the wallet, or (below 0) into it."""
    return moved("capture", reference, currency, ("wallet", buyer), ("booking", derived(buyer, reference)), amount)


async def debit(buyer: UUID, amount: int, reference: str) -> bool:
    async with transaction() as rows:
        books = await ledger.open_books(rows, [buyer])
        done = books.add(moving(buyer, amount, reference))
        await books.write(rows, NOW)
    return done


async def rows_of(pool: Any, buyer: UUID) -> tuple[int, list[tuple[int, int]]]:
    balance = await pool.fetchval("SELECT balance FROM wallet WHERE user_id = $1", buyer)
    entries = await pool.fetch(
        "SELECT -amount, balance_after FROM ledger_entry WHERE account = 'wallet' AND owner = $1 ORDER BY ctid", buyer
    )
    return balance, [tuple(entry) for entry in entries]


async def test_of_two_hundred_debits_of_the_whole_balance_at_once_one_is_served(buyer: UUID, empty: Any):
    served = await asyncio.gather(*(debit(buyer, OPENING, f"debit:{number}") for number in range(200)))
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


async def test_the_database_refuses_a_balance_below_zero(buyer: UUID, empty: Any):
    with pytest.raises(asyncpg.CheckViolationError):
        await empty.execute("UPDATE wallet SET balance = -1 WHERE user_id = $1", buyer)
    with pytest.raises(asyncpg.CheckViolationError):
        await add_entries(empty, [("wallet", buyer, 5, -5), ("service", None, -5, None)])


async def add_entries(pool: Any, entries: list[tuple[str, UUID | None, int, int | None]]) -> None:
    """What a bug would write."""
    async with pool.acquire() as rows, rows.transaction():
        made = new_id()
        await rows.execute(
            "INSERT INTO ledger_transaction (id, kind, reference, at) VALUES ($1, 'bug', $2, now())", made, str(made)
        )
        for n, (account, owner, amount, after) in enumerate(entries):
            await rows.execute(
                "INSERT INTO ledger_entry VALUES ($1, $2, $3, $4, 'INR', $5, $6)", made, n, account, owner, amount,
                after,
            )  # fmt: skip


async def test_a_transaction_that_does_not_sum_to_zero_is_refused_at_its_commit(buyer: UUID, empty: Any):
    before = await empty.fetchval("SELECT count(*) FROM ledger_entry")
    with pytest.raises(asyncpg.CheckViolationError, match="does not sum to zero"):
        await add_entries(empty, [("provider", None, 5, None), ("booking", buyer, -4, None)])
    with pytest.raises(asyncpg.CheckViolationError, match="does not sum to zero"):
        await add_entries(empty, [("provider", None, 5, None)])
    assert await empty.fetchval("SELECT count(*) FROM ledger_entry") == before


@pytest.mark.parametrize("table", ["ledger_transaction", "ledger_entry"])
async def test_the_ledger_is_only_ever_added_to(buyer: UUID, empty: Any, table: str):
    change = (
        "UPDATE ledger_entry SET amount = 1" if table == "ledger_entry" else "UPDATE ledger_transaction SET note = ''"
    )
    for statement in (change, f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        with pytest.raises(asyncpg.RestrictViolationError, match="only ever added to"):
            await empty.execute(statement)


async def test_the_same_fact_is_booked_once(buyer: UUID, empty: Any):
    async with transaction() as rows:
        await ledger.give(rows, NOW, buyer, "INR", OPENING, "opening")
    assert (await rows_of(empty, buyer))[0] == OPENING
    with pytest.raises(asyncpg.UniqueViolationError):
        await debit(buyer, 1, "opening")


async def test_the_first_credits_of_somebody_without_a_wallet_are_all_there(empty: Any):
    """A row that is not there yet cannot be locked: two first credits at once would write over each other."""
    seller = new_id()

    async def credit(number: int) -> None:
        while True:  # a guard that did not hold has a lane's batch decided again, too
            with suppress(StateDiffers):
                async with transaction() as rows:
                    books = await ledger.open_books(rows, [seller])
                    assert books.add(moving(seller, -100, f"credit:{number}"))
                    await asyncio.sleep(0.01)  # time for the others to read
                    await books.write(rows, NOW)
                return

    await asyncio.gather(*map(credit, range(8)))
    balance, entries = await rows_of(empty, seller)
    assert balance == 800 and sorted(after for _, after in entries) == [100 * n for n in range(1, 9)]


async def test_currencies_have_wallets_of_their_own(buyer: UUID, empty: Any):
    async with transaction() as rows:
        books = await ledger.open_books(rows, [buyer])
        assert not books.add(moving(buyer, 1, "usd", "USD"))
        assert books.balance(buyer, "USD") == 0
        assert books.balance(buyer, "INR") == OPENING


async def test_two_debits_in_one_batch_see_each_other(buyer: UUID, empty: Any):
    async with transaction() as rows:
        books = await ledger.open_books(rows, [buyer])
        assert books.add(moving(buyer, 30_000, "one"))
        assert not books.add(moving(buyer, 30_000, "two"))
        assert books.add(moving(buyer, -10_000, "back"))
        assert books.add(moving(buyer, 30_000, "three"))
        await books.write(rows, NOW)
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
        await money.write(rows, NOW, MoneyWrites(requested=[wish]))
        await money.write(rows, NOW, MoneyWrites(requested=[wish], statuses={wish.payment_id: "captured"}))
        for told in ("ready", "authorized", "failed"):
            await money.write(rows, NOW, MoneyWrites(statuses={wish.payment_id: told}))
    kept = await money.payment(wish.payment_id)
    assert kept is not None
    assert kept["status"] == "captured"


def refund(booking: UUID, payment_id: UUID) -> RefundMoney:
    return RefundMoney(
        command_id=new_id(), booking_id=booking, payment_id=payment_id, buyer_id=new_id(), method="razorpay",
        provider_payment_id="pay_1", refund_id=new_id(), amount=5, currency="INR", reason="late",
    )  # fmt: skip


@pytest.mark.parametrize("told", [("failed", "processed"), ("processed", "failed")])
async def test_a_refund_that_is_done_stays_done_whatever_else_is_told_in_the_same_moment(
    told: tuple[str, str], empty: Any
):
    due = refund(new_id(), new_id())
    writes = MoneyWrites(refunds=[due])
    for status in told:
        writes.end_refund(due.refund_id, status)
    async with transaction() as rows:
        await money.write(rows, NOW, writes)
    assert await empty.fetchval("SELECT status FROM refund WHERE id = $1", due.refund_id) == "processed"


async def test_one_provider_payment_is_one_capture_and_one_refund(empty: Any):
    booking = new_id()
    told = MoneyCaptured(
        event_id=new_id(), booking_id=booking, payment_id=new_id(), provider_payment_id="pay_1", method="razorpay",
        amount=5, currency="INR",
    )  # fmt: skip
    due = refund(booking, told.payment_id)
    for _ in range(2):
        async with transaction() as rows:
            await money.write(rows, NOW, MoneyWrites(captured=[told], refunds=[due]))
    assert await empty.fetchval("SELECT count(*) FROM capture") == 1
    assert await empty.fetchval("SELECT count(*) FROM refund") == 1


async def test_two_workers_never_talk_to_the_provider_about_one_payment_at_once(empty: Any):
    wish = payment(new_id())
    async with transaction() as rows:
        await money.write(rows, NOW, MoneyWrites(requested=[wish]))
    claims = await asyncio.gather(*(money.claim_payment(wish.payment_id, 30) for _ in range(8)))
    [mine] = [claim for claim in claims if claim is not None]
    assert not mine["tried"]
    await empty.execute("UPDATE payment SET claimed_until = now() - interval '1 s'")
    again = await money.claim_payment(wish.payment_id, 30)
    assert again is not None
    assert again["tried"]
