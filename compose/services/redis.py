"""A private Redis: memory only, with a password, refusing writes rather than forgetting keys when it is full."""

from collections.abc import Mapping
from pathlib import Path
from shutil import which

import redis.asyncio

from compose.child import Program

SETTINGS = """
bind 127.0.0.1
protected-mode yes
daemonize no
save 900 1
appendonly no
maxmemory 512mb
maxmemory-policy noeviction
tcp-backlog 511
"""


class Redis:
    name = "redis"

    def __init__(self, run_dir: Path, port: int, password: str, environment: Mapping[str, str]) -> None:
        self._folder = run_dir / "redis"
        self._port = port
        self._password = password
        self._environment = environment

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{self.address}/0"

    def data_folders(self) -> list[Path]:
        return [self._folder]

    def prepare(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        configuration = self._folder / "redis.conf"
        configuration.touch(0o600)
        configuration.write_text(
            f"{SETTINGS}port {self._port}\ndir {self._folder}\nrequirepass {self._password}\n".replace("\n\n", "\n")
        )

    def programs(self) -> list[Program]:
        return [
            Program(
                name=self.name,
                command=(which("redis-server") or "/usr/bin/redis-server", f"{self._folder / 'redis.conf'}"),
                environment=self._environment,
                folder=self._folder,
            )
        ]

    async def ready(self) -> None:
        client = redis.asyncio.Redis.from_url(self.url, socket_timeout=2)
        try:
            await client.ping()
        finally:
            await client.aclose()
