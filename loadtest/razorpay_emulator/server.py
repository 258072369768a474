"""The emulator put together: one Sanic process, its three ways in, its background work, and a graceful end."""

import asyncio
import socket
from typing import Any

import structlog
from sanic import Request, Sanic
from sanic.exceptions import SanicException
from sanic.response import HTTPResponse

from . import errors
from .checkout import add_checkout
from .control import add_control
from .faults import Faults
from .provider import Provider
from .rest import add_rest, json_answer
from .settings import Settings
from .state import State
from .webhooks import Webhooks

log = structlog.get_logger()

MAX_BODY_BYTES = 64 * 1024


def build(settings: Settings, state: State, port: int) -> Sanic[Any, Any]:
    app: Sanic[Any, Any] = Sanic("razorpay_emulator", configure_logging=False)
    app.config.update(
        REQUEST_MAX_SIZE=MAX_BODY_BYTES,
        # Longer than the longest fault, so that Sanic never answers for it.
        RESPONSE_TIMEOUT=180,
        KEEP_ALIVE_TIMEOUT=120,
        GRACEFUL_SHUTDOWN_TIMEOUT=1,
        MOTD=False,
        ACCESS_LOG=False,
        OAS=False,
    )
    faults = Faults()
    webhooks = Webhooks(settings, state)
    provider = Provider(settings, state, webhooks, faults)
    add_rest(app, settings, provider, faults)
    add_control(app, provider, faults)
    add_checkout(app, settings, provider)
    background: list[asyncio.Task[None]] = []

    @app.get("/health")
    async def health(request: Request) -> HTTPResponse:
        return json_answer({"status": "ok", "orders": len(state.orders), "webhooks_waiting": len(state.deliveries)})

    @app.exception(Exception)
    async def answer_in_words(request: Request, exception: Exception) -> HTTPResponse:
        status = exception.status_code if isinstance(exception, SanicException) else 500
        if status == 404:
            return json_answer(errors.unknown_url().body, 400 if request.path.startswith("/v1/") else 404)
        if status < 500:
            return json_answer(errors.Refused(str(exception) or "The request cannot be read.").body, status)
        log.error("call_failed", call=f"{request.method} {request.path}", exc_info=exception)
        return json_answer(errors.server_error().body, status)

    @app.after_server_start
    async def begin(app: Sanic[Any, Any]) -> None:
        webhooks.start()
        provider.start()
        background.append(asyncio.create_task(state.write_for_ever()))
        log.info(
            "razorpay_emulator_ready",
            url=f"http://{settings.host}:{port}",
            webhooks_to=settings.webhook_url,
            orders=len(state.orders),
            webhooks_waiting=len(state.deliveries),
        )

    @app.after_server_stop
    async def end(app: Sanic[Any, Any]) -> None:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await webhooks.stop()
        await state.close()
        log.info("razorpay_emulator_stopped", orders=len(state.orders), webhooks_waiting=len(state.deliveries))

    return app


def listen(settings: Settings) -> socket.socket:
    """Take the address before anything else is started; OSError when somebody has it."""
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((settings.host, settings.port))
    listener.listen(1024)  # a crowd may arrive at once
    return listener
