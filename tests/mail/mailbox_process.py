"""A real mailbox for tests: `python -m compose.mailbox` on free ports with a folder of its own."""

import os
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import httpx

ROOT = Path(__file__).parents[2]
START_SECONDS = 15.0


class MailboxProcess:
    """Ends with its `with` block, whatever happened in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.smtp_port, self.web_port = free_port(), free_port()
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "compose.mailbox"],
            cwd=ROOT,
            env=os.environ
            | {"SMTP_PORT": str(self.smtp_port), "MAILBOX_PORT": str(self.web_port), "MAILBOX_DIR": str(self.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.web = httpx.Client(base_url=f"http://127.0.0.1:{self.web_port}", timeout=5.0)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.web.get("/health").raise_for_status()
                return
            except httpx.HTTPError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"the mailbox did not start: {self.stop()}") from None
                time.sleep(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.stop()

    def stop(self) -> str:
        """End it as a supervisor would; returns what it said."""
        self.process.terminate()
        said, _ = self.process.communicate(timeout=5)
        self.web.close()
        return said.decode()

    def messages(self, **query: Any) -> list[dict[str, Any]]:
        answer = self.web.get("/api/messages", params=query)
        answer.raise_for_status()
        return answer.json()

    def order(self, kind: str, next: int = 1) -> None:
        self.web.post("/control/faults", json={"kind": kind, "next": next}).raise_for_status()


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        return listening.getsockname()[1]
