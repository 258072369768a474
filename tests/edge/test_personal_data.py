"""A person's data: all of it as a download, and gone when they ask; money, journal and tickets keep no name."""

import os
import uuid
from pathlib import Path

import pytest
from box_office import problem_of, until
from newcomers import Newcomer


@pytest.fixture
async def newcomer(http, edge_url):
    return await Newcomer(http, edge_url, name=f"Zuleika {uuid.uuid4().hex}").register()


@pytest.fixture
async def with_a_past(newcomer, buyers, shows, rows, emulator):
    """Somebody with a paid booking of a show that is over, its documents and letters, and a logged-in device."""
    device = await newcomer.log_in()
    buyer = buyers.nobody()
    buyer.id, buyer.email, buyer.token = uuid.UUID(newcomer.id), newcomer.email, device.access_token
    assert (await device.ask("PUT", "/v1/me/invoice-to", {"name": newcomer.name, "tax_id": "X1"})).status_code == 200
    show = await shows.make()
    booking = await buyer.hold(show, show.seats[0])
    await emulator.pay(await buyer.until_payable(booking["id"]))
    await buyer.until_ticketed(booking["id"])
    await buyer.until_told(booking["id"], "letter_sent")

    async def is_over():
        return await rows.fetchval("SELECT course = 'ended' FROM saga WHERE id = $1", uuid.UUID(booking["id"]))

    async def is_invoiced():
        return await rows.fetchval("SELECT name FROM invoice_recipient WHERE booking_id = $1", uuid.UUID(booking["id"]))

    await until("the sale has ended", is_over)
    await until("its invoice has a number", is_invoiced)
    return newcomer, device, buyer, show, booking


async def let_the_show_be_over(rows, show):
    await rows.execute("UPDATE show SET ends_at = now() - interval '1 day' WHERE id = $1", uuid.UUID(show.id))


async def test_everything_that_is_held_about_a_person_is_in_the_download(with_a_past):
    newcomer, device, _, _, booking = with_a_past
    answer = await device.ask("GET", "/v1/me/data")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="frontrow-my-data.json"'
    assert "no-store" in answer.headers["cache-control"]
    told = answer.json()
    assert told["account"]["email"] == newcomer.email and told["account"]["name"] == newcomer.name
    assert [one["id"] for one in told["bookings"]] == [booking["id"]]
    assert [one["amount"] for one in told["payments"]] == [booking["amounts"]["total"]["amount"]]
    assert {one["template"] for one in told["letters"]} >= {"welcome", "confirmed"}
    assert len(told["tickets"]) == len(told["sessions"]) == len(told["logins"]) == 1
    assert [one["booking_id"] for one in told["invoices_to"]] == [None, booking["id"]]
    for secret in ("password_hash", "token_hash", "argon2", device.refresh_token):
        assert secret not in answer.text


async def test_nobody_downloads_anybody_else_s_data(with_a_past, buyer):
    newcomer, _, _, _, _ = with_a_past
    answer = await buyer.ask("GET", "/v1/me/data")
    assert newcomer.email not in answer.text and newcomer.id not in answer.text
    problem_of(await buyer.ask("GET", f"/v1/users/{newcomer.id}/data"), 404)


async def test_an_account_is_erased_with_its_password_and_nothing_personal_is_left(with_a_past, rows, http, edge_url):
    newcomer, device, _, show, booking = with_a_past
    path = await rows.fetchval("SELECT path FROM file WHERE booking_id = $1", uuid.UUID(booking["id"]))
    assert (Path(os.environ["FILES_DIR"]) / path).exists()
    before = await totals(rows, booking)
    await let_the_show_be_over(rows, show)
    problem_of(await device.ask("DELETE", "/v1/me", {"password": "not mine"}), 422)
    problem_of(await device.ask("DELETE", "/v1/me"), 422)
    assert (await device.ask("DELETE", "/v1/me", {"password": newcomer.password})).status_code == 204

    assert not await device.is_in()
    problem_of(await device.refresh(), 401)
    problem_of(await newcomer.try_to_log_in(), 401)
    assert await rows_that_tell(rows, newcomer.email, newcomer.name) == []
    assert not (Path(os.environ["FILES_DIR"]) / path).exists()
    assert await totals(rows, booking) == before, "the money stays as it was"
    again = await Newcomer(http, edge_url).register()
    assert again.id != newcomer.id


