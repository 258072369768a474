"""The letter, however ill the mail server is: once for each booking, under one Message-ID, and never in the way."""

import asyncio
import uuid

import pytest
from box_office import PRICE, let_time_pass, until

#: How long a second copy would take to appear.
SECOND_COPY_SECONDS = 1.5


@pytest.fixture
async def sold(show, buyers):
    """Sells one seat by wallet, so that nothing is left to happen but tickets and letter."""

    async def sell():
        buyer = await buyers.make(wallet=PRICE)
        held = await buyer.hold(show, quantity=1, wallet=True)
        await buyer.until_ticketed(held["id"])
        return buyer, held["id"]

    return sell


async def letter_row(rows, booking_id):
    return await rows.fetchrow("SELECT * FROM letter WHERE booking_id = $1", uuid.UUID(booking_id))


async def until_status(rows, booking_id, status):
    async def look():
        row = await letter_row(rows, booking_id)
        return row if row and row["status"] == status else None

    return await until(f"the letter is {status}", look)


async def test_a_mail_server_that_says_later_is_tried_again_and_gets_one_letter(sold, mailbox, rows):
    await mailbox.fault("4xx")
    buyer, booking_id = await sold()

    async def was_tried():
        row = await letter_row(rows, booking_id)
        return row and row["attempts"] == 1 and row["last_error"]

    await until("the letter was tried and put off", was_tried)
    assert await mailbox.letters(buyer.email) == []
    assert (await buyer.booking(booking_id))["status"] == "confirmed"
    assert (await buyer.ask("GET", f"/v1/bookings/{booking_id}/tickets.pdf")).status_code == 200

    await let_time_pass(rows, booking_id)
    letter = await mailbox.until_letter(buyer.email)
    await buyer.until_told(booking_id, "letter_sent")
    await asyncio.sleep(SECOND_COPY_SECONDS)
    assert [found["message_id"] for found in await mailbox.letters(buyer.email)] == [letter["message_id"]]
    assert (await letter_row(rows, booking_id))["status"] == "sent"


async def test_a_mail_server_that_never_says_whether_it_took_the_letter_gets_it_under_one_id(sold, mailbox, rows):
    await mailbox.fault("cut-before-250")
    buyer, booking_id = await sold()
    await mailbox.until_letter(buyer.email)

    async def was_put_off():
        row = await letter_row(rows, booking_id)
        return row["last_error"] and row["claimed_until"] is None

    await until("the letter was put off", was_put_off)
    await let_time_pass(rows, booking_id)
    await buyer.until_told(booking_id, "letter_sent")
    assert len({letter["message_id"] for letter in await mailbox.letters(buyer.email)}) == 1


async def test_a_recipient_who_is_refused_for_good_stops_nothing(sold, mailbox, rows):
    await mailbox.fault("5xx")
    buyer, booking_id = await sold()
    await until_status(rows, booking_id, "refused")
    await buyer.until_told(booking_id, "letter_sent")
    assert await mailbox.letters(buyer.email) == []
    assert (await buyer.booking(booking_id))["status"] == "confirmed"


async def test_a_letters_worker_killed_while_the_server_is_silent_sends_it_after_all(sold, mailbox, rows, product):
    await mailbox.fault("hang")
    buyer, booking_id = await sold()
    await until_status(rows, booking_id, "sending")
    await mailbox.until_fault_met()
    product.kill("letters").start()
    product.wait_until_ready()
    await let_time_pass(rows, booking_id)
    await mailbox.until_letter(buyer.email)
    await buyer.until_told(booking_id, "letter_sent")
    assert len({letter["message_id"] for letter in await mailbox.letters(buyer.email)}) == 1
