"""A whole stack: its parts and the product's processes, brought up in order, kept alive, and ended in the other order.

1. End what a killed run left behind.  2. Start the parts that were not given from outside, all at once.  3. Migrate.
4. Start the product's processes.  5. Wait until the edge says that it is ready.  6. The first time: seed the demo and
sell one ticket.  7. Write `stack.env`.  It ends edge first, then the workers, then the parts.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from compose import environment, packages, plans, product, ready
from compose.child import Child, Program
from compose.failure import Failure
from compose.mending import mend
from compose.process_list import MARKER
from compose.run_folder import RunFolder
from compose.services.part import Part, until
from compose.services.web import WebPart

ROOT = Path(__file__).resolve().parent.parent
PARTS = "parts"
EVERYTHING = "everything"
PART_LIMIT_SECONDS = 90.0
MIGRATE_LIMIT_SECONDS = 180.0
READY_LIMIT_SECONDS = 120.0
DEMO_LIMIT_SECONDS = 300.0
FIRST_SALE_LIMIT_SECONDS = 120.0
LOG_CHECK_SECONDS = 5.0
LINE_BYTES_MAX = 1024 * 1024


class Stack:
    def __init__(
        self,
        folder: RunFolder,
        given: Mapping[str, str],
        scope: str,
        say: Callable[[str], None],
        private: bool = False,
        only: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.scope = scope
        self.settings: dict[str, str] = {}
        self._wish = plans.Wish(folder, given, scope == EVERYTHING, private, tuple(only), say)
        self._given = given
        self._say = say
        self._parts: list[Part] = []
        self._part_children: list[Child] = []
        self._children: list[Child] = []
        self._began = time.monotonic()

    async def start(self) -> None:
        self.folder.write_state(self.scope, "starting", "", [])
        mend(self.folder, self._say)
        await asyncio.to_thread(packages.provide, plans.needed_packages(self._wish), self._say)
        plan = plans.make(self._wish)
        self.settings, self._parts = plan.settings, plan.parts
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
        local_url = f"http://{plans.reachable(self.settings['EDGE_HOST'])}:{self.settings['EDGE_PORT']}"
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
            if name in done or (self._wish.private and name == "first-sale"):
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


def _short(path: Path) -> str:
    """Relative to where the person stands, when it lies below."""
    here = Path.cwd()
    return f"{path.relative_to(here)}" if path.is_relative_to(here) else f"{path}"
