"""The reconciler: what the provider has and we have not heard of is told to its saga; the rest is in front of us."""

import asyncio
import os
import re
import sys
import uuid

import pytest
from box_office import PRICE, new_key, until

from store.sql import query


async def reconcile(*words):
    """As `make verify` does; how much is unexplained, of which other tests have left some."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "actors.reconcile", "--hours", "1", "--wait-seconds", "0", *words,
        env=os.environ | {"LOG_FORMAT": "json"}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await asyncio.wait_for(process.communicate(), 90)
    said = out.decode() + errors.decode()
    assert "Traceback" not in said, said
    unexplained = int(re.search(r"^unexplained: (\d+)$", said, re.MULTILINE)[1])
    assert process.returncode == (1 if unexplained else 0), said
    return unexplained


@pytest.fixture
async def before():
    """What was unexplained before the test."""
    return await reconcile("--wait-seconds", "5")


@pytest.fixture
async def matters(buyers):
    """What an operator sees of these payments, refunds or disputes: kind by subject."""
    admin = await buyers.make(role="admin")

    async def ask(*subjects):
        found, cursor = {}, ""
        while cursor is not None:
            answer = await admin.ask("GET", f"/v1/admin/money?limit=100{cursor and '&cursor=' + cursor}")
            assert answer.status_code == 200, answer.text
            found |= {one["subject"]: one for one in answer.json()["items"] if one["subject"] in subjects}
            cursor = answer.json()["next_cursor"]
        return found

    return ask


async def payable(buyer, show):
    held = await buyer.hold(show, show.seats[0])
    return held["id"], await buyer.until_payable(held["id"])


async def leave_it_to_the_reconciler(rows, booking_id):
    """No sweep asks about this booking's payment or sends for it again."""
    await rows.execute("UPDATE payment SET next_check_at = NULL WHERE booking_id = $1", uuid.UUID(booking_id))
    await rows.execute("UPDATE saga SET next_send_at = 'infinity' WHERE id = $1", uuid.UUID(booking_id))


async def test_a_sale_is_explained_to_the_paisa(before, show, buyer, emulator):
    booking_id, order = await payable(buyer, show)
    await emulator.pay(order)
    await buyer.until_ticketed(booking_id)
    assert await reconcile() == before


async def test_a_capture_that_nobody_told_us_of_is_found_and_seated(before, show, buyer, emulator, rows):
    booking_id, order = await payable(buyer, show)
    await leave_it_to_the_reconciler(rows, booking_id)
    await emulator.pay(order, webhooks={"drop": True})
    assert await reconcile("--wait-seconds", "20") == before
    await buyer.until_ticketed(booking_id)


async def test_money_for_an_order_whose_id_was_never_saved_is_found_by_its_receipt(before, show, buyer, emulator, rows):
    """We died between the order and saving its id, and the webhook found no order of ours."""
    booking_id, order = await payable(buyer, show)
    await leave_it_to_the_reconciler(rows, booking_id)
    await rows.execute("UPDATE payment SET razorpay_order_id = NULL WHERE booking_id = $1", uuid.UUID(booking_id))
    await emulator.pay(order, webhooks={"drop": True})
    assert await reconcile("--wait-seconds", "20") == before
    await buyer.until_ticketed(booking_id)


async def test_a_refund_whose_answer_was_lost_is_found_and_not_given_twice(before, show, buyer, emulator, rows):
    booking_id, order = await payable(buyer, show)
    await emulator.fault("refund-pending")
    wrong = await emulator.pay(order, amount=700)

    async def is_pending():
        return (await emulator.payment(wrong["razorpay_payment_id"]))["refunds"]

    [refund] = await until("the provider has the refund", is_pending)
    await until("our side knows of it", lambda: provider_id(rows, booking_id))
    await leave_it_to_the_reconciler(rows, booking_id)
    await rows.execute(
        "UPDATE refund SET provider_refund_id = NULL, next_check_at = 'infinity' WHERE booking_id = $1",
        uuid.UUID(booking_id),
    )
    await emulator.settle_refund(refund["id"], "processed", webhooks={"drop": True})
    assert await reconcile("--wait-seconds", "20") == before
    await buyer.until_refunded(booking_id, 1)
    assert len((await emulator.payment(wrong["razorpay_payment_id"]))["refunds"]) == 1


