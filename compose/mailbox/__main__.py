"""Runs the mailbox: `python -m compose.mailbox`.  SMTP and web page in one process; SIGTERM ends it."""

import asyncio
import logging
import socket
import sys
from typing import Any

from sanic import Sanic

from compose.mailbox import settings
from compose.mailbox.faults import Faults
from compose.mailbox.messages import Messages
from compose.mailbox.smtp_sink import Sink
from compose.mailbox.web import web_app


def main() -> int:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    try:
        own = settings.read()
        smtp_socket = _listen(own.host, own.smtp_port, "SMTP_PORT")
        web_socket = _listen(own.host, own.web_port, "MAILBOX_PORT")
        messages = Messages(own.folder)
    except (settings.BadSetting, OSError) as error:
        print(f"mailbox: {error}", file=sys.stderr)
        return 1

    faults = Faults()
    sink = Sink(messages, faults)
    app = web_app(messages, faults)

    @app.after_server_start
    async def take_letters(app: Sanic[Any, Any]) -> None:
        loop = asyncio.get_running_loop()
        app.ctx.smtp = await loop.create_server(sink.conversation, sock=smtp_socket)
        where = f"http://{own.host}:{own.web_port}"
        print(f"mailbox: {where}, SMTP on {own.host}:{own.smtp_port}, {len(messages)} letters", flush=True)

    @app.before_server_stop
    async def stop_taking_letters(app: Sanic[Any, Any]) -> None:
        app.ctx.smtp.close()
        sink.hang_up()

    app.run(sock=web_socket, single_process=True, access_log=False, motd=False)
    messages.close()
    return 0


def _listen(host: str, port: int, setting: str) -> socket.socket:
    """Bound here rather than by the servers, so that a taken port gets a sentence."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        raise OSError(f"cannot listen on {host}:{port} ({error.strerror}); choose another {setting}") from None
    listening.listen(1024)
    listening.setblocking(False)
    return listening


if __name__ == "__main__":
    sys.exit(main())
