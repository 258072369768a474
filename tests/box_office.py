"""What a test does with the product from outside: make shows and buyers, book, play the provider, read the mailbox.

Every test makes its own show and its own buyers, so that none depends on another. Waits are for conditions, with a
bound and a sentence when it is reached.
"""

import asyncio
import os
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import asyncpg
import httpx
import msgspec
import redis.asyncio

from actors.lanes.publisher import Publisher
from actors.lanes.wire import Options, seal
from edge import tokens
from sagas.identity import derived, new_id, seat_id, show_lane
from sagas.messages import ShowCommand
from sagas.seat_plan import PlanRow, PlanSeat, PlanSection, SeatPlan, encode, row_label
from sagas.terms import Rules, encode_rules
from store import ledger
from store.catalogue import terms_of
from store.sql import query

FoundT = TypeVar("FoundT")

#: How long something that should happen at once may take on a busy machine.
SOON_SECONDS = 15.0
LOOK_AGAIN_SECONDS = 0.05
PRICE = 50_000


async def until(what: str, look: Callable[[], Awaitable[FoundT]], within: float = SOON_SECONDS) -> FoundT:
    """Look again and again until there is something true to see."""
    deadline = time.monotonic() + within
    while True:
        found = await look()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what}: not within {within:g} s; seen last: {found!r}"
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


@dataclass(frozen=True)
class Show:
    """A show on sale, as its organiser knows it."""

    id: str
    lane: str
    section_id: str
    seats: tuple[str, ...]
    """In the hall's order: row by row, from the left."""