async def provider_id(rows, booking_id):
    return await rows.fetchval(
        "SELECT provider_refund_id FROM refund WHERE booking_id = $1", uuid.UUID(booking_id)
    )  # fmt: skip


async def test_parts_of_one_payment_end_each_in_its_own_way_and_all_of_it_is_explained(before, show, buyer, emulator):
    """Two seats go back while the provider keeps both refunds pending, a third into the wallet, a fourth is kept."""
    held = await buyer.hold(show, *show.seats[:4])
    paid = (await emulator.pay(await buyer.until_payable(held["id"])))["razorpay_payment_id"]
    await buyer.until_ticketed(held["id"])
    await emulator.fault("refund-pending", 2)
    for seat, target in zip(show.seats, ("source", "source", "wallet"), strict=False):
        answer = await buyer.ask(
            "POST", f"/v1/bookings/{held['id']}/cancellations", json={"seats": [seat], "refund_to": target},
            headers={"Idempotency-Key": seat},
        )  # fmt: skip
        assert answer.status_code == 202, answer.text

    async def both_are_pending():
        refunds = (await emulator.payment(paid))["refunds"]
        return refunds if len(refunds) == 2 else None

    first, second = await until("the provider has both", both_are_pending)
    assert {refund["status"] for refund in (first, second)} == {"pending"}
    await emulator.settle_refund(second["id"], "processed")
    await emulator.settle_refund(first["id"], "failed")
    booking = await buyer.until(
        held["id"], "each refund has ended in its own way",
        lambda b: sorted(r["status"] for r in b["refunds"]) == ["failed", "processed", "processed"],
    )  # fmt: skip
    assert booking["status"] == "confirmed" and {r["amount"]["amount"] for r in booking["refunds"]} == {PRICE}
    assert (await emulator.payment(paid))["refunded"] == PRICE
    assert await reconcile("--wait-seconds", "10") == before


async def test_a_dispute_that_nobody_told_us_of_is_told_and_stands_in_front_of_an_operator(
    before, show, buyer, emulator, matters
):
    booking_id, order = await payable(buyer, show)
    paid = await emulator.pay(order)
    await buyer.until_ticketed(booking_id)
    dispute = (await emulator.dispute(paid["razorpay_payment_id"], webhooks={"drop": True}))["id"]
    assert await reconcile() == before
    await buyer.until_told(booking_id, "dispute_changed")
    matter = (await matters(dispute))[dispute]
    assert (matter["kind"], matter["booking_id"]) == ("dispute-open", booking_id)
    assert matter["amount"] == {"amount": PRICE, "currency": "INR"}
    await emulator.settle_dispute(dispute, "won")
    assert await reconcile() == before
    assert await matters(dispute) == {}


async def test_what_a_dispute_holds_of_cancelled_seats_is_explained_while_it_waits_and_after(
    before, show, buyer, emulator
):
    booking_id, order = await payable(buyer, show)
    paid = await emulator.pay(order)
    await buyer.until_ticketed(booking_id)
    await buyer.until_told(booking_id, "letter_sent")  # nothing is under way but what waits
    dispute = (await emulator.dispute(paid["razorpay_payment_id"], amount=20_000))["id"]
    await buyer.until_told(booking_id, "dispute_changed")
    answer = await buyer.ask(
        "POST", f"/v1/bookings/{booking_id}/cancellations", json={}, headers={"Idempotency-Key": new_key()}
    )
    assert answer.status_code == 202, answer.text
    await buyer.until_refunded(booking_id, 1)
    assert await reconcile() == before
    await emulator.settle_dispute(dispute, "won")
    await buyer.until_refunded(booking_id, 2)
    assert await reconcile() == before


async def test_money_for_nothing_of_ours_is_unexplained(before, emulator, matters, provider):
    """Somebody pays an order that our side never made: the sum says so, and a human is told."""
    order = (await provider("POST", "/v1/orders", json={"amount": 4_200, "currency": "INR"}))["id"]
    stray = (await emulator.pay(order, webhooks={"drop": True}))["razorpay_payment_id"]
    for _ in range(2):
        assert await reconcile() == before + 4_200
    assert (await matters(stray))[stray]["kind"] == "payment-unknown-order"


