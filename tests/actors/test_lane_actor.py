"""A batch that fails: tried again while something is down, and given up only when the data is at fault."""

from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from actors import lane_actor
from actors.lane_actor import GUARD_ATTEMPTS, LaneActor
from actors.lanes.session import Arrived, Place
from store.decisions import StateDiffers

pytestmark = pytest.mark.pure


class Message(NamedTuple):
    at: Arrived
    fault: str = ""


class Troubled(LaneActor[Message, Any]):
    """Its transactions fail with these errors, one after the other, and then succeed; ``decided`` as poison or not."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__(None, "troubled")  # type: ignore[arg-type]
        self.errors, self.decided = list(errors), list[int]()

    async def _transact(self, session: Any, batch: list[Message], poison: int) -> Any:
        if self.errors:
            raise self.errors.pop(0)
        self.decided.append(poison)
        return SimpleNamespace(lines=[])

    async def _was_committed(self, session: Any, batch: list[Message]) -> bool:
        return False

    async def tell(self, decided: Any) -> None: ...


async def outcome(monkeypatch: pytest.MonkeyPatch, *errors: Exception) -> list[int]:
    """How a single message is decided in the end: 0 as it is, 1 as failed."""
    monkeypatch.setattr(lane_actor, "RETRY_SECONDS", (0.0, 0.0))
    session = SimpleNamespace(ended=None, memory={}, lane="show.00", place=Place(0, 0, None, None))
    actor = Troubled(*errors)
    await actor._decide(session, [Message(Arrived(0, "id", b"", 1))], poison=0)  # type: ignore[arg-type]
    return actor.decided


async def test_a_guard_that_fails_after_a_long_outage_is_tried_again_not_failed(monkeypatch):
    outage = [ConnectionError() for _ in range(3 * GUARD_ATTEMPTS)]
    assert await outcome(monkeypatch, *outage, StateDiffers()) == [0]


async def test_a_guard_that_never_holds_is_the_datas_fault(monkeypatch):
    assert await outcome(monkeypatch, *(StateDiffers() for _ in range(GUARD_ATTEMPTS))) == [0]
    assert await outcome(monkeypatch, *(StateDiffers() for _ in range(GUARD_ATTEMPTS + 1))) == [1]
