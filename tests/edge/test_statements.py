"""What an organiser is owed and was paid: the statement adds up to the paisa, and a payout is recorded once."""

import asyncio
import csv
import io
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from box_office import PRICE, new_key, problem_of

from sagas import ledger
from sagas.identity import new_id
from sagas.ledger import Posting
from store.sql import query as named


@pytest.fixture
async def admin(buyers):
    return await buyers.make(role="admin")


@pytest.fixture
async def own_show(shows, rows, member):
    """A show of the member's organiser."""
    show = await shows.make()
    event = await rows.fetchval("SELECT event_id FROM show WHERE id = $1", uuid.UUID(show.id))
    await rows.execute("UPDATE event SET organiser_id = $2 WHERE id = $1", event, uuid.UUID(member.organiser_id))
    return show


@pytest.fixture
def book(rows):
    """Books a fact at a time."""

    async def do(posting: Posting, at: datetime | None = None) -> None:
        when, made = at or datetime.now(UTC), new_id()
        async with rows.acquire() as connection, connection.transaction():
            await connection.execute(
                named("ledger_transactions_add"), when, [made], [posting.kind], [posting.reference],
                [posting.booking_id], [posting.note],
            )  # fmt: skip
            entries = [entry for entry in posting.entries if entry.amount]
            count = len(entries)
            await connection.execute(
                named("ledger_entries_add"), when, [made] * count, list(range(count)),
                [entry.account for entry in entries], [entry.owner for entry in entries],
                [posting.currency] * count, [entry.amount for entry in entries], [None] * count,
            )  # fmt: skip

    return do


@pytest.fixture
def sale(book, member):
    """Books a sale of so much for the member's organiser."""

    async def do(amount: int, at: datetime | None = None, currency: str = "INR") -> None:
        await book(ledger.sold(new_id(), uuid.UUID(member.organiser_id), amount, currency), at)

    return do


@pytest.fixture
async def paid_by_bank(rows, member):
    """The member's organiser has an account to be paid to."""
    await rows.execute(
        "UPDATE organiser SET payout_account = 'IN00 TEST 0001' WHERE id = $1", uuid.UUID(member.organiser_id)
    )


async def statement(member, **query):
    answer = await member.ask("GET", "/v1/organiser/statement", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def pay(admin, member, key="", **body):
    body = {"organiser_id": member.organiser_id, "currency": "INR", "reference": f"NEFT {new_key()}"} | body
    return await admin.ask("POST", "/v1/admin/payouts", json=body, headers={"Idempotency-Key": key or new_key()})


def rupees(amount):
    return {"amount": amount, "currency": "INR"}


async def test_a_sale_is_a_line_with_its_booking_and_show(member, own_show, buyers):
    assert await statement(member) == {"balances": [], "lines": [], "next_cursor": None}
    buyer = await buyers.make(wallet=10_000_000)
    held = await buyer.hold(own_show, *own_show.seats[:2], wallet=True)
    await buyer.until_ticketed(held["id"])
    found = await statement(member)
    [line] = found["lines"]
    assert (line["kind"], line["amount"], line["booking_code"]) == ("sale", rupees(2 * PRICE), held["code"])
    assert (line["show_id"], line["booking_id"]) == (own_show.id, held["id"])
    [balance] = found["balances"]
    assert balance["owed"] == balance["closing"] == rupees(2 * PRICE)


async def test_opening_sums_and_closing_add_up(member, sale, book, rows):
    organiser, booking = uuid.UUID(member.organiser_id), new_id()
    await sale(70_001, datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC))
    await sale(30_000, datetime(2026, 4, 1, tzinfo=UTC))
    await sale(500, datetime(2026, 4, 30, 23, 59, 59, 999_999, tzinfo=UTC))
    await book(ledger.cancelled(new_id(), booking, organiser, 10_003, "INR"), datetime(2026, 4, 5, tzinfo=UTC))
    payer = ledger.FromPayer(new_id(), 0, 0)
    lost = ledger.dispute_lost(str(booking), booking, organiser, payer, 99, "INR")
    await book(lost, datetime(2026, 4, 6, tzinfo=UTC))
    await sale(1_000_000, datetime(2026, 5, 1, tzinfo=UTC))
    found = await statement(member, **{"from": "2026-04-01", "to": "2026-04-30"})
    [balance] = found["balances"]
    assert balance["opening"] == rupees(70_001)
    assert {one["kind"]: (one["lines"], one["amount"]["amount"]) for one in balance["sums"]} == {
        "sale": (2, 30_500), "cancellation": (1, -10_003), "dispute": (1, -99),
    }  # fmt: skip
    assert balance["closing"] == rupees(70_001 + 30_500 - 10_003 - 99)
    assert [line["amount"]["amount"] for line in found["lines"]] == [30_000, -10_003, -99, 500]


