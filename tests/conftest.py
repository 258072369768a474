"""What tests over the whole product share: the product itself, started once, and the means to use it from outside.

Nothing here runs unless a test asks for it, so that pure tests need no service. A service that is missing fails the
test; it never skips it.
"""

import gc
import os
from collections.abc import AsyncIterator, Iterator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import asyncpg
import httpx
import hypothesis
import pytest

# the same examples in every run: what is red stays red (`--hypothesis-profile=default` explores others)
hypothesis.settings.register_profile("the-same", derandomize=True, database=None)
hypothesis.settings.load_profile("the-same")
pytest.register_assert_rewrite("box_office", "newcomers", "running_product")

from box_office import Buyer, Buyers, Emulator, Mailbox, Show, Shows  # noqa: E402  rewriting comes first
from running_product import Product  # noqa: E402


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where only pure tests are wished for, modules without any are not even imported."""
    if config.option.markexpr != "pure" or not collection_path.match("test_*.py"):
        return None
    return "mark.pure" not in collection_path.read_text() or None


def pytest_collection_finish() -> None:
    """What was imported and collected stays until the end: the garbage collector need not look at it ever again."""
    gc.freeze()
    gc.set_threshold(100_000)


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product, all of it, on the stack of the environment; at its end no process may have logged a traceback."""
    running = Product(os.environ, tmp_path_factory.mktemp("product"))
    try:
        running.start()
        yield running
    finally:
        unwell = running.stop()
    logged = running.tracebacks()
    assert not unwell, "\n".join(unwell)
    assert not logged, "tracebacks in the logs:\n" + "\n".join(logged)


@pytest.fixture
def nothing_broke(product: Product) -> Iterator[None]:
    """The test leaves no traceback in any log."""
    yield
    logged = product.tracebacks()
    assert not logged, "tracebacks in the logs:\n" + "\n".join(logged)


@pytest.fixture(scope="session")
def edge_url(product: Product) -> str:
    """The edge that the provider's webhooks go to; it limits nobody's rate."""
    return product.edge_url


@pytest.fixture(scope="session")
async def rows(product: Product) -> AsyncIterator[asyncpg.Pool]:
    """The product's database, to look into and to make what has no call of its own yet."""
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=1, max_size=4) as pool:
        yield pool


@pytest.fixture(scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """One client for everybody: it keeps nobody's cookies."""
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=20)
    async with httpx.AsyncClient(timeout=20, trust_env=False, limits=limits, cookies=no_cookies) as client:
        yield client


@pytest.fixture(scope="session")
async def shows(product: Product, rows: asyncpg.Pool) -> AsyncIterator[Shows]:
    from actors.lanes.publisher import Publisher

    publisher = Publisher(os.environ["RABBITMQ_URL"])
    yield Shows(rows, publisher, int(os.environ.get("SHOW_LANES") or 8))
    await publisher.close()


@pytest.fixture
async def show(shows: Shows) -> Show:
    """A show of 20 seats in two rows, on sale, at 500 rupees a seat."""
    return await shows.make()


@pytest.fixture(scope="session")
def buyers(product: Product, rows: asyncpg.Pool, http: httpx.AsyncClient) -> Buyers:
    return Buyers(rows, http, product.edge_url)


@pytest.fixture
async def buyer(buyers: Buyers) -> Buyer:
    return await buyers.make()


@pytest.fixture
async def emulator(rows: asyncpg.Pool, http: httpx.AsyncClient) -> AsyncIterator[Emulator]:
    """The provider; its weather is fine before and after the test."""
    keys = (os.environ["RAZORPAY_KEY_ID"], os.environ["RAZORPAY_KEY_SECRET"])
    provider = Emulator(http, os.environ["RAZORPAY_URL"], keys, rows)
    await provider.clear_faults()
    yield provider
    await provider.clear_faults()


@pytest.fixture
async def mailbox(rows: asyncpg.Pool, http: httpx.AsyncClient) -> AsyncIterator[Mailbox]:
    found = Mailbox(http, os.environ["MAILBOX_URL"], rows)
    await found.clear_faults()
    yield found
    await found.clear_faults()
