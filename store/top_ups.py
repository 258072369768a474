"""Top-ups as rows: a saga of its own each, begun here; from then on only its lane writes it."""

from typing import Any
from uuid import UUID

import msgspec

from sagas import top_up
from sagas.clock import now
from sagas.identity import saga_lane
from sagas.messages import RequestPayment
from store import money
from store.connection import pool
from store.settings import settings
from store.sql import query

_encode = msgspec.json.Encoder().encode


async def begin(
    rows: Any, top_up_id: UUID, user_id: UUID, amount: int, currency: str, trace: str
) -> RequestPayment | None:
    """Note a top-up with its saga and payment, in the caller's transaction; the command to send then, or None when
    there is a top-up of this id already."""
    progress = top_up.begin(top_up_id, user_id, amount, currency)
    payment_id = progress.facts.payment_id
    if await rows.fetchval(query("top_up_add"), top_up_id, user_id, payment_id, amount, currency) is None:
        return None
    [command] = progress.awaiting
    assert isinstance(command, RequestPayment)
    kept = msgspec.structs.replace(progress, awaiting=())
    lane = saga_lane(top_up_id, settings().saga_lanes)
    await rows.execute(
        query("top_up_begin"), top_up_id, lane, progress.step, progress.course, _encode(kept).decode(),
        _encode(progress.awaiting).decode(), trace,
    )  # fmt: skip
    await money.write(rows, now(), money.MoneyWrites(requested=[command]))
    return command


async def find(top_up_id: UUID, user_id: UUID) -> Any | None:
    """The buyer's top-up with what has become of its payment, and what was ``received``."""
    return await pool().fetchrow(query("top_up_find"), top_up_id, user_id)