class Shows:
    """Makes shows: rows of the catalogue and an OpenShow to their lane, as `python -m actors.demo race` does."""

    def __init__(self, rows: asyncpg.Pool, publisher: Publisher, lanes: int) -> None:
        self._rows, self.publisher, self._lanes = rows, publisher, lanes
        self._founders: tuple[uuid.UUID, uuid.UUID] | None = None

    async def make(
        self, seats: int = 20, *, per_row: int = 10, standing: int = 0, price: int = PRICE, currency: str = "INR",
        hold_seconds: int = 300, opens_in: timedelta = timedelta(minutes=-1), closes_in: timedelta = timedelta(days=7),
        published: bool = True, max_seats_per_booking: int = 10, max_seats_per_buyer: int | None = None,
        max_live_holds: int = 2, rules: Rules | None = None, accessible: tuple[int, ...] = (), sent: bool = True,
    ) -> Show:  # fmt: skip
        """A show of one seated section (and one standing, if it has places), opened by its lane."""
        venue, event = await self._founded(published)
        hall, plan = await self._hall(venue, seats, per_row, standing, accessible)
        show_id, now = new_id(), datetime.now(UTC)
        number = await self._rows.fetchval("SELECT nextval('show_number')")
        lane = show_lane(number % self._lanes)
        prices = [{"section_id": section.id, "amount": price} for section in plan.sections]
        begins = now + max(closes_in, timedelta(hours=1))
        await self._rows.execute(
            query("show_make"), show_id, number, event, hall, encode(plan)[0], lane, currency,
            msgspec.json.encode(prices).decode(), begins, begins + timedelta(hours=3), now + opens_in, now + closes_in,
            hold_seconds, max_seats_per_booking, max_seats_per_buyer, max_live_holds, encode_rules(rules),
            False,
        )  # fmt: skip
        ids = tuple(seat_id(number, ordinal) for ordinal in range(seats))
        show = Show(str(show_id), lane, plan.sections[0].id, ids)
        if sent:
            await self.open(show)
        return show

    async def open(self, show: Show) -> None:
        """Send the show's opening to its lane, and wait for it."""
        row = await self._rows.fetchrow("SELECT * FROM show WHERE id = $1", show.id)
        await self.publisher.publish(seal(show.lane, terms_of(row), Options()))
        await until(f"show {show.id} is open", lambda: self._is_open(show.id))

    async def tell(self, show: Show, kind: type[ShowCommand], **more: Any) -> str:
        """Have the show's lane decide a command; what it came to."""
        command = kind(command_id=new_id(), show_id=uuid.UUID(show.id), **more)
        await self.publisher.publish(seal(show.lane, command, Options()))
        look = "SELECT outcome FROM journal WHERE command_id = $1"
        return await until(f"{kind.name()} is decided", lambda: self._rows.fetchval(look, command.command_id))

    async def staffed_by(self, person: "Buyer", role: str = "manager") -> "Buyer":
        """This person acts for the organiser of these shows."""
        await self._founded(True)
        assert self._founders is not None
        await self._rows.execute(
            "INSERT INTO organiser_member (id, organiser_id, user_id, role, since) VALUES ($1, $2, $3, $4, now())",
            new_id(), self._founders[0], person.id, role,
        )  # fmt: skip
        return person

    async def _is_open(self, show_id: str) -> bool:
        return bool(await self._rows.fetchval("SELECT opened FROM show WHERE id = $1", show_id))

    async def _founded(self, published: bool) -> tuple[uuid.UUID, uuid.UUID]:
        """The venue (it and its organiser are made once), and an event of its own for each show."""
        organiser, venue = self._founders or (new_id(), new_id())
        if self._founders is None:
            await self._rows.execute(
                """INSERT INTO organiser (id, legal_name, support_email, status, operator, created_at)
                VALUES ($1, 'Proof Presents', 'house@example.com', 'approved', false, now())""",
                organiser,
            )
            await self._rows.execute(
                """INSERT INTO venue
                    (id, organiser_id, name, city, country, address, time_zone, opens, closes, active)
                VALUES
                    ($1, $2, 'Test House', 'Pune', 'IN', '1 Proof Road', 'Asia/Kolkata', '00:00', '23:59', true)""",
                venue, organiser,
            )  # fmt: skip
            self._founders = organiser, venue
        event = new_id()
        await self._rows.execute(
            """INSERT INTO event (id, organiser_id, title, kind, description, language, rating, tags, status)
            VALUES ($1, $2, $3, 'other', '', '', '', '[]', $4)""",
            event, organiser, f"Evening {event}", "published" if published else "draft",
        )  # fmt: skip
        return venue, event

    async def _hall(
        self, venue: uuid.UUID, seats: int, per_row: int, standing: int, accessible: tuple[int, ...]
    ) -> tuple[uuid.UUID, SeatPlan]:
        hall = new_id()
        rows = tuple(
            PlanRow(
                row_label(index),
                tuple(
                    PlanSeat(f"{at + 1}", float(at), float(index + 2), index * per_row + at in accessible)
                    for at in range(length)
                ),
            )
            for index, length in enumerate(_row_lengths(seats, per_row))
        )
        sections = [PlanSection(str(derived(hall, "section", 0)), "Stalls", "seated", "A", rows)]
        if standing:
            sections.append(PlanSection(str(derived(hall, "section", 1)), "Floor", "standing", "B", (), standing))
        plan = SeatPlan(tuple(sections))
        plan_hash, body = encode(plan)
        await self._rows.execute(
            "INSERT INTO seat_plan (hash, body, seats) VALUES ($1, $2, $3)", plan_hash, body, plan.places
        )
        await self._rows.execute(
            "INSERT INTO hall (id, venue_id, name, plan_id) VALUES ($1, $2, 'Main hall', $3)", hall, venue, plan_hash
        )
        return hall, plan


