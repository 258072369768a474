"""The journal, decided again, comes to the same outcomes and hashes; and what was changed in it does not go unseen."""

import asyncio
import os
import random
import sys
from datetime import UTC, datetime

from loadtest.chaos.worker import ROOT
from sagas.messages import HoldSeats
from tests.actors.lanes.stage import SAGA_LANES, SHOW_LANES, Stage, StagedShow

VERIFY_LIMIT_SECONDS = 60


async def verify(stage: Stage) -> tuple[int, str]:
    """``python -m actors.verify`` on the stage: its exit code and what it says."""
    environment = {
        **os.environ, "DATABASE_URL": stage.database_url, "SHOW_LANES": f"{SHOW_LANES}", "SAGA_LANES": f"{SAGA_LANES}",
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "actors.verify", cwd=ROOT, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(), VERIFY_LIMIT_SECONDS)
    assert process.returncode is not None
    return process.returncode, said.decode()


def failing(said: str) -> set[str]:
    """The names of the checks that found a difference."""
    return {line.split(" rows  ")[1].split(":")[0] for line in said.splitlines() if "DIFFER" in line}


async def busy(stage: Stage, shows: list[StagedShow], draw: random.Random, count: int) -> None:
    """Wishes of every kind, with confirms, releases, expiries and repeats among them."""
    held: list[tuple[StagedShow, HoldSeats]] = []
    for _ in range(count):
        show = draw.choice(shows)
        kind = draw.random()
        if kind < 0.35:
            wish = show.hold(*draw.sample(range(60), draw.choice((1, 2, 3))))
        elif kind < 0.75:
            wish = show.hold(seats=(), quantity=draw.choice((1, 2, 4)), together=draw.random() < 0.5)
        else:
            which, wish = draw.choice(held) if held else (show, show.hold(0))
            command = draw.choice(
                [which.confirm(wish), which.release(wish), which.expire(wish, datetime.now(UTC)), wish]
            )
            await stage.send(which.lane, command)
            continue
        held.append((show, wish))
        await stage.send(show.lane, wish)
    lapsing = shows[1].hold(seats=(), quantity=1)
    await stage.send(shows[1].lane, lapsing, shows[1].expire(lapsing, datetime.now(UTC)))
    await stage.all_decided([*(wish for _, wish in held), lapsing])


async def test_the_journal_of_a_busy_lane_comes_to_the_same_when_it_is_decided_again(stage):
    """Workers come and go meanwhile, so that shows are loaded from the tables in the midst of everything."""
    draw = random.Random(11)
    worker = stage.worker()
    shows = [await stage.show(60, "show.00"), await stage.show(60, "show.00", hold_seconds=0)]
    shows.append(await stage.show(60, "show.01"))
    await busy(stage, shows, draw, 120)
    worker.kill()
    stage.workers.clear()
    stage.worker()
    await busy(stage, shows, draw, 120)
    await stage.broker.delete("show.00")
    await busy(stage, shows, draw, 60)
    await stage.broker.put("show.01", [("junk", b"{}")])
    await busy(stage, shows, draw, 20)
    for worker in stage.workers:
        await worker.end()
    stage.workers.clear()
    _, said = await verify(stage)
    assert not failing(said) - {"sagas", "tickets", "money"}, said  # no saga worker ran: seats were confirmed by hand
    assert said.count(" ok ") >= 5
    counts = {
        row["outcome"]: row["count"] for row in await stage.rows("SELECT outcome, count(*) FROM journal GROUP BY 1")
    }
    wanted = {"held", "confirmed", "released", "expired", "repeat", "seat-taken", "fence", "unreadable"}
    assert wanted <= set(counts), f"never came to pass: {wanted - set(counts)}"


async def test_a_journal_that_was_changed_afterwards_is_found_out(stage):
    """The third wish is refused at whatever time it is decided: of the changed time only the hash can tell."""
    worker = stage.worker()
    show = await stage.show(10)
    wishes = [show.hold(seat) for seat in (0, 1, 0, 2)]
    await stage.send(show.lane, *wishes)
    await stage.all_decided(wishes)
    await worker.end()
    stage.workers.clear()
    _, before = await verify(stage)
    assert "journal" not in failing(before), before
    await stage.value(
        "UPDATE journal SET decided_at = decided_at + interval '1 microsecond' WHERE command_id = $1 RETURNING 1",
        wishes[2].command_id,
    )
    code, said = await verify(stage)
    assert code == 1
    assert "journal" in failing(said)
