"""What Redis tells this edge: outcomes for buyers who wait, and whatever pages are being shown.

One subscription connection serves all.  It may break at any time; waits fall back to Postgres at their deadline."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import structlog
from redis.exceptions import RedisError

from store.connection import open_redis
from store.live import Reply, decode_replies, outcomes_channel

log = structlog.get_logger()

RECONNECT_SECONDS = 0.5


class News:
    def __init__(self, edge_id: str) -> None:
        self._channel = outcomes_channel(edge_id)
        self._redis: Any = open_redis(timeout_seconds=None)
        self._pubsub: Any = None
        self._waiting: dict[UUID, set[asyncio.Future[Reply]]] = {}
        self._listeners: dict[str, set[Callable[[bytes], None]]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._listen())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
        await self._redis.aclose()

    def expect(self, booking_id: UUID) -> asyncio.Future[Reply]:
        """A future for the outcome of a wish.  Hand it back to ``forget`` whatever happens."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(booking_id, set()).add(future)
        return future

    def forget(self, booking_id: UUID, future: asyncio.Future[Reply]) -> None:
        waiting = self._waiting.get(booking_id)
        if waiting is not None:
            waiting.discard(future)
            if not waiting:
                del self._waiting[booking_id]
        future.cancel()

    async def listen(self, channel: str, listener: Callable[[bytes], None]) -> None:
        """Call the listener for each message on the channel, until ``unlisten``."""
        listeners = self._listeners.setdefault(channel, set())
        listeners.add(listener)
        if len(listeners) == 1 and self._pubsub is not None:
            await self._try(self._pubsub.subscribe, channel)

    async def unlisten(self, channel: str, listener: Callable[[bytes], None]) -> None:
        listeners = self._listeners.get(channel, set())
        listeners.discard(listener)
        if not listeners and self._listeners.pop(channel, None) is not None and self._pubsub is not None:
            await self._try(self._pubsub.unsubscribe, channel)

    async def _try(self, action: Any, channel: str) -> None:
        try:
            await action(channel)
        except (RedisError, OSError) as error:
            log.warning("subscription_failed", channel=channel, error=repr(error))

    async def _listen(self) -> None:
        while True:
            try:
                self._pubsub = self._redis.pubsub(ignore_subscribe_messages=True)
                await self._pubsub.subscribe(self._channel, *self._listeners)
                async for message in self._pubsub.listen():
                    self._hear(message["channel"].decode(), message["data"])
            except (RedisError, OSError) as error:
                log.warning("news_interrupted", error=repr(error), hint="waits ask Postgres at their deadline")
            except Exception:
                log.exception("news_failed")
            await asyncio.sleep(RECONNECT_SECONDS)

    def _hear(self, channel: str, data: bytes) -> None:
        if channel != self._channel:
            for listener in list(self._listeners.get(channel, ())):
                listener(data)
            return
        for reply in decode_replies(data):
            for future in self._waiting.get(reply.booking_id, ()):
                if not future.done():
                    future.set_result(reply)