async def test_what_the_organiser_took_itself_is_not_owed_again(member, sale, book):
    """The money of the box office is in its hands already."""
    organiser, booking = uuid.UUID(member.organiser_id), new_id()
    await sale(100_000)
    for account, amount in (("cash", 30_000), ("terminal", 20_000), ("cash", -5_000)):
        await book(ledger.moved("x", str(new_id()), "INR", (account, organiser), ("booking", booking), amount))
    [balance] = (await statement(member))["balances"]
    assert balance["taken"] == {"cash": rupees(25_000), "terminal": rupees(20_000)}
    assert (balance["closing"], balance["owed"]) == (rupees(100_000), rupees(55_000))


async def test_currencies_are_never_added(member, sale):
    await sale(100)
    await sale(7, currency="USD")
    found = await statement(member)
    assert {one["currency"]: one["owed"]["amount"] for one in found["balances"]} == {"INR": 100, "USD": 7}
    [only] = (await statement(member, currency="USD"))["balances"]
    assert only["owed"] == {"amount": 7, "currency": "USD"}


async def test_pages_show_every_line_once(member, sale):
    at = datetime(2026, 4, 1, tzinfo=UTC)
    for number in range(1, 8):
        await sale(number, at + timedelta(seconds=number // 3))  # several of one moment
    seen, cursor = [], None
    while True:
        found = await statement(member, limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [line["amount"]["amount"] for line in found["lines"]]
        cursor = found["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == list(range(1, 8))
    problem = problem_of(
        await member.ask("GET", "/v1/organiser/statement", params={"from": "2026-02-02", "to": "2026-02-01"}), 422
    )
    assert problem["errors"][0]["pointer"] == "/to"


async def test_the_export_has_every_line_and_its_balance(member, sale, book):
    await sale(100_050)
    organiser = uuid.UUID(member.organiser_id)
    await book(ledger.paid_out(new_id(), organiser, 100_000, "INR", "=HYPERLINK(1)"))
    answer = await member.ask("GET", "/v1/organiser/statement.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    found = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(line["kind"], line["amount"], line["balance"]) for line in found] == [
        ("opening", "", "0.00"), ("sale", "1000.50", "1000.50"), ("payout", "-1000.00", "0.50"),
    ]  # fmt: skip
    assert found[2]["note"] == "'=HYPERLINK(1)", "what begins like a formula is text"


async def test_statements_hold_nothing_of_another_organiser(member, make_member, sale, buyers):
    await sale(100)
    stranger = await make_member()
    assert (await statement(stranger))["balances"] == []
    assert len((await stranger.ask("GET", "/v1/organiser/statement.csv")).text.splitlines()) == 1
    header = {"Frontrow-Organiser": member.organiser_id}
    for path in ("statement", "statement.csv"):
        problem_of(await stranger.ask("GET", f"/v1/organiser/{path}", headers=header), 404)
        problem_of(await (await buyers.make()).ask("GET", f"/v1/organiser/{path}"), 403)
    for role in ("box-office", "scanner"):
        person = await make_member(role, member.organiser_id)
        problem_of(await person.ask("GET", "/v1/organiser/statement"), 403)


async def test_a_payout_is_a_line_and_on_record(admin, member, sale, paid_by_bank, rows):
    await sale(100_000)
    answer = await pay(admin, member, amount=60_000, reference="NEFT 17", note="for November")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["amount"], made["account"], made["note"]) == (rupees(60_000), "IN00 TEST 0001", "for November")
    found = await statement(member)
    assert (found["lines"][-1]["kind"], found["lines"][-1]["amount"]) == ("payout", rupees(-60_000))
    assert "NEFT 17" in found["lines"][-1]["note"]
    assert found["balances"][0]["owed"] == rupees(40_000)
    changes = (await member.ask("GET", f"/v1/organisers/{member.organiser_id}/changes")).json()["items"]
    assert (changes[0]["action"], changes[0]["actor_id"]) == ("payout.record", str(admin.id))
    rest = (await pay(admin, member)).json()
    assert rest["amount"] == rupees(40_000), "without an amount it is all that is owed"
    listed = await admin.ask("GET", "/v1/admin/payouts", params={"organiser_id": member.organiser_id})
    assert [item["id"] for item in listed.json()["items"]] == [rest["id"], made["id"]]


async def test_a_payout_that_is_sent_again_is_paid_once(admin, member, sale, paid_by_bank):
    await sale(100_000)
    key, body = new_key(), {"amount": 10_000, "reference": f"NEFT {new_key()}"}
    answers = await asyncio.gather(*(pay(admin, member, key, **body) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (await statement(member))["balances"][0]["owed"] == rupees(90_000)
    assert problem_of(await pay(admin, member, key, **body | {"amount": 1}), 422)["type"] == "/problems/key-reused"


async def test_a_payout_recorded_by_two_under_one_reference_is_one(buyers, admin, member, sale, paid_by_bank):
    await sale(100_000)
    body = {"amount": 10_000, "reference": f"NEFT {new_key()}"}
    answers = [await pay(person, member, **body) for person in (admin, await buyers.make(role="admin"))]
    assert [answer.status_code for answer in answers] == [201, 409]
    assert problem_of(answers[1], 409)["type"] == "/problems/reference-used"


async def test_payouts_at_once_never_pay_more_than_is_owed(admin, member, sale, paid_by_bank):
    await sale(100_000)
    answers = await asyncio.gather(*(pay(admin, member, amount=60_000) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    assert (await statement(member))["balances"][0]["owed"] == rupees(40_000)


async def test_nobody_is_paid_more_than_they_are_owed_or_without_an_account(admin, member, sale, rows, paid_by_bank):
    assert problem_of(await pay(admin, member), 409)["owed"] == 0
    await sale(1_000)
    problem = problem_of(await pay(admin, member, amount=1_001), 409)
    assert (problem["type"], problem["owed"]) == ("/problems/more-than-owed", 1_000)
    problem_of(await pay(admin, member, currency="USD"), 409)
    problem_of(await pay(admin, member, organiser_id=str(new_id())), 422)
    for amount in (0, -5):
        problem_of(await pay(admin, member, amount=amount), 422)
    await rows.execute("UPDATE organiser SET payout_account = NULL WHERE id = $1", uuid.UUID(member.organiser_id))
    assert problem_of(await pay(admin, member, amount=1), 409)["type"] == "/problems/no-payout-account"
    assert (await statement(member))["balances"][0]["owed"] == rupees(1_000)


async def test_a_hundred_thousand_lines_are_summed_by_their_index(rows):
    """The plan of the sums goes by the organiser's own entries, never by those of all."""
    async with rows.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")
        planned = await connection.fetch(
            "EXPLAIN " + named("statement_lines"), new_id(), None, datetime(2026, 1, 1, tzinfo=UTC),
            datetime(2027, 1, 1, tzinfo=UTC), None, None, 20,
        )  # fmt: skip
    plan = "\n".join(row[0] for row in planned)
    assert "ledger_entry_of_organiser" in plan and "Sort" not in plan, plan
