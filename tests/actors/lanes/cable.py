"""A cable between a process and a server: a TCP proxy that can be cut, held still, or cut at a word that passes."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Self
from urllib.parse import urlsplit, urlunsplit

CHUNK_BYTES = 65_536


class Cable:
    """``on_word`` is asked about everything that the client sends: ``pass``, ``hold``,
    ``cut before`` or ``cut after``."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._moving = asyncio.Event()
        self._moving.set()
        self.on_word: Callable[[bytes], str] = lambda _data: "pass"
        self.cuts = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.release()
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

    def cut(self) -> None:
        """Every connection is gone at once, without a word."""
        for pair in list(self._pairs):
            for writer in pair:
                writer.transport.abort()
        self.cuts += 1

    def hold(self) -> None:
        """Connections stay, and nothing passes."""
        self._moving.clear()

    def release(self) -> None:
        self._moving.set()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            to_reader, to_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, to_writer)
        self._pairs.add(pair)
        try:
            await asyncio.gather(self._pump(reader, to_writer, pair), self._pump(to_reader, writer, None))
        finally:
            self._pairs.discard(pair)
            for end in pair:
                end.transport.abort()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        asked: tuple[asyncio.StreamWriter, asyncio.StreamWriter] | None,
    ) -> None:
        """Carry one direction; ``asked`` is the pair to cut when a word says so."""
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await self._moving.wait()
                what = self.on_word(data) if asked else "pass"
                if what == "hold":
                    self.hold()
                    await self._moving.wait()
                if what != "cut before":
                    writer.write(data)
                    await writer.drain()
                if what == "cut after":
                    await asyncio.sleep(0.05)  # the server has it, and answers into nothing
                if what.startswith("cut") and asked:
                    self.cuts += 1
                    for end in asked:
                        end.transport.abort()
                    return
            if not writer.transport.is_closing():
                writer.write_eof()
