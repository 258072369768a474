"""The journal as it is read: what became of one command, and a show's decisions in their order."""

from typing import Any
from uuid import UUID

import msgspec

from store.connection import pool
from store.sql import query


class Result(msgspec.Struct):
    """What a command came to; ``refusal`` as it is stored, where it was refused."""

    refusal: msgspec.Raw | None = None


_result = msgspec.json.Decoder(Result).decode


async def result_of(command_id: UUID) -> Result | None:
    """What the command came to, or None while it is not decided."""
    text = await pool().fetchval(query("journal_of_command"), command_id)
    return None if text is None else _result(text)


async def of_show(show_id: UUID, lane: str, after: tuple[int, int], limit: int) -> list[Any]:
    """A show's rows on its lane after this generation and offset, oldest first."""
    return list(await pool().fetch(query("journal_of_show"), show_id, lane, *after, limit))
