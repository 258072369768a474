"""The reconciler's rows: what we know of a payment, what needs a human, and settlements noted once."""

import json
from typing import Any
from uuid import UUID

import pytest

from sagas.identity import new_id
from sagas.ledger import FromPayer, moved, refunded, top_up_given_back
from store import connection, reconciling, settlements
from store.ledger import Books
from store.reconciling import Matter
from store.settlements import SettlementLineRow

NOBODY = UUID(int=0)


@pytest.fixture
async def rows(empty: Any) -> Any:
    await empty.execute("TRUNCATE reconcile_run, money_matter, settlement_line, webhook_event")
    return empty


@pytest.fixture
async def refunds(rows: Any) -> Any:
    """A captured payment of 1,000, and a means to give parts of it back."""
    payment_id = new_id()
    await rows.execute(
        """INSERT INTO payment (id, booking_id, method, amount, currency, status, checks, razorpay_order_id, created_at)
        VALUES ($1, $1, 'razorpay', 1000, 'INR', 'captured', 0, 'order_1', now())""",
        payment_id,
    )
    await rows.execute("INSERT INTO capture VALUES ('pay_1', $1, $1, 1000, 'INR', now())", payment_id)

    async def refund(amount: int, *, age: str = "1 minute", **more: Any) -> UUID:
        row = {"status": "processed", "to": "source", "provider_refund_id": None} | more
        refund_id = new_id()
        await rows.execute(
            """INSERT INTO refund (id, booking_id, payment_id, provider_payment_id, amount, currency, "to", reason,
                status, command_id, provider_refund_id, created_at)
            VALUES ($1, $2, $2, 'pay_1', $3, 'INR', $4, 'late', $5, $1, $6, now() - $7::text::interval)""",
            refund_id, payment_id, amount, row["to"], row["status"], row["provider_refund_id"], age,
        )  # fmt: skip
        return refund_id

    return refund


async def known() -> Any:
    return (await reconciling.payments(["pay_1"], ["order_1"]))["pay_1"]


async def test_what_went_back_is_told_by_where_it_is(refunds: Any):
    await refunds(1, provider_refund_id="rfnd_1")
    await refunds(2, status="pending", provider_refund_id="rfnd_2")
    await refunds(4, status="pending")
    await refunds(8, status="failed", provider_refund_id="rfnd_3")
    await refunds(16, to="wallet")
    by_hand = await refunds(32, provider_refund_id="rfnd_4")
    by_bank, of_top_up = await refunds(64), await refunds(128, provider_refund_id="rfnd_5")
    async with connection.transaction() as rows:
        books = Books()
        books.add(moved("capture", "capture:pay_1", "INR", ("provider", None), ("booking", NOBODY), 1_000))
        books.add(refunded(by_hand, NOBODY, ("by-hand", None), 32, "INR"))
        books.add(refunded(by_bank, NOBODY, ("losses", None), 64, "INR"))
        books.add(top_up_given_back(of_top_up, FromPayer(NOBODY, 0, 0), 128, "INR"))
        await books.write(rows, await rows.fetchval("SELECT now()"))
    row = await known()
    assert (row["done"], row["owed"], row["to_wallet"], row["by_hand"]) == (1 + 2 + 128, 4 + 8, 16, 32)


async def test_a_payment_is_known_by_its_order_before_its_capture_is(refunds: Any, rows: Any):
    await rows.execute("DELETE FROM capture")
    row = await known()
    assert (row["amount"], row["payment_id"] is not None, row["done"]) == (None, True, 0)
    stranger = (await reconciling.payments(["pay_9"], ["order_9"]))["pay_9"]
    assert (stranger["payment_id"], stranger["amount"], stranger["topped_up"]) == (None, None, False)


@pytest.mark.parametrize(
    ("state", "statuses", "live"),
    [
        ("confirmed", ("", ""), 1_100), ("confirmed", ("", "cancelled"), 600), ("confirmed", ("", "resold"), 1_100),
        ("cancelled", ("cancelled", "resold"), 500), ("cancelled", ("cancelled", "cancelled"), 0),
        ("held", ("", ""), 0),
    ],
)  # fmt: skip
async def test_places_explain_their_payment_also_when_another_buyer_has_them(
    refunds: Any, rows: Any, state: str, statuses: tuple[str, str], live: int
):
    seats = json.dumps([
        {"id": "A", "price": 500, "fees": 100, "status": statuses[0]}, {"id": "B", "price": 500, "status": statuses[1]},
    ])  # fmt: skip
    await rows.execute(
        """INSERT INTO booking (id, show_id, buyer_id, lane, generation, "offset", place, state, seats, amounts,
            currency, method, body_hash, decided_at, changed_at)
        SELECT id, id, id, 'show.00', 0, 0, 1, $1, $2, '{}', 'INR', 'razorpay', '', now(), now() FROM payment""",
        state, seats,
    )  # fmt: skip
    try:
        assert (await known())["live"] == live
    finally:
        await rows.execute("DELETE FROM booking")


