"""The payer's bank wants the money back: the booking hears of it once for each turn that it takes."""

import uuid
from datetime import timedelta

import pytest
from box_office import PRICE, new_key, problem_of, until

from actors.lanes.wire import Options, seal
from sagas.identity import saga_lane
from sagas.messages import DisputeChanged, MoneyCaptured, Several, event_id_for
from sagas.terms import Resale, Rules
from store.sql import query


async def turns(rows, booking_id):
    """Where the booking's dispute stood, turn by turn, as its saga was told."""
    found = await rows.fetch(
        "SELECT detail::jsonb->>'status' AS status FROM saga_event WHERE saga_id = $1 AND event = 'dispute_changed'"
        " ORDER BY n",
        booking_id,
    )
    return [row["status"] for row in found]


async def until_turns(rows, booking_id, *expected):
    async def are_told():
        return await turns(rows, booking_id) == list(expected)

    await until(f"the dispute went {expected}", are_told)


@pytest.mark.parametrize("outcome", ["won", "lost"])
async def test_a_dispute_is_told_to_its_booking_once_for_each_turn(show, buyer, emulator, rows, outcome):
    held = await buyer.hold(show, show.seats[0])
    order = await buyer.until_payable(held["id"])
    paid = await emulator.pay(order)
    await buyer.until_ticketed(held["id"])
    dispute = await emulator.dispute(paid["razorpay_payment_id"])
    await until_turns(rows, held["id"], "open")
    await emulator.settle_dispute(dispute["id"], "under_review")
    await emulator.settle_dispute(dispute["id"], outcome)
    await until_turns(rows, held["id"], "open", outcome)


async def test_a_dispute_that_overtakes_its_payment_is_told_after_it(show, buyer, emulator, rows):
    """The payment's own webhooks never come: the dispute's tells of the payment too."""
    held = await buyer.hold(show, show.seats[0])
    order = await buyer.until_payable(held["id"])
    paid = await emulator.pay(order, webhooks={"drop": True})
    await emulator.dispute(paid["razorpay_payment_id"])
    await buyer.until_ticketed(held["id"])
    await until_turns(rows, held["id"], "open")
    told = await buyer.timeline(held["id"])
    assert told.index("money_captured") < told.index("dispute_changed")


async def paid_for(buyer, show, emulator, *seats):
    """A booking that was paid by card and has its tickets, and the payment."""
    held = await buyer.hold(show, *seats)
    paid = await emulator.pay(await buyer.until_payable(held["id"]))
    return await buyer.until_ticketed(held["id"]), paid["razorpay_payment_id"]


