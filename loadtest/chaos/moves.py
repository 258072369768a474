"""A show that moves to another lane with holds and payments outstanding, and a lane that is added while others sell."""

import os
import uuid
from collections.abc import Awaitable, Callable

from loadtest.bench.wishes import hold, parcel
from loadtest.chaos.ground import Chaos
from loadtest.chaos.script import Act

#: The moved show is on sale again at once: nobody asks for it through the edge.
OFF_SALE_SECONDS = 0


async def show_moved(chaos: Chaos, act: Act) -> None:
    """Wishes before it are held, one that is still put into the old lane is sent away, one on the new lane is held."""
    here = await _lane_of(chaos)
    there = next(lane for lane in (*chaos.lanes[act.lane :], *chaos.lanes) if lane != here)
    await _move(chaos, here, there)
    chaos.seen["a show moved to another lane, with holds and payments"] += 1


async def lane_added(chaos: Chaos, act: Act) -> None:
    """The lanes grow by one, the workers learn of it one after the other, and a show moves there and sells."""
    here, number = (
        await _lane_of(chaos),
        await chaos.database.fetchval("SELECT count(*) FROM lane WHERE lane LIKE 'show.%'"),
    )
    os.environ["SHOW_LANES"] = f"{number + 1}"
    await chaos.product.command("store.migrate")
    for member in chaos.crew.members:
        await member.worker.end()
        member.worker.tell(SHOW_LANES=f"{number + 1}")
        member.worker.start()
    there = f"show.{number:02d}"
    await chaos.crew.owner_of(there)
    await _move(chaos, here, there)
    chaos.seen["a lane added while others were sold on"] += 1


async def _lane_of(chaos: Chaos) -> str:
    return str(await chaos.database.fetchval("SELECT lane FROM show WHERE id = $1", chaos.roaming.id))


async def _move(chaos: Chaos, here: str, there: str) -> None:
    show = chaos.roaming
    command = {
        "name": "move_show", "command_id": str(uuid.uuid4()), "show_id": str(show.id), "to": there,
        "by": str(uuid.uuid4()), "off_sale_seconds": OFF_SALE_SECONDS,
    }  # fmt: skip
    before = [hold(here, show.id, {"quantity": 2}) for _ in range(2)]
    behind = hold(here, show.id, {"quantity": 1})
    told = await chaos.put(here, [*before, parcel(here, command), behind])
    assert told == ["held", "held", "moved", "elsewhere"], f"a move from {here} to {there} came to {told}"
    told = await chaos.put(there, [hold(there, show.id, {"quantity": 1})])
    assert told == ["held"], f"the first wish on {there} came to {told}"


MOVES: dict[str, Callable[[Chaos, Act], Awaitable[None]]] = {"show moved": show_moved, "lane added": lane_added}
