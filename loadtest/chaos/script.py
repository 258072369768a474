"""What will be done to the lanes, drawn by a seed: the same seed draws the same faults, in the same order."""

import random
from dataclasses import dataclass

#: How a cable to the broker or the database fails.
CUTS = ("reset", "half-open", "cut at a byte", "refused", "slow")
#: Each kind of fault, and how often the long run and the short one play it.
DECK: dict[str, tuple[int, int]] = {
    "killed": (30, 2),
    "paused": (18, 1),
    "cut off from RabbitMQ": (22, 2),
    "cut off from Postgres": (22, 2),
    "restarted": (12, 1),
    "lease given to another": (5, 1),
    "cut at a commit": (6, 2),
    "session cut in a commit": (4, 1),
    "RabbitMQ killed": (3, 1),
    "stream writer killed": (3, 1),
    "memory alarm": (1, 1),
    "Postgres killed": (4, 1),
    "stream deleted": (1, 1),
    "RabbitMQ set back": (1, 1),
    "head trimmed": (1, 1),
    "junk": (6, 1),
    "sent again": (4, 1),
    "show moved": (5, 1),
    "lane added": (1, 1),
}
#: What is done to lane workers themselves; of these the long run plays a hundred and more.
WORKER_FAULTS = ("killed", "paused", "cut off from RabbitMQ", "cut off from Postgres", "restarted")


@dataclass(frozen=True, slots=True)
class Act:
    """One fault: whose lane it strikes (by its index), how, and a number between 0 and 1 for all that is a matter of
    degree: how long, how many bytes."""

    kind: str
    lane: int
    style: str
    degree: float


def script(seed: int, lanes: int, short: bool) -> list[Act]:
    """The run's acts, in order."""
    draw = random.Random(seed)
    kinds = [kind for kind, (long_run, short_run) in DECK.items() for _ in range(short_run if short else long_run)]
    draw.shuffle(kinds)
    decks: dict[str, list[str]] = {}
    acts = []
    for kind in kinds:
        styles = decks.setdefault(kind, [])
        if not styles:  # every style in turn, shuffled anew each time round
            styles.extend(draw.sample(_styles(kind), len(_styles(kind))))
        acts.append(Act(kind, draw.randrange(lanes), styles.pop(), draw.random()))
    return acts


def _styles(kind: str) -> list[str]:
    if kind in ("cut off from RabbitMQ", "cut off from Postgres"):
        return list(CUTS)
    if kind == "cut at a commit":
        return ["cut before", "cut after"]
    return [""]
