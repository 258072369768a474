"""What the edge knows of lanes' logs beyond the database: how far they reach, and how long the undecided wait."""

import asyncio
from datetime import timedelta

from actors.lanes.log_end import LaneSeen, look
from sagas.clock import monotonic_seconds, now
from store import lanes
from store.settings import settings

LANES_LIMIT = 200


class LaneLogs:
    """Looks at all logs at once, one look at a time, and remembers what it saw for those who ask soon after."""

    def __init__(self) -> None:
        self._seen: dict[str, LaneSeen] = {}
        self._seen_at = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    async def look(self, fresh_seconds: float) -> dict[str, LaneSeen]:
        """Every lane as it was at most so many seconds ago.  Raises when database or broker are out of reach."""
        if monotonic_seconds() - self._seen_at > fresh_seconds:
            if self._looking is None:
                self._looking = asyncio.get_running_loop().create_task(self._look())
                self._looking.add_done_callback(self._looked)
            await asyncio.shield(self._looking)
        return self._seen

    def warnings(self, seen: LaneSeen) -> list[str]:
        return seen.warnings(timedelta(seconds=settings().lane_max_age_seconds))

    async def _look(self) -> None:
        rows = {row["lane"]: row for row in await lanes.overview("", LANES_LIMIT)}
        offsets = {lane: row["next_offset"] for lane, row in rows.items()}
        logs = await asyncio.to_thread(look, settings().rabbitmq_url, offsets)
        looked_at = now()
        self._seen = {
            lane: LaneSeen(row["next_offset"], row["last_offset"], logs[lane], looked_at) for lane, row in rows.items()
        }
        self._seen_at = monotonic_seconds()

    def _looked(self, task: asyncio.Task[None]) -> None:
        self._looking = None
        if not task.cancelled():
            task.exception()
