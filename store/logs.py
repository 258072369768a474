"""How everything is logged: structlog, colours for people at a terminal, JSON for machines, and nothing secret."""

import logging
import sys
from typing import Any
from uuid import UUID

import msgspec
import structlog

from store.masking import MASK, SECRET_KEYS, masked_text
from store.settings import settings


def _mask(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    for key, value in event.items():
        if key != "event" and SECRET_KEYS.search(key):
            event[key] = MASK
        elif isinstance(value, str) and "@" in value:  # an address, in whatever a mail server or a database said
            event[key] = masked_text(value)
    return event


def _readable(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Ids as text, not as ``UUID('…')``: lines are made to be searched."""
    return {key: str(value) if isinstance(value, UUID) else value for key, value in event.items()}


def _plain(value: Any) -> str:
    return str(value)


def configure(process: str) -> None:
    """Set up logging for this process; ``process`` is bound to every line."""
    chosen = settings().log_format
    people = chosen == "console" or (chosen == "auto" and sys.stderr.isatty())
    level = logging.getLevelName(settings().log_level.upper())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S.%f" if people else "iso", utc=True),
        _mask,
    ]
    if people:
        renderers: list[Any] = [_readable, structlog.dev.ConsoleRenderer(pad_event_to=22)]
        factory: Any = structlog.PrintLoggerFactory(file=sys.stderr)
    else:
        encoder = msgspec.json.Encoder(enc_hook=_plain)
        renderers = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda event, **_: encoder.encode(event).decode()),
        ]
        factory = structlog.PrintLoggerFactory(file=sys.stderr)
    structlog.configure(
        processors=[*shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    _take_over_stdlib(shared, renderers, level)


def _take_over_stdlib(shared: list[Any], renderers: list[Any], level: int) -> None:
    """Libraries' warnings come out in the same form; their chatter does not come out at all."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # it logs every lost connection four times; we log it once
    logging.getLogger("sanic").setLevel(logging.CRITICAL)  # what fails is logged by our own handler
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
