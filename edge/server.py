"""The edge's server: ``python -m edge.server``.  One process; several share the port when EDGE_REUSE_PORT is on."""

import asyncio
import gc
import re
import secrets
import socket
import sys
from pathlib import Path
from typing import Any

import structlog
import uvloop
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from edge import problems
from edge.admin_limits import admin_limits
from edge.admin_money import admin_money
from edge.admin_sagas import admin_sagas
from edge.admin_users import admin_users
from edge.bookings import bookings
from edge.box_office import sales
from edge.by_letter import by_letter
from edge.called_off import called_off
from edge.cancellations import cancellations
from edge.cash_refunds import cash_refunds
from edge.catalogue import catalogue
from edge.charges import charges
from edge.context import Context
from edge.coupons import coupons
from edge.events import events
from edge.figures import figures
from edge.goodwill import goodwill
from edge.halls import halls
from edge.health import health
from edge.hosts import check_host
from edge.identity import identity
from edge.imports import imports
from edge.invoice_to import invoice_to
from edge.invoices import invoices
from edge.listings import listings
from edge.members import members
from edge.my_account import my_account
from edge.my_bookings import my_bookings
from edge.oauth import oauth
from edge.openapi import openapi
from edge.operating import operating
from edge.operation import methods_at
from edge.organisers import organisers
from edge.pages import not_found as page_not_found
from edge.pages import not_now as page_not_now
from edge.pages import pages
from edge.paying import paying
from edge.payments_webhook import payments_webhook
from edge.payouts import payouts
from edge.personal_data import personal_data
from edge.posters import posters
from edge.quotes import quotes
from edge.search import search
from edge.shifts import shifts
from edge.show_records import show_records
from edge.shows import shows
from edge.statements import statements
from edge.tickets import tickets
from edge.venues import venues
from edge.wallet import wallet
from sagas.clock import monotonic_seconds
from store.connection import is_operating
from store.logs import configure
from store.settings import SettingsError, settings

log = structlog.get_logger()

