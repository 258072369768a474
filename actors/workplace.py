"""What a worker process works with: its database, Redis and publisher, opened and closed on its event loop."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from dramatiq.broker import Broker
from dramatiq.middleware import Middleware
from dramatiq.worker import Worker

from actors.lanes.consumer import on_loop
from actors.lanes.publisher import NotAccepted, Publisher
from actors.lanes.wire import Options, seal
from sagas.identity import new_id, saga_lane
from sagas.messages import Event
from store import workers
from store.connection import close_database, is_operating, open_database, open_redis
from store.settings import settings

log = structlog.get_logger()

HEARTBEAT_SECONDS = 1.0
#: A part that does not answer must not keep a process from ending.
CLOSE_SECONDS = 2.0

Hook = Callable[[], Awaitable[None]]


async def within(seconds: float, closing: Awaitable[object]) -> None:
    """Do this at the end of a process, but not for longer, and whatever comes of it."""
    try:
        await asyncio.wait_for(closing, seconds)
    except Exception as error:
        log.warning("closing_failed", error=repr(error))


class Workplace:
    """The connections of this process.  Belongs to one event loop."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.worker_id = f"{kind}-{socket.gethostname()}-{os.getpid()}-{new_id().hex[-6:]}"
        self.publisher = Publisher(settings().rabbitmq_url)
        self.redis: Any = None
        self._heartbeat: asyncio.Task[None] | None = None

    async def open(self, pool_size: int, idle_in_transaction_seconds: float = 30.0) -> None:
        await open_database(pool_size, idle_in_transaction_seconds)
        self.redis = open_redis(timeout_seconds=2.0)

    async def appear(self) -> None:
        """Say every second that this worker is there: readiness and fair sharing count on it."""
        self._heartbeat = asyncio.get_running_loop().create_task(self._beat())

    async def close(self) -> None:
        if self._heartbeat:
            self._heartbeat.cancel()
            await within(CLOSE_SECONDS, workers.leave(self.worker_id))
        await within(CLOSE_SECONDS, self.publisher.close())
        await within(CLOSE_SECONDS, self.redis.aclose())
        await within(CLOSE_SECONDS, close_database())

    async def report(self, event: Event, traceparent: str = "") -> None:
        """Send an event to its saga's lane.  Raises NotAccepted."""
        lane = saga_lane(event.booking_id, settings().saga_lanes)
        await self.publisher.publish(seal(lane, event, Options(traceparent)))

    async def _beat(self) -> None:
        while True:
            try:
                await workers.appear(self.worker_id, self.kind)
            except Exception as error:
                if not is_operating(error):
                    log.exception("heartbeat_failed")
            await asyncio.sleep(HEARTBEAT_SECONDS)


class AtWork(Middleware):
    """Opens the workplace before any message is consumed, and closes it when all are done.

    ``opened`` and ``closing`` run on the event loop, while the connections are there."""

    def __init__(
        self, workplace: Workplace, pool_size: int, opened: Hook | None = None, closing: Hook | None = None,
        idle_in_transaction_seconds: float = 30.0,
    ) -> None:  # fmt: skip
        self._workplace, self._pool_size, self._idle_seconds = workplace, pool_size, idle_in_transaction_seconds
        self._opened, self._closing = opened, closing

    def before_worker_boot(self, broker: Broker, worker: Worker) -> None:
        try:
            on_loop(self._workplace.open(self._pool_size, self._idle_seconds))
            on_loop(self._workplace.appear())
            if self._opened:
                on_loop(self._opened())
        except Exception as error:
            # Dramatiq would log it and go on with a worker that can do nothing; the supervisor starts another one
            log.critical("worker_cannot_begin", error=repr(error))
            os._exit(1)

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        if self._closing:
            on_loop(within(CLOSE_SECONDS, self._closing()))
        on_loop(self._workplace.close())


_here: Workplace | None = None


def occupy(workplace: Workplace) -> None:
    global _here
    _here = workplace


def workplace() -> Workplace:
    """The workplace of this process."""
    assert _here is not None, "a worker process occupies its workplace when it starts"
    return _here


__all__ = ["AtWork", "NotAccepted", "Workplace", "occupy", "workplace"]