async def cancel(buyer, booking_id):
    headers = {"Idempotency-Key": new_key()}
    answer = await buyer.ask("POST", f"/v1/bookings/{booking_id}/cancellations", json={}, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def cancellation_of(buyer, booking_id):
    """The booking's cancellation: its status, what goes back and what waits."""
    [one] = (await buyer.ask("GET", f"/v1/bookings/{booking_id}/cancellations")).json()["items"]
    return one["status"], one["amount"]["amount"], one["waiting"]["amount"]


async def until_cancelled(buyer, booking_id, *expected):
    async def is_so():
        return await cancellation_of(buyer, booking_id) == expected

    await until(f"the cancellation is {expected}", is_so)


async def letter_about(mailbox, buyer, subject):
    async def look():
        return [one for one in await mailbox.letters(buyer.email) if one["subject"].strip().startswith(subject)]

    return (await until(f"a letter {subject!r}", look))[0]["text"]


async def quoted(buyer, booking_id):
    told = (await buyer.ask("GET", f"/v1/bookings/{booking_id}/cancellations/quote")).json()
    return told["amount"]["amount"], told["waiting"]["amount"]


async def of_organiser(rows, booking_id):
    """What its organiser has of a booking."""
    look = """SELECT -sum(e.amount)::bigint FROM ledger_entry e JOIN ledger_transaction t ON t.id = e.transaction_id
        WHERE t.booking_id = $1 AND e.account = 'organiser'"""
    return await rows.fetchval(look, uuid.UUID(booking_id))


@pytest.mark.parametrize("disputed", [2 * PRICE, 30_000])
async def test_what_a_dispute_holds_of_cancelled_seats_comes_back_once_it_is_won(
    disputed, show, buyer, emulator, mailbox, rows
):
    booking, payment = await paid_for(buyer, show, emulator, *show.seats[:2])
    dispute = await emulator.dispute(payment, amount=disputed)
    await until_turns(rows, booking["id"], "open")
    now = 2 * PRICE - disputed
    assert await quoted(buyer, booking["id"]) == (now, disputed)
    answer = await cancel(buyer, booking["id"])
    assert (answer["amount"]["amount"], answer["waiting"]["amount"]) == (now, disputed)
    await until_cancelled(buyer, booking["id"], "refunding", now, disputed)
    told = await letter_about(mailbox, buyer, "Cancelled")
    assert ("goes back the way it came" in told, "Your bank holds" in told) == (now > 0, True)
    assert (await buyer.booking(booking["id"]))["status"] == "refunding"
    await emulator.settle_dispute(dispute["id"], "won")
    await until_cancelled(buyer, booking["id"], "done", 2 * PRICE, 0)
    assert (await buyer.booking(booking["id"]))["status"] == "refunded"
    assert (await emulator.payment(payment))["refunded"] == 2 * PRICE
    assert await of_organiser(rows, booking["id"]) == 0
    assert await letter_about(mailbox, buyer, "Your money is back")


async def test_what_a_lost_dispute_has_taken_of_cancelled_seats_is_owed_no_more(show, buyer, emulator, mailbox, rows):
    booking, payment = await paid_for(buyer, show, emulator, show.seats[0])
    dispute = await emulator.dispute(payment)
    await until_turns(rows, booking["id"], "open")
    await cancel(buyer, booking["id"])
    await until_cancelled(buyer, booking["id"], "refunding", 0, PRICE)
    await emulator.settle_dispute(dispute["id"], "lost")
    await until_cancelled(buyer, booking["id"], "done", 0, 0)
    assert (await emulator.payment(payment))["refunded"] == 0
    assert await of_organiser(rows, booking["id"]) == 0


async def test_a_refund_that_failed_is_owed_no_more_once_a_lost_dispute_has_taken_its_money(
    show, buyer, emulator, rows
):
    booking, payment = await paid_for(buyer, show, emulator, show.seats[0])
    await emulator.fault("refund-fails")
    await cancel(buyer, booking["id"])
    await until_cancelled(buyer, booking["id"], "failed", PRICE, 0)
    dispute = await emulator.dispute(payment)
    await until_turns(rows, booking["id"], "open")
    await emulator.settle_dispute(dispute["id"], "lost")
    await until_cancelled(buyer, booking["id"], "done", PRICE, 0)
    assert (await buyer.booking(booking["id"]))["status"] == "refunded"
    assert (await emulator.payment(payment))["refunded"] == 0
    assert (await of_organiser(rows, booking["id"]), await of_booking(rows, booking["id"])) == (0, 0)
    assert not await unexplained(rows, booking["id"])
    [known] = await rows.fetch(query("reconcile_payments"), [payment], [""])
    assert (known["done"], known["owed"], known["live"]) == (0, 0, 0), "the dispute explains it"


async def test_seats_cancelled_after_a_lost_dispute_promise_nothing(show, buyer, emulator, mailbox, rows):
    booking, payment = await paid_for(buyer, show, emulator, show.seats[0])
    dispute = await emulator.dispute(payment)
    await until_turns(rows, booking["id"], "open")
    await emulator.settle_dispute(dispute["id"], "lost")
    await until_turns(rows, booking["id"], "open", "lost")
    assert await quoted(buyer, booking["id"]) == (0, 0)
    assert (await cancel(buyer, booking["id"]))["amount"]["amount"] == 0
    told = await letter_about(mailbox, buyer, "Cancelled")
    assert "Your bank has given you ₹500.00 back already" in told and "goes back" not in told


async def tell_at_once(shows, rows, booking_id, paid, dispute, status):
    """The booking hears of its payment and of its dispute in one message: before the lane can answer."""
    payment = await rows.fetchrow("SELECT id, amount FROM payment WHERE booking_id = $1", uuid.UUID(booking_id))
    payment_id, by = payment["id"], paid["razorpay_payment_id"]
    about = {
        "booking_id": uuid.UUID(booking_id), "payment_id": payment_id, "provider_payment_id": by, "currency": "INR",
    }  # fmt: skip
    captured = MoneyCaptured(
        event_id=event_id_for(payment_id, MoneyCaptured, by), method="razorpay", amount=payment["amount"], **about
    )
    disputed = DisputeChanged(
        event_id=event_id_for(payment_id, DisputeChanged, dispute["id"], status), dispute_id=dispute["id"],
        amount=dispute["amount"], status=status, **about,
    )  # fmt: skip
    lane = saga_lane(about["booking_id"], await rows.fetchval("SELECT count(*) FROM lane WHERE lane LIKE 'saga.%'"))
    await shows.publisher.publish(seal(lane, Several(events=(captured, disputed)), Options("")))


async def payment_and_dispute(emulator, order):
    """Both at the provider; no webhook tells of them."""
    paid = await emulator.pay(order, webhooks={"drop": True})
    return paid, await emulator.dispute(paid["razorpay_payment_id"], webhooks={"drop": True})


@pytest.fixture
async def unseated(shows, buyers, emulator, rows):
    """Late money for a seat that somebody else has, disputed before it is given back: buyer, booking, dispute."""
    show = await shows.make(hold_seconds=5)
    late, other = await buyers.make(), await buyers.make(wallet=PRICE)
    held = await late.hold(show, show.seats[0])
    order = await late.until_payable(held["id"])
    await late.until_status(held["id"], "expired", within=40)
    await other.hold(show, show.seats[0], wallet=True)
    paid, dispute = await payment_and_dispute(emulator, order)
    await tell_at_once(shows, rows, held["id"], paid, dispute, "open")
    await late.until_told(held["id"], "seats_gone", within=40)
    assert (await late.booking(held["id"]))["status"] == "refunding"
    assert (await late.booking(held["id"]))["refunds"] == []
    return late, held["id"], dispute


async def of_booking(rows, booking_id):
    """What the ledger has on a booking's own account."""
    look = "SELECT coalesce(-sum(amount), 0)::bigint FROM ledger_entry WHERE account = 'booking' AND owner = $1"
    return await rows.fetchval(look, uuid.UUID(booking_id))


async def unexplained(rows, booking_id):
    """Whether the verification of money finds something about this booking."""
    named = {row[0] for row in await rows.fetch(query("verify_money"))}
    named |= {row["id"] for row in await rows.fetch(query("verify_ledger"))}
    return booking_id in named


async def test_disputed_money_without_seats_is_given_back_once_the_dispute_is_won(unseated, emulator, rows):
    late, booking_id, dispute = unseated
    [known] = await rows.fetch(query("reconcile_payments"), [dispute["payment_id"]], [""])
    assert (known["waiting"], known["owed"]) == (PRICE, 0)
    assert await of_booking(rows, booking_id) == PRICE
    await emulator.settle_dispute(dispute["id"], "won")
    await late.until_refunded(booking_id)
    assert (await late.until_status(booking_id, "refunded"))["refunds"][0]["amount"]["amount"] == PRICE
    assert (await emulator.payment(dispute["payment_id"]))["refunded"] == PRICE
    assert await of_booking(rows, booking_id) == 0
    assert not await unexplained(rows, booking_id)


async def test_money_without_seats_that_a_lost_dispute_has_taken_is_not_given_back_again(unseated, emulator, rows):
    late, booking_id, dispute = unseated
    await emulator.settle_dispute(dispute["id"], "lost")
    await late.until_status(booking_id, "expired")
    assert (await late.booking(booking_id))["refunds"] == []
    assert (await emulator.payment(dispute["payment_id"]))["refunded"] == 0
    assert await booked(rows, dispute["id"]) == {"booking": PRICE, "provider": -PRICE}
    assert not await unexplained(rows, booking_id)


async def test_what_a_bank_took_back_before_the_seats_were_confirmed_is_their_organisers_loss(
    shows, show, buyer, emulator, rows
):
    held = await buyer.hold(show, show.seats[0])
    paid, dispute = await payment_and_dispute(emulator, await buyer.until_payable(held["id"]))
    await tell_at_once(shows, rows, held["id"], paid, dispute, "lost")
    await buyer.until_ticketed(held["id"])
    assert (await of_organiser(rows, held["id"]), await of_booking(rows, held["id"])) == (0, 0)
    assert not await unexplained(rows, held["id"])


async def test_what_had_gone_back_before_the_bank_took_it_is_a_loss(shows, buyer, emulator, rows):
    show = await shows.make()
    held = await buyer.hold(show, show.seats[0])
    order = await buyer.until_payable(held["id"])
    await buyer.ask("DELETE", f"/v1/bookings/{held['id']}")
    await buyer.until_status(held["id"], "cancelled")
    paid = await emulator.pay(order)
    await buyer.until_refunded(held["id"])
    dispute = {"id": f"disp_{held['id']}", "amount": PRICE}
    await tell_at_once(shows, rows, held["id"], paid, dispute, "lost")
    await until_turns(rows, held["id"], "lost")
    assert await booked(rows, dispute["id"]) == {"losses": PRICE, "provider": -PRICE}
    assert not await unexplained(rows, held["id"])


async def tickets_of(buyer):
    return (await buyer.ask("GET", "/v1/tickets")).json()["items"]


async def until_tickets_are(buyer, status):
    async def are_so():
        return {ticket["status"] for ticket in await tickets_of(buyer)} == {status}

    await until(f"the tickets are {status}", are_so)


async def offer(seller, ticket_id):
    body, headers = {"ticket_id": ticket_id, "price": 40_000}, {"Idempotency-Key": new_key()}
    return await seller.ask("POST", "/v1/listings", json=body, headers=headers)


async def buy(buyer, listing):
    headers = {"Idempotency-Key": new_key(), "Prefer": "wait=10"}
    body = {"payment": {"method": "wallet"}}
    return await buyer.ask("POST", f"/v1/listings/{listing['id']}/bookings", json=body, headers=headers)


async def test_tickets_issued_while_a_dispute_is_open_are_frozen_until_it_is_won(show, buyer, emulator, rows):
    held = await buyer.hold(show, show.seats[0])
    paid = await emulator.pay(await buyer.until_payable(held["id"]), webhooks={"drop": True})
    dispute = await emulator.dispute(paid["razorpay_payment_id"])
    booking = await buyer.until_ticketed(held["id"])
    told = await buyer.timeline(held["id"])
    assert told.index("dispute_changed") < told.index("tickets_issued")
    [ticket] = await tickets_of(buyer)
    assert ticket["status"] == "frozen"
    problem_of(await offer(buyer, booking["tickets"][0]), 409)
    await emulator.settle_dispute(dispute["id"], "won")
    await until_tickets_are(buyer, "valid")


async def test_a_ticket_offered_before_its_payment_was_disputed_cannot_be_bought_until_that_is_won(
    shows, buyer, buyers, emulator
):
    show = await shows.make(closes_in=timedelta(days=3), rules=Rules(resale=Resale(max_percent=100)))
    booking, payment = await paid_for(buyer, show, emulator, show.seats[0])
    answer = await offer(buyer, booking["tickets"][0])
    assert answer.status_code == 201, answer.text
    listing = answer.json()
    dispute = await emulator.dispute(payment)
    await until_tickets_are(buyer, "frozen")
    other = await buyers.make(wallet=40_000)
    problem_of(await buy(other, listing), 409, "not-offered")
    assert (await other.ask("GET", f"/v1/listings?show_id={show.id}")).json()["items"] == []
    await emulator.settle_dispute(dispute["id"], "won")
    await until_tickets_are(buyer, "listed")
    bought = await buy(other, listing)
    assert bought.status_code == 201, bought.text


async def booked(rows, subject, kind="dispute"):
    """What the ledger has of a dispute, or of a refund, by account."""
    found = await rows.fetch(
        """SELECT account, amount FROM ledger_entry e JOIN ledger_transaction t ON t.id = e.transaction_id
        WHERE t.reference = $1""",
        f"{kind}:{subject}",
    )
    return {row["account"]: row["amount"] for row in found}


async def until_wallet(buyer, spendable, kept_aside):
    """What the wallet's owner is told of it."""

    async def look():
        told = (await buyer.ask("GET", "/v1/wallet")).json()
        aside = sum(money["amount"] for money in told["kept_aside"])
        return (sum(money["amount"] for money in told["balances"]), aside) == (spendable, kept_aside)

    await until(f"{spendable} can be spent and {kept_aside} are kept aside", look)


async def badly_kept(rows, buyer):
    """Whether the verification finds more or less kept aside for the buyer than their sagas know of."""
    return buyer.id in {row[0] for row in await rows.fetch(query("verify_kept_aside"))}


async def test_a_disputed_top_up_cannot_be_spent_until_the_dispute_is_won(show, buyer, topped_up, emulator, rows):
    payment = await topped_up(buyer, 75_000)
    dispute = (await emulator.dispute(payment, amount=60_000))["id"]
    await until_wallet(buyer, 15_000, 60_000)
    answer = await buyer.wish(show, {"seats": [show.seats[0]], "payment": {"method": "wallet"}})
    problem_of(answer, 409, "wallet-too-low")
    assert not await badly_kept(rows, buyer)
    await emulator.settle_dispute(dispute, "won")
    await until_wallet(buyer, 75_000, 0)
    assert not await badly_kept(rows, buyer)


async def test_a_top_up_that_the_bank_takes_back_leaves_the_wallet(buyer, topped_up, emulator, rows):
    payment = await topped_up(buyer, 75_000)
    dispute = (await emulator.dispute(payment))["id"]
    await until_wallet(buyer, 0, 75_000)
    assert "wallet-balance" in {row[0] for row in await rows.fetch(query("erasing_hindered"), buyer.id)}
    await emulator.settle_dispute(dispute, "lost")
    await until_wallet(buyer, 0, 0)
    assert await booked(rows, dispute) == {"aside": 75_000, "provider": -75_000}


async def test_a_top_up_of_whose_dispute_nobody_told_before_it_was_lost_leaves_the_wallet(
    buyer, topped_up, emulator, rows
):
    payment = await topped_up(buyer, 75_000)
    dispute = (await emulator.dispute(payment, webhooks={"drop": True}))["id"]
    await emulator.settle_dispute(dispute, "lost")
    await until_wallet(buyer, 0, 0)
    assert await booked(rows, dispute) == {"wallet": 75_000, "provider": -75_000}


async def test_what_was_spent_of_a_top_up_before_the_bank_took_it_back_is_a_loss(
    show, buyer, topped_up, emulator, rows
):
    payment = await topped_up(buyer, 75_000)
    held = await buyer.hold(show, show.seats[0], wallet=True)
    await buyer.until_ticketed(held["id"])
    dispute = (await emulator.dispute(payment))["id"]
    await until_wallet(buyer, 0, 25_000)
    await emulator.settle_dispute(dispute, "lost")
    await until_wallet(buyer, 0, 0)
    assert await booked(rows, dispute) == {"aside": 25_000, "losses": 50_000, "provider": -75_000}
    [matter] = [one for one in await rows.fetch(query("matters_in_rows")) if one["subject"] == dispute]
    assert (matter["kind"], matter["amount"]) == ("top-up-lost", 75_000)
    assert "50000 of it had been spent" in matter["detail"]


async def test_a_disputed_top_up_that_is_given_back_by_hand_is_paid_out_of_what_was_kept_aside(
    buyer, topped_up, emulator, provider, rows
):
    payment = await topped_up(buyer, 75_000)
    dispute = (await emulator.dispute(payment, amount=60_000))["id"]
    await until_wallet(buyer, 15_000, 60_000)
    refund = (await provider("POST", f"/v1/payments/{payment}/refund", json={"amount": 65_000}))["id"]
    await until_wallet(buyer, 10_000, 0)
    refund_id = await rows.fetchval("SELECT id FROM refund WHERE provider_refund_id = $1", refund)
    assert await booked(rows, refund_id, "refund") == {"aside": 60_000, "wallet": 5_000, "provider": -65_000}
    assert not await badly_kept(rows, buyer)
    await emulator.settle_dispute(dispute, "lost")
    await until_wallet(buyer, 0, 0)
    assert await booked(rows, dispute) == {"wallet": 10_000, "losses": 50_000, "provider": -60_000}


async def being_bought(shows, buyer, buyers, emulator):
    """A ticket bought by card, that another buyer holds and is about to pay for: booking, payment, buyer, order."""
    show = await shows.make(closes_in=timedelta(days=3), rules=Rules(resale=Resale(max_percent=100)))
    booking, payment = await paid_for(buyer, show, emulator, show.seats[0])
    listing = (await offer(buyer, booking["tickets"][0])).json()
    other = await buyers.make()
    headers = {"Idempotency-Key": new_key(), "Prefer": "wait=10"}
    held = (await other.ask("POST", f"/v1/listings/{listing['id']}/bookings", json={}, headers=headers)).json()
    return booking["id"], payment, other, held["id"], await other.until_payable(held["id"])


@pytest.mark.parametrize(("outcome", "spendable", "organiser"), [("won", 40_000, PRICE), ("lost", 0, 40_000)])
async def test_a_ticket_disputed_while_it_is_being_bought_is_its_buyers_and_its_price_waits_for_the_dispute(
    outcome, spendable, organiser, shows, buyer, buyers, emulator, rows
):
    booking_id, payment, other, bought, order = await being_bought(shows, buyer, buyers, emulator)
    dispute = (await emulator.dispute(payment))["id"]
    await until_tickets_are(buyer, "frozen")
    await emulator.pay(order)
    await other.until_ticketed(bought)
    await until_tickets_are(other, "valid")
    await until_tickets_are(buyer, "cancelled")
    await until_wallet(buyer, 0, 40_000)
    assert not await badly_kept(rows, buyer)
    await emulator.settle_dispute(dispute, outcome)
    await until_wallet(buyer, spendable, 0)
    assert await of_organiser(rows, booking_id) == organiser
    await until_tickets_are(other, "valid")
    assert not await badly_kept(rows, buyer)
    assert not await unexplained(rows, booking_id)


async def test_who_has_their_money_back_from_the_bank_is_not_paid_for_the_ticket_that_is_being_bought(
    shows, buyer, buyers, emulator, rows
):
    booking_id, payment, other, bought, order = await being_bought(shows, buyer, buyers, emulator)
    dispute = (await emulator.dispute(payment))["id"]
    await until_turns(rows, booking_id, "open")
    await emulator.settle_dispute(dispute, "lost")
    await until_turns(rows, booking_id, "open", "lost")
    await emulator.pay(order)
    await other.until_ticketed(bought)
    await until_tickets_are(other, "valid")
    await until_tickets_are(buyer, "cancelled")
    await until_wallet(buyer, 0, 0)
    assert await of_organiser(rows, booking_id) == 40_000
    assert not await badly_kept(rows, buyer)


async def test_what_a_ticket_was_sold_on_for_is_kept_aside_when_it_is_disputed_afterwards(
    shows, buyer, buyers, emulator, rows
):
    booking_id, payment, *_, order = await being_bought(shows, buyer, buyers, emulator)
    await emulator.pay(order)
    await until_wallet(buyer, 40_000, 0)
    dispute = (await emulator.dispute(payment, amount=30_000))["id"]
    await until_wallet(buyer, 10_000, 30_000)
    await emulator.settle_dispute(dispute, "lost")
    await until_wallet(buyer, 10_000, 0)
    assert await booked(rows, dispute) == {"aside": 30_000, "provider": -30_000}
    assert await of_organiser(rows, booking_id) == PRICE


async def test_the_letter_with_the_tickets_waits_for_a_dispute_and_is_sent_once_that_is_won(
    show, buyer, emulator, mailbox, rows
):
    held = await buyer.hold(show, show.seats[0])
    paid = await emulator.pay(await buyer.until_payable(held["id"]), webhooks={"drop": True})
    dispute = await emulator.dispute(paid["razorpay_payment_id"])
    await buyer.until_told(held["id"], "letter_sent")
    assert "dispute_changed" in await buyer.timeline(held["id"])
    assert await mailbox.letters(buyer.email) == []
    await emulator.settle_dispute(dispute["id"], "won")
    letter = await mailbox.until_letter(buyer.email)
    assert letter["subject"].strip().startswith("Your tickets")
    [attached] = [file for file in letter["attachments"] if file["content_type"] == "application/pdf"]
    assert (await mailbox.attachment(letter, attached["name"])).startswith(b"%PDF-")
    assert (await buyer.ask("GET", f"/v1/bookings/{held['id']}/tickets.pdf")).status_code == 200
