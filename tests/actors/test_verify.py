"""What `make verify` makes of a saga's timeline, whichever way round its first events came."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
import pytest

from actors import verify
from sagas.booking import BOOKING, begin
from sagas.messages import GivenUp, SeatsHeld, SeatsReleased
from sagas.saga import advance

pytestmark = pytest.mark.pure

BOOKED = UUID(int=1)
HELD = SeatsHeld(
    event_id=UUID(int=2), booking_id=BOOKED, show_id=UUID(int=3), buyer_id=UUID(int=4), method="razorpay", amount=100,
    currency="INR",
)  # fmt: skip
GIVEN_UP = GivenUp(event_id=UUID(int=5), booking_id=BOOKED, reason="buyer")
RELEASED = SeatsReleased(event_id=UUID(int=6), booking_id=BOOKED, answers=UUID(int=7))


class Rows:
    """The rows of one saga, as the tables would hold them after these events."""

    def __init__(self, *events: Any) -> None:
        at = begin(HELD)
        for event in events:
            at, _ = advance(BOOKING, at, event)
        encode = msgspec.json.encode
        told = [{"saga_id": BOOKED, "kind": "booking", "detail": encode(event).decode()} for event in events]
        row = {"id": BOOKED, "kind": "booking", "step": at.step, "outbox": encode(at.awaiting).decode()}
        progress = encode(msgspec.structs.replace(at, awaiting=())).decode()
        self.named = {"verify_timeline": told, "verify_sagas": [row | {"progress": progress}], "verify_top_ups": []}

    async def all(self, name: str) -> list[Any]:
        return self.named[name]

    async def each(self, name: str) -> AsyncIterator[Any]:
        for row in self.named[name]:
            yield row


@pytest.mark.parametrize("events", [(HELD, GIVEN_UP), (GIVEN_UP, HELD), (GIVEN_UP, HELD, RELEASED), (HELD,)])
async def test_a_timeline_leads_to_where_its_saga_stands_also_when_it_was_given_up_before_it_was_told_of(events):
    assert await verify.sagas(Rows(*events)) == (1, [])  # type: ignore[arg-type]


async def test_a_saga_that_stands_elsewhere_is_told():
    rows = Rows(HELD)
    rows.named["verify_timeline"] = Rows(HELD, GIVEN_UP).named["verify_timeline"]
    assert len((await verify.sagas(rows))[1]) == 1  # type: ignore[arg-type]
