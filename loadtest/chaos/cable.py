"""A cable between a process and a server: a TCP proxy that is cut, held still, slowed, or cut at a byte or a word."""

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Callable
from typing import NamedTuple, Self
from urllib.parse import urlsplit, urlunsplit

CHUNK_BYTES = 65_536
#: Before a cut at a byte, so that the reset does not overtake it; and how long an answer is waited for.
ARRIVAL_SECONDS, ANSWER_SECONDS = 0.05, 2.0
#: Close with a reset (RST) instead of an orderly end.
RESET = struct.pack("ii", 1, 0)


class Pair(NamedTuple):
    """One connection: the client's end and the server's."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter


class Cable:
    """``on_word`` is asked about everything that the client sends: ``pass``, ``hold``, ``cut before`` or ``cut after``
    (the server has answered, and nobody hears it).  ``draw`` makes the jitter of a slow cable the same again under the
    same seed."""

    def __init__(self, url: str, draw: random.Random | None = None) -> None:
        self._target = urlsplit(url)
        self._draw = draw or random.Random(0)
        self._pairs: set[Pair] = set()
        #: Connections whose next answer is not passed on, but waited for before the cut.
        self._unheard: dict[Pair, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._moving = asyncio.Event()
        self._moving.set()
        self._refusing = False
        self._latency, self._jitter = 0.0, 0.0
        self._bytes_left: int | None = None
        self.on_word: Callable[[bytes], str] = lambda _data: "pass"
        self.cuts = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.mend()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        """The server's URL, by way of the cable."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        login = f"{self._target.username}:{self._target.password}@" if self._target.username else ""
        return urlunsplit(self._target._replace(netloc=f"{login}127.0.0.1:{port}"))

    @property
    def connections(self) -> int:
        return len(self._pairs)

    def cut(self) -> int:
        """Every connection is reset at once, on both sides; how many there were."""
        pairs = list(self._pairs)
        for pair in pairs:
            _reset(pair)
        self.cuts += 1
        return len(pairs)

    def cut_after(self, count: int) -> None:
        """The clients' next ``count`` bytes pass; then the connection that sent the last of them is cut."""
        self._bytes_left = count

    def hold(self) -> None:
        """Half-open: connections stay, new ones are taken, and nothing passes."""
        self._moving.clear()

    def release(self) -> None:
        self._moving.set()

    def refuse(self) -> None:
        """New connections are reset at once."""
        self._refusing = True

    def slow(self, latency_seconds: float, jitter_seconds: float = 0.0) -> None:
        """Everything arrives later by this, in either direction."""
        self._latency, self._jitter = latency_seconds, jitter_seconds

    def mend(self) -> None:
        """As new: whatever was done to it is undone, but for the connections that are gone."""
        self._refusing, self._latency, self._jitter, self._bytes_left = False, 0.0, 0.0, None
        self.on_word = lambda _data: "pass"
        self.release()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            if self._refusing:
                raise ConnectionRefusedError
            to_reader, to_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        except OSError:
            writer.transport.abort()
            return
        pair = Pair(writer, to_writer)
        self._pairs.add(pair)
        try:
            await asyncio.gather(self._carry_words(reader, pair), self._carry_answers(to_reader, pair))
        except OSError:  # one end is gone: so is the other
            pass
        finally:
            self._pairs.discard(pair)
            self._unheard.pop(pair, None)
            for end in pair:
                end.transport.abort()

    async def _carry_words(self, reader: asyncio.StreamReader, pair: Pair) -> None:
        """What the client says, which may be cut at a word or a byte."""
        while data := await reader.read(CHUNK_BYTES):
            await self._in_time()
            what = self.on_word(data)
            if what == "hold":
                self.hold()
                await self._moving.wait()
            if self._bytes_left is not None:
                data, what = self._up_to_the_byte(data, what)
            if what == "cut after":
                self._unheard[pair] = asyncio.Event()
            if what != "cut before":
                pair.server.write(data)
                await pair.server.drain()
            if what == "cut":
                await asyncio.sleep(ARRIVAL_SECONDS)
            if what == "cut after":
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._unheard[pair].wait(), ANSWER_SECONDS)
            if what.startswith("cut"):
                self.cuts += 1
                return _reset(pair)
        if not pair.server.transport.is_closing():
            pair.server.write_eof()

    async def _carry_answers(self, reader: asyncio.StreamReader, pair: Pair) -> None:
        """What the server says; after ``cut after`` its answer is waited for, and nobody hears it."""
        while data := await reader.read(CHUNK_BYTES):
            await self._in_time()
            if (unheard := self._unheard.get(pair)) is not None:
                unheard.set()
                continue
            pair.client.write(data)
            await pair.client.drain()
        if not pair.client.transport.is_closing():
            pair.client.write_eof()

    async def _in_time(self) -> None:
        if self._latency or self._jitter:
            await asyncio.sleep(self._latency + self._jitter * self._draw.random())
        await self._moving.wait()

    def _up_to_the_byte(self, data: bytes, what: str) -> tuple[bytes, str]:
        assert self._bytes_left is not None
        if len(data) < self._bytes_left:
            self._bytes_left -= len(data)
            return data, what
        passed, self._bytes_left = data[: self._bytes_left], None
        return passed, "cut"


def _reset(pair: Pair) -> None:
    for end in pair:
        sock = end.get_extra_info("socket")
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        end.transport.abort()
