"""The lane workers of a run, each on cables of its own to RabbitMQ and Postgres, and who of them has which lane."""

import asyncio
import random
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from loadtest.chaos.cable import Cable
from loadtest.chaos.worker import LaneWorker, until

TAKE_OVER_LIMIT_SECONDS, KEEP_SECONDS = 120.0, 0.3


class Member:
    """One lane worker, through all its lives, and its cables."""

    def __init__(self, worker: LaneWorker, to_broker: Cable, to_database: Cable) -> None:
        self.worker, self.to_broker, self.to_database = worker, to_broker, to_database


class Crew:
    def __init__(self, size: int, environment: dict[str, str], folder: Path, database: Any, seed: int) -> None:
        self._size, self._environment, self._folder, self._database = size, environment, folder, database
        self._draw = random.Random(seed)
        self._keeping: asyncio.Task[None] | None = None
        self.members: list[Member] = []
        self.ended_by_themselves = 0

    async def __aenter__(self) -> Self:
        told = self._environment
        for number in range(1, self._size + 1):
            to_broker = await Cable(told["RABBITMQ_URL"], self._draw).__aenter__()
            to_database = await Cable(told["DATABASE_URL"], self._draw).__aenter__()
            urls = {"RABBITMQ_URL": to_broker.url, "DATABASE_URL": to_database.url}
            worker = LaneWorker("lane", told | urls, self._folder / f"lane-{number}.log")
            self.members.append(Member(worker, to_broker, to_database))
            worker.start()
        self._keeping = asyncio.create_task(self._keep())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.end()
        for member in self.members:
            await member.to_broker.__aexit__(kind, error, trace)
            await member.to_database.__aexit__(kind, error, trace)

    async def end(self) -> None:
        """Mend the cables, and end the workers for good."""
        if self._keeping:
            self._keeping.cancel()
        for member in self.members:
            member.to_broker.mend()
            member.to_database.mend()
        for member in self.members:
            await member.worker.end()

    async def _keep(self) -> None:
        """Start again who ended without having been told to, as the stack's supervisor would."""
        while True:
            for member in self.members:
                if member.worker.ended_by_itself():
                    self.ended_by_themselves += 1
                    member.worker.start()
            await asyncio.sleep(KEEP_SECONDS)

    async def owner_of(self, lane: str) -> Member:
        """The member that has this lane now; waits until one has."""

        async def look() -> Member | None:
            name = await self._database.fetchval(
                "SELECT owner FROM lane WHERE lane = $1 AND leased_until > now()", lane
            )
            running = [member for member in self.members if member.worker.is_running()]
            return next((member for member in running if name and f"-{member.worker.pid}-" in name), None)

        found: Member = await until(f"an owner of {lane}", look, TAKE_OVER_LIMIT_SECONDS)
        return found

    async def standing_of(self, member: Member) -> dict[str, tuple[str, int]]:
        """The lanes that this member has: owner and next offset of each."""
        rows = await self._database.fetch(
            "SELECT lane, owner, next_offset FROM lane WHERE owner LIKE '%-' || $1 || '-%'", f"{member.worker.pid}"
        )
        return {row["lane"]: (row["owner"], row["next_offset"]) for row in rows if row["lane"].startswith("show.")}

    async def taken_over(self, standing: dict[str, tuple[str, int]], began: float) -> list[float]:
        """Wait until each of these lanes has another owner and has been moved on by it; the seconds that each took."""
        seconds: dict[str, float] = {}

        async def look() -> bool:
            rows = await self._database.fetch(
                "SELECT lane, owner, next_offset FROM lane WHERE lane = ANY($1)", [*standing]
            )
            for row in rows:
                owner, offset = standing[row["lane"]]
                if row["lane"] not in seconds and row["owner"] not in (None, owner) and row["next_offset"] > offset:
                    seconds[row["lane"]] = time.monotonic() - began
            return len(seconds) == len(standing)

        await until(f"{', '.join(standing)} taken over", look, TAKE_OVER_LIMIT_SECONDS)
        return list(seconds.values())

    def opened(self) -> set[str]:
        """The lanes that any member has opened so far."""
        return {line["lane"] for member in self.members for line in member.worker.lines("lane_open")}
