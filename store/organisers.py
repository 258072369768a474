"""Organisers: which body an account may act for, and the record of who changed what."""

from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from sagas.identity import new_id
from store.connection import pool
from store.sql import query

#: A person's roles within a body.
ROLES = ("owner", "manager", "box-office", "scanner")


class Standing(NamedTuple):
    """What an account is to a body.  ``role`` is one of ROLES, or ``admin`` for those who run the whole service."""

    organiser_id: UUID
    role: str
    status: str
    operator: bool


async def standings(user_id: UUID, named: UUID | None = None) -> list[Standing]:
    """What an account is, to each body that it may act for; admins may act for any, when it is named."""
    return [Standing(*row) for row in await pool().fetch(query("bodies_of_account"), user_id, named)]


async def record_change(
    connection: Any, actor_id: UUID, organiser_id: UUID | None, action: str, object_kind: str, object_id: object,
    **detail: Any,
) -> None:  # fmt: skip
    """Add to the record, in the transaction of the change itself.  ``action`` is like ``event.publish``; ``detail`` is
    what it was changed to, without names and addresses of people."""
    await connection.execute(
        query("change_record_add"), new_id(), organiser_id, actor_id, action, object_kind, str(object_id),
        msgspec.json.encode(detail).decode(),
    )  # fmt: skip
