"""Every request leaves the logs without a traceback; and organisers, each a body of its own."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import asyncpg
import pytest
from box_office import Buyer, Buyers

from sagas.identity import new_id


@pytest.fixture(autouse=True)
def _nothing_broke(nothing_broke: None) -> None:
    pass


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
