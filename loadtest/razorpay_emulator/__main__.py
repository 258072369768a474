"""Start here: `python -m loadtest.razorpay_emulator` listens on RAZORPAY_PORT until it is told to stop."""

import logging
import sys

import structlog

from . import server, settings
from .state import State, StateUnusable


def main() -> int:
    try:
        wanted = settings.read()
        speak(wanted)
        listener = server.listen(wanted)
        state = State(wanted.data)
    except (settings.SettingsMissing, StateUnusable) as error:
        print(f"razorpay emulator: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"razorpay emulator: cannot listen on {wanted.host}:{wanted.port} ({error.strerror}). "
            "Stop what uses that port, or set RAZORPAY_PORT to a free one.",
            file=sys.stderr,
        )
        return 1
    server.build(wanted, state, listener.getsockname()[1]).run(
        sock=listener, single_process=True, motd=False, access_log=False
    )
    return 0


def speak(wanted: settings.Settings) -> None:
    """Colours for people at a terminal, JSON lines otherwise."""
    for_people = wanted.log_format == "console" or (wanted.log_format == "auto" and sys.stderr.isatty())
    level = logging.getLevelNamesMapping().get(wanted.log_level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(
                [structlog.dev.ConsoleRenderer()]
                if for_people
                else [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, format="%(name)s %(message)s")


if __name__ == "__main__":
    sys.exit(main())
