"""One kept-alive HTTP connection to the shop's webhook address, made for thousands of small POSTs a second.

A general client spends more on one POST than this whole emulator does; here a POST is one write, and httptools (which
Sanic brings) reads the answer.
"""

import asyncio
import ssl
from typing import cast
from urllib.parse import urlsplit

import httptools

MAX_ANSWER_BYTES = 64 * 1024


class Unanswered(Exception):
    """No usable answer: refused, cut off, too slow, or not HTTP."""


class Shop:
    def __init__(self, url: str, answer_seconds: float) -> None:
        self.answer_seconds = answer_seconds
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self.tls = ssl.create_default_context() if parts.scheme == "https" else None
        self.port = parts.port or (443 if self.tls else 80)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: {parts.netloc.rpartition('@')[2]}\r\nUser-Agent: Razorpay-Webhook/v1\r\n"
            "Content-Type: application/json\r\nAccept: */*\r\n"
        ).encode()
        self._connection: Connection | None = None

    async def post(self, body: bytes, headers: dict[str, str]) -> int:
        """The status of the answer; Unanswered when none came in time."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        request = b"%b%bContent-Length: %d\r\n\r\n%b" % (self._head, lines.encode(), len(body), body)
        try:
            async with asyncio.timeout(self.answer_seconds):
                return await self._ask(request)
        except TimeoutError:
            self.close()
            raise Unanswered(f"no answer within {self.answer_seconds:g} s") from None
        except (OSError, httptools.HttpParserError) as error:
            self.close()
            raise Unanswered(str(error) or type(error).__name__) from None

    async def _ask(self, request: bytes) -> int:
        kept = self._connection
        if kept is not None and kept.usable:
            try:
                return await kept.ask(request)
            except ConnectionError:
                if kept.answering:
                    raise
                # The shop closed it while it was idle: once more over a fresh one.
        loop = asyncio.get_running_loop()
        _, self._connection = await loop.create_connection(Connection, self.host, self.port, ssl=self.tls)
        return await self._connection.ask(request)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Connection(asyncio.Protocol):
    """One request at a time; usable again as long as the shop keeps it open."""

    def __init__(self) -> None:
        self.usable = False
        self.answering = False
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[int] | None = None

    async def ask(self, request: bytes) -> int:
        assert self._transport is not None
        self._parser = httptools.HttpResponseParser(self)
        self._answered = asyncio.get_running_loop().create_future()
        self._bytes = 0
        self.answering = False
        self._transport.write(request)
        return await self._answered

    def close(self) -> None:
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    def _end(self, status: int | Exception) -> None:
        if self._answered is None or self._answered.done():
            return
        if isinstance(status, Exception):
            self._answered.set_exception(status)
        else:
            self._answered.set_result(status)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so
        self.usable = True

    def data_received(self, data: bytes) -> None:
        self.answering = True
        self._bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._end(error)
            self.close()
        if self._bytes > MAX_ANSWER_BYTES:
            self._end(ConnectionError(f"an answer of more than {MAX_ANSWER_BYTES} bytes"))
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.usable = False
        self._end(error if isinstance(error, OSError) else ConnectionError("the connection was closed"))

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:
            self.usable = self._parser.should_keep_alive()
            self._end(status)
