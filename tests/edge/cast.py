"""People of every kind that the table of permissions knows, freshly made, and bodies for them to act for."""

from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx
from box_office import Buyer, Buyers

from sagas.identity import new_id
from store.organisers import ROLES


@dataclass(frozen=True)
class Body:
    """An organiser, as its makers know it."""

    id: str
    status: str


@dataclass(frozen=True)
class Person:
    """Somebody who calls.  ``roles``: what they are, by body."""

    name: str
    caller: Buyer
    account: str | None = None
    roles: dict[str, str] = field(default_factory=dict)
    body: Body | None = None

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        return await self.caller.ask(method, path, **more)


@dataclass(frozen=True)
class Cast:
    people: dict[str, Person]
    house: Body
    """The body whose things are asked for."""

    def __getitem__(self, name: str) -> Person:
        return self.people[name]


async def make_body(rows: asyncpg.Pool, status: str = "approved") -> Body:
    organiser_id = new_id()
    await rows.execute(
        """INSERT INTO organiser (id, legal_name, support_email, status, operator, created_at)
        VALUES ($1, 'Walked House', 'house@example.com', $2, false, now())""",
        organiser_id, status,
    )  # fmt: skip
    return Body(str(organiser_id), status)


async def make_member(rows: asyncpg.Pool, buyers: Buyers, body: Body, role: str, account: str = "organiser") -> Person:
    caller = await buyers.make(role=account)
    await join(rows, caller, body, role)
    return Person(f"{role} of {body.status}", caller, account, {body.id: role}, body)


async def join(rows: asyncpg.Pool, caller: Buyer, body: Body, role: str) -> None:
    await rows.execute(
        "INSERT INTO organiser_member (id, organiser_id, user_id, role, since) VALUES ($1, $2, $3, $4, now())",
        new_id(), body.id, caller.id, role,
    )  # fmt: skip


async def make_cast(rows: asyncpg.Pool, buyers: Buyers) -> Cast:
    house, other = await make_body(rows), await make_body(rows)
    suspended, applied = await make_body(rows, "suspended"), await make_body(rows, "applied")
    closed = await make_body(rows, "closed")
    people = {
        "anonymous": Person("anonymous", buyers.nobody()),
        "buyer": Person("buyer", await buyers.make(), "buyer"),
        "other buyer": Person("other buyer", await buyers.make(), "buyer"),
        "admin": Person("admin", await buyers.make(role="admin"), "admin"),
        # what a token says is not what the database has
        "admin of a quarter of an hour ago": Person("demoted", await _demoted(rows, buyers), "buyer"),
        "other organiser": await make_member(rows, buyers, other, "owner"),
        "scanner of another body": await make_member(rows, buyers, other, "scanner", "scanner"),
        "owner of a suspended body": await make_member(rows, buyers, suspended, "owner"),
        "owner of a closed body": await make_member(rows, buyers, closed, "owner", "buyer"),
        "owner of a body that applies": await make_member(rows, buyers, applied, "owner", "buyer"),
    }
    # with a token that no session of theirs ends
    owner = (await make_member(rows, buyers, house, "owner")).caller
    await rows.execute("""UPDATE "user" SET suspended_at = now() WHERE id = $1""", owner.id)
    people["suspended owner"] = Person("suspended owner", owner, "organiser")
    for role in ROLES:
        people[role] = await make_member(rows, buyers, house, role, "scanner" if role == "scanner" else "organiser")
    return Cast(people, house)


async def _demoted(rows: asyncpg.Pool, buyers: Buyers) -> Buyer:
    caller = await buyers.make(role="admin")
    await rows.execute("""UPDATE "user" SET role = 'buyer' WHERE id = $1""", caller.id)
    return caller
