"""A cascade: `python -m loadtest.cascade [--bookings N] [--by-razorpay N]` sells out a show, cancels it, and waits.

1. As many buyers as seats, each with one; most pay from their wallet, the others by Razorpay.
2. The organiser cancels the show; how far it has come is asked of the API until every booking is cancelled, all money
   is back and everybody has been told.
3. Each buyer's money is where it came from, and nobody has been told twice.  Exit code 0 only then."""

import argparse
import asyncio
import sys
import time
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from loadtest.accounts import Buyer, make_buyers, token_for
from loadtest.bench.posting import booking_request, post
from loadtest.command import Ground, exit_code, ground
from loadtest.shows import make_show, seat_ids
from loadtest.stack import Stack, stack

SEATS_PER_ROW, HOLD_SECONDS = 100, 3_600
CONNECTIONS, PAYING_AT_ONCE = 32, 16
#: On a busy machine some wishes are answered 503, or come too late to be decided: they are sent again, so many times.
ATTEMPTS, UNTIL_DECIDED_SECONDS = 20, 5.0
SELL_LIMIT_SECONDS, CASCADE_LIMIT_SECONDS = 1_800.0, 3_600.0
#: The mailbox and the organiser's page are looked at as often; a line is printed at most every ten seconds.
LOOK_SECONDS, TELL_SECONDS = 0.5, 10.0

#: Who may cancel the show, and what a seat costs.
SHOW = """SELECT (w.prices -> 0 ->> 'amount')::bigint AS price, w.currency, (
    SELECT m.user_id FROM organiser_member m
    WHERE m.organiser_id = e.organiser_id AND m.role IN ('owner', 'manager') LIMIT 1) AS manager
FROM show w JOIN event e ON e.id = w.event_id WHERE w.id = $1"""
ORDERS = """SELECT p.razorpay_order_id AS id FROM payment p JOIN booking b ON b.id = p.booking_id
WHERE b.show_id = $1 AND p.status = 'ready' AND p.razorpay_order_id IS NOT NULL"""
HOLDERS = "SELECT buyer_id, bool_or(state <> 'refused') AS held FROM booking WHERE show_id = $1 GROUP BY buyer_id"
TICKETS = "SELECT count(*) FROM ticket WHERE show_id = $1 AND status = 'valid'"
#: Bookings whose money is not back where it came from, whole; and buyers who were not told of it exactly once.
WRONG = """SELECT count(*) FILTER (WHERE b.state <> 'cancelled') AS "not cancelled",
    count(*) FILTER (WHERE (SELECT coalesce(sum(c.amount), 0) FROM capture c WHERE c.booking_id = b.id) = 0
        OR (SELECT sum(c.amount) FROM capture c WHERE c.booking_id = b.id) <> (
            SELECT coalesce(sum(r.amount), 0) FROM refund r WHERE r.booking_id = b.id AND r.status = 'processed')
        ) AS "not paid back",
    count(*) FILTER (WHERE b.method = 'wallet'
        AND NOT EXISTS (SELECT FROM wallet w WHERE w.user_id = b.buyer_id AND w.balance = $2)) AS "wallets not filled",
    count(*) FILTER (WHERE 1 <> (SELECT count(*) FROM letter l
        WHERE l.booking_id = b.id AND l.template = 'cancelled' AND l.status = 'sent')) AS "not told once",
    count(*) FILTER (WHERE EXISTS (SELECT FROM ticket t WHERE t.booking_id = b.id AND t.status <> 'cancelled'))
        AS "tickets that stayed"
FROM booking b WHERE b.show_id = $1 AND b.state <> 'refused'"""


class CascadeFailed(Exception):
    """The show could not be sold out or cancelled; the message says why."""


