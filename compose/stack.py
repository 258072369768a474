"""A whole stack: its parts and the product's processes, brought up in order, kept alive, and ended in the other order.

1. End what a killed run left behind.  2. Start the parts that were not given from outside, all at once.  3. Migrate.
4. Start the product's processes.  5. Wait until the edge says that it is ready.  6. The first time: seed the demo and
sell one ticket.  7. Write `stack.env`.  It ends edge first, then the workers, then the parts.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from compose import environment, packages, ports, process_list, product, ready
from compose.child import Child, Program
from compose.failure import Failure
from compose.process_list import MARKER
from compose.run_folder import RunFolder
from compose.services.part import Part, until
from compose.services.postgres import Postgres, outside_folder
from compose.services.rabbitmq import RabbitMQ
from compose.services.redis import Redis
from compose.services.web import WebPart

ROOT = Path(__file__).resolve().parent.parent
PART_NAMES = ("postgres", "redis", "rabbitmq", "mailbox", "razorpay")
PARTS = "parts"
EVERYTHING = "everything"
PART_LIMIT_SECONDS = 90.0
MIGRATE_LIMIT_SECONDS = 180.0
READY_LIMIT_SECONDS = 120.0
DEMO_LIMIT_SECONDS = 300.0
FIRST_SALE_LIMIT_SECONDS = 120.0
LOG_CHECK_SECONDS = 5.0
LINE_BYTES_MAX = 1024 * 1024
# Every port of a stack, and whose it is.
PORTS = {
    "EDGE_PORT": product.EDGE,
    "MAILBOX_PORT": "mailbox",
    "SMTP_PORT": "mailbox",
    "RAZORPAY_PORT": "razorpay",
    "POSTGRES_PORT": "postgres",
    "REDIS_PORT": "redis",
    "RABBITMQ_PORT": "rabbitmq",
    "RABBITMQ_DIST_PORT": "rabbitmq",
    "EPMD_PORT": "rabbitmq",
}
# Ports worth remembering for people, tried first by a stack that is not a private one.
PREFERRED_PORTS = {"EDGE_PORT": 8000, "MAILBOX_PORT": 8025, "RAZORPAY_PORT": 8026}

Say = Callable[[str], None]


class Stack:
    def __init__(
        self,
        folder: RunFolder,
        given: Mapping[str, str],
        scope: str,
        say: Say,
        private: bool = False,
        only: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.scope = scope
        self.settings: dict[str, str] = {}
        self._given = given
        self._say = say
        self._private = private
        self._only = only  # names of the parts wanted; none named means all of them
        self._parts: list[Part] = []
        self._part_children: list[Child] = []
        self._children: list[Child] = []
        self._ports: dict[str, int] = {}
        self._began = time.monotonic()

    # -- up ---------------------------------------------------------------------------------------------------------
    async def start(self) -> None:
        self.folder.write_state(self.scope, "starting", "", [])
        mend(self.folder, self._say)
        await asyncio.to_thread(packages.provide, self._needed(), self._say)
        self._choose_settings()
        await self._start_parts()
        if self.scope == EVERYTHING:
            await self._run_once("migrate", ("store.migrate",), MIGRATE_LIMIT_SECONDS)
            await self._start_product()
            await self._first_time()
        for child in (*self._part_children, *self._children):
            child.settled()
        own = {name: self.settings.get(name, "") for name in environment.ADDRESSES if name not in self._given}
        self.folder.write_json("addresses.json", own)
        self.folder.write("stack.env", environment.assignments(self.exported()))
        self._say(f"ready after {time.monotonic() - self._began:.1f} s")

    def mark_ready(self) -> None:
        """From now on other commands may count on it; said last, after everything that a person is shown."""
        self.folder.write_state(self.scope, "ready", "", self.addresses())

    def exported(self) -> dict[str, str]:
        """Every setting, for `stack.env` and for commands run on the stack."""
        return {name: value for name, value in self.settings.items() if name not in environment.LISTENING}

    def addresses(self) -> list[str]:
        """What a person wants to know once it is ready."""
        shown = []
        if self.scope == EVERYTHING:
            url = self.settings["EDGE_URL"]
            shown += [f"shop       {url}", f"API        {url}/docs"]
        shown += [f"{part.name:<10} {part.url}" for part in self._parts if isinstance(part, WebPart)]
        if self.scope == EVERYTHING and "BUYER_EMAIL" in self.settings:
            for role in ("buyer", "organiser", "scanner", "admin"):
                email, password = (self.settings.get(f"{role.upper()}_{word}", "") for word in ("EMAIL", "PASSWORD"))
                shown.append(f"{role:<10} {email}   password {password}")
        shown += [f"settings   . {_short(self.folder.stack_env)}", f"logs       {_short(self.folder.logs)}"]
        return shown

    async def watch(self) -> None:
        """Keeps the logs within bounds, for as long as it is let."""
        while True:
            await asyncio.sleep(LOG_CHECK_SECONDS)
            self.folder.bound_logs()

    # -- down -------------------------------------------------------------------------------------------------------
    async def stop(self) -> None:
        self.folder.write_state(self.scope, "stopping", "", [])
        self.folder.stack_env.unlink(missing_ok=True)
        edges = [child for child in self._children if child.program.name.startswith(product.EDGE)]
        workers = [child for child in self._children if child not in edges]
        epmd = [child for child in self._part_children if child.program.name == "epmd"]
        parts = [child for child in self._part_children if child not in epmd]
        for group in (edges, workers, parts, epmd):
            await asyncio.gather(*(child.stop() for child in group))
        left = mend(self.folder, self._say)
        self.folder.write_state(self.scope, "stopped", "", [])
        self._say("everything has ended" if not left else f"{len(left)} processes could not be ended")

    # -- settings ---------------------------------------------------------------------------------------------------
    def _needed(self) -> list[packages.Need]:
        servers = (
            ("postgres", "DATABASE_URL", packages.POSTGRES),
            ("redis", "REDIS_URL", packages.REDIS),
            ("rabbitmq", "RABBITMQ_URL", packages.RABBITMQ),
        )
        wanted = self._only or PART_NAMES
        needed = [need for name, setting, need in servers if setting not in self._given and name in wanted]
        return [*needed, packages.DOCUMENTS] if self.scope == EVERYTHING else needed

    def _choose_settings(self) -> None:
        secret = environment.own_secrets(self.folder)
        given = self._given
        self._choose_ports()
        host = given.get("EDGE_HOST", environment.DEFAULTS["EDGE_HOST"])
        port = self._ports
        made = {
            **environment.DEFAULTS,
            **{name: value for name, value in secret.items() if name not in environment.PASSWORDS},
            "EDGE_PORT": f"{port['EDGE_PORT']}",
            "EDGE_URL": f"http://{_reachable(host)}:{port['EDGE_PORT']}",
            "FILES_DIR": f"{self.folder.path / 'files'}",
        }
        if given.get("FRONTROW_MODE", "development") != "production":
            made |= environment.ACCOUNTS
        names = {*made, *environment.ADDRESSES, *environment.ACCOUNTS}
        self.settings = {**made, **{name: given[name] for name in names if name in given}}
        self._make_parts(secret)
        Path(self.settings["FILES_DIR"]).mkdir(parents=True, exist_ok=True)

    def _choose_ports(self) -> None:
        kept = self.folder.read_json("ports.json")
        taken: set[int] = set()
        if "EDGE_PORT" in self._given:
            port = environment.number(self._given, "EDGE_PORT", 8000, 1, 65_535)
            if self.scope == EVERYTHING and not ports.is_free(port):
                holder = ports.holder(port) or "another process"
                raise Failure(f"EDGE_PORT={port} is taken by {holder}. End it, or give another EDGE_PORT.")
            self._ports["EDGE_PORT"] = port
            taken.add(port)
        for name, owner in PORTS.items():
            if name in self._ports:
                continue
            preferred = None if self._private else PREFERRED_PORTS.get(name)
            wanted = kept.get(name, preferred)
            port = ports.choose(kept.get(name), preferred, taken)
            in_use = owner in (self._only or PART_NAMES) or (owner == product.EDGE and self.scope == EVERYTHING)
            if in_use and wanted is not None and port != wanted:
                holder = ports.holder(wanted) or "another process"
                self._say(f"port {wanted} is taken by {holder}: {name} is {port} instead")
            self._ports[name] = port
            taken.add(port)
        # A given EDGE_PORT is not kept: without it the next start returns to the one of before.
        remembered = {name: port for name, port in self._ports.items() if name not in self._given}
        self.folder.write_json("ports.json", {**kept, **remembered})

    def _make_parts(self, secret: Mapping[str, str]) -> None:
        run_dir, port, given = self.folder.path, self._ports, self._given
        told = environment.of_a_part(run_dir)
        if "DATABASE_URL" not in given:
            postgres = Postgres(run_dir, port["POSTGRES_PORT"], secret["POSTGRES_PASSWORD"], told, self._say)
            self.settings["DATABASE_URL"] = postgres.url
            self._add(postgres)
        if "REDIS_URL" not in given:
            redis = Redis(run_dir, port["REDIS_PORT"], secret["REDIS_PASSWORD"], told)
            self.settings["REDIS_URL"] = redis.url
            self._add(redis)
        if "RABBITMQ_URL" not in given:
            numbers = (port["RABBITMQ_PORT"], port["RABBITMQ_DIST_PORT"], port["EPMD_PORT"])
            rabbitmq = RabbitMQ(run_dir, *numbers, secret["RABBITMQ_PASSWORD"], told, self._say)
            self.settings["RABBITMQ_URL"] = rabbitmq.url
            self._add(rabbitmq)
        if "SMTP_HOST" not in given:
            self.settings |= {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": f"{port['SMTP_PORT']}"}
            told_mailbox = {
                **told,
                **{name: f"{port[name]}" for name in ("SMTP_PORT", "MAILBOX_PORT")},
                "MAILBOX_DIR": f"{run_dir / 'mailbox'}",
            }
            mailbox = WebPart("mailbox", "compose.mailbox", port["MAILBOX_PORT"], told_mailbox)
            self.settings["MAILBOX_URL"] = mailbox.url
            self._add(mailbox)
        if "RAZORPAY_URL" not in given:
            names = ("RAZORPAY_KEY_ID", "RAZORPAY_KEY_SECRET", "RAZORPAY_WEBHOOK_SECRET", "EDGE_URL")
            told_emulator = {
                **told,
                **{name: self.settings[name] for name in names},
                "RAZORPAY_PORT": f"{port['RAZORPAY_PORT']}",
                "EMULATOR_HOST": "127.0.0.1",
                "EMULATOR_DATA": f"{run_dir / 'emulator.sqlite3'}",
            }
            emulator = WebPart("razorpay", "loadtest.razorpay_emulator", port["RAZORPAY_PORT"], told_emulator)
            self.settings["RAZORPAY_URL"] = emulator.url
            self._add(emulator)

    def _add(self, part: Part) -> None:
        if not self._only or part.name in self._only:
            self._parts.append(part)

    # -- parts ------------------------------------------------------------------------------------------------------
    async def _start_parts(self) -> None:
        await ready.given_parts_answer(self._given)
        async with asyncio.TaskGroup() as group:
            for part in self._parts:
                group.create_task(self._start_part(part))

    async def _start_part(self, part: Part) -> None:
        began = time.monotonic()
        await asyncio.to_thread(part.prepare)
        children = [Child(program, self.folder, self._say) for program in part.programs()]
        self._part_children += children
        for child in children:
            await child.start()
        await self._unless_given_up(until(part.ready, part.name, PART_LIMIT_SECONDS), children)
        self._say(f"{part.name:<10} {part.address:<18} {time.monotonic() - began:4.1f} s")

    # -- the product ------------------------------------------------------------------------------------------------
    def product_environment(self) -> dict[str, str]:
        """The person's own environment, the settings, and our marker."""
        return {**os.environ, **self._given, **self.settings, MARKER: f"{self.folder.path}", "PYTHONUNBUFFERED": "1"}

    async def _start_product(self) -> None:
        began = time.monotonic()
        told = self.product_environment()
        for process in product.processes(self._given):
            command = (sys.executable, "-m", *process.module_and_arguments)
            program = Program(process.name, command, {**told, **process.settings}, ROOT)
            self._children.append(Child(program, self.folder, self._say))
        for child in self._children:
            await child.start()
        self._say(f"{len(self._children)} processes started: {', '.join(c.program.name for c in self._children)}")
        local_url = f"http://{_reachable(self.settings['EDGE_HOST'])}:{self.settings['EDGE_PORT']}"
        waiting = ready.edge_is_ready(local_url, READY_LIMIT_SECONDS, self._say)
        await self._unless_given_up(waiting, self._children)
        self._say(f"{'edge':<10} {self.settings['EDGE_URL']:<18} {time.monotonic() - began:4.1f} s")

    async def _first_time(self) -> None:
        """The demo and the first sale, once for each database."""
        if self.settings["FRONTROW_MODE"] == "production":
            return
        done = self.folder.read_json("first_time.json").get(self.settings["DATABASE_URL"].rpartition("@")[2], [])
        for name, module, limit in (
            ("demo", ("actors.demo",), DEMO_LIMIT_SECONDS),
            ("first-sale", ("loadtest.e2e", "--first"), FIRST_SALE_LIMIT_SECONDS),
        ):
            if name in done or (self._private and name == "first-sale"):
                continue
            self._say("the demo catalogue is being made" if name == "demo" else "the first sale, to the demo buyer:")
            await self._run_once(name, module, limit, aloud=name == "first-sale")
            done = [*done, name]
            self.folder.write_json("first_time.json", {self.settings["DATABASE_URL"].rpartition("@")[2]: done})

    async def _run_once(self, name: str, module: tuple[str, ...], limit_seconds: float, aloud: bool = False) -> None:
        """Runs a command of the product to its end; its log's last lines are the reason when it fails."""
        began = time.monotonic()
        command = (sys.executable, "-m", *module)
        with self.folder.log_of(name).open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=self.product_environment(),
                cwd=ROOT,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                limit=LINE_BYTES_MAX,
            )
            try:
                async with asyncio.timeout(limit_seconds):
                    assert process.stdout is not None
                    async for line in process.stdout:
                        log.write(line)
                        log.flush()
                        if aloud:
                            self._say(f"  {line.decode(errors='replace').rstrip()}")
                    code = await process.wait()
            except TimeoutError as error:
                raise Failure(f"`python -m {' '.join(module)}` did not end within {limit_seconds:.0f} s.") from error
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if code != 0:
            raise self._failure(name, f"`python -m {' '.join(module)}` ended with code {code}.")
        self._say(f"{name:<10} done {time.monotonic() - began:18.1f} s")

    async def _unless_given_up(self, waiting: Coroutine[Any, Any, None], children: list[Child]) -> None:
        """Waits, but no longer when one of the children will never come."""
        work = asyncio.create_task(waiting)
        hopeless = {asyncio.create_task(child.gave_up.wait()): child for child in children}
        try:
            await asyncio.wait({work, *hopeless}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                await work
                return
            name = next(child.program.name for task, child in hopeless.items() if task.done())
            raise self._failure(name, f"{name} does not stay up.")
        finally:
            for task in (work, *hopeless):
                task.cancel()
            await asyncio.gather(work, *hopeless, return_exceptions=True)

    def _failure(self, name: str, sentence: str) -> Failure:
        lines = self.folder.last_lines(name)
        shown = "".join(f"\n    {line}" for line in lines)
        return Failure(f"{sentence} The end of {_short(self.folder.log_of(name))}:{shown}" if lines else sentence)


def leftovers(folder: RunFolder) -> list[process_list.Process]:
    """Every process of this stack, whoever started it."""
    data = [folder.path / "postgres", folder.path / "redis", outside_folder(folder.path)]
    return process_list.of_stack(folder.path, data)


def mend(folder: RunFolder, say: Say) -> list[process_list.Process]:
    """Ends whatever of this stack still runs without a supervisor; returns what could not be ended."""
    left = leftovers(folder)
    if not left:
        return []
    names = ", ".join(f"{process.name} ({process.pid})" for process in left[:8])
    say(f"left behind and ended now: {names}{' …' if len(left) > 8 else ''}")
    servers = [process for process in left if process.name.startswith("postgres")]
    others = [process for process in left if process not in servers]
    unended = process_list.end(others, signal.SIGTERM, 10.0) + process_list.end(servers, signal.SIGINT, 10.0)
    return unended + process_list.end(leftovers(folder), signal.SIGKILL, 2.0)


def _reachable(host: str) -> str:
    """Where a server that listens on this address can be asked from here."""
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host


def _short(path: Path) -> str:
    """Relative to where the person stands, when it lies below."""
    here = Path.cwd()
    return f"{path.relative_to(here)}" if path.is_relative_to(here) else f"{path}"
