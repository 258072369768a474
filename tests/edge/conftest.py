"""Every request leaves the logs without a traceback; organisers, each a body of its own; and visitors, each with a
browser profile of their own.

Chromium is Debian's own (`/usr/bin/chromium`); a page that logs a script error fails its test.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import NamedTuple

import asyncpg
import pytest
from box_office import Buyer, Buyers
from playwright.async_api import Browser, Page, async_playwright

from sagas.identity import new_id

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
#: A sale's steps pass through several processes on a machine that may be busy.
SALE_LIMIT_MS = 30_000

Visitor = Callable[..., Awaitable[Page]]


@pytest.fixture(autouse=True)
def _nothing_broke(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.node.get_closest_marker("pure") is None:  # those make no request
        request.getfixturevalue("nothing_broke")
    yield


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        await running.close()


@pytest.fixture
async def visitor(browser: Browser, edge_url: str) -> AsyncIterator[Visitor]:
    """Makes visitors, each with a browser profile of its own; none of their pages may fail in a script."""
    failures: list[str] = []

    async with AsyncExitStack() as stack:

        async def make(buyer: Buyer | None = None, *, phone: bool = False) -> Page:
            context = await browser.new_context(
                base_url=edge_url, viewport=PHONE if phone else DESKTOP, has_touch=phone
            )
            stack.push_async_callback(context.close)
            context.set_default_timeout(SALE_LIMIT_MS)
            if buyer is not None:
                cookie = {"name": "frontrow_access", "value": buyer.token, "url": edge_url}
                await context.add_cookies([cookie])
                await context.add_init_script("localStorage.setItem('frontrow.member', 'Test Buyer')")
            page = await context.new_page()
            page.on("pageerror", lambda error: failures.append(str(error)))
            page.on(
                "console",
                lambda said: failures.append(said.text) if "Content Security Policy" in said.text else None,
            )
            return page

        yield make
    assert not failures, "\n".join(failures)


class Member(NamedTuple):
    """Somebody who acts for a body, and the body."""

    person: Buyer
    organiser_id: str

    @property
    def ask(self) -> Callable[..., Awaitable[object]]:
        return self.person.ask


@pytest.fixture
def make_member(rows: asyncpg.Pool, buyers: Buyers) -> Callable[..., Awaitable[Member]]:
    """Makes a member of a new, approved body, or of a given one."""

    async def make(role: str = "owner", organiser_id: str = "", status: str = "approved") -> Member:
        person = await buyers.make()
        body = organiser_id or str(new_id())
        if not organiser_id:
            await rows.execute(
                """INSERT INTO organiser (id, legal_name, support_email, status, operator, created_at)
                VALUES ($1, 'Test Evenings Ltd', 'help@example.com', $2, false, now())""",
                body, status,
            )  # fmt: skip
        await rows.execute(
            "INSERT INTO organiser_member (id, organiser_id, user_id, role, since) VALUES ($1, $2, $3, $4, now())",
            new_id(), body, person.id, role,
        )  # fmt: skip
        return Member(person, body)

    return make


@pytest.fixture
async def member(make_member: Callable[..., Awaitable[Member]]) -> Member:
    return await make_member()