async def test_the_address_of_an_erased_account_can_be_used_again(newcomer):
    first = newcomer.id
    device = await newcomer.log_in()
    assert (await device.ask("DELETE", "/v1/me", {"password": newcomer.password})).status_code == 204
    assert (await newcomer.register()).id != first
    told = (await (await newcomer.log_in()).ask("GET", "/v1/me/data")).json()
    assert told["bookings"] == [] and len(told["logins"]) == 1


async def rows_that_tell(rows, *words):
    """Every table with a row in which one of these words stands."""
    found = []
    for table in await rows.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"):
        for word in words:
            if await rows.fetchval(f'SELECT count(*) FROM "{table[0]}" t WHERE t::text LIKE $1', f"%{word}%"):
                found.append((table[0], word))
    return found


async def totals(rows, booking):
    return await rows.fetchrow(
        """SELECT (SELECT sum(c.amount) FROM capture c WHERE c.booking_id = b.id) AS captured, b.amounts, b.seats,
            (SELECT count(*) FROM ticket t WHERE t.booking_id = b.id) AS tickets FROM booking b WHERE b.id = $1""",
        uuid.UUID(booking["id"]),
    )


async def test_what_the_provider_tells_of_the_payer_is_kept_nowhere(with_a_past, rows, product):
    """The emulator's webhooks carry an address and a telephone number, as Razorpay's do."""
    _, _, _, _, booking = with_a_past
    order = booking["payment"].get("razorpay_order_id") or await rows.fetchval(
        "SELECT razorpay_order_id FROM payment WHERE booking_id = $1", uuid.UUID(booking["id"])
    )

    async def kept():
        return await rows.fetch("SELECT body FROM webhook_event WHERE body LIKE $1", f"%{order}%")

    for row in await until("its webhook is kept", kept):
        for word in ('"email":', '"contact":', '"vpa":', '"card":', "buyer@example.com"):
            assert word not in row["body"]


async def test_erasing_waits_for_what_is_still_owed(with_a_past, rows):
    newcomer, device, _, show, booking = with_a_past

    async def reasons():
        problem = problem_of(
            await device.ask("DELETE", "/v1/me", {"password": newcomer.password}), 409, "account-in-use"
        )
        return problem["reasons"]

    assert await reasons() == ["coming-shows"]
    await let_the_show_be_over(rows, show)
    await rows.execute(
        "INSERT INTO wallet (id, user_id, currency, balance) VALUES ($1, $2, 'INR', 5)",
        uuid.uuid4(),
        uuid.UUID(newcomer.id),
    )
    await rows.execute("UPDATE saga SET course = 'back' WHERE id = $1", uuid.UUID(booking["id"]))
    assert await reasons() == ["live-bookings", "wallet-balance"]
    await rows.execute("UPDATE saga SET course = 'ended' WHERE id = $1", uuid.UUID(booking["id"]))
    await rows.execute("UPDATE wallet SET balance = 0 WHERE user_id = $1", uuid.UUID(newcomer.id))
    assert (await rows.fetchval('SELECT erased_at FROM "user" WHERE id = $1', uuid.UUID(newcomer.id))) is None
    assert (await device.ask("DELETE", "/v1/me", {"password": newcomer.password})).status_code == 204


async def test_a_letter_that_waits_when_its_account_is_erased_is_not_sent(newcomer, rows, mailbox):
    device = await newcomer.log_in()
    await rows.execute(
        """INSERT INTO letter (id, user_id, template, recipient, message_id, status, attempts, last_error, trace_id,
            created_at, next_try_at) VALUES ($1, $2, 'password-changed', $3, $4, 'waiting', 0, '', '', now(),
            now() + interval '1 hour')""",
        letter := uuid.uuid4(), uuid.UUID(newcomer.id), newcomer.email, f"<{uuid.uuid4()}@test>",
    )  # fmt: skip
    assert (await device.ask("DELETE", "/v1/me", {"password": newcomer.password})).status_code == 204
    row = await rows.fetchrow("SELECT * FROM letter WHERE id = $1", letter)
    assert (row["status"], row["recipient"], row["next_try_at"]) == ("refused", "", None)


async def test_no_log_tells_a_person_s_address(with_a_past, product):
    newcomer, _, _, _, _ = with_a_past
    for running in product.processes.values():
        assert newcomer.email not in running.log.read_text(errors="replace"), running.name