_TRACEPARENT = re.compile(r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
SLOW_SECONDS = 2.0
#: Connections that wait to be accepted: a crowd arrives in one second, and a dropped SYN costs it 1, 3, 7, 15 more.
BACKLOG = 4096
#: What an edge keeps is large and lives long: to look through all of it for cycles stops everybody for 0.1 s, and was
#: done every few seconds in a storm.
COLLECT_AFTER = (20_000, 10, 20)
STATIC = Path(__file__).parent / "static"


def make_app() -> Sanic[Any, Any]:
    app: Sanic[Any, Any] = Sanic("frontrow", configure_logging=False)
    app.config.update(
        REQUEST_MAX_SIZE=256_000,
        REQUEST_TIMEOUT=20,
        RESPONSE_TIMEOUT=30,
        KEEP_ALIVE_TIMEOUT=75,
        GRACEFUL_SHUTDOWN_TIMEOUT=5,
        ACCESS_LOG=False,
        FALLBACK_ERROR_FORMAT="json",
        OAS=False,
        MOTD=False,
    )
    for blueprint in (
        bookings,
        quotes,
        my_bookings,
        paying,
        cancellations,
        called_off,
        cash_refunds,
        wallet,
        tickets,
        listings,
        catalogue,
        shows,
        coupons,
        show_records,
        charges,
        sales,
        shifts,
        search,
        events,
        posters,
        venues,
        halls,
        imports,
        figures,
        statements,
        payouts,
        invoice_to,
        invoices,
        identity,
        by_letter,
        oauth,
        my_account,
        personal_data,
        admin_users,
        admin_sagas,
        organisers,
        members,
        admin_limits,
        admin_money,
        payments_webhook,
        goodwill,
        operating,
        health,
        openapi,
        pages,
    ):
        app.blueprint(blueprint)
    app.static("/static", STATIC, name="static")
    app.register_listener(_open, "before_server_start")
    app.register_listener(_close, "after_server_stop")
    app.register_middleware(_arrive, "request")
    app.on_response(_end)  # type: ignore[no-untyped-call]
    app.exception(Exception)(_failed)
    return app


async def _open(app: Sanic[Any, Any]) -> None:
    app.ctx.context = Context()
    await app.ctx.context.open()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    log.info("edge_ready", url=settings().edge_url, rate_limits=settings().rate_limits)


async def _close(app: Sanic[Any, Any]) -> None:
    await app.ctx.context.close()


async def _arrive(request: Request) -> None:
    await _begin(request)
    check_host(request)


async def _begin(request: Request) -> None:
    given = request.headers.get("x-request-id", "")
    request.ctx.request_id = given if _REQUEST_ID.match(given) else secrets.token_hex(8)
    request.ctx.traceparent = _traceparent(request.headers.get("traceparent", ""))
    request.ctx.began_at = monotonic_seconds()


def _traceparent(given: str) -> str:
    """The caller's trace, with a span of our own in it, or a new one."""
    trace_id = given[3:35] if _TRACEPARENT.match(given) else secrets.token_hex(16)
    return f"00-{trace_id}-{secrets.token_hex(8)}-01"


async def _end(request: Request, response: HTTPResponse) -> None:
    ctx = request.ctx
    if not hasattr(ctx, "request_id"):  # refused before it was routed
        await _begin(request)
    headers = response.headers
    headers["X-Request-Id"] = ctx.request_id
    headers["traceparent"] = ctx.traceparent
    headers["X-Content-Type-Options"] = "nosniff"
    if response.content_type and response.content_type.startswith("text/html"):
        headers.setdefault("Content-Security-Policy", _page_policy())
        headers["Referrer-Policy"] = "same-origin"
    if request.path.startswith("/static/"):
        headers.setdefault("Cache-Control", "no-cache")
    elif request.headers.get("authorization") or request.cookies:
        headers.setdefault("Cache-Control", "private, no-store")
    seconds = monotonic_seconds() - ctx.began_at
    if seconds > SLOW_SECONDS and not request.headers.get("prefer") and "stream" not in request.path:
        log.warning("request_slow", method=request.method, path=request.path, seconds=round(seconds, 2))


def _page_policy() -> str:
    provider = settings().razorpay_url
    return (
        f"default-src 'self'; script-src 'self' {provider}; style-src 'self'; img-src 'self' data:; "
        f"frame-src {provider}; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


async def _failed(request: Request, error: Exception) -> HTTPResponse:
    if not hasattr(request.ctx, "request_id"):
        await _begin(request)
    problem = problems.of_exception(error)
    if problem is not None and problem.status == 405 and "Allow" not in problem.headers:
        problem.headers["Allow"] = ", ".join(methods_at(request.path))
    if request.path.startswith("/static") and (problem is None or problem.status > 500):  # a path that is no file
        problem = problems.not_found()
    if problem is None and is_operating(error):
        log.warning("part_out_of_reach", method=request.method, path=request.path, error=repr(error))
        problem = problems.unavailable("A part that this needs is out of reach at the moment.")
    if problem is None:
        log.exception("request_failed", method=request.method, path=request.path, exc_info=error)
        problem = problems.unavailable("Something went wrong on our side. It has been noted.", 5)
    if _is_page(request) and problem.status in (404, 503):
        return await (page_not_found if problem.status == 404 else page_not_now)(request)
    return problems.answer(request, problem)


def _is_page(request: Request) -> bool:
    return not request.path.startswith(("/v1/", "/health/", "/static/")) and "text/html" in request.headers.get(
        "accept", ""
    )


def listening_socket() -> socket.socket:
    """The port's socket.  With EDGE_REUSE_PORT each of several edges has one, and the kernel shares out connections."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if settings().edge_reuse_port == "on":
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    found.bind((settings().edge_host, settings().edge_port))
    found.listen(BACKLOG)
    return found


def main() -> int:
    try:
        configure("edge")
        sock = listening_socket()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    except OSError as error:
        address = f"{settings().edge_host}:{settings().edge_port}"
        print(f"cannot listen at {address}: {error.strerror}. Set EDGE_PORT to another port.", file=sys.stderr)  # noqa: T201
        return 1
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    make_app().run(sock=sock, single_process=True, access_log=False, motd=False, debug=False, backlog=BACKLOG)
    return 0


if __name__ == "__main__":
    sys.exit(main())
