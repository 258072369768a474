"""A scratch schema with the product's tables and none of their constraints, so that tests can seed what must not be."""

import contextlib
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from loadtest.checks.evidence import Evidence

TABLES = (
    "booking", "buyer_holds", "capture", "journal", "lane", "letter", "lost_command", "payment", "refund", "saga",
    "saga_event", "saga_journal", "seat", "seat_plan", "show", "ticket", "user", "wallet", "cancellation",
    "ledger_transaction", "ledger_entry", "top_up", "box_office_sale",
    "payout", "settlement_line", "listing", "invoice", "invoice_counter",
)  # fmt: skip

SHOW = UUID("00000000-0000-7000-8000-000000000001")
SECTION = "stalls"
SEATS = [f"1-{ordinal}" for ordinal in range(4)]
BEGAN = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)


@contextlib.asynccontextmanager
async def scratch_schema() -> AsyncIterator["Scratch"]:
    """Empty copies of the tables, in a transaction that is never committed."""
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    transaction = connection.transaction()
    await transaction.start()
    try:
        schema = f"scratch_{uuid4().hex[:12]}"
        await connection.execute(f"CREATE SCHEMA {schema}")
        for table in TABLES:
            await connection.execute(f'CREATE TABLE {schema}."{table}" (LIKE public."{table}" INCLUDING DEFAULTS)')
        await connection.execute(f"SET LOCAL search_path = {schema}")
        yield Scratch(connection)
    finally:
        await transaction.rollback()
        await connection.close()