async def kinds() -> dict[str, Matter]:
    return {matter.kind: matter for matter in await reconciling.matters_in_rows()}


async def test_what_a_human_must_see_is_in_the_rows(refunds: Any, rows: Any):
    assert await kinds() == {}
    failed = await refunds(8, status="failed")
    slow = await refunds(9, status="pending", age="73 hours")
    await refunds(10, status="pending", age="71 hours")
    await refunds(11, status="failed", to="cash")  # its box office has to hand it over, and lists it
    await rows.execute(
        """INSERT INTO webhook_event (event_id, kind, body, received_at, next_try_at, tries, note) VALUES
        ('evt_old', 'payment.captured', '{}', now() - interval '25 hours', now(), 30, 'no payment of ours'),
        ('evt_new', 'payment.captured', '{}', now() - interval '23 hours', now(), 30, 'no payment of ours')"""
    )
    found = await kinds()
    assert {kind: matter.subject for kind, matter in found.items()} == {
        "refund-failed": str(failed), "refund-takes-long": str(slow), "webhook-unresolved": "evt_old",
    }  # fmt: skip
    assert found["webhook-unresolved"].tried == "tried 30 times"


def line(entity_id: str, kind: str = "payment", amount: int = 1_000, **more: Any) -> SettlementLineRow:
    row = SettlementLineRow(entity_id, kind, amount, "INR", 24, 4, amount - 24, 0, "setl_1", 1_700_000_000, None, None)
    return row._replace(**more)


async def test_settlement_lines_are_noted_once_and_booked_once(refunds: Any, rows: Any):
    for _ in range(2):
        await settlements.keep([line("pay_1"), line("rfnd_9", "refund", 7, credit=0, debit=7)])
    async with connection.transaction() as transaction:
        assert await settlements.book(transaction, 10) == 2
        assert await settlements.book(transaction, 10) == 0
    booked = await rows.fetch("SELECT entity_id FROM settlement_line WHERE booked_at IS NOT NULL ORDER BY 1")
    assert [row["entity_id"] for row in booked] == ["pay_1", "rfnd_9"]
    moved = "SELECT sum(amount) FROM ledger_entry WHERE account = 'bank'"
    assert await rows.fetchval(moved) == await rows.fetchval("SELECT sum(credit - debit) FROM settlement_line")


async def test_a_settlement_that_differs_from_our_rows_is_in_front_of_a_human(refunds: Any):
    await refunds(7, provider_refund_id="rfnd_1")
    fitting = [line("pay_1"), line("rfnd_1", "refund", 7), line("adj_1", "adjustment", 5, dispute_id="disp_1")]
    await settlements.keep(fitting)
    assert await kinds() == {}
    await settlements.keep([line("pay_unknown"), line("adj_2", "adjustment", 5)])
    found = await kinds()
    assert {kind: matter.subject for kind, matter in found.items()} == {
        "settlement-differs": "pay_unknown", "settlement-adjusted": "adj_2",
    }  # fmt: skip


async def run(*matters: Matter) -> None:
    async with connection.transaction() as rows:
        now = await rows.fetchval("SELECT now()")
    run_id = await reconciling.begin_run(now, now)
    assert run_id is not None
    async with connection.transaction() as rows:
        await reconciling.end_run(rows, run_id, (1, 2, 3, 4, 5, 6), "{}", list(matters))


async def test_a_matter_stays_since_it_was_first_seen_until_a_run_does_not_find_it(rows: Any):
    first = Matter("refund-failed", "r1", None, 5, "INR", "It failed.", "once")
    await run(first)
    [seen] = await reconciling.open_matters(None, 10)
    await run(first._replace(tried="once\ntwice"))
    [again] = await reconciling.open_matters(None, 10)
    assert (again["id"], again["seen_at"], again["tried"]) == (seen["id"], seen["seen_at"], "once\ntwice")
    await run()
    assert await reconciling.open_matters(None, 10) == []
    await run(first)
    [back] = await reconciling.open_matters(None, 10)
    assert back["seen_at"] > seen["seen_at"]


async def test_a_run_begins_only_when_none_began_shortly_before(rows: Any):
    now = await rows.fetchval("SELECT now()")
    assert await reconciling.begin_run(now, now, 60.0) is not None
    assert await reconciling.begin_run(now, now, 60.0) is None
    assert await reconciling.begin_run(now, now) is not None


async def test_a_run_that_did_not_see_all_is_not_the_last_word(rows: Any):
    await run()
    good = await reconciling.last_run()
    assert good is not None and (good["payments"], good["repaired"], good["unexplained"]) == (1, 5, 6)
    run_id = await reconciling.begin_run(good["from_at"], good["to_at"])
    assert run_id is not None
    await reconciling.fail_run(run_id, "the provider was away")
    last = await reconciling.last_run()
    assert last is not None and last["id"] == good["id"]
