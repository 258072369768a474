"""What the edge works with: its connections and the things that listen, opened when the server starts."""

from typing import Any

from sanic import Request

from actors.lanes.publisher import Publisher
from edge.ended_sessions import EndedSessions
from edge.lane_logs import LaneLogs
from edge.limits import LiveLimits
from edge.news import News
from edge.seat_maps import SeatMaps
from edge.show_cache import ShowCache
from edge.turns import Turns
from sagas.identity import new_id
from store.acceptance import Accepting
from store.connection import close_database, open_database, open_redis
from store.limits import Limiter
from store.settings import settings


class Context:
    """The connections of one edge process.  ``id`` names it among edges: lanes reply to it."""

    def __init__(self) -> None:
        self.id = new_id().hex
        self.publisher = Publisher(settings().rabbitmq_url)
        self.redis: Any = open_redis(timeout_seconds=2.0)
        self.limits = LiveLimits(settings().rate_limits == "on")
        self.limiter = Limiter(self.redis, self.limits)
        self.accepting = Accepting(self.redis, self.limits.bucket, settings().max_backlog_per_show)
        # log-ins by the client's address, and by account and client, so that nobody can lock another out
        self.logins_by_client = self.limiter.of("logins-client")
        self.logins_by_email = self.limiter.of("logins-email")
        self.registrations = self.limiter.of("registrations")
        self.logins_by_strangers = self.limiter.of("logins-strangers")
        self.logins = self.limiter.of("logins")
        self.links = self.limiter.of("links")
        self.passwords = self.limiter.of("passwords")
        self.ended_sessions = EndedSessions()
        self.news = News(self.id)
        self.shows = ShowCache()
        self.turns = Turns()
        self.lane_logs = LaneLogs()
        self.seat_maps = SeatMaps(self.redis, self.news, self.shows)

    async def open(self) -> None:
        await open_database(pool_size=16)
        await self.limits.load()
        self.limits.start()
        await self.ended_sessions.start()
        self.news.start()
        self.seat_maps.start()

    async def close(self) -> None:
        await self.limits.stop()
        await self.ended_sessions.stop()
        await self.seat_maps.stop()
        await self.news.stop()
        await self.publisher.close()
        await self.redis.aclose()
        await close_database()


def context(request: Request) -> Context:
    found: Context = request.app.ctx.context
    return found