class Scratch:
    """Writes a small, sound world: one show of four seats on lane show.00, and what its lane decided."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.offset = -1
        self.places = 0
        self.payments: list[dict[str, Any]] = []
        self.letters: list[dict[str, Any]] = []

    async def execute(self, query: str, *values: Any) -> None:
        """One change, which must have hit something: a seed that seeds nothing would prove nothing."""
        status = await self.connection.execute(query, *values)
        assert not status.endswith(" 0"), f"{query} changed nothing"

    async def insert(self, table: str, **values: Any) -> None:
        names = ", ".join(f'"{name}"' for name in values)
        places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
        await self.execute(f'INSERT INTO "{table}" ({names}) VALUES ({places})', *values.values())

    async def journal(
        self, command: str, outcome: str, result: dict[str, Any], *, booking_id: UUID | None = None,
        message: dict[str, Any] | None = None, place: int | None = None, command_id: UUID | None = None,
        decided_at: datetime | None = None,
    ) -> int:  # fmt: skip
        """The next row of the lane's journal."""
        previous, self.offset = (self.offset if self.offset >= 0 else None), self.offset + 1
        body = {"name": command, "show_id": str(SHOW), "booking_id": str(booking_id), **(message or {})}
        await self.insert(
            "journal", lane="show.00", generation=0, offset=self.offset, previous_offset=previous, show_id=SHOW,
            booking_id=booking_id, command=command, command_id=command_id or uuid4(), publish_id=uuid4().hex,
            body=json.dumps({"kwargs": {"message": body}}), inputs="{}", outcome=outcome, result=json.dumps(result),
            decided=True, place=place, decided_at=decided_at or self.now, hash="",
        )  # fmt: skip
        await self.connection.execute("UPDATE lane SET next_offset = $1 WHERE lane = 'show.00'", self.offset + 1)
        return self.offset

    @property
    def now(self) -> datetime:
        return BEGAN + timedelta(seconds=self.offset)

    async def open_show(self) -> None:
        plan = {"sections": [{"id": SECTION, "name": "Stalls", "kind": "seated", "tier": "A",
                              "rows": [["A", [[str(n), n, 0, False] for n in range(1, 5)]]]}]}  # fmt: skip
        await self.insert("seat_plan", hash="plan", body=json.dumps(plan), seats=4)
        times = {
            "sale_opens_at": BEGAN - timedelta(days=1), "sale_closes_at": BEGAN + timedelta(days=9),
            "starts_at": BEGAN + timedelta(days=9), "ends_at": BEGAN + timedelta(days=9, hours=3),
        }  # fmt: skip
        await self.insert(
            "show", id=SHOW, number=1, event_id=uuid4(), hall_id=uuid4(), plan_id="plan", lane="show.00",
            currency="INR", prices="{}", hold_seconds=300, max_seats_per_booking=10, max_live_holds=2, opened=True,
            cancelled=False, seats_version=1, place=1, left=json.dumps({SECTION: 4}), hash="", **times,
        )  # fmt: skip
        for seat in SEATS:
            await self.insert("seat", show_id=SHOW, id=seat, state="free")
        await self.insert("lane", lane="show.00", generation=0, next_offset=0)
        prices = [{"section_id": SECTION, "amount": 500}]
        message = {name: value.isoformat() for name, value in times.items()} | {"prices": prices}
        await self.journal("open_show", "opened", {"name": "opened"}, message=message)

    async def hold(self, seats: list[str], *, buyer: UUID | None = None, apply: bool = True) -> UUID:
        """A wish for these seats that was granted, with all that follows; ``apply=False`` leaves the seats alone."""
        booking_id, buyer = uuid4(), buyer or uuid4()
        self.places += 1
        places = [{"id": seat, "label": seat, "row": "A", "section": "Stalls", "section_id": SECTION, "price": 500}
                  for seat in seats]  # fmt: skip
        amounts = {"seats": 500 * len(seats)}
        until = datetime.now(UTC) + timedelta(minutes=5)
        result = {"name": "held", "seats": [int(seat[2:]) for seat in seats], "booking_state": "held",
                  "held_until": until.isoformat(), "places": places, "amounts": amounts}  # fmt: skip
        at = await self.journal(
            "hold_seats", "held", result, booking_id=booking_id, command_id=booking_id, place=self.places,
            message={"buyer_id": str(buyer), "seats": seats, "not_after": (self.now + timedelta(60)).isoformat()},
        )  # fmt: skip
        await self._book(booking_id, buyer, at, "held", places, amounts, until, None)
        await self.insert("user", id=buyer, email=f"{buyer}@x.example", name="B", password_hash="x", role="buyer",
                          email_verified=True, created_at=BEGAN)  # fmt: skip
        await self.insert("buyer_holds", buyer_id=buyer, live=1)
        await self.insert("saga", id=booking_id, kind="booking", lane="saga.00", step="money", course="forward",
                          outcome="", progress="{}", outbox="[]", events=1, changed_at=datetime.now(UTC))  # fmt: skip
        await self.insert("saga_event", saga_id=booking_id, n=1, event="seats_held", step="payment", course="forward",
                          detail="{}", at=BEGAN)  # fmt: skip
        if apply:
            await self.execute("UPDATE seat SET state = 'held', booking_id = $1 WHERE id = ANY($2)", booking_id, seats)
        await self._count_left()
        return booking_id

    async def refuse(self, wish: dict[str, Any], refusal: dict[str, Any]) -> UUID:
        """A wish that was refused, for this reason."""
        booking_id, buyer = uuid4(), uuid4()
        self.places += 1
        result = {"name": "refused", "booking_state": "refused", "refusal": refusal}
        late = (self.now + timedelta(60)).isoformat()
        at = await self.journal(
            "hold_seats", refusal["type"], result, booking_id=booking_id, command_id=booking_id, place=self.places,
            message={"buyer_id": str(buyer), "not_after": late, **wish},
        )  # fmt: skip
        await self._book(booking_id, buyer, at, "refused", [], {"seats": 0}, None, json.dumps(refusal))
        return booking_id

    async def confirm(self, booking_id: UUID) -> None:
        """The booking, paid and finished: money, tickets and letter."""
        booking = await self.connection.fetchrow("SELECT * FROM booking WHERE id = $1", booking_id)
        seats = [place["id"] for place in json.loads(booking["seats"])]
        amount, number = 500 * len(seats), len(self.payments)
        payment_id, provider_id, order = uuid4(), f"pay_{number}", f"order_{number}"
        result = {"name": "confirmed", "booking_state": "confirmed", "seats": [int(seat[2:]) for seat in seats]}
        await self.journal("confirm_seats", "confirmed", result, booking_id=booking_id)
        await self.execute("UPDATE booking SET state = 'confirmed' WHERE id = $1", booking_id)
        await self.execute("UPDATE seat SET state = 'sold' WHERE booking_id = $1", booking_id)
        await self.execute("UPDATE buyer_holds SET live = 0 WHERE buyer_id = $1", booking["buyer_id"])
        await self.execute("UPDATE saga SET course = 'ended', step = '' WHERE id = $1", booking_id)
        await self.insert("payment", id=payment_id, booking_id=booking_id, method="razorpay", amount=amount,
                          currency="INR", status="captured", razorpay_order_id=order, checks=0,
                          created_at=BEGAN)  # fmt: skip
        await self.insert("capture", provider_payment_id=provider_id, payment_id=payment_id, booking_id=booking_id,
                          amount=amount, currency="INR", captured_at=BEGAN)  # fmt: skip
        await self.book(f"capture:{provider_id}", booking_id, ("provider", None), ("booking", booking_id), amount)
        await self.book(f"sale:{booking_id}", booking_id, ("booking", booking_id), ("organiser", SHOW), amount)
        await self.invoice(booking_id, f"sale:{booking_id}", amount)
        self.payments.append({"id": provider_id, "order_id": order, "amount": amount, "currency": "INR",
                              "status": "captured", "captured": True, "refunded": 0})  # fmt: skip
        for seat in seats:
            await self.insert("ticket", id=uuid4(), booking_id=booking_id, show_id=SHOW, seat_id=seat,
                              holder_id=booking["buyer_id"], status="valid", code="c", issued_at=BEGAN)  # fmt: skip
        message_id, email = f"<confirmed.{booking_id}@x.example>", f"{booking['buyer_id']}@x.example"
        await self.insert("letter", id=uuid4(), booking_id=booking_id, template="confirmed", recipient=email,
                          message_id=message_id, status="sent", attempts=1, last_error="", trace_id="",
                          created_at=BEGAN, sent_at=BEGAN)  # fmt: skip
        pdf = {"name": "tickets.pdf", "content_type": "application/pdf", "size": 20_000}
        self.letters.append({"id": str(number), "to": email, "message_id": message_id, "attachments": [pdf],
                             "received_at": BEGAN.isoformat()})  # fmt: skip

    async def book(
        self, reference: str, booking_id: UUID | None, debit: tuple[str, UUID | None], credit: tuple[str, UUID | None],
        amount: int, after: int | None = None,
    ) -> None:  # fmt: skip
        """A transaction of the ledger; ``after`` is the balance of the wallet in it."""
        made = uuid4()
        await self.insert("ledger_transaction", id=made, kind=reference.split(":")[0], reference=reference,
                          booking_id=booking_id, at=BEGAN)  # fmt: skip
        for n, ((account, owner), moved) in enumerate(((debit, amount), (credit, -amount))):
            await self.insert("ledger_entry", transaction_id=made, n=n, account=account, owner=owner, currency="INR",
                              amount=moved, balance_after=after if account == "wallet" else None)  # fmt: skip

    async def invoice(self, booking_id: UUID, reference: str, amount: int, corrects: UUID | None = None) -> UUID:
        """The paper of a transaction of the ledger, and its number."""
        made, kind = uuid4(), "invoice" if corrects is None else "credit-note"
        number = 1 + await self.connection.fetchval("SELECT count(*) FROM invoice WHERE kind = $1", kind)
        booked = await self.connection.fetchval("SELECT id FROM ledger_transaction WHERE reference = $1", reference)
        await self.insert("invoice", id=made, kind=kind, organiser_id=SHOW, year=BEGAN.year, number=number,
                          booking_id=booking_id, transaction_id=booked, corrects=corrects, currency="INR",
                          amount=amount, tax=0, body=json.dumps({"amount": amount, "tax": 0}), at=BEGAN)  # fmt: skip
        await self.connection.execute("DELETE FROM invoice_counter WHERE kind = $1", kind)
        await self.insert("invoice_counter", organiser_id=SHOW, kind=kind, year=BEGAN.year, last=number)
        return made

    def evidence(self) -> Evidence:
        return Evidence(self.connection, {"payments": self.payments}, self.letters, [], 6, datetime.now(UTC))

    async def _book(
        self, booking_id: UUID, buyer: UUID, at: int, state: str, places: list[Any], amounts: dict[str, int],
        until: datetime | None, refusal: str | None,
    ) -> None:  # fmt: skip
        await self.insert(
            "booking", id=booking_id, show_id=SHOW, buyer_id=buyer, lane="show.00", generation=0, offset=at,
            place=self.places, state=state, seats=json.dumps(places), amounts=json.dumps(amounts), currency="INR",
            method="razorpay", held_until=until, refusal=refusal, body_hash="", decided_at=self.now,
            changed_at=self.now,
        )  # fmt: skip

    async def _count_left(self) -> None:
        free = await self.connection.fetchval("SELECT count(*) FROM seat WHERE state = 'free'")
        await self.execute('UPDATE show SET "left" = $1', json.dumps({SECTION: free}))
