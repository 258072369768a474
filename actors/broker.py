"""Dramatiq's broker with lanes: streams read by our own consumer, and work queues that survive a node's death.
What is to be tried again goes through our own publisher, whose waiting for a confirm has a limit.

The four methods that RabbitmqBroker keeps private are pinned by a test: Dramatiq offers no other place for queue
arguments."""

from collections.abc import Iterable
from typing import Any

from dramatiq.broker import Consumer
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.common import dq_name
from dramatiq.errors import ConnectionClosed
from dramatiq.message import Message
from dramatiq.middleware import (
    AgeLimit,
    AsyncIO,
    CurrentMessage,
    Middleware,
    Retries,
    ShutdownNotifications,
    TimeLimit,
)

from actors.lanes.consumer import IdleConsumer, LaneConsumer, on_loop
from actors.lanes.ownership import Ownership
from actors.lanes.publisher import NotAccepted, Publisher
from actors.lanes.wire import Sealed
from sagas.clock import unix_milliseconds
from store.settings import settings

#: A message whose worker died this often is a dead letter, not a loop.
DELIVERY_LIMIT = 10
#: A broker that says nothing for twice as long is gone.
HEARTBEAT_SECONDS = 15
LANE_PREFIXES = ("show.", "saga.")


class Broker(RabbitmqBroker):
    """Work queues as RabbitMQ's quorum queues; lanes as streams, which only their owners declare."""

    def __init__(self, middleware: Iterable[Middleware], publisher: Publisher) -> None:
        super().__init__(url=settings().rabbitmq_url, confirm_delivery=True, middleware=list(middleware))
        parameters: Any = self.parameters
        parameters.heartbeat = HEARTBEAT_SECONDS
        self._publisher = publisher
        self._lanes: tuple[str, Ownership, Publisher] | None = None

    def serve_lanes(self, lanes: list[str], actor: str, ownership: Ownership, publisher: Publisher) -> None:
        """Read these lanes when the worker starts; their batches go to this actor."""
        self._lanes = (actor, ownership, publisher)
        for lane in lanes:
            self.declare_queue(lane)

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Publish what is to be tried again.  Raises ConnectionClosed when that is not confirmed in time: Dramatiq's
        own way to wait for a confirm has no limit, and a thread that waits there takes nothing more."""
        if delay is not None:
            eta = unix_milliseconds() + delay
            message = message.copy(queue_name=dq_name(message.queue_name), options={"eta": eta})
        self.emit_before("enqueue", message, delay)
        try:
            on_loop(self._publisher.publish(Sealed(message.queue_name, message.message_id, message.encode())))
        except NotAccepted as error:
            raise ConnectionClosed(error) from None  # type: ignore[no-untyped-call]
        self.emit_after("enqueue", message, delay)
        return message

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        if not queue_name.startswith(LANE_PREFIXES):
            return super().consume(queue_name, prefetch, timeout)
        if queue_name.endswith(".DQ") or self._lanes is None:
            return IdleConsumer(timeout)
        actor, ownership, publisher = self._lanes
        return LaneConsumer(queue_name, actor, ownership, publisher, timeout)

    def _ensure_queue(self, queue_name: str) -> None:
        if not queue_name.startswith(LANE_PREFIXES):  # declaring a lane that is missing would start a new log
            super()._ensure_queue(queue_name)  # type: ignore[no-untyped-call]

    def _declare_queue(self, queue_name: str) -> Any:
        arguments = self._build_queue_arguments(queue_name)  # type: ignore[no-untyped-call]
        arguments |= {"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT}
        return self.channel.queue_declare(queue=queue_name, durable=True, arguments=arguments)

    def _declare_dq_queue(self, queue_name: str) -> Any:
        # classic: delayed messages wait unacknowledged in a worker, which would eat a quorum queue's delivery limit
        arguments = super()._build_queue_arguments(queue_name)  # type: ignore[no-untyped-call]
        return self.channel.queue_declare(queue=dq_name(queue_name), durable=True, arguments=arguments)


def work_middleware(*own: Middleware) -> list[Middleware]:
    """For workers of ordinary queues.  Few retries: what matters is sent again by the sweep."""
    return [
        AgeLimit(),
        TimeLimit(time_limit=120_000),
        ShutdownNotifications(),
        Retries(max_retries=3, min_backoff=1_000, max_backoff=30_000),
        CurrentMessage(),
        AsyncIO(),
        *own,  # after AsyncIO: they open connections on its event loop
    ]


def lane_middleware(*own: Middleware) -> list[Middleware]:
    """For lanes: no retries, no limits of age or time, nothing that could ack or end a batch on its own."""
    return [AsyncIO(), *own]
