"""The broker as it is handled from outside: killed, set back to an older copy, alarmed; its streams read whole."""

import asyncio
import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pika

from compose import process_list
from loadtest.chaos.worker import until

#: The broker's own setting in our private stacks (compose/services/rabbitmq.py), put back after an alarm.
WATERMARK = "0.4"
CONTROL_LIMIT_SECONDS = 90
#: A killed broker is started again by the stack's supervisor.
BACK_LIMIT_SECONDS = 120.0
READ_LIMIT_SECONDS = 20.0


class BrokerControl:
    """The broker of the stack that we run on, and one virtual host on it."""

    def __init__(self, url: str, vhost: str) -> None:
        self._user = urlsplit(url).username or ""
        self.vhost = vhost
        self.url = urlunsplit(urlsplit(url)._replace(path=f"/{vhost}"))

    @property
    def folder(self) -> Path:
        stack = os.environ.get("FRONTROW_STACK")
        assert stack, "a private stack is needed: python -m compose stack --parts-only -- …"
        return Path(stack) / "rabbitmq"

    async def control(self, *arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            f"{self.folder / 'rabbitmqctl'}", *arguments,
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

    def process(self) -> int:
        """The broker's pid: the oldest Erlang machine of the stack (``rabbitmqctl`` is one too, while it runs)."""
        machines = [one for one in process_list.of_stack(self.folder.parent, []) if one.name == "beam.smp"]
        assert machines, "no broker of this stack runs"
        return min(machines, key=lambda one: one.started_ticks).pid

    async def kill(self) -> int:
        """-9; the supervisor starts it again.  The pid that is gone."""
        pid = self.process()
        os.kill(pid, signal.SIGKILL)
        await until("the broker's end", lambda: process_list.find(pid) is None, 10)
        return pid

    async def back(self) -> None:
        """Wait until the broker takes connections again."""

        def answers() -> bool:
            try:
                connection, _ = self._channel()
                connection.close()
            except (pika.exceptions.AMQPError, OSError):
                return False
            return True

        await until("the broker back", lambda: asyncio.to_thread(answers), BACK_LIMIT_SECONDS)

    async def kill_writer(self, stream: str) -> None:
        """Kill the process that writes this stream, inside the broker."""
        queue = f'rabbit_misc:r(<<"{self.vhost}">>, queue, <<"{stream}">>)'
        await self.control("eval", f"{{ok, Q}} = rabbit_amqqueue:lookup({queue}), exit(amqqueue:get_pid(Q), kill).")

    def copy_data(self) -> Path:
        """The data folder as it is at one moment: the broker stands still meanwhile."""
        copy = self.folder / "older"
        shutil.rmtree(copy, ignore_errors=True)
        pid = self.process()
        os.kill(pid, signal.SIGSTOP)
        try:
            shutil.copytree(self.folder / "mnesia", copy, symlinks=True)
        finally:
            os.kill(pid, signal.SIGCONT)
        return copy

    async def set_back(self, copy: Path) -> None:
        """Exchange the data folder for an older copy, under a broker that stands still and is then killed."""
        pid = self.process()
        os.kill(pid, signal.SIGSTOP)
        shutil.move(self.folder / "mnesia", self.folder / "newer")
        shutil.move(copy, self.folder / "mnesia")
        os.kill(pid, signal.SIGKILL)
        await until("the broker's end", lambda: process_list.find(pid) is None, 10)
        await self.back()
        await asyncio.to_thread(shutil.rmtree, self.folder / "newer")

    async def keep_at_most(self, stream: str, count: int | None) -> None:
        """Bound a stream's bytes from now on, by a policy: its head is trimmed when segments roll.  None ends it."""
        if count is None:
            await self.control("clear_policy", "-p", self.vhost, "trim")
            return
        pattern, bound = f"^{stream.replace('.', '[.]')}$", json.dumps({"max-length-bytes": count})
        await self.control("set_policy", "-p", self.vhost, "--apply-to", "queues", "trim", pattern, bound)

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
