"""The ground that is measured on: the product's processes on private parts, started and ended here, and for each row a
fresh database with fresh lanes.

1. A template database is migrated, and gets one show by `python -m actors.demo race`; its lanes are set back to their
   beginning.  2. Each row gets a copy of it, after all processes have ended and all queues are deleted, so that no row
pays for what another one left behind.  3. Processes are ours: they can be paused (SIGSTOP) while a lane is filled."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pika

from loadtest.bench.figures import NotMeasured
from loadtest.stack import ROOT
from store.settings import settings

PROCESSES: dict[str, tuple[str, ...]] = {
    "edge": ("edge.server",),
    "lane-1": ("actors.worker", "lane"),
    "lane-2": ("actors.worker", "lane"),
    "saga": ("actors.worker", "saga"),
    "payments": ("actors.worker", "payments"),
    "webhooks": ("actors.worker", "webhooks"),
    "documents": ("actors.worker", "documents"),
    "letters": ("actors.worker", "letters"),
    "sweeps": ("actors.worker", "sweeps"),
}
EVERYTHING = tuple(PROCESSES)
WORK_QUEUES = {
    "payments": "payments.v1",
    "webhooks": "webhooks.v1",
    "documents": "documents.v1",
    "letters": "letters.v1",
}
TEMPLATE = "bench_template"
START_LIMIT_SECONDS, END_LIMIT_SECONDS, COMMAND_LIMIT_SECONDS = 40.0, 15.0, 90.0
LOG_LINES_SHOWN = 8


class Ground:
    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.say = say
        self.folder = folder
        self.database: Any = None
        self.database_url = ""
        self.show_lanes = [f"show.{number:02d}" for number in range(settings().show_lanes)]
        self.saga_lanes = [f"saga.{number:02d}" for number in range(settings().saga_lanes)]
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._databases = 0
        self._outside: Any = None

    @property
    def edge_address(self) -> tuple[str, int]:
        return "127.0.0.1", settings().edge_port

    async def prepare(self) -> None:
        """Make the template database."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._outside = await asyncpg.connect(settings().database_url)
        await self._outside.execute(f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")
        await self._outside.execute(f"CREATE DATABASE {TEMPLATE}")
        self.database_url = _named(settings().database_url, TEMPLATE)
        await self.command("store.migrate")
        await asyncio.to_thread(self._delete_queues)
        self.database = await asyncpg.connect(self.database_url)
        await self.start("lane-1")
        await self.command("actors.demo", "race", "bench-template", "--seats", "4", "--hold-seconds", "600")
        await self.end_all()
        await self.database.execute(
            "UPDATE lane SET generation = 0, next_offset = 0, last_offset = NULL, last_publish_id = NULL, owner = NULL,"
            " leased_until = '-infinity', decided_at = '-infinity'"
        )
        await self.database.execute("TRUNCATE journal, saga_journal, lost_command, worker")
        await self.database.close()
        self.database = None

    async def fresh(self) -> None:
        """Everything anew: no process, empty lanes, a database of this row's own."""
        await self.end_all()
        await self._leave_database()
        await asyncio.to_thread(self._delete_queues)
        self._databases += 1
        name = f"bench_{self._databases}"
        await self._outside.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await self._outside.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        self.database_url = _named(settings().database_url, name)
        self.database = await asyncpg.connect(self.database_url)

    async def leave(self) -> None:
        await self.end_all()
        await self._leave_database()
        if self._outside is not None:
            await self._outside.execute(f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")
            await self._outside.close()

    async def start(self, *names: str, **told: str) -> None:
        """Start these processes, and wait until each can do its work.  Raises NotMeasured."""
        for name in names:
            await self._begin(name, PROCESSES[name], told)
        for name in names:
            await self._until_ready(name)

    async def start_module(self, name: str, module: str, port: int) -> None:
        """Start a server of the bench's own, and wait until it listens."""
        await self._begin(name, (module, str(port)), {})
        await self._until(name, lambda: _listens(port))

    async def end(self, *names: str) -> None:
        processes = [self._processes.pop(name) for name in names if name in self._processes]
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in processes:
            try:
                await asyncio.wait_for(process.wait(), END_LIMIT_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()

    async def end_all(self) -> None:
        await self.end("edge")
        await self.end(*list(self._processes))

    def pid(self, name: str) -> int:
        return self._processes[name].pid

    def pause(self, *names: str) -> None:
        for name in names:
            self._processes[name].send_signal(signal.SIGSTOP)

    def resume(self, *names: str) -> None:
        for name in names:
            self._processes[name].send_signal(signal.SIGCONT)

    async def command(self, *module_and_arguments: str) -> str:
        """Run a command of the product to its end; what it printed.  Raises NotMeasured."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *module_and_arguments, env=self._told({}), cwd=ROOT,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            output, errors = await asyncio.wait_for(process.communicate(), COMMAND_LIMIT_SECONDS)
        except TimeoutError:
            process.kill()
            raise NotMeasured(f"`python -m {' '.join(module_and_arguments)}` did not end in time") from None
        if process.returncode != 0:
            end = (errors or output).decode(errors="replace")[-800:]
            raise NotMeasured(f"`python -m {' '.join(module_and_arguments)}` ended with {process.returncode}: {end}")
        return output.decode()

    def _told(self, more: dict[str, str]) -> dict[str, str]:
        # the backlog's bound protects the lane; here it is filled on purpose
        return {**os.environ, "DATABASE_URL": self.database_url, "MAX_BACKLOG_PER_SHOW": "10000000", **more}

    async def _begin(self, name: str, module_and_arguments: Sequence[str], told: dict[str, str]) -> None:
        with self._log(name).open("wb") as log:
            self._processes[name] = await asyncio.create_subprocess_exec(
                sys.executable, "-m", *module_and_arguments, env=self._told(told), cwd=ROOT, stdout=log, stderr=log,
                start_new_session=True,  # as the supervisor does, for that is how Linux shares out the processors
            )  # fmt: skip

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    async def _until_ready(self, name: str) -> None:
        if name == "edge":
            await self._until(name, self._edge_lives)
        elif name.startswith("lane") or name == "saga":
            lanes = self.saga_lanes if name == "saga" else self.show_lanes
            await self._until(name, lambda: self._all_owned(lanes))
            await self._until(name, lambda: asyncio.to_thread(self._are_declared, lanes))
        elif name in WORK_QUEUES:
            await self._until(name, lambda: asyncio.to_thread(self._are_declared, [WORK_QUEUES[name]]))

    async def _until(self, name: str, is_so: Callable[[], Any]) -> None:
        deadline = time.monotonic() + START_LIMIT_SECONDS
        while not await is_so():
            if self._processes[name].returncode is not None or time.monotonic() > deadline:
                lines = self._log(name).read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
                raise NotMeasured(f"{name} did not come up; its log ends: {' | '.join(lines)}")
            await asyncio.sleep(0.1)

    async def _edge_lives(self) -> bool:
        try:
            async with httpx.AsyncClient(timeout=2.0) as client:
                host, port = self.edge_address
                return (await client.get(f"http://{host}:{port}/health/live")).status_code == 200
        except httpx.HTTPError:
            return False

    async def _all_owned(self, lanes: list[str]) -> bool:
        owned = await self.database.fetchval(
            "SELECT count(*) FROM lane WHERE lane = ANY($1::text[]) AND leased_until > now()", lanes
        )
        return bool(owned == len(lanes))

    def _are_declared(self, queues: list[str]) -> bool:
        connection = pika.BlockingConnection(pika.URLParameters(settings().rabbitmq_url))
        try:
            channel = connection.channel()
            for queue in queues:
                channel.queue_declare(queue, passive=True)
            return True
        except pika.exceptions.ChannelClosedByBroker:
            return False
        finally:
            connection.close()

    def _delete_queues(self) -> None:
        connection = pika.BlockingConnection(pika.URLParameters(settings().rabbitmq_url))
        channel = connection.channel()
        work = [f"{queue}{end}" for queue in WORK_QUEUES.values() for end in ("", ".DQ", ".XQ")]
        for queue in (*self.show_lanes, *self.saga_lanes, *work):
            channel.queue_delete(queue)
        connection.close()

    async def _leave_database(self) -> None:
        if self.database is not None:
            await self.database.close()
            self.database = None
            name = urlsplit(self.database_url).path.lstrip("/")
            if name != TEMPLATE:
                await self._outside.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _named(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
