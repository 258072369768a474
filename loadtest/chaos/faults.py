"""What is done to lane workers: killed, paused, cut off, restarted, robbed of a lease, cut in the midst of a commit."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from loadtest.chaos.cable import Cable
from loadtest.chaos.crew import Member
from loadtest.chaos.ground import Chaos
from loadtest.chaos.script import Act
from loadtest.chaos.worker import until

#: What asyncpg sends to end a transaction.
COMMIT = b"COMMIT;"
HELD_SECONDS, SLOW_SECONDS = 2.0, 0.15
#: An answer that nobody hears is waited for by the cable, for two seconds at most.
WORD_LIMIT_SECONDS, ANSWERED_SECONDS = 60.0, 0.3


async def killed(chaos: Chaos, act: Act) -> None:
    victim = await chaos.owner(act)
    victim.worker.kill()
    began, standing = time.monotonic(), await chaos.crew.standing_of(victim)
    victim.worker.start()
    chaos.taken_over["killed"] += await chaos.crew.taken_over(standing, began)
    chaos.seen["a worker killed (-9)"] += 1


async def paused(chaos: Chaos, act: Act) -> None:
    """Until others have its lanes, and a while longer; then it goes on as if nothing had been."""
    victim = await chaos.owner(act)
    victim.worker.pause()
    began, standing = time.monotonic(), await chaos.crew.standing_of(victim)
    try:
        chaos.taken_over["paused"] += await chaos.crew.taken_over(standing, began)
        await asyncio.sleep(act.degree)
    finally:
        victim.worker.go_on()
    chaos.seen["a worker paused beyond its lease"] += 1


async def restarted(chaos: Chaos, act: Act) -> None:
    victim = await chaos.owner(act)
    await victim.worker.end()
    victim.worker.start()
    chaos.seen["a worker restarted"] += 1


async def cut_off_from_rabbitmq(chaos: Chaos, act: Act) -> None:
    victim = await chaos.owner(act)
    if await _cut_off(victim.to_broker, act):
        chaos.seen["a worker cut off from RabbitMQ"] += 1


async def cut_off_from_postgres(chaos: Chaos, act: Act) -> None:
    victim = await chaos.owner(act)
    if await _cut_off(victim.to_database, act):
        chaos.seen["a worker cut off from Postgres"] += 1


async def _cut_off(cable: Cable, act: Act) -> bool:
    """Whether anything was connected that could be cut."""
    was_connected = bool(cable.connections)
    try:
        match act.style:
            case "reset":
                cable.cut()
            case "half-open":
                cable.hold()
                await asyncio.sleep(HELD_SECONDS * (0.5 + act.degree))
                cable.cut()
            case "cut at a byte":
                before = cable.cuts
                cable.cut_after(1 + int(4_000 * act.degree))
                await until("the cut", lambda: cable.cuts > before, WORD_LIMIT_SECONDS)
            case "refused":
                cable.refuse()
                cable.cut()
                await asyncio.sleep(HELD_SECONDS * act.degree)
            case "slow":
                cable.slow(SLOW_SECONDS * act.degree, SLOW_SECONDS * act.degree)
                await asyncio.sleep(HELD_SECONDS)
    finally:
        cable.mend()
    return was_connected


async def lease_given_to_another(chaos: Chaos, act: Act) -> None:
    """For a moment two workers believe that the lane is theirs: one that had it, and one that Postgres names."""
    lane = chaos.lane(act)
    robbed = await chaos.owner(act)
    other = next(member for member in chaos.crew.members if member is not robbed and member.worker.is_running())
    await chaos.database.execute(
        """UPDATE lane SET owner = worker.id, leased_until = now() + interval '3 s'
        FROM worker WHERE worker.kind = 'show-lane' AND worker.pid = $2 AND lane.lane = $1""",
        lane, other.worker.pid,
    )  # fmt: skip
    await asyncio.sleep(0.5 + act.degree)
    chaos.seen["a lease given to another"] += 1


async def cut_at_a_commit(chaos: Chaos, act: Act) -> None:
    """The connection to Postgres is lost as a batch commits: before the server has heard of it, or after."""
    await _at_the_next_commit(chaos, act.style)
    await asyncio.sleep(ANSWERED_SECONDS)
    _mend(chaos)
    chaos.seen[f"Postgres cut off at a commit ({act.style.removeprefix('cut ')} it)"] += 1


async def session_cut_in_a_commit(chaos: Chaos, act: Act) -> None:
    """RabbitMQ is cut off while a batch of that session waits for its commit: it answers when the next one reads."""
    victim = await _at_the_next_commit(chaos, "hold")
    victim.to_broker.cut()
    await asyncio.sleep(0.3 + 0.7 * act.degree)
    _mend(chaos)
    chaos.seen["a session cut with a batch in its commit"] += 1


async def _at_the_next_commit(chaos: Chaos, what: str) -> Member:
    """Do this to whoever commits next (lanes change hands, so it is not known before); who it was."""
    met: asyncio.Future[Member] = asyncio.get_running_loop().create_future()

    def lie_in_wait(member: Member) -> None:
        def at_a_commit(data: bytes) -> str:
            if COMMIT not in data or met.done():
                return "pass"
            met.set_result(member)
            return what

        member.to_database.on_word = at_a_commit

    for member in chaos.crew.members:
        lie_in_wait(member)
    try:
        return await asyncio.wait_for(met, WORD_LIMIT_SECONDS)
    except TimeoutError:
        _mend(chaos)
        raise AssertionError(f"nobody commits within {WORD_LIMIT_SECONDS:.0f} s") from None


def _mend(chaos: Chaos) -> None:
    for member in chaos.crew.members:
        member.to_database.mend()


FAULTS: dict[str, Callable[[Chaos, Act], Awaitable[None]]] = {
    "killed": killed,
    "paused": paused,
    "restarted": restarted,
    "cut off from RabbitMQ": cut_off_from_rabbitmq,
    "cut off from Postgres": cut_off_from_postgres,
    "lease given to another": lease_given_to_another,
    "cut at a commit": cut_at_a_commit,
    "session cut in a commit": session_cut_in_a_commit,
}