async def by_hand(rows, refund):
    """What the ledger has of a refund that was made on the provider's own pages, by account."""
    found = await rows.fetch(
        """SELECT e.account, sum(e.amount)::bigint AS amount FROM refund r
        JOIN ledger_transaction t ON t.reference IN ('refund:' || r.id, 'goodwill:' || r.id)
        JOIN ledger_entry e ON e.transaction_id = t.id WHERE r.provider_refund_id = $1 GROUP BY e.account""",
        refund,
    )
    return {row["account"]: row["amount"] for row in found}


@pytest.mark.parametrize("told", [True, False])
async def test_a_refund_that_was_made_by_hand_at_the_provider_is_booked_once_and_not_given_again(
    told, before, show, buyer, emulator, matters, provider, rows, product
):
    booking_id, order = await payable(buyer, show)
    paid = (await emulator.pay(order))["razorpay_payment_id"]
    await buyer.until_told(booking_id, "letter_sent")
    deaf = [] if told else [product.kill(name) for name in product.processes if name.startswith("webhooks")]
    try:
        refund = (await provider("POST", f"/v1/payments/{paid}/refund", json={"amount": 1_100}))["id"]
        if told:
            await buyer.until_refunded(booking_id)
        assert await reconcile("--wait-seconds", "10") == before
    finally:
        for worker in deaf:
            worker.start()
    [given] = (await buyer.until_refunded(booking_id))["refunds"]
    assert given["amount"]["amount"] == 1_100
    assert await matters(refund, paid) == {}
    assert await by_hand(rows, refund) == {"organiser": 1_100, "booking": 0, "provider": -1_100}
    headers = {"Idempotency-Key": new_key()}
    cancelled = await buyer.ask("POST", f"/v1/bookings/{booking_id}/cancellations", json={}, headers=headers)
    assert cancelled.status_code == 202, cancelled.text
    await buyer.until_refunded(booking_id, 2)
    assert (await emulator.payment(paid))["refunded"] == PRICE
    assert await reconcile() == before
    assert booking_id not in {row[0] for row in await rows.fetch(query("verify_money"))}


async def with_a_failed_refund(shows, buyer, emulator):
    """A booking that was given up before it was paid for, and its payment, which the provider failed to give back."""
    booking_id, order = await payable(buyer, await shows.make())
    await buyer.ask("DELETE", f"/v1/bookings/{booking_id}")
    await buyer.until_status(booking_id, "cancelled")
    await emulator.fault("refund-fails")
    paid = (await emulator.pay(order))["razorpay_payment_id"]
    await buyer.until_told(booking_id, "refund_failed")
    return booking_id, paid


async def test_a_refund_that_failed_and_was_made_by_hand_is_done(
    shows, before, buyer, emulator, matters, provider, rows
):
    booking_id, paid = await with_a_failed_refund(shows, buyer, emulator)
    await provider("POST", f"/v1/payments/{paid}/refund", json={"amount": PRICE})
    await buyer.until_refunded(booking_id)
    assert (await buyer.booking(booking_id))["status"] == "refunded"
    assert await reconcile() == before
    assert booking_id not in {row[0] for row in await rows.fetch(query("verify_money"))}


async def test_a_refund_by_hand_that_may_be_meant_for_one_we_still_owe_is_left_to_a_human(
    shows, buyer, emulator, matters, provider, rows
):
    booking_id, paid = await with_a_failed_refund(shows, buyer, emulator)
    refund = (await provider("POST", f"/v1/payments/{paid}/refund", json={"amount": PRICE - 1_000}))["id"]
    await reconcile("--wait-seconds", "10")
    assert (await matters(refund))[refund]["kind"] == "refund-unknown"
    assert await by_hand(rows, refund) == {}
    assert "refund_seen" not in await buyer.timeline(booking_id)


