"""What RabbitMQ gives up: a message that kills whoever works on it ends as a row, and a row is not lost or doubled."""

import asyncio

import pika

from actors.broker import DELIVERY_LIMIT
from actors.lanes.routes import WEBHOOKS
from actors.lanes.wire import Options, seal
from loadtest.chaos.worker import until
from sagas.messages import TakeWebhook


async def declared(stage):
    """The work queues, declared by their worker as ever."""
    worker = stage.worker("webhooks")
    await worker.said("worker_ready")
    await until("the queue is there", lambda: asyncio.to_thread(_is_there, stage.broker.url))
    await worker.end()


def _is_there(url):
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        connection.channel().queue_declare(f"{WEBHOOKS}.XQ", passive=True)
        return True
    except pika.exceptions.ChannelClosedByBroker:
        return False
    finally:
        connection.close()


def _left(url):
    connection = pika.BlockingConnection(pika.URLParameters(url))
    declared = connection.channel().queue_declare(f"{WEBHOOKS}.XQ", passive=True)
    connection.close()
    return declared.method.message_count


def die_with_it(url):
    """Take the message as a worker does, and vanish; whether there was one."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    method, _, _ = connection.channel().basic_get(WEBHOOKS)
    connection.close()
    return method is not None


async def test_a_message_that_kills_its_worker_again_and_again_is_a_dead_letter(stage):
    await declared(stage)
    sealed = seal(WEBHOOKS, TakeWebhook(event_id="evt_1", kind="k", body="{}"), Options())
    await stage.broker.put(WEBHOOKS, [(sealed.publish_id, sealed.body)])
    deaths = 0
    while await asyncio.to_thread(die_with_it, stage.broker.url):
        deaths += 1
        assert deaths < 3 * DELIVERY_LIMIT
    assert deaths >= DELIVERY_LIMIT
    stage.worker("sweeps")
    row = await until("its row", lambda: stage.pool.fetchrow("SELECT * FROM dead_letter"))
    assert row["reason"].startswith("delivery-limit: ") and bytes(row["sealed"]) == sealed.body
    await stage.broker.delete(WEBHOOKS, f"{WEBHOOKS}.DQ", f"{WEBHOOKS}.XQ")


async def test_a_letter_is_neither_lost_nor_doubled_when_the_sweep_dies_over_it(stage):
    """Its row cannot be written while the table is locked: it goes back to its queue, and is one row in the end."""
    await declared(stage)
    bodies = [f"junk {number}".encode() for number in range(50)]
    await stage.broker.put(f"{WEBHOOKS}.XQ", [(None, body) for body in bodies])
    async with stage.pool.acquire() as connection:
        lock = connection.transaction()
        await lock.start()
        await connection.execute("LOCK TABLE dead_letter")
        sweeps = stage.worker("sweeps")
        await until(
            "the sweep waits for the table",
            lambda: stage.value(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'dead_letter'::regclass"
            ),
        )
        sweeps.kill()
        stage.workers.remove(sweeps)
        await lock.rollback()
    stage.worker("sweeps")
    await until("every letter is a row", lambda: stage.value("SELECT count(*) = 50 FROM dead_letter"))
    assert await stage.value("SELECT count(DISTINCT body) FROM dead_letter") == 50
    assert await stage.workers[-1].end() == 0  # whatever it had not acknowledged is back in the queue by then
    assert await asyncio.to_thread(_left, stage.broker.url) == 0
    await stage.broker.delete(WEBHOOKS, f"{WEBHOOKS}.DQ", f"{WEBHOOKS}.XQ")
