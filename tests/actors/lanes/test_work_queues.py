"""Work queues: what is to be tried again is published within a limit, or known not to be."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import pika
import pytest
from dramatiq.asyncio import EventLoopThread, set_event_loop_thread
from dramatiq.errors import ConnectionClosed
from dramatiq.message import Message

from actors.broker import Broker, work_middleware
from actors.lanes.consumer import on_loop
from actors.lanes.publisher import Publisher
from loadtest.chaos.broker import BrokerControl
from loadtest.chaos.cable import Cable
from store.settings import settings

#: Far longer than the publisher's limit, far shorter than what the kernel or a heartbeat take to notice.
BOUND_SECONDS = 8.0


@pytest.fixture
async def queue(broker: BrokerControl) -> AsyncIterator[str]:
    name = f"work.{os.urandom(4).hex()}"
    await broker.declare(name)
    await broker.declare(f"{name}.DQ")
    yield name
    await broker.delete(name, f"{name}.DQ")


@pytest.fixture
async def cable(broker: BrokerControl) -> AsyncIterator[Cable]:
    async with Cable(broker.url) as cable:
        yield cable


@pytest.fixture
async def worker(cable: Cable, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Broker]:
    """A worker's broker at the far end of the cable, with its event loop."""
    monkeypatch.setenv("RABBITMQ_URL", cable.url)
    settings.cache_clear()
    thread = EventLoopThread(_Silent())
    await asyncio.to_thread(thread.start, timeout=5.0)
    set_event_loop_thread(thread)
    publisher = await asyncio.to_thread(on_loop, _made(cable.url))
    yield Broker(work_middleware(), publisher)
    await asyncio.to_thread(on_loop, publisher.close())
    set_event_loop_thread(None)
    await asyncio.to_thread(thread.stop)
    settings.cache_clear()


class _Silent:
    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


async def _made(url: str) -> Publisher:
    return Publisher(url)


def message(queue: str) -> Message[Any]:
    return Message(queue_name=queue, actor_name="check_payment", args=(), kwargs={}, options={"retries": 1})


async def enqueue(broker: Broker, queue: str, delay: int | None = None) -> None:
    await asyncio.wait_for(asyncio.to_thread(broker.enqueue, message(queue), delay=delay), BOUND_SECONDS)


def waiting_in(url: str, queue: str) -> int:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    declared = connection.channel().queue_declare(queue, passive=True)
    connection.close()
    return int(declared.method.message_count)


async def test_what_is_tried_again_reaches_its_queue_at_once_or_delayed(worker, broker, queue):
    await enqueue(worker, queue)
    await enqueue(worker, queue, delay=5_000)
    for name in (queue, f"{queue}.DQ"):
        assert await asyncio.to_thread(waiting_in, broker.url, name) == 1


async def test_a_broker_that_confirms_nothing_does_not_keep_a_worker_s_thread(worker, cable, queue):
    """Held still, as RabbitMQ is for some seconds after it was killed: connections stay, and nobody answers."""
    await enqueue(worker, queue)
    cable.hold()
    with pytest.raises(ConnectionClosed):
        await enqueue(worker, queue)
    cable.release()
    cable.cut()
    async with asyncio.timeout(BOUND_SECONDS):
        while True:
            try:
                return await enqueue(worker, queue)
            except ConnectionClosed:
                await asyncio.sleep(0.1)