class Cascade:
    """One show, its organiser, and what is asked of the product about it."""

    def __init__(self, where: Stack, here: Ground) -> None:
        self._where = where
        self._edge_url, self._connection, self._client = here

    async def sell_out(self, bookings: int, by_razorpay: int) -> None:
        show = await make_show(f"Cascade {uuid.uuid4().hex[:8]}", bookings, -(-bookings // SEATS_PER_ROW), HOLD_SECONDS)
        self.show_id = uuid.UUID(show["show_id"])
        self.row = await self._connection.fetchrow(SHOW, self.show_id)
        crowd = await make_buyers(self._connection, bookings)
        await fill_wallets(self._connection, crowd[by_razorpay:], self.row["price"], self.row["currency"])
        seats = (await seat_ids(self._edge_url, show["show_id"]))[:bookings]
        wishes = {
            buyer.id: (buyer, {"seats": [seat], "payment": {"method": "razorpay" if n < by_razorpay else "wallet"}})
            for n, (buyer, seat) in enumerate(zip(crowd, seats, strict=True))
        }
        began, paid = time.monotonic(), set[str]()
        await self._hold(wishes)
        while (issued := await self._connection.fetchval(TICKETS, self.show_id)) < bookings:
            if time.monotonic() - began > SELL_LIMIT_SECONDS:
                raise CascadeFailed(f"{issued:,} of {bookings:,} tickets within {SELL_LIMIT_SECONDS:.0f} s")
            await self._pay(paid)
            await asyncio.sleep(LOOK_SECONDS)
        print(
            f"{bookings:,} bookings confirmed in {time.monotonic() - began:.0f} s, {by_razorpay:,} by Razorpay",
            flush=True,
        )

    async def _hold(self, wishes: dict[uuid.UUID, tuple[Buyer, dict[str, Any]]]) -> None:
        """Wish until everybody has their seat: under the same key after a 503, under a new one after a refusal."""
        url, refused = urlsplit(self._edge_url), set[uuid.UUID]()
        address = (url.hostname or "127.0.0.1", url.port or 80)
        for attempt in range(ATTEMPTS):
            told = await self._connection.fetch(HOLDERS, self.show_id)
            refused = {row["buyer_id"] for row in told if not row["held"]}
            seated = {row["buyer_id"] for row in told if row["held"]}
            left = [wish for buyer, wish in wishes.items() if buyer not in seated]
            if not left:
                return
            requests = [
                booking_request(
                    address, self.show_id, buyer.token,
                    f"cascade-{buyer.id}" + (f"-{attempt}" if buyer.id in refused else ""), wish,
                )
                for buyer, wish in left
            ]  # fmt: skip
            await asyncio.to_thread(
                post, address, requests, CONNECTIONS, good=(202, 503), limit_seconds=SELL_LIMIT_SECONDS
            )
            await asyncio.sleep(UNTIL_DECIDED_SECONDS)
        raise CascadeFailed(f"{len(left):,} buyers got no seat, asking {ATTEMPTS} times")

    async def _pay(self, paid: set[str]) -> None:
        """Play the buyers whose order has come."""
        orders = [row["id"] for row in await self._connection.fetch(ORDERS, self.show_id) if row["id"] not in paid]
        paid.update(orders)
        at_once = asyncio.Semaphore(PAYING_AT_ONCE)

        async def pay(order: str) -> None:
            path = f"{self._where.razorpay_url}/control/orders/{order}/pay"
            async with at_once:
                (await self._client.post(path, json={"outcome": "captured"})).raise_for_status()

        await asyncio.gather(*map(pay, orders))

    async def cancel(self) -> dict[str, float]:
        """Cancel it; after how many seconds all were cancelled, paid back, told, and the whole was done."""
        began = time.monotonic()
        asked = await self._ask("POST", f"/v1/shows/{self.show_id}/cancel", {"reason": "The stage has collapsed"})
        marks, said_at, slowest = {"closed": time.monotonic() - began}, began, 0.0
        while True:
            asked_at = time.monotonic()
            [told] = (await self._ask("GET", f"/v1/cancellations/{asked['id']}"))["shows"]
            slowest = max(slowest, time.monotonic() - asked_at)
            at, live = time.monotonic() - began, told["bookings"]
            if live is not None and not told["left"] and told["cancelled"] == live:
                marks.setdefault("cancelled", at)
                if not told["refunds_pending"] and told["refunds_done"] + told["refunds_failed"] >= live:
                    marks.setdefault("paid back", at)
                if told["told"] == live:
                    marks.setdefault("told", at)
            if told["status"] == "done" and len(marks) == 4:
                print(f"the slowest answer about how far it has come: {slowest:.1f} s")
                return marks
            if at > CASCADE_LIMIT_SECONDS:
                raise CascadeFailed(f"not done after {at:.0f} s: {told}")
            if time.monotonic() - said_at >= TELL_SECONDS:
                said_at = time.monotonic()
                print(f"  {at:5.0f} s  {told['cancelled']:,} cancelled, {told['refunds_done']:,} paid back,"
                      f" {told['told']:,} told", flush=True)  # fmt: skip
            await asyncio.sleep(LOOK_SECONDS)

    async def wrong(self) -> dict[str, int]:
        """What is not as it should be, by kind."""
        row = await self._connection.fetchrow(WRONG, self.show_id, self.row["price"])
        return {what: count for what, count in row.items() if count}

    async def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        token = {"Authorization": f"Bearer {token_for(self.row['manager'])}"}
        answer = await self._client.request(method, f"{self._edge_url}{path}", json=body, headers=token)
        if answer.status_code not in (200, 202):
            raise CascadeFailed(f"{method} {path} was answered {answer.status_code}: {answer.text[:300]}")
        found: dict[str, Any] = answer.json()
        return found


async def fill_wallets(connection: Any, crowd: list[Buyer], amount: int, currency: str) -> None:
    """Each buyer's wallet with so much in it, booked as the service's gift."""
    now, wallets = datetime.now(UTC), [(uuid.uuid5(buyer.id, f"wallet:{currency}"), buyer.id) for buyer in crowd]
    async with connection.transaction():
        await connection.copy_records_to_table(
            "wallet", records=[(wallet, buyer, currency, amount) for wallet, buyer in wallets],
            columns=["id", "user_id", "currency", "balance"],
        )  # fmt: skip
        await connection.copy_records_to_table(
            "ledger_transaction",
            records=[(wallet, "gift", f"cascade:{wallet}", "For the cascade", now) for wallet, _ in wallets],
            columns=["id", "kind", "reference", "note", "at"],
        )
        entries: list[tuple[Any, ...]] = []
        for wallet, buyer in wallets:
            entries += [(wallet, 1, "wallet", buyer, currency, -amount, amount)]
            entries += [(wallet, 2, "service", None, currency, amount, None)]
        await connection.copy_records_to_table(
            "ledger_entry", records=entries,
            columns=["transaction_id", "n", "account", "owner", "currency", "amount", "balance_after"],
        )  # fmt: skip


async def cascade(where: Stack, bookings: int, by_razorpay: int) -> bool:
    async with ground(where, "cascade") as here:
        playing = Cascade(where, here)
        await playing.sell_out(bookings, by_razorpay)
        marks = await playing.cancel()
        wrong = await playing.wrong()
    print(", ".join(f"{what} after {at:.1f} s" for what, at in marks.items()))
    for what, count in wrong.items():
        print(f"  WRONG  {count:,} {what}")
    print(f"cascade: {'not as it should be' if wrong else f'clean, {bookings:,} bookings'}", flush=True)
    return not wrong


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m loadtest.cascade", description="A sold-out show is cancelled.")
    parser.add_argument("--bookings", type=int, default=20_000, help="how many (20000)")
    parser.add_argument("--by-razorpay", type=int, default=None, help="so many of them by Razorpay (a tenth)")
    options = parser.parse_args(arguments)
    by_razorpay = options.bookings // 10 if options.by_razorpay is None else min(options.by_razorpay, options.bookings)
    return exit_code("cascade", lambda: cascade(stack(), options.bookings, by_razorpay), CascadeFailed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
