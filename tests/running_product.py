"""The product as the tests run it: its own processes around an edge, with their logs kept and read for tracebacks.

A test may kill a process and start it again; nobody else restarts one. What is started here is ended here, by its pid.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import httpx

from compose import product

ROOT = Path(__file__).parent.parent
#: What a stack gives; see `python -m compose stack --parts-only`.
NEEDED = (
    "DATABASE_URL", "REDIS_URL", "RABBITMQ_URL", "RAZORPAY_URL", "MAILBOX_URL", "SMTP_PORT", "EDGE_URL", "JWT_SECRET",
    "RAZORPAY_KEY_ID", "RAZORPAY_KEY_SECRET", "RAZORPAY_WEBHOOK_SECRET", "BUYER_EMAIL", "BUYER_PASSWORD",
)  # fmt: skip
#: A command (migrate, demo) ends, and all is ready, within these; an ended process has written its last line by then.
COMMAND_LIMIT_SECONDS = 90
READY_LIMIT_SECONDS = 60
STOP_LIMIT_SECONDS = 20
LINES_SHOWN = 12
#: What a line that tells of an exception nobody expected looks like, as JSON and as plain text.
SIGNS_OF_A_TRACEBACK = ("Traceback (most recent call last)", '"exception":')


class NotRunning(AssertionError):
    """The product, or a part that it needs, is not there; the message says which and why."""


@dataclass
class Running:
    """One process: what it runs, where it writes, and how far its log has been read."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    read_bytes: int = 0

    @property
    def pid(self) -> int:
        assert self.process is not None, f"{self.name} was never started"
        return self.process.pid

    def start(self) -> None:
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command, env=self.environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def new_lines(self) -> list[str]:
        """Whole lines written since this was asked last."""
        with self.log.open("rb") as log:
            log.seek(self.read_bytes)
            found = log.read()
        found = found[: found.rfind(b"\n") + 1]
        self.read_bytes += len(found)
        return found.decode(errors="replace").splitlines()

    def last_lines(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(f"    {line}" for line in lines[-LINES_SHOWN:])


class Product:
    """Every process of the product on the stack that the environment names, its edge at the stack's EDGE_URL."""

    def __init__(self, given: Mapping[str, str], folder: Path) -> None:
        missing = [name for name in NEEDED if not given.get(name)]
        if missing:
            raise NotRunning(
                f"These tests need a stack, and the environment does not name one: {', '.join(missing)} not set. "
                "Run `make test`, or `python -m compose stack --parts-only -- python -m pytest tests/journeys`."
            )
        self.edge_url = given["EDGE_URL"]
        self.folder = folder
        self._port = urlsplit(self.edge_url).port or 80
        self._told = {
            **given,
            "EDGE_HOST": "127.0.0.1",
            "EDGE_PORT": f"{self._port}",
            "RATE_LIMITS": "off",
            "RAZORPAY_ANSWER_SECONDS": "3",  # tests wait for it in vain
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "INFO",
            "PYTHONUNBUFFERED": "1",
        }
        self.processes: dict[str, Running] = {}

    def start(self) -> None:
        """Migrate, start everything, seed the demo; returns when the edge says that all is ready."""
        self._run("store.migrate")
        for process in product.processes(self._told):
            self.add(process.name, *process.module_and_arguments, **process.settings)
        self.wait_until_ready()
        self._run("actors.demo")

    def add(self, name: str, *module_and_arguments: str, **settings: str) -> Running:
        """Start one more process, with these settings beside the usual ones."""
        command = (sys.executable, "-m", *module_and_arguments)
        running = Running(name, command, self._told | settings, self.folder / f"{name}.log")
        self.processes[name] = running
        running.start()
        return running

    def wait_until_ready(self, url: str = "") -> None:
        """Until /health/ready answers 200.  Raises NotRunning, with the reason that was given last."""
        deadline, reason = time.monotonic() + READY_LIMIT_SECONDS, "it was not asked yet"
        while time.monotonic() < deadline:
            for running in self.processes.values():
                if running.has_ended():
                    raise NotRunning(f"{running.name} has ended. The end of its log:\n{running.last_lines()}")
            try:
                answer = httpx.get(f"{url or self.edge_url}/health/ready", timeout=5, trust_env=False)
                if answer.status_code == 200:
                    return
                reason = answer.text
            except httpx.HTTPError as error:
                reason = repr(error)
            time.sleep(0.1)
        raise NotRunning(f"{url or self.edge_url} was not ready within {READY_LIMIT_SECONDS} s: {reason}")

    def kill(self, name: str) -> Running:
        """End a process as a power cut does."""
        running = self.processes[name]
        os.kill(running.pid, signal.SIGKILL)
        assert running.process is not None
        running.process.wait(5)
        return running

    def stop(self) -> list[str]:
        """End what was started, edges first; the names of those that had to be killed or ended badly."""
        unwell = []
        names = sorted(self.processes, key=lambda name: not name.startswith("edge"))
        for running in (self.processes[name] for name in names):
            if not running.has_ended():
                os.kill(running.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_LIMIT_SECONDS
        for running in self.processes.values():
            if running.process is None:
                continue
            try:
                code = running.process.wait(max(0.1, deadline - time.monotonic()))
                if code != 0:
                    unwell.append(f"{running.name} ended with code {code}:\n{running.last_lines()}")
            except subprocess.TimeoutExpired:
                running.process.kill()
                running.process.wait(5)
                unwell.append(f"{running.name} did not end within {STOP_LIMIT_SECONDS} s of SIGTERM")
        return unwell

    def tracebacks(self) -> list[str]:
        """What was logged since the last time that tells of an exception nobody expected."""
        return [
            f"{running.name}: {line}"
            for running in self.processes.values()
            for line in running.new_lines()
            if any(sign in line for sign in SIGNS_OF_A_TRACEBACK)
        ]

    def logged(self, name: str, *words: str) -> int:
        """How many lines of a process's log hold all these words."""
        lines = self.processes[name].log.read_text(errors="replace").splitlines()
        return sum(all(word in line for word in words) for line in lines)

    def _run(self, module: str) -> None:
        command = [sys.executable, "-m", module]
        with (self.folder / f"{module}.log").open("wb") as out:
            try:
                done = subprocess.run(
                    command, env=self._told, cwd=ROOT, stdout=out, stderr=out, timeout=COMMAND_LIMIT_SECONDS
                )
            except subprocess.TimeoutExpired:
                raise NotRunning(f"`python -m {module}` did not end within {COMMAND_LIMIT_SECONDS} s") from None
        if done.returncode:
            raise NotRunning(f"`python -m {module}` ended with {done.returncode}:\n{_text(out)}")


def _text(log: IO[bytes]) -> str:
    return Path(f"{log.name}").read_text(errors="replace")[-2_000:]
