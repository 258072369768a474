"""A storm of sales: `python -m loadtest.money_storm [--sales N] [--seed N]` sells while the provider has bad days.

1. Of the sales, 30 % have their webhooks repeated and 30 % out of order; for 5 % a webhook is forged first; 5 % are
   paid after the hold has ended, half of them after somebody else took the seat.
2. About 2 % of the provider's calls carry out what is asked, and answer 500.
3. When nothing is under way any more: every sale is a ticket or a refund, the provider's ledger is ours to the paisa,
   and the reconciler leaves nothing unexplained.  Exit code 0 only then."""

import argparse
import asyncio
import hashlib
import hmac
import json
import random
import re
import sys
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx

from loadtest.accounts import Buyer, make_buyers
from loadtest.checks import provider
from loadtest.checks.evidence import EvidenceMissing, fetch_ledger
from loadtest.command import exit_code, ground
from loadtest.shows import make_show, seat_ids
from loadtest.stack import ROOT, Stack, stack

REPEATED, SHUFFLED, FORGED, LATE, FAILING_CALLS = 0.30, 0.30, 0.05, 0.05, 0.02
SEATS_PER_ROW = 50
HOLD_SECONDS, SHORT_HOLD_SECONDS = 600, 15
#: Buyers at a time; how long one step of a sale may take on a busy machine; how long all may take to come to rest.
AT_ONCE, STEP_LIMIT_SECONDS, REST_LIMIT_SECONDS = 48, 180.0, 300.0
LOOK_SECONDS, REST_LOOK_SECONDS = 0.25, 2.0
RECONCILE_LIMIT_SECONDS = 300.0
SHOWN_MAX = 10

#: Sagas that have not come to rest, and money that is still on its way back.
UNDER_WAY = """SELECT (SELECT count(*) FROM saga s JOIN booking b ON b.id = s.id WHERE b.show_id = ANY($1)
        AND (s.course = 'back' OR s.course = 'forward' AND s.step IN ('payment', 'money', 'confirm', 'tickets')))
    + (SELECT count(*) FROM refund r JOIN booking b ON b.id = r.booking_id WHERE b.show_id = ANY($1)
        AND r.status = 'pending')"""
#: What became of each booking: its state, what was captured for it and what went back.
ENDS = """SELECT b.id::text, b.state,
    coalesce((SELECT sum(c.amount) FROM capture c WHERE c.booking_id = b.id), 0)::bigint AS captured,
    coalesce((
        SELECT sum(r.amount) FROM refund r WHERE r.booking_id = b.id AND r.status = 'processed'
    ), 0)::bigint AS back,
    (SELECT count(*) FROM ticket t WHERE t.booking_id = b.id AND t.status <> 'cancelled') AS tickets
FROM booking b WHERE b.show_id = ANY($1)"""
ORDERS = """SELECT p.razorpay_order_id FROM payment p JOIN booking b ON b.id = p.booking_id
WHERE b.show_id = ANY($1) AND p.razorpay_order_id IS NOT NULL"""


class StormFailed(Exception):
    """A step of a sale did not end as it should; the message says which."""


@dataclass(frozen=True, slots=True)
class Sale:
    """One buyer, one seat, and what is done to the webhooks."""

    buyer: Buyer
    show_id: str
    seat: str
    repeated: bool
    shuffled: bool
    forged: bool
    call_fails: bool
    #: Who takes the seat before a late buyer pays; None: nobody.
    rival: Buyer | None = None
    late: bool = False

    @property
    def webhooks(self) -> dict[str, Any]:
        return {"copies": 3 if self.repeated else 1, "shuffle": self.shuffled}


