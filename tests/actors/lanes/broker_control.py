"""The broker as tests handle it: a virtual host of their own, its streams read whole, and alarms set and lifted."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pika

#: The broker's own setting in our private stacks (compose/services/rabbitmq.py), put back after an alarm.
WATERMARK = "0.4"
CONTROL_LIMIT_SECONDS = 40
READ_LIMIT_SECONDS = 20.0


class BrokerControl:
    """``rabbitmqctl`` of the stack under test, and one virtual host on it."""

    def __init__(self, url: str, vhost: str) -> None:
        self._user = urlsplit(url).username or ""
        self.vhost = vhost
        self.url = urlunsplit(urlsplit(url)._replace(path=f"/{vhost}"))

    async def control(self, *arguments: str) -> str:
        stack = os.environ.get("FRONTROW_STACK")
        assert stack, "these tests need a private stack: python -m compose stack --parts-only -- pytest …"
        process = await asyncio.create_subprocess_exec(
            f"{Path(stack) / 'rabbitmq' / 'rabbitmqctl'}", *arguments,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await asyncio.wait_for(process.communicate(), CONTROL_LIMIT_SECONDS)
        assert process.returncode == 0, f"rabbitmqctl {' '.join(arguments)}: {out.decode()}"
        return out.decode()

    async def make(self) -> None:
        await self.control("add_vhost", self.vhost)
        await self.control("set_permissions", "-p", self.vhost, self._user, ".*", ".*", ".*")

    async def remove(self) -> None:
        await self.control("delete_vhost", self.vhost)

    async def cut_connections(self) -> None:
        await self.control("close_all_connections", "--vhost", self.vhost, "cut by a test")

    async def raise_alarm(self) -> None:
        await self.control("set_vm_memory_high_watermark", "0.0000001")

    async def end_alarm(self) -> None:
        await self.control("set_vm_memory_high_watermark", WATERMARK)

    def _channel(self) -> tuple[pika.BlockingConnection, Any]:
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        return connection, connection.channel()

    async def declare(self, queue: str, **arguments: Any) -> None:
        def declare() -> None:
            connection, channel = self._channel()
            channel.queue_declare(queue, durable=True, arguments=arguments)
            connection.close()

        await asyncio.to_thread(declare)

    async def delete(self, *queues: str) -> None:
        def delete() -> None:
            connection, channel = self._channel()
            for queue in queues:
                channel.queue_delete(queue)
            connection.close()

        await asyncio.to_thread(delete)

    async def put(self, queue: str, bodies: list[tuple[str | None, bytes]]) -> None:
        """Publish raw messages (publish id, body), each confirmed before the next."""

        def put() -> None:
            connection, channel = self._channel()
            channel.confirm_delivery()
            for publish_id, body in bodies:
                channel.basic_publish("", queue, body, pika.BasicProperties(message_id=publish_id), mandatory=True)
            connection.close()

        await asyncio.to_thread(put)

    async def log(self, lane: str) -> list[tuple[int, str, bytes]]:
        """The whole stream: (offset, publish id, body), up to a message that is put at its end and left out here."""
        end = os.urandom(16).hex()
        await self.put(lane, [(end, b"")])

        def read() -> list[tuple[int, str, bytes]]:
            connection, channel = self._channel()
            channel.basic_qos(prefetch_count=2000)
            found: list[tuple[int, str, bytes]] = []
            ended: list[bool] = []

            def on_message(_channel: Any, method: Any, properties: Any, body: bytes) -> None:
                if ended or properties.message_id == end:
                    ended.append(True)
                    return
                found.append((int(properties.headers["x-stream-offset"]), properties.message_id or "unnamed", body))
                channel.basic_ack(method.delivery_tag)

            channel.basic_consume(lane, on_message, arguments={"x-stream-offset": "first"})
            limit = time.monotonic() + READ_LIMIT_SECONDS
            while not ended:
                assert time.monotonic() < limit, f"{lane}: its end was not met after {len(found)} messages"
                connection.process_data_events(time_limit=0.2)
            connection._impl._transport.abort()  # closing would nack what is left, which a stream forbids
            return found

        return await asyncio.to_thread(read)
