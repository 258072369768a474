"""An operator at a saga: a refund that failed is asked for again, or settled by hand; a booking is taken back."""

import asyncio
import uuid

import pytest
from box_office import PRICE, problem_of, until


@pytest.fixture
async def operator(buyers):
    return await buyers.make(role="admin")


async def act(operator, saga_id, what, reason="The buyer has called us"):
    return await operator.ask("POST", f"/v1/admin/sagas/{saga_id}/{what}", json={"reason": reason})


async def late_money_that_cannot_be_given_back(show, buyer, emulator):
    """A booking that was given up and paid all the same, and whose refund the provider fails."""
    held = await buyer.hold(show, show.seats[0])
    order = await buyer.until_payable(held["id"])
    await buyer.ask("DELETE", f"/v1/bookings/{held['id']}")
    await buyer.until_status(held["id"], "cancelled")
    await emulator.fault("refund-fails")
    await emulator.pay(order)
    await buyer.until(held["id"], "the refund has failed", lambda b: [r["status"] for r in b["refunds"]] == ["failed"])
    return held["id"]


async def test_a_refund_that_failed_is_asked_for_again_at_an_operators_wish(show, buyer, emulator, operator):
    saga_id = await late_money_that_cannot_be_given_back(show, buyer, emulator)
    stuck = (await operator.ask("GET", "/v1/admin/sagas", params={"stuck": "true", "limit": 100})).json()["items"]
    assert saga_id in {saga["id"] for saga in stuck}
    answer = await act(operator, saga_id, "retry")
    assert answer.status_code == 202, answer.text
    done = await buyer.until_status(saga_id, "refunded")
    assert [refund["status"] for refund in done["refunds"]] == ["processed"]
    told = (await operator.ask("GET", f"/v1/admin/sagas/{saga_id}")).json()
    [again] = [line for line in told["timeline"] if line["event"] == "refund_again"]
    assert again["detail"]["by"] == str(operator.id)
    assert again["detail"]["reason"] == "The buyer has called us"
    problem_of(await act(operator, saga_id, "settle"), 409)


async def test_a_refund_that_was_seen_to_outside_is_settled_and_in_the_ledger(show, buyer, emulator, operator, rows):
    saga_id = await late_money_that_cannot_be_given_back(show, buyer, emulator)
    assert (await act(operator, saga_id, "settle", "Paid by bank transfer 4711")).status_code == 202
    await buyer.until_status(saga_id, "refunded")
    by_hand = await rows.fetchval(
        """SELECT -sum(e.amount) FROM ledger_entry e JOIN ledger_transaction t ON t.id = e.transaction_id
        WHERE t.booking_id = $1 AND e.account = 'by-hand'""",
        uuid.UUID(saga_id),
    )
    assert by_hand == PRICE
    changes = (await operator.ask("GET", "/v1/admin/changes")).json()["items"]
    [change] = [change for change in changes if change["object_id"] == saga_id and change["action"] == "saga.settle"]
    assert change["detail"]["reason"] == "Paid by bank transfer 4711"


async def test_what_is_asked_for_again_is_not_settled_at_the_same_moment(show, buyer, emulator, operator):
    """Both would be paid: by the provider, and by hand."""
    saga_id = await late_money_that_cannot_be_given_back(show, buyer, emulator)
    answers = await asyncio.gather(*[act(operator, saga_id, order) for order in ("retry", "settle") * 3])
    accepted = {
        order for order, answer in zip(("retry", "settle") * 3, answers, strict=True) if answer.status_code == 202
    }
    assert len(accepted) == 1, answers
    await buyer.until_status(saga_id, "refunded")
    told = (await operator.ask("GET", f"/v1/admin/sagas/{saga_id}")).json()["timeline"]
    orders = {line["event"] for line in told if line["detail"].get("by") == str(operator.id)}
    assert orders == ({"refund_again"} if accepted == {"retry"} else {"money_refunded"})


@pytest.mark.parametrize("outcome", ["won", "lost"])
async def test_a_refund_that_failed_waits_for_a_dispute_and_is_owed_no_longer_once_that_is_lost(
    outcome, show, buyer, emulator, operator, rows
):
    saga_id = await late_money_that_cannot_be_given_back(show, buyer, emulator)
    look = "SELECT provider_payment_id FROM capture WHERE booking_id = $1"
    payment = await rows.fetchval(look, uuid.UUID(saga_id))
    dispute = (await emulator.dispute(payment))["id"]
    await buyer.until_told(saga_id, "dispute_changed")
    problem = problem_of(await act(operator, saga_id, "retry"), 409)
    assert "bank disputes this payment" in problem["detail"]
    await emulator.settle_dispute(dispute, outcome)

    async def is_asked_for_again():
        return (await act(operator, saga_id, "retry")).status_code == 202

    if outcome == "won":
        await until("it is asked for again", is_asked_for_again)
    done = await buyer.until_status(saga_id, "refunded")
    assert [refund["status"] for refund in done["refunds"]] == ["processed"]
    assert (await emulator.payment(payment))["refunded"] == (PRICE if outcome == "won" else 0)
    told = (await operator.ask("GET", f"/v1/admin/sagas/{saga_id}")).json()["saga"]
    assert (told["course"], told["refund_failed"]) == ("ended", False)
    booked = await rows.fetch(
        """SELECT e.account, sum(e.amount)::bigint AS amount FROM ledger_entry e
        JOIN ledger_transaction t ON t.id = e.transaction_id WHERE t.booking_id = $1 OR t.reference = $2
        GROUP BY e.account HAVING sum(e.amount) <> 0""",
        uuid.UUID(saga_id), f"dispute:{dispute}",
    )  # fmt: skip
    assert booked == [], "what came in has gone back, once, and nobody bears a loss"


async def test_a_confirmed_booking_is_taken_back_whole_by_an_operator(show, buyers, operator):
    buyer = await buyers.make(wallet=PRICE)
    held = await buyer.hold(show, show.seats[2], wallet=True)
    await buyer.until_ticketed(held["id"])
    assert (await act(operator, held["id"], "undo")).status_code == 202
    await buyer.until_status(held["id"], "refunded")
    problem_of(await act(operator, held["id"], "undo"), 409)


async def test_a_held_booking_is_released_by_an_operator(show, buyer, operator):
    held = await buyer.hold(show, show.seats[3])
    await buyer.until_payable(held["id"])
    assert (await act(operator, held["id"], "undo")).status_code == 202
    await buyer.until_status(held["id"], "cancelled")


async def test_only_operators_may_and_only_with_a_reason(show, buyer, operator):
    held = await buyer.hold(show, show.seats[4])
    problem_of(await act(buyer, held["id"], "undo"), 403)
    problem_of(await operator.ask("POST", f"/v1/admin/sagas/{held['id']}/undo", json={}), 422)
    problem_of(await act(operator, str(uuid.uuid4()), "retry"), 404)
    found = (await operator.ask("GET", "/v1/admin/bookings", params={"email": buyer.email})).json()["items"]
    assert [one["booking"]["id"] for one in found] == [held["id"]]

    async def awaits_nothing():
        return not (await operator.ask("GET", f"/v1/admin/sagas/{held['id']}")).json()["saga"]["awaits"]

    await until("the saga awaits nothing but its buyer", awaits_nothing)
    problem_of(await act(operator, held["id"], "retry"), 409)
