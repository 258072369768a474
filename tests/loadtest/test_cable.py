"""The cable of `make chaos`: it cuts to the byte, resets, holds still, refuses and slows, and mends."""

import asyncio
import random
import time
from collections.abc import AsyncIterator

import pytest

from loadtest.chaos.cable import Cable
from loadtest.chaos.worker import until

pytestmark = pytest.mark.pure
LIMIT_SECONDS = 5.0


class Server:
    """Echoes, and remembers what arrived and how many connections ended with an error."""

    def __init__(self) -> None:
        self.received = b""
        self.resets = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1000):
                self.received += data
                writer.write(data)
                await writer.drain()
        except ConnectionResetError:
            self.resets += 1
        finally:
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, str]]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    yield server, f"tcp://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    listening.close()


async def connected(cable: Cable) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(cable.url.rpartition(":")[2]))


async def echoed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> bytes:
    writer.write(data)
    return await asyncio.wait_for(reader.readexactly(len(data)), LIMIT_SECONDS)


async def test_it_is_cut_after_so_many_bytes_and_not_one_more(server):
    remembered, url = server
    async with Cable(url) as cable:
        reader, writer = await connected(cable)
        assert await echoed(reader, writer, b"before") == b"before"
        cable.cut_after(5)
        writer.write(b"abc")
        writer.write(b"defgh")
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(100), LIMIT_SECONDS)
        assert remembered.received == b"beforeabcde"
        assert cable.cuts == 1


async def test_a_cut_is_a_reset_on_both_sides(server):
    remembered, url = server
    async with Cable(url) as cable:
        reader, writer = await connected(cable)
        await echoed(reader, writer, b"x")
        assert cable.cut() == 1
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(1), LIMIT_SECONDS)
        await until("a reset on the server's side too", lambda: remembered.resets, LIMIT_SECONDS)


async def test_a_server_that_dies_is_no_half_open_connection():
    """The client must hear of it: a cable that keeps its end open would play another fault than it was asked for."""

    async def die(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    dying = await asyncio.start_server(die, "127.0.0.1", 0)
    async with Cable(f"tcp://127.0.0.1:{dying.sockets[0].getsockname()[1]}") as cable:
        reader, _ = await connected(cable)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), LIMIT_SECONDS)
    dying.close()


async def test_held_still_nothing_passes_and_nothing_is_lost_when_it_goes_on(server):
    remembered, url = server
    async with Cable(url) as cable:
        reader, writer = await connected(cable)
        await echoed(reader, writer, b"x")
        cable.hold()
        writer.write(b"held")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readexactly(4), 0.2)
        assert remembered.received == b"x"
        cable.release()
        assert await asyncio.wait_for(reader.readexactly(4), LIMIT_SECONDS) == b"held"


async def test_refused_until_it_is_mended(server):
    _, url = server
    async with Cable(url) as cable:
        cable.refuse()
        reader, _ = await connected(cable)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), LIMIT_SECONDS)
        cable.mend()
        assert await echoed(*await connected(cable), b"again") == b"again"


async def test_slow_is_later_by_what_the_seed_draws(server):
    _, url = server
    async with Cable(url, random.Random(3)) as cable:
        reader, writer = await connected(cable)
        cable.slow(0.05, 0.01)
        began = time.monotonic()
        await echoed(reader, writer, b"x")
        assert time.monotonic() - began >= 0.1, "there and back, each later by the latency"


async def test_cut_after_a_word_the_server_has_answered_and_nobody_hears_it(server):
    remembered, url = server
    async with Cable(url) as cable:
        reader, writer = await connected(cable)
        await echoed(reader, writer, b"x")
        cable.on_word = lambda data: "cut after" if b"COMMIT" in data else "pass"
        writer.write(b"COMMIT;")
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), LIMIT_SECONDS)
        assert remembered.received == b"xCOMMIT;"
