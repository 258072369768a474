"""A small project around the real `compose`: its product is stand-ins that do what a test wants.

The supervisor speaks to the product by processes and HTTP only, so it can be tried on any product. Stand-ins are told
what to do by files in the project's folder: `unready` makes the edge say so, `dying` lets the letters worker die.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from compose import process_list
from compose.process_list import Process

ROOT = Path(__file__).resolve().parent.parent.parent
COMMAND_LIMIT_SECONDS = 60

SERVER = '''"""Answers /health and /health/ready on the port named by the setting in argv or below."""
import http.server, json, os, pathlib, signal, sys
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
UNREADY = pathlib.Path(__file__).resolve().parent.parent / "unready"
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        unready = self.path == "/health/ready" and UNREADY.exists()
        lane = {"ready": not unready, "reason": UNREADY.read_text() if unready else ""}
        body = {"ready": not unready, "parts": {"lane": lane}}
        data = json.dumps(body).encode()
        self.send_response(503 if unready else 200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True
Server(("127.0.0.1", int(os.environ["PORT_SETTING"])), Handler).serve_forever()
'''
WORKER = '''"""Sleeps until it is told to end; the letters worker dies when `dying` is there."""
import pathlib, signal, sys, os, time
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
dying = pathlib.Path(__file__).resolve().parent.parent / "dying"
while True:
    if sys.argv[1] == "letters" and dying.exists():
        sys.exit("letters: the stamp is missing")
    time.sleep(0.05)
'''
NOTE = '''"""Notes that it ran."""
import pathlib, sys
with (pathlib.Path(__file__).resolve().parent.parent / "notes").open("a") as notes:
    notes.write("{name}\\n")
print("{words}")
'''


class Project:
    def __init__(self, path: Path, environment: dict[str, str]) -> None:
        self.path = path
        self.run_dir = path / ".run"
        self.environment = environment
        shutil.copytree(ROOT / "compose", path / "compose", ignore=shutil.ignore_patterns("mailbox", "__pycache__"))
        self._module("compose/mailbox/__main__", SERVER.replace("PORT_SETTING", "MAILBOX_PORT"))
        self._module("loadtest/razorpay_emulator/__main__", SERVER.replace("PORT_SETTING", "RAZORPAY_PORT"))
        self._module("edge/server", SERVER.replace("PORT_SETTING", "EDGE_PORT"))
        self._module("actors/worker", WORKER)
        self._module("store/migrate", NOTE.format(name="migrate", words="migrated"))
        self._module("actors/demo", NOTE.format(name="demo", words="seeded"))
        self._module("loadtest/e2e", NOTE.format(name="sale", words="held, paid, confirmed, ticket in the mailbox"))

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "compose", *words]

    def run(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words),
            cwd=self.path,
            env={**self.environment, **settings},
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT_SECONDS,
        )

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.command(*words),
            cwd=self.path,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def processes(self) -> list[Process]:
        return process_list.of_stack(self.run_dir, [self.run_dir / "postgres", self.run_dir / "redis"])

    def process_of(self, *words: str) -> Process:
        """The one process of the stack whose command line ends with these words."""
        wanted = "\0".join(words).encode() + b"\0"
        found = [one for one in self.processes() if _command_line(one.pid).endswith(wanted)]
        assert len(found) == 1, f"{words}: {found}"
        return found[0]

    def supervisor(self) -> Process:
        found = [Path(f"/proc/{name}/cmdline") for name in os.listdir("/proc") if name.isdigit()]
        serving = f"serve\0--scope\0everything\0--run-dir\0{self.run_dir}\0".encode()
        pids = [int(path.parent.name) for path in found if _read(path).endswith(serving)]
        assert len(pids) == 1, pids
        process = process_list.find(pids[0])
        assert process is not None
        return process

    def settings(self) -> dict[str, str]:
        """What a shell knows after `. .run/stack.env`."""
        shell = subprocess.run(
            ["sh", "-c", f"set -a; . {self.run_dir}/stack.env; env -0"],
            env={},
            capture_output=True,
            text=True,
            check=True,
        )
        return dict(line.split("=", 1) for line in shell.stdout.split("\0") if line)

    def notes(self) -> list[str]:
        path = self.path / "notes"
        return path.read_text().split() if path.exists() else []

    def end(self) -> None:
        """Whatever a failed test left: ended by the supervisor's own command, then by force."""
        self.run("down")
        process_list.end(self.processes(), signal.SIGKILL, 1.0)

    def _module(self, name: str, text: str) -> None:
        path = self.path / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def wait_for(condition: "object", seconds: float = 10.0) -> None:
    """Until the condition holds, for a bounded time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")


def _command_line(pid: int) -> bytes:
    return _read(Path(f"/proc/{pid}/cmdline"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
