"""What is done to RabbitMQ, to Postgres and to the logs themselves, while buyers go on asking through the edge."""

import asyncio
import contextlib
import json
import os
import signal
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg

from compose import process_list
from loadtest.bench.wishes import Parcel, hold, parcel
from loadtest.chaos.ground import RETRIED, Chaos
from loadtest.chaos.script import Act
from loadtest.chaos.worker import until

GO_ON_LIMIT_SECONDS = 180.0
ALARM_SECONDS = (6.0, 4.0)
#: The longest that a lane may stand still because of something it read.
STILL_LIMIT_SECONDS = 5.0
BODY_BYTES, BOUND_BYTES = 3_000, 400_000


async def rabbitmq_killed(chaos: Chaos, act: Act) -> None:
    with chaos.outage("RabbitMQ killed (-9) and started again"):
        await chaos.broker.kill()
        await chaos.broker.back()
        await chaos.lanes_go_on(GO_ON_LIMIT_SECONDS)


async def stream_writer_killed(chaos: Chaos, act: Act) -> None:
    with chaos.outage("a stream's writer killed inside RabbitMQ"):
        await chaos.broker.kill_writer(chaos.lane(act))
        await chaos.lanes_go_on(GO_ON_LIMIT_SECONDS)


async def memory_alarm(chaos: Chaos, act: Act) -> None:
    """Longer than a wish is valid: what was in flight is accepted when it ends, and then comes too late."""
    with chaos.outage("a memory alarm in RabbitMQ"):
        await chaos.broker.raise_alarm()
        try:
            await asyncio.sleep(ALARM_SECONDS[0] + ALARM_SECONDS[1] * act.degree)
        finally:
            await chaos.broker.end_alarm()
        await chaos.lanes_go_on(GO_ON_LIMIT_SECONDS)


