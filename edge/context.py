"""What the edge works with: its connections and the things that listen, opened when the server starts."""

from typing import Any

from sanic import Request

from actors.lanes.publisher import Publisher
from edge.lane_logs import LaneLogs
from edge.news import News
from edge.seat_maps import SeatMaps
from edge.show_cache import ShowCache
from sagas.identity import new_id
from store.acceptance import Accepting, Bucket
from store.connection import close_database, open_database, open_redis
from store.limits import Limiter
from store.settings import settings

BOOKINGS = Bucket("bookings", 3, 20.0)
#: Log-ins by the client's address, and by account and client, so that nobody can lock another out; registrations.
LOGINS_BY_CLIENT = Bucket("logins-client", 30, 2.0)
LOGINS_BY_EMAIL = Bucket("logins-email", 10, 6.0)
REGISTRATIONS = Bucket("registrations", 10, 30.0)
#: Quotes by account: what they cost us is little, but whoever tries coupons asks for many.
QUOTES = Bucket("quotes", 60, 1.0)


def _bounded(bucket: Bucket) -> Bucket:
    return bucket if settings().rate_limits == "on" else Bucket(bucket.name, 0, bucket.refill_seconds)


class Context:
    """The connections of one edge process.  ``id`` names it among edges: lanes reply to it."""

    def __init__(self) -> None:
        self.id = new_id().hex
        self.publisher = Publisher(settings().rabbitmq_url)
        self.redis: Any = open_redis(timeout_seconds=2.0)
        self.bookings_bucket = _bounded(BOOKINGS)
        self.accepting = Accepting(self.redis, self.bookings_bucket, settings().max_backlog_per_show)
        self.logins_by_client = Limiter(self.redis, _bounded(LOGINS_BY_CLIENT))
        self.logins_by_email = Limiter(self.redis, _bounded(LOGINS_BY_EMAIL))
        self.registrations = Limiter(self.redis, _bounded(REGISTRATIONS))
        self.quotes = Limiter(self.redis, _bounded(QUOTES))
        self.news = News(self.id)
        self.shows = ShowCache()
        self.lane_logs = LaneLogs()
        self.seat_maps = SeatMaps(self.redis, self.news)

    async def open(self) -> None:
        await open_database(pool_size=16)
        self.news.start()
        self.seat_maps.start()

    async def close(self) -> None:
        await self.seat_maps.stop()
        await self.news.stop()
        await self.publisher.close()
        await self.redis.aclose()
        await close_database()


def context(request: Request) -> Context:
    found: Context = request.app.ctx.context
    return found
