"""The mailbox and the Razorpay emulator: our own small servers, ready when they answer `/health`."""

import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from compose.child import Program
from compose.failure import Failure

ROOT = Path(__file__).resolve().parent.parent.parent


class WebPart:
    def __init__(self, name: str, module: str, port: int, environment: Mapping[str, str]) -> None:
        self.name = name
        self._module = module
        self._port = port
        self._environment = environment

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def data_folders(self) -> list[Path]:
        return []

    def prepare(self) -> None:
        pass

    def programs(self) -> list[Program]:
        return [
            Program(
                name=self.name,
                command=(sys.executable, "-m", self._module),
                environment=self._environment,
                folder=ROOT,
            )
        ]

    async def ready(self) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
            answer = await client.get(f"{self.url}/health")
        if answer.status_code != 200:
            raise Failure(f"{self.name} answers {answer.status_code} at {self.url}/health")