async def postgres_killed(chaos: Chaos, act: Act) -> None:
    """-9 for the server and all its backends, in the middle of whatever they commit."""
    backend = await chaos.database.fetchval("SELECT pg_backend_pid()")
    server, *children = _family(backend)
    with chaos.outage("Postgres killed (-9) during commits"):
        for pid in (server, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await until("Postgres' end", lambda: process_list.find(server) is None, 10)
        await until("Postgres back", lambda: _answers(chaos), GO_ON_LIMIT_SECONDS)
        await chaos.lanes_go_on(GO_ON_LIMIT_SECONDS)


def _family(backend: int) -> list[int]:
    """The server of this backend, and all of its children."""
    server = int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    return [server, *map(int, children)]


async def _answers(chaos: Chaos) -> bool:
    try:
        connection = await asyncpg.connect(os.environ["DATABASE_URL"], timeout=5)
    except RETRIED:
        return False
    await connection.close()
    return True


async def stream_deleted(chaos: Chaos, act: Act) -> None:
    """All that it held is decided; what is published next meets no stream, until the lane's owner makes it anew."""
    lane = chaos.lone_lane
    async with chaos.feeds[lane].at_rest:
        await chaos.all_decided([lane])
        chaos.feeds[lane].leave()
        await chaos.broker.delete(lane)
    await chaos.lanes_go_on(GO_ON_LIMIT_SECONDS)
    chaos.seen["a stream deleted under the running system"] += 1


async def rabbitmq_set_back(chaos: Chaos, act: Act) -> None:
    """RabbitMQ comes back with an older copy of its data; new commands are in its logs before any lane looks."""
    older = await asyncio.to_thread(chaos.broker.copy_data)
    await chaos.lanes_go_on(GO_ON_LIMIT_SECONDS)
    async with chaos.everybody_at_rest():
        await chaos.all_decided(list(chaos.feeds))
        for member in chaos.crew.members:
            member.worker.pause()
        try:
            await chaos.broker.set_back(older)
            for number, feed in enumerate(chaos.feeds.values()):
                feed.leave()
                await feed.send_at_rest(3 if number % 2 else 300)
        finally:
            for member in chaos.crew.members:
                member.worker.go_on()
    await chaos.lanes_go_on(GO_ON_LIMIT_SECONDS)
    chaos.seen["RabbitMQ set back to an older copy of its data"] += 1


async def head_trimmed(chaos: Chaos, act: Act) -> None:
    """With no worker there, a lane's log is bounded and filled, until its head is past what was decided."""
    lane = chaos.lone_lane
    feed = chaos.feeds[lane]
    async with feed.at_rest:
        await chaos.all_decided([lane])
        for member in chaos.crew.members:
            member.worker.kill()
        try:
            await chaos.broker.keep_at_most(lane, BOUND_BYTES)
            for _ in range(4):
                await feed.fill([parcel(lane, {"name": "fence", "filling": "x" * BODY_BYTES}) for _ in range(100)])
        finally:
            for member in chaos.crew.members:
                member.worker.start()
        await chaos.lost(lane, "trimmed", GO_ON_LIMIT_SECONDS)
        await chaos.broker.keep_at_most(lane, None)
    await chaos.lanes_go_on(GO_ON_LIMIT_SECONDS)
    chaos.seen["a log's head trimmed past what was decided"] += 1


async def junk(chaos: Chaos, act: Act) -> None:
    """Poison, an unknown command, one of a later version, a megabyte: the wishes behind them are decided in time."""
    lane, spare = chaos.lane(act), chaos.spare[chaos.lane(act)]
    poison = hold(lane, spare.id, {"quantity": 1})
    body = json.loads(poison.body)
    body["options"]["traceparent"] = "00-\x00"
    unknown = parcel(lane, {"name": "paint_seats", "show_id": str(spare.id)})
    later = hold(lane, spare.id, {"quantity": 1, "version": 99, "glitter": True})
    big = parcel(lane, {"name": "fence", "filling": "x" * 1_000_000})
    bad = [Parcel(lane, poison.publish_id, json.dumps(body).encode()), unknown, later, big]
    bad.append(Parcel(lane, uuid.uuid4().hex, b"\x00\xff{{{"))
    feed = chaos.feeds[lane]
    async with feed.at_rest:
        await feed.fill(bad)
        began = time.monotonic()
        await feed.send_at_rest(1)
        await chaos.decided(feed.wishes[-1].booking_id, GO_ON_LIMIT_SECONDS)
    chaos.stood_still.append(time.monotonic() - began)
    chaos.seen["junk, a poison and a later version put into a lane"] += 1


async def sent_again(chaos: Chaos, act: Act) -> None:
    """Commands long decided come again; and a booking that gave its seats back is confirmed, twice."""
    lane, spare = chaos.lane(act), chaos.spare[chaos.lane(act)]
    rows = await chaos.database.fetch(
        "SELECT body FROM journal WHERE lane = $1 AND decided ORDER BY random() LIMIT 20", lane
    )
    wish = hold(lane, spare.id, {"quantity": 1, "method": "wallet"})  # nobody's wallet: the saga gives the seats back
    message: dict[str, Any] = json.loads(wish.body)["kwargs"]["message"]
    feed = chaos.feeds[lane]
    async with feed.at_rest:
        await feed.fill([*(Parcel(lane, uuid.uuid4().hex, row["body"].encode()) for row in rows), wish])
    booking_id = uuid.UUID(message["booking_id"])
    await until(
        "a hold without money released",
        lambda: chaos.database.fetchval("SELECT state = 'released' FROM booking WHERE id = $1", booking_id),
        GO_ON_LIMIT_SECONDS,
    )
    confirm = {name: message[name] for name in ("show_id", "booking_id", "buyer_id")}
    confirm |= {"name": "confirm_seats", "command_id": str(uuid.uuid4())}
    async with feed.at_rest:
        await feed.fill([parcel(lane, confirm), parcel(lane, confirm)])
    told = await until("both confirms decided", lambda: _two(chaos, booking_id), GO_ON_LIMIT_SECONDS)
    assert told == ["gone", "repeat"], f"a released booking was confirmed twice, and came to {told}"
    chaos.seen["a released booking confirmed twice, and not seated"] += 1


async def _two(chaos: Chaos, booking_id: uuid.UUID) -> list[str] | None:
    rows = await chaos.database.fetch(
        """SELECT outcome FROM journal WHERE booking_id = $1 AND command = 'confirm_seats'
        ORDER BY generation, "offset" """,
        booking_id,
    )
    return [row["outcome"] for row in rows] if len(rows) == 2 else None


OUTAGES: dict[str, Callable[[Chaos, Act], Awaitable[None]]] = {
    "RabbitMQ killed": rabbitmq_killed,
    "stream writer killed": stream_writer_killed,
    "memory alarm": memory_alarm,
    "Postgres killed": postgres_killed,
    "stream deleted": stream_deleted,
    "RabbitMQ set back": rabbitmq_set_back,
    "head trimmed": head_trimmed,
    "junk": junk,
    "sent again": sent_again,
}
