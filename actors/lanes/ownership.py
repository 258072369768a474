"""Who has which lane: leases in Postgres, fairly shared between the workers that are alive.

The lease only saves wasted work.  What keeps two owners from both writing is the offset in the batch's transaction."""

import asyncio
import os
import socket

import structlog

from sagas.identity import new_id
from store import lanes, workers
from store.connection import is_operating
from store.settings import settings

log = structlog.get_logger()

#: A worker that was not seen for this part of a lease is gone, as far as fair shares go.
ALIVE_SHARE = 2 / 3


class Ownership:
    """This worker's lanes of one kind (``show`` or ``saga``), of the first so many that it can serve; renewed and
    re-shared several times within a lease."""

    def __init__(self, kind: str, serves: int) -> None:
        self.kind, self._serves = kind, serves
        self.worker_id = f"{kind}-{socket.gethostname()}-{os.getpid()}-{new_id().hex[-6:]}"
        self.owned: frozenset[str] = frozenset()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._share()
        self._task = asyncio.get_running_loop().create_task(self._keep())

    async def stop(self) -> None:
        """Give the lanes back at once, so that nobody has to wait for the lease to lapse."""
        if self._task:
            self._task.cancel()
        self.owned = frozenset()
        await lanes.release(self.worker_id)
        await workers.leave(self.worker_id)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(settings().lease_seconds / 6)
            try:
                await self._share()
            except Exception as error:
                if not is_operating(error):
                    log.exception("lease_failed", worker=self.worker_id)
                else:
                    log.warning("lease_not_renewed", worker=self.worker_id, error=repr(error))

    async def _share(self) -> None:
        seconds = settings().lease_seconds
        await workers.appear(self.worker_id, f"{self.kind}-lane", self._serves)
        # shorter than the lease: when a dead worker's lanes lapse it no longer counts, and the others may take them
        alive = await workers.serving(f"{self.kind}-lane", seconds * ALIVE_SHARE)
        owned = frozenset(await lanes.share(self.kind, self.worker_id, self._serves, alive, seconds))
        for lane in sorted(owned - self.owned):
            log.info("lane_taken", lane=lane, worker=self.worker_id)
        for lane in sorted(self.owned - owned):
            log.info("lane_given", lane=lane, worker=self.worker_id)
        self.owned = owned