async def test_a_top_up_given_back_by_hand_leaves_the_wallet_once_and_what_was_spent_of_it_is_a_loss(
    before, show, buyer, topped_up, balance, matters, provider, rows
):
    paid = await topped_up(buyer, 75_000)

    async def give_back(amount, left):
        refund = (await provider("POST", f"/v1/payments/{paid}/refund", json={"amount": amount}))["id"]

        async def has_left():
            return await balance("wallet", buyer.id) == left and await by_hand(rows, refund)

        return refund, await until(f"{left} are left in the wallet", has_left)

    part, booked = await give_back(5_000, 70_000)
    assert booked == {"wallet": 5_000, "provider": -5_000}
    held = await buyer.hold(show, show.seats[0], wallet=True)
    await buyer.until_ticketed(held["id"])
    rest, booked = await give_back(70_000, 0)
    assert booked == {"wallet": 20_000, "losses": PRICE, "provider": -70_000}
    assert await reconcile("--wait-seconds", "10") == before
    told = await matters(part, rest, paid)
    assert {subject: one["kind"] for subject, one in told.items()} == {rest: "top-up-lost"}
    assert f"{PRICE} of it had been spent" in told[rest]["detail"]
    wrong = {row["id"] for row in await rows.fetch(query("verify_ledger"))}
    refunds = await rows.fetch("SELECT id FROM refund WHERE provider_payment_id = $1", paid)
    assert len(refunds) == 2 and not wrong & {f"refund:{refund['id']}" for refund in refunds}


async def test_settlements_are_noted_line_by_line_once_each(show, buyer, emulator, rows):
    booking_id, order = await payable(buyer, show)
    paid = (await emulator.pay(order))["razorpay_payment_id"]
    wrong = (await emulator.pay(order, amount=900, force=True))["razorpay_payment_id"]
    await buyer.until_ticketed(booking_id)
    await buyer.until_refunded(booking_id, 1)
    await emulator.make_settlement()
    for _ in range(2):
        await reconcile("--wait-seconds", "0")
    lines = await rows.fetch(
        "SELECT * FROM settlement_line WHERE entity_id = ANY($1) OR provider_payment_id = $2 ORDER BY kind, amount",
        [paid, wrong], wrong,
    )  # fmt: skip
    assert [(line["kind"], line["amount"], line["credit"] - line["debit"]) for line in lines] == [
        ("payment", 900, 900 - lines[0]["fee"]), ("payment", PRICE, PRICE - lines[1]["fee"]), ("refund", 900, -900),
    ]  # fmt: skip
    assert lines[1]["fee"] > lines[1]["tax"] > 0


async def test_settlements_are_booked_once_and_fees_are_the_seller_s(show, buyer, emulator, rows):
    """The fee of the payment that sold the seats is the organiser's, that of the stray one the service's."""
    booking_id, order = await payable(buyer, show)
    paid = (await emulator.pay(order))["razorpay_payment_id"]
    stray = (await emulator.pay(order, amount=900, force=True))["razorpay_payment_id"]
    await buyer.until_ticketed(booking_id)
    await buyer.until_refunded(booking_id, 1)
    await emulator.make_settlement()
    for _ in range(2):
        await reconcile("--wait-seconds", "0")
    look = """SELECT count(*) FROM settlement_line
        WHERE booked_at IS NOT NULL AND (entity_id = $1 OR coalesce(provider_payment_id, entity_id) = $2)"""

    async def all_booked():
        return await rows.fetchval(look, paid, stray) == 3

    await until("the lines are booked", all_booked)
    lines = await rows.fetch(
        """SELECT l.entity_id, l.kind, l.fee, l.credit - l.debit AS net, b.account AS bank, b.amount AS banked,
            f.account AS bearer, f.owner, f.amount AS borne
        FROM settlement_line l
        LEFT JOIN ledger_transaction t ON t.reference = 'settlement:' || l.entity_id
        LEFT JOIN ledger_entry b ON b.transaction_id = t.id AND b.account = 'bank'
        LEFT JOIN ledger_transaction u ON u.reference = 'provider-fee:' || l.entity_id
        LEFT JOIN ledger_entry f ON f.transaction_id = u.id AND f.account <> 'provider'
        WHERE l.entity_id = $1 OR coalesce(l.provider_payment_id, l.entity_id) = $2""",
        paid, stray,
    )  # fmt: skip
    assert all(line["banked"] == line["net"] for line in lines)
    borne = {line["entity_id"]: (line["bearer"], line["borne"]) for line in lines if line["kind"] == "payment"}
    fees = {line["entity_id"]: line["fee"] for line in lines}
    assert fees[paid] > 0 and fees[stray] > 0
    assert borne == {paid: ("organiser", fees[paid]), stray: ("service", fees[stray])}