def _row_lengths(seats: int, per_row: int) -> list[int]:
    return [per_row] * (seats // per_row) + ([seats % per_row] if seats % per_row else [])


@dataclass
class Buyer:
    """A buyer with an account and a fresh access token, at one edge."""

    id: uuid.UUID
    email: str
    http: httpx.AsyncClient
    edge_url: str
    token: str = field(repr=False, default="")

    def at(self, edge_url: str) -> "Buyer":
        """The same buyer at another edge."""
        return Buyer(self.id, self.email, self.http, edge_url, self.token)

    async def ask(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        bearer = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return await self.http.request(method, f"{self.edge_url}{path}", headers=bearer | (headers or {}), **more)

    async def wish(
        self, show: Show | str, body: Any, *, key: str = "", wait: float = 10, **more: Any
    ) -> httpx.Response:
        """Ask for seats, whatever is answered."""
        show_id = show.id if isinstance(show, Show) else show
        headers = {"Idempotency-Key": key or new_key()} | ({"Prefer": f"wait={wait:g}"} if wait else {})
        return await self.ask("POST", f"/v1/shows/{show_id}/bookings", json=body, headers=headers, **more)

    async def hold(self, show: Show, *seats: str, wallet: bool = False, **body: Any) -> dict[str, Any]:
        """Hold these seats, or whatever the body says."""
        body = ({"seats": list(seats)} if seats else {}) | body
        if wallet:
            body["payment"] = {"method": "wallet"}
        answer = await self.wish(show, body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def booking(self, booking_id: str) -> dict[str, Any]:
        answer = await self.ask("GET", f"/v1/bookings/{booking_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def until_status(self, booking_id: str, status: str, within: float = SOON_SECONDS) -> dict[str, Any]:
        return await self.until(booking_id, f"the booking is {status}", lambda b: b["status"] == status, within)

    async def until(
        self, booking_id: str, what: str, is_so: Callable[[dict[str, Any]], bool], within: float = SOON_SECONDS
    ) -> dict[str, Any]:
        """The booking, once it is so."""
        seen: dict[str, Any] = {}

        async def look() -> bool:
            nonlocal seen
            seen = await self.booking(booking_id)
            return is_so(seen)

        try:
            await until(what, look, within)
        except AssertionError as error:
            raise AssertionError(
                f"{error}; the booking: {seen}; its timeline: {await self.timeline(booking_id)}"
            ) from None
        return seen

    async def until_payable(self, booking_id: str, within: float = SOON_SECONDS) -> str:
        """The provider's order by which the booking can be paid."""
        booking = await self.until(
            booking_id, "the order is made", lambda b: "razorpay_order_id" in b["payment"], within
        )
        return str(booking["payment"]["razorpay_order_id"])

    async def until_ticketed(self, booking_id: str, within: float = SOON_SECONDS) -> dict[str, Any]:
        """Confirmed, and every seat has its ticket."""
        return await self.until(
            booking_id, "the booking is confirmed, with tickets",
            lambda b: b["status"] == "confirmed" and len(b["tickets"]) == len(b["seats"]), within,
        )  # fmt: skip

    async def until_refunded(self, booking_id: str, count: int = 1, within: float = SOON_SECONDS) -> dict[str, Any]:
        """So many refunds have been processed."""
        return await self.until(
            booking_id, f"{count} refunds are processed",
            lambda b: [r["status"] for r in b["refunds"]] == ["processed"] * count, within,
        )  # fmt: skip

    async def until_told(self, booking_id: str, event: str, within: float = SOON_SECONDS) -> list[str]:
        """The timeline's events, once this one is among them."""
        told: list[str] = []

        async def look() -> bool:
            nonlocal told
            told = await self.timeline(booking_id)
            return event in told

        await until(f"{event} is in the timeline of {booking_id}", look, within)
        return told

    async def timeline(self, booking_id: str) -> list[str]:
        answer = await self.ask("GET", f"/v1/bookings/{booking_id}/timeline")
        return [item["event"] for item in answer.json()["items"]] if answer.status_code == 200 else [answer.text]


async def forget_the_note(booking_id: str) -> None:
    """As after fifteen minutes, or a flushed Redis: the edge no longer knows that this was asked for."""
    async with redis.asyncio.Redis.from_url(os.environ["REDIS_URL"]) as notes:
        assert await notes.delete(f"accepted:{booking_id}") == 1


def new_key() -> str:
    return f"key-{uuid.uuid4()}"


class Buyers:
    """Makes buyers: each has an account of its own, and needs no password."""

    def __init__(self, rows: asyncpg.Pool, http: httpx.AsyncClient, edge_url: str) -> None:
        self._rows, self._http, self._edge_url = rows, http, edge_url

    async def make(self, *, wallet: int | None = None, role: str = "buyer") -> Buyer:
        user_id = new_id()
        email = f"buyer-{user_id}@example.com"
        await self._rows.execute(
            """INSERT INTO "user" (id, email, name, password_hash, role, email_verified, created_at)
            VALUES ($1, $2, 'Test Buyer', '-', $3, true, now())""",
            user_id, email, role,
        )  # fmt: skip
        if wallet is not None:
            async with self._rows.acquire() as rows, rows.transaction():
                await ledger.give(rows, datetime.now(UTC), user_id, "INR", wallet, f"test:{user_id}")
        return Buyer(user_id, email, self._http, self._edge_url, tokens.issue(user_id, role))

    def nobody(self) -> Buyer:
        """Somebody who has not logged in."""
        return Buyer(new_id(), "", self._http, self._edge_url)


class Emulator:
    """The provider's control calls: the buyer at Checkout, and the weather."""

    def __init__(self, http: httpx.AsyncClient, url: str, keys: tuple[str, str], rows: asyncpg.Pool) -> None:
        self._http, self.url, self._keys, self._rows = http, url, keys, rows

    async def pay(self, order_id: str, outcome: str = "captured", **more: Any) -> dict[str, Any]:
        return await self._ask("POST", f"/control/orders/{order_id}/pay", json={"outcome": outcome, **more})

    async def settle(self, payment_id: str, outcome: str, **more: Any) -> dict[str, Any]:
        return await self._ask("POST", f"/control/payments/{payment_id}/settle", json={"outcome": outcome, **more})

    async def settle_refund(self, refund_id: str, outcome: str, **more: Any) -> None:
        await self._ask("POST", f"/control/refunds/{refund_id}/settle", json={"outcome": outcome, **more})

    async def dispute(self, payment_id: str, **more: Any) -> dict[str, Any]:
        """The payer's bank wants the payment back (or an ``amount`` of it)."""
        return await self._ask("POST", f"/control/payments/{payment_id}/dispute", json=more)

    async def make_settlement(self) -> None:
        """Everything that is not settled yet is paid out."""
        await self._ask("POST", "/control/settlements")

    async def settle_dispute(self, dispute_id: str, outcome: str) -> None:
        await self._ask("POST", f"/control/disputes/{dispute_id}/settle", json={"outcome": outcome})

    async def fault(self, kind: str, count: int = 1, only: str = "") -> None:
        """The next calls (or only those that begin so) go wrong; those of earlier tests have been made by then."""
        await until_nothing_is_on_its_way(self._rows)
        body = {"kind": kind, "next": count} | ({"only": only} if only else {})
        await self._ask("POST", "/control/faults", json=body)

    async def faults(self) -> list[dict[str, Any]]:
        return list((await self._ask("GET", "/control/faults"))["waiting"])

    async def faults_waiting(self) -> int:
        return len(await self.faults())

    async def clear_faults(self) -> None:
        await self._ask("DELETE", "/control/faults")

    async def payment(self, payment_id: str) -> dict[str, Any]:
        """A payment as the provider's ledger has it, with its refunds."""
        ledger = await self._ask("GET", "/control/ledger")
        [found] = [payment for payment in ledger["payments"] if payment["id"] == payment_id]
        return {**found, "refunds": [refund for refund in ledger["refunds"] if refund["payment_id"] == payment_id]}

    async def orders(self, receipt: str) -> list[dict[str, Any]]:
        """The orders that carry this receipt, as the provider's REST API lists them."""
        answer = await self._ask("GET", "/v1/orders", params={"receipt": receipt}, auth=self._keys)
        return list(answer["items"])

    async def order(self, order_id: str) -> dict[str, Any]:
        return await self._ask("GET", f"/v1/orders/{order_id}", auth=self._keys)

    async def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        answer = await self._http.request(method, f"{self.url}{path}", **more)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


class Mailbox:
    """What arrived, by recipient, and the bad days of the mail server."""

    def __init__(self, http: httpx.AsyncClient, url: str, rows: asyncpg.Pool) -> None:
        self._http, self.url, self._rows = http, url, rows

    async def letters(self, to: str) -> list[dict[str, Any]]:
        answer = await self._http.get(f"{self.url}/api/messages", params={"to": to})
        assert answer.status_code == 200, answer.text
        return list(answer.json())

    async def until_letter(self, to: str, within: float = SOON_SECONDS) -> dict[str, Any]:
        letters = await until(f"a letter to {to}", lambda: self.letters(to), within)
        return letters[0]

    async def attachment(self, letter: dict[str, Any], name: str) -> bytes:
        answer = await self._http.get(f"{self.url}/api/messages/{letter['id']}/attachments/{name}")
        assert answer.status_code == 200, answer.text
        return answer.content

    async def fault(self, kind: str, count: int = 1) -> None:
        """The next letters meet a bad mail server; those of earlier tests have arrived by then."""
        await until_nothing_is_on_its_way(self._rows)
        answer = await self._http.post(f"{self.url}/control/faults", json={"kind": kind, "next": count})
        assert answer.status_code == 200, answer.text

    async def until_fault_met(self) -> None:
        """Every fault asked for has met its letter: before that, a sender that ends leaves its fault to the next."""

        async def is_met() -> bool:
            answer = await self._http.get(f"{self.url}/control/faults")
            return answer.status_code == 200 and answer.json() == []

        await until("a letter met the mail server's fault", is_met)

    async def clear_faults(self) -> None:
        await self._http.delete(f"{self.url}/control/faults")


async def until_nothing_is_on_its_way(rows: asyncpg.Pool) -> None:
    """No sale of an earlier test is about to ask the provider or the mail server, and to meet this test's fault."""

    async def is_quiet() -> bool:
        return not await rows.fetchval(
            """SELECT (SELECT count(*) FROM saga WHERE course = 'forward' AND changed_at > now() - interval '30 s'
                AND step IN ('seats', 'payment', 'tickets', 'letter'))
            + (SELECT count(*) FROM letter WHERE next_try_at IS NOT NULL AND attempts < 2)"""
        )

    await until("the sales and letters of earlier tests are at rest", is_quiet, within=40)


async def let_time_pass(rows: asyncpg.Pool, booking_id: str) -> None:
    """What waits for a time to come before it goes on with this booking (leases, what is sent again) is due now."""
    booking = uuid.UUID(booking_id)
    await rows.execute(
        "UPDATE payment SET claimed_until = now() WHERE booking_id = $1 AND claimed_until > now()", booking
    )
    await rows.execute(
        "UPDATE refund SET claimed_until = now() WHERE booking_id = $1 AND claimed_until > now()", booking
    )
    await rows.execute(
        "UPDATE letter SET claimed_until = now() WHERE booking_id = $1 AND claimed_until > now()", booking
    )
    await rows.execute("UPDATE saga SET next_send_at = now() WHERE id = $1 AND next_send_at > now()", booking)


def problem_of(answer: httpx.Response, status: int, kind: str = "") -> dict[str, Any]:
    """The answer is a problem of this status, in the shape that every problem has; its body."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"].startswith("/problems/") and problem["title"] and problem["detail"]
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    if kind:
        assert problem["type"] == f"/problems/{kind}"
    if status == 422:
        assert problem["errors"] and all(set(error) == {"pointer", "detail"} for error in problem["errors"]), problem
    return problem
