"""Takes letters by SMTP from anybody and to anybody, and plays the bad mail server when one was ordered."""

import asyncio
from typing import cast

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from compose.mailbox.faults import Faults
from compose.mailbox.messages import MESSAGE_BYTES_MAX, Messages

RECEIVERS_MAX = 100
CONNECTIONS_MAX = 500
IDLE_SECONDS = 120.0  # also how long a hanging answer hangs
log = structlog.get_logger()


class Sink:
    """One for the whole mailbox: what is kept, what is ordered, and who is connected."""

    def __init__(self, messages: Messages, faults: Faults) -> None:
        self.messages = messages
        self.faults = faults
        self.connections: set[asyncio.Transport] = set()

    def conversation(self) -> "Conversation":
        return Conversation(self)

    def hang_up(self) -> None:
        for transport in [*self.connections]:
            transport.abort()

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= RECEIVERS_MAX:
            return f"452 4.5.3 At most {RECEIVERS_MAX} receivers"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: "Conversation", session: Session, envelope: Envelope) -> str:
        fault = self.faults.take()
        if fault:
            log.info("fault_played", kind=fault)
        if fault == "4xx":
            return "451 4.3.0 Try again later (ordered)"
        if fault == "5xx":
            return "554 5.7.1 Not this letter (ordered)"
        if fault == "hang":
            await asyncio.sleep(IDLE_SECONDS)
            return "421 4.4.2 Hung long enough (ordered)"
        try:
            raw = envelope.original_content or b""
            message = self.messages.keep(raw, [_printable(address) for address in envelope.rcpt_tos])
        except OSError as error:
            log.error("letter_not_kept", error=str(error))
            return "452 4.3.1 The letter could not be written to disk"
        if fault == "cut-before-250":
            server.cut()
            await asyncio.sleep(IDLE_SECONDS)  # cancelled as soon as the connection is gone
        server.cut_after_answer = fault == "cut-after-250"
        return f"250 2.0.0 Kept as {message.id}"


class Conversation(SMTP):
    """One connection."""

    def __init__(self, sink: Sink) -> None:
        super().__init__(
            sink,
            hostname="mailbox",  # asking DNS for our own name can take seconds
            ident="Frontrow mailbox",
            data_size_limit=MESSAGE_BYTES_MAX,
            enable_SMTPUTF8=True,
            timeout=IDLE_SECONDS,
        )
        self.sink = sink
        self.cut_after_answer = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        stream = cast(asyncio.Transport, transport)  # uvloop's is one by its methods, not by its class
        self.sink.connections.add(stream)
        if len(self.sink.connections) > CONNECTIONS_MAX:
            stream.write(b"421 4.3.2 Too many connections\r\n")
            stream.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.sink.connections.discard(cast(asyncio.Transport, self.transport))
        super().connection_lost(error)

    async def smtp_DATA(self, arg: str) -> None:
        await super().smtp_DATA(arg)
        if self.cut_after_answer and self.transport is not None:
            self.transport.close()

    def cut(self) -> None:
        cast(asyncio.Transport, self.transport).abort()


def _printable(address: str) -> str:
    """The envelope's address as text; bytes that are not UTF-8 come as lone surrogates."""
    return address.encode("utf-8", "replace").decode().replace(",", "_")
