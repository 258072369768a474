"""The sessions that have ended lately, so that their access tokens open nothing, though they have not run out yet.

What this edge ends it knows at once.  What others end it hears by asking the database every second; while that does not
answer, tokens live on until they run out by themselves."""

import asyncio
from uuid import UUID

import structlog

from edge.tokens import ACCESS_SECONDS
from sagas.clock import monotonic_seconds
from store import sessions
from store.connection import is_operating

log = structlog.get_logger()

ASK_SECONDS = 1.0
#: A session that ended longer ago has no token left; the minute is for clocks that differ.
KEEP_SECONDS = ACCESS_SECONDS + 60.0
#: A row may be seen this much later than the time that stands in it: its transaction took so long.
OVERLAP_SECONDS = 60.0


class EndedSessions:
    def __init__(self) -> None:
        self._ended: dict[UUID, float] = {}
        self._asked_at = monotonic_seconds() - KEEP_SECONDS
        self._task: asyncio.Task[None] | None = None

    def __contains__(self, session_id: UUID | None) -> bool:
        return session_id in self._ended

    def add(self, *session_ids: UUID) -> None:
        now = monotonic_seconds()
        for session_id in session_ids:
            self._ended.setdefault(session_id, now)

    async def start(self) -> None:
        """The first answer is awaited: an edge that begins must not open for what others have ended."""
        await self._ask()
        self._task = asyncio.get_running_loop().create_task(self._keep_asking())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()

    async def _keep_asking(self) -> None:
        while True:
            await asyncio.sleep(ASK_SECONDS)
            try:
                await self._ask()
            except Exception as error:
                if is_operating(error):
                    log.warning("ended_sessions_unknown", error=repr(error))
                else:
                    log.exception("ended_sessions_failed")

    async def _ask(self) -> None:
        now = monotonic_seconds()
        self.add(*await sessions.ended_lately(now - self._asked_at + OVERLAP_SECONDS))
        self._asked_at = now
        for session_id in [one for one, at in self._ended.items() if now - at > KEEP_SECONDS]:
            del self._ended[session_id]
