"""The row `sale`: whole sales, from the first wish posted to the last ticket in its table.

By wallet, where each buyer has a balance, and by Razorpay, where the emulator's buyers pay as soon as their order is
there.  Everything of the product runs; documents and letters follow behind, and are not waited for."""

import asyncio
import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from loadtest.accounts import Buyer, make_buyers
from loadtest.bench import usage
from loadtest.bench.figures import NotMeasured, median_of
from loadtest.bench.ground import EVERYTHING, Ground
from loadtest.bench.posting import booking_request, post
from loadtest.bench.shows import PRICE_MINOR, Show, make_show
from store.settings import settings

CONNECTIONS, REPEATS = 200, 3
WARM_SALES, WALLET_SALES, RAZORPAY_SALES = 50, 1_500, 250
SALE_LIMIT_SECONDS, LOOK_SECONDS = 60.0, 0.05
PAYING_CONNECTIONS = 20


class Sale(NamedTuple):
    per_s: float
    usage: usage.Usage


async def measure(ground: Ground) -> dict[str, Any]:
    wallet, razorpay = [], []
    for _ in range(REPEATS):
        await ground.fresh()  # printing the last sale's tickets would take its time from this one
        await ground.start(*EVERYTHING)
        await _sell(ground, "wallet", WARM_SALES)
        wallet.append(await _sell(ground, "wallet", WALLET_SALES))
        ground.say(f"sale by wallet: {wallet[-1].per_s:,.0f} confirmed/s")
    for _ in range(REPEATS):
        await ground.fresh()
        await ground.start(*EVERYTHING)
        await _sell(ground, "razorpay", WARM_SALES)
        razorpay.append(await _sell(ground, "razorpay", RAZORPAY_SALES))
        ground.say(f"sale by Razorpay's emulator: {razorpay[-1].per_s:,.0f} confirmed/s")
    return {
        **median_of("confirmed_per_s", [sale.per_s for sale in wallet]),
        **median_of("razorpay_confirmed_per_s", [sale.per_s for sale in razorpay]),
        "sales": WALLET_SALES, "razorpay_sales": RAZORPAY_SALES,
        "bottleneck": usage.bottleneck(wallet[-1].usage), "cores": wallet[-1].usage.told(),
        "razorpay_bottleneck": usage.bottleneck(razorpay[-1].usage), "razorpay_cores": razorpay[-1].usage.told(),
    }  # fmt: skip


async def _sell(ground: Ground, method: str, sales: int) -> Sale:
    """Post so many wishes for a seat each, and wait until all have their ticket."""
    show = await make_show(ground, sales)
    crowd = await make_buyers(ground.database, sales)
    if method == "wallet":
        await _fill_wallets(ground, crowd)
    wish = {"payment": {"method": method}}
    requests = [
        booking_request(ground.edge_address, show.id, buyer.token, f"sale-{buyer.id}", {"seats": [seat], **wish})
        for buyer, seat in zip(crowd, show.seats, strict=True)
    ]
    first, began = usage.look(), time.monotonic()
    posting = asyncio.create_task(asyncio.to_thread(post, ground.edge_address, requests, CONNECTIONS, good=(202,)))
    try:
        await _until_sold(ground, show, sales, pay=method == "razorpay")
        wall = time.monotonic() - began
    finally:
        posted = await posting
    if posted.errors(202):
        raise NotMeasured(f"{posted.errors(202)} of {sales} wishes were not accepted: {posted.odd}")
    return Sale(sales / wall, usage.between(first, usage.look()))


async def _fill_wallets(ground: Ground, crowd: list[Buyer]) -> None:
    now = datetime.now(UTC)
    wallets = [(uuid.uuid5(buyer.id, "wallet:INR"), buyer.id) for buyer in crowd]  # the product knows it by this id
    await ground.database.copy_records_to_table(
        "wallet", records=[(wallet, buyer, "INR", PRICE_MINOR) for wallet, buyer in wallets],
        columns=["id", "user_id", "currency", "balance"],
    )  # fmt: skip
    await ground.database.copy_records_to_table(
        "ledger_transaction",
        records=[(wallet, "gift", f"bench:{wallet}", "For the bench", now) for wallet, _ in wallets],
        columns=["id", "kind", "reference", "note", "at"],
    )
    entries: list[tuple[object, ...]] = [
        (wallet, 1, "wallet", buyer, "INR", -PRICE_MINOR, PRICE_MINOR) for wallet, buyer in wallets
    ]
    entries += [(wallet, 2, "service", None, "INR", PRICE_MINOR, None) for wallet, _ in wallets]
    await ground.database.copy_records_to_table(
        "ledger_entry", records=entries,
        columns=["transaction_id", "n", "account", "owner", "currency", "amount", "balance_after"],
    )  # fmt: skip


async def _until_sold(ground: Ground, show: Show, sales: int, pay: bool) -> None:
    deadline, paid = time.monotonic() + SALE_LIMIT_SECONDS, set[str]()
    while True:
        issued = await ground.database.fetchval("SELECT count(*) FROM ticket WHERE show_id = $1", show.id)
        if issued >= sales:
            return
        if time.monotonic() > deadline:
            states = await ground.database.fetch(
                "SELECT state, count(*) FROM booking WHERE show_id = $1 GROUP BY 1", show.id
            )
            told = ", ".join(f"{row['count']} {row['state']}" for row in states)
            raise NotMeasured(f"{issued} of {sales} tickets within {SALE_LIMIT_SECONDS:.0f} s; bookings: {told}")
        if pay:
            await _pay(ground, show, paid)
        await asyncio.sleep(LOOK_SECONDS)


async def _pay(ground: Ground, show: Show, paid: set[str]) -> None:
    """Play the buyers whose order has come."""
    rows = await ground.database.fetch(
        "SELECT p.razorpay_order_id AS id FROM payment p JOIN booking b ON b.id = p.booking_id"
        " WHERE b.show_id = $1 AND p.status = 'ready' AND p.razorpay_order_id IS NOT NULL",
        show.id,
    )
    orders = [row["id"] for row in rows if row["id"] not in paid]
    paid.update(orders)
    if orders:
        url = urlsplit(settings().razorpay_url)
        address = (url.hostname or "127.0.0.1", url.port or 80)
        requests = [_paying(address, order) for order in orders]
        posted = await asyncio.to_thread(post, address, requests, PAYING_CONNECTIONS, good=(200,))
        if posted.errors(200):
            raise NotMeasured(f"the emulator did not take {posted.errors(200)} payments: {posted.odd}")


def _paying(address: tuple[str, int], order: str) -> bytes:
    body = json.dumps({"outcome": "captured"}).encode()
    head = f"POST /control/orders/{order}/pay HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n"
    return head.encode() + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