class Storm:
    def __init__(self, where: Stack, edge_url: str, client: httpx.AsyncClient) -> None:
        self._where, self._edge_url, self._client = where, edge_url, client
        self._seats_at_once = asyncio.Semaphore(AT_ONCE)
        self.counts: Counter[str] = Counter()
        self.failed: list[str] = []

    async def play(self, sale: Sale) -> None:
        """One sale, to the moment at which it is paid."""
        try:
            async with self._seats_at_once:
                if sale.call_fails:
                    await self._control("/control/faults", {"kind": "500-after-success", "next": 1})
                    self.counts["calls that fail after success"] += 1
                booking_id, order = await self._hold(sale.buyer, sale)
                if sale.forged:
                    await self._forge(sale, booking_id, order)
            if sale.late:
                await self._let_it_end(sale, booking_id)
            async with self._seats_at_once:
                await self._pay(order, sale)
            self.counts["paid late" if sale.late else "paid in time"] += 1
        except (StormFailed, httpx.HTTPError) as error:
            self.failed.append(f"{sale.show_id} {sale.seat}: {error!r}")

    async def _hold(self, buyer: Buyer, sale: Sale) -> tuple[str, str]:
        key = {"Idempotency-Key": f"storm-{uuid.uuid4()}", "Prefer": "wait=10"}
        path, wish = f"/v1/shows/{sale.show_id}/bookings", {"seats": [sale.seat]}

        async def accepted() -> dict[str, Any] | None:
            status, body = await self._ask(buyer, "POST", path, wish, key)
            if status >= 400 and status not in (429, 503):
                raise StormFailed(f"the hold was answered {status} {body}")
            return body if status in (200, 201, 202) else None

        booking_id = (await until("the hold is accepted", accepted))["id"]

        async def payable() -> str | None:
            _, body = await self._ask(buyer, "GET", f"/v1/bookings/{booking_id}")
            return (body.get("payment") or {}).get("razorpay_order_id")

        return booking_id, await until(f"booking {booking_id} can be paid", payable)

    async def _forge(self, sale: Sale, booking_id: str, order: str) -> None:
        """Somebody claims that it is paid, and signs with another word."""
        entity = {"id": f"pay_{uuid.uuid4().hex[:14]}", "status": "captured", "amount": 50_000, "currency": "INR"}
        body = {"event": "payment.captured", "payload": {"payment": {"entity": entity | {"order_id": order}}}}
        content = json.dumps(body).encode()
        signature = hmac.new(b"not-the-secret", content, hashlib.sha256).hexdigest()
        answer = await self._client.post(
            f"{self._edge_url}/v1/webhooks/razorpay", content=content,
            headers={"X-Razorpay-Signature": signature, "x-razorpay-event-id": uuid.uuid4().hex},
        )  # fmt: skip
        if answer.status_code != 401:
            raise StormFailed(f"a forged webhook was answered {answer.status_code}")
        self.counts["forged"] += 1

    async def _let_it_end(self, sale: Sale, booking_id: str) -> None:
        async def has_ended() -> bool:
            _, body = await self._ask(sale.buyer, "GET", f"/v1/bookings/{booking_id}")
            return body.get("status") == "expired"

        await until(f"the hold of {booking_id} has ended", has_ended)
        if sale.rival is not None:
            async with self._seats_at_once:
                _, order = await self._hold(sale.rival, sale)
                await self._pay(order, sale)
            self.counts["seats taken before late money"] += 1

    async def _pay(self, order: str, sale: Sale) -> None:
        await self._control(f"/control/orders/{order}/pay", {"outcome": "captured", "webhooks": sale.webhooks})
        self.counts["repeated"] += sale.repeated
        self.counts["out of order"] += sale.shuffled

    async def _ask(
        self, buyer: Buyer, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        told = {"Authorization": f"Bearer {buyer.token}", **(headers or {})}
        answer = await self._client.request(method, f"{self._edge_url}{path}", json=body, headers=told)
        found = answer.json()
        return answer.status_code, found if isinstance(found, dict) else {}

    async def _control(self, path: str, body: dict[str, Any]) -> None:
        answer = await self._client.post(f"{self._where.razorpay_url}{path}", json=body)
        if answer.status_code not in (200, 409):  # 100 faults wait already, or the order was paid before
            raise StormFailed(f"{path} was answered {answer.status_code}: {answer.text[:200]}")


async def until(
    what: str, look: Callable[[], Awaitable[Any]], within: float = STEP_LIMIT_SECONDS, again: float = LOOK_SECONDS
) -> Any:
    deadline = time.monotonic() + within
    while not (found := await look()):
        if time.monotonic() > deadline:
            raise StormFailed(f"{what}: not within {within:.0f} s")
        await asyncio.sleep(again)
    return found


async def plan(connection: Any, edge_url: str, count: int, draw: random.Random) -> tuple[list[uuid.UUID], list[Sale]]:
    """The shows, and the sales in the order in which they begin: those that are paid late come first."""
    late_count = round(count * LATE)
    shows, sales = [], []
    for late, sold, hold_seconds in ((True, late_count, SHORT_HOLD_SECONDS), (False, count - late_count, HOLD_SECONDS)):
        if not sold:
            continue
        show = await make_show(f"Storm {draw.random():.6f}", sold, -(-sold // SEATS_PER_ROW), hold_seconds)
        shows.append(uuid.UUID(show["show_id"]))
        buyers, rivals = await make_buyers(connection, sold), await make_buyers(connection, sold)
        for number, seat in enumerate((await seat_ids(edge_url, show["show_id"]))[:sold]):
            repeated, shuffled, forged, fails = (
                draw.random() < chance for chance in (REPEATED, SHUFFLED, FORGED, FAILING_CALLS)
            )
            rival = rivals[number] if late and number % 2 else None
            sales.append(
                Sale(buyers[number], show["show_id"], seat, repeated, shuffled, forged, fails, rival, late)
            )  # fmt: skip
    return shows, sales


async def storm(where: Stack, count: int, seed: int) -> bool:
    """Play it, wait until it has come to rest, and judge."""
    before = await _unexplained()
    async with ground(where, "storm", 2 * AT_ONCE) as here:
        edge_url, connection, client = here
        shows, sales = await plan(connection, edge_url, count, random.Random(seed))
        print(f"{len(sales):,} sales (seed {seed}) at {edge_url}", flush=True)
        playing, began = Storm(where, edge_url, client), time.monotonic()
        await asyncio.gather(*(playing.play(sale) for sale in sales))
        told = ", ".join(f"{what} {count}" for what, count in sorted(playing.counts.items()))
        print(f"all paid after {time.monotonic() - began:.0f} s: {told}", flush=True)
        await client.delete(f"{where.razorpay_url}/control/faults")

        async def at_rest() -> bool:
            busy = await connection.fetchval(UNDER_WAY, shows)
            return not busy and not await _compare(connection, client, where, shows)

        faults = list(playing.failed)
        try:
            await until("everything has come to rest", at_rest, REST_LIMIT_SECONDS, REST_LOOK_SECONDS)
        except StormFailed as error:
            faults.append(str(error))
        print(f"at rest after {time.monotonic() - began:.0f} s", flush=True)
        faults += await _ends(connection, shows, sales) + await _compare(connection, client, where, shows)
    if (after := await _unexplained()) != before:
        faults.append(f"the reconciler leaves {after} unexplained, and {before} before")
    for fault in faults[:SHOWN_MAX]:
        print(f"  WRONG  {fault}")
    print(f"storm: {f'{len(faults)} things are wrong' if faults else 'clean'}", flush=True)
    return not faults


async def _ends(connection: Any, shows: list[uuid.UUID], sales: list[Sale]) -> list[str]:
    """Every booking is a ticket whose money is kept once, or its money is back; those paid in time are tickets."""
    rows, in_time = await connection.fetch(ENDS, shows), {sale.seat for sale in sales if not sale.late}
    wrong, ends = [], Counter(row["state"] for row in rows)
    for row in rows:
        kept = row["captured"] - row["back"]
        if (row["tickets"] == 1) != (row["state"] == "confirmed") or (kept > 0) != (row["state"] == "confirmed"):
            wrong.append(f"{row['id']} is {row['state']} with {row['tickets']} tickets, and {kept} of its money kept")
    if ends["confirmed"] < len(in_time):
        wrong.append(f"only {ends['confirmed']} are confirmed, of {len(in_time)} that were paid in time")
    returned = sum(1 for row in rows if row["back"])
    print(f"bookings: {dict(sorted(ends.items()))}, money of {returned} went back")
    return wrong


async def _compare(connection: Any, client: httpx.AsyncClient, where: Stack, shows: list[uuid.UUID]) -> list[str]:
    """What the provider's ledger and ours say differently of the storm's payments."""
    orders = {row["razorpay_order_id"] for row in await connection.fetch(ORDERS, shows)}
    ledger = await fetch_ledger(client, where.razorpay_url)
    theirs = {one["id"]: one for one in ledger["payments"] if one["captured"] and one["order_id"] in orders}
    ours = {row["id"]: dict(row) for row in await connection.fetch(provider.OURS) if row["order_id"] in orders}
    found = (provider.difference(id, ours.get(id), theirs.get(id)) for id in sorted(ours.keys() | theirs.keys()))
    return [difference for difference in found if difference]


async def _unexplained() -> int:
    """How much the reconciler leaves unexplained, in minor units; -1 when it could not look."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "actors.reconcile", "--hours", "2", cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        output, _ = await asyncio.wait_for(process.communicate(), RECONCILE_LIMIT_SECONDS)
    except TimeoutError:
        process.kill()
        return -1
    said = output.decode().rstrip()
    print(said, flush=True)
    found = re.search(r"^unexplained: (\d+)$", said, re.MULTILINE)
    return int(found[1]) if found else -1


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m loadtest.money_storm", description="Sales while the provider is ill.")
    parser.add_argument("--sales", type=int, default=5_000, help="how many (5000)")
    parser.add_argument("--seed", type=int, default=20261121, help="the same seed plays the same storm")
    options = parser.parse_args(arguments)
    return exit_code("storm", lambda: storm(stack(), options.sales, options.seed), StormFailed, EvidenceMissing)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
