"""What came of a run: order, winners, what buyers were told, how long lanes stood still, what was seen how often."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from loadtest.bench.figures import NotMeasured
from loadtest.chaos.ground import Chaos
from loadtest.chaos.numbered import winners
from loadtest.chaos.outages import STILL_LIMIT_SECONDS

#: README: another worker takes a lane in under five seconds; the edge says within two whether it knows.
TAKE_OVER_SECONDS, ANSWER_SECONDS = 5.0, 2.0
#: The short run is a test among others, on a machine that may be busy with them: it allows so many times as much.
PATIENCE = 3.0
SHOWN = 5

Wrong = list[str]
Check = Callable[[Chaos], Awaitable[Wrong]]


async def chain(chaos: Chaos) -> Wrong:
    """every row of the journals names the one before it, and no command was decided twice"""
    wrong = []
    for table in ("journal", "saga_journal WHERE part = 0"):
        rows = await chaos.database.fetch(
            f"""SELECT lane, generation, "offset", previous_offset, before FROM (
                SELECT *, lag("offset") OVER (PARTITION BY lane, generation ORDER BY "offset") AS before FROM {table}) j
            WHERE previous_offset IS DISTINCT FROM before"""
        )
        wrong += [f"{row['lane']} {row['generation']}:{row['offset']} names {row['previous_offset']}" for row in rows]
    twice = "SELECT command_id FROM journal WHERE decided GROUP BY 1 HAVING count(*) > 1"
    return wrong + [f"{row['command_id']} was decided twice" for row in await chaos.database.fetch(twice)]


async def order(chaos: Chaos) -> Wrong:
    """each lane decided its numbered commands in the order of their numbers, and left none out"""
    wrong = []
    for lane, feed in chaos.feeds.items():
        rows = await chaos.database.fetch(
            """SELECT body_hash FROM booking WHERE lane = $1 AND body_hash LIKE $1 || ' %'
            ORDER BY generation, "offset" """,
            lane,
        )
        decided = [int(row["body_hash"].split(" ")[1]) for row in rows]
        if decided != list(range(len(feed.wishes))):
            at = next((at for at, number in enumerate(decided) if number != at), len(decided))
            near = decided[max(at - 2, 0) : at + 3]
            wrong.append(f"{lane}: {len(feed.wishes)} sent, {len(decided)} decided; the {at}th is amid {near}")
    return wrong


async def won(chaos: Chaos) -> Wrong:
    """the winners are those of the naive model, with the seats that they asked for"""
    wrong = []
    for lane, feed in chaos.feeds.items():
        expected = winners(feed.wishes)
        rows = await chaos.database.fetch(
            """SELECT b.id, array_agg(s.id ORDER BY s.id) AS seats FROM booking b
            JOIN seat s ON s.booking_id = b.id AND s.state = 'held'
            WHERE b.lane = $1 AND b.body_hash LIKE $1 || ' %' AND b.state = 'held' GROUP BY b.id""",
            lane,
        )
        found = {row["id"]: tuple(row["seats"]) for row in rows}
        for booking in expected.keys() | found.keys():
            if tuple(sorted(expected.get(booking, ()))) != found.get(booking, ()):
                wrong.append(f"{lane} {booking}: {expected.get(booking)} by the model, holds {found.get(booking)}")
    return wrong


async def told(chaos: Chaos) -> Wrong:
    """what was answered 202 was decided, and every 503 was found out by asking again"""
    rows = await chaos.database.fetch("SELECT id FROM booking WHERE id = ANY($1)", list(chaos.storm.accepted()))
    lost = {str(one) for one in chaos.storm.accepted() - {row["id"] for row in rows}}
    odd = Counter(answer.status for answer in chaos.storm.answers)
    strange = [f"{count} answers {status}" for status, count in odd.items() if status not in (201, 202, 409, 503)]
    unresolved: Wrong = chaos.storm.unresolved
    return [f"{one} was accepted and is nowhere" for one in lost] + unresolved + strange


async def in_time(chaos: Chaos) -> Wrong:
    """the edge answered within 2 s (p99) while RabbitMQ or Postgres was away"""
    wrong = []
    for name, seconds in answers_in(chaos).items():
        if percentile(seconds, 99) > ANSWER_SECONDS * chaos.patience:
            wrong.append(f"{name}: p99 {percentile(seconds, 99):.2f} s of {len(seconds)}, max {max(seconds):.2f} s")
    return wrong


async def no_ghosts(chaos: Chaos) -> Wrong:
    """no wish was held after its time"""
    rows = await chaos.database.fetch(
        """SELECT booking_id, decided_at FROM journal WHERE command = 'hold_seats' AND outcome = 'held'
        AND decided_at > (body::jsonb #>> '{kwargs,message,not_after}')::timestamptz"""
    )
    return [f"{row['booking_id']} was held at {row['decided_at']}" for row in rows]


async def taken_over(chaos: Chaos) -> Wrong:
    """lanes were taken over in under 5 s (p99) after a kill and after a pause"""
    return [
        f"{kind}: p99 {percentile(seconds, 99):.2f} s"
        for kind, seconds in chaos.taken_over.items()
        if percentile(seconds, 99) >= TAKE_OVER_SECONDS * chaos.patience
    ]


async def never_still(chaos: Chaos) -> Wrong:
    """no junk kept a lane for 5 s"""
    limit = STILL_LIMIT_SECONDS * chaos.patience
    return [f"{seconds:.1f} s" for seconds in chaos.stood_still if seconds >= limit]


async def well(chaos: Chaos) -> Wrong:
    """no worker ended by itself unless it could not begin, and no lane was stuck"""
    lines = logged(chaos)
    stuck, away = ([line for line in lines if f'"{word}"' in line] for word in ("lane_stuck", "worker_cannot_begin"))
    unwell = chaos.crew.ended_by_themselves - len(away)
    return [*stuck, *([f"{unwell} times a worker ended by itself"] if unwell > 0 else [])]


async def verified(chaos: Chaos) -> Wrong:
    """make verify is clean: the journal decided again, then provider, mailbox and notes"""
    wrong = []
    for module in ("actors.verify", "loadtest.verdict"):
        try:
            said = await chaos.product.command(module)
            chaos.left += [line for line in said.splitlines() if line.startswith("not quiet")]
            # of work queues, lanes can only say that they asked again
            wrong += [line for line in chaos.left if "sagas between" in line or "holds past" in line]
        except NotMeasured as error:
            wrong.append(str(error))
    return wrong


CHECKS: tuple[Check, ...] = (
    chain, order, won, told, in_time, no_ghosts, taken_over, never_still, well, verified,
)  # fmt: skip

MEMORY = "a lane worker's memory stayed level over ever more decisions"

#: A word in the lane workers' logs, and the situation that it shows.
LINES = {
    "two believers: the other's write refused": "late_write_refused",
    "a batch that answered after its session had ended": "late_answer",
    "a commit's unknown outcome, resolved by the offset": "the commit's outcome was unknown; it had happened",
    "a batch tried again after an operating error": "batch_again",
    "a batch halved down to its culprit": "message_failed",
    "a session lost and begun anew": "lane_session_failed",
}
COUNTED = {
    "offsets skipped where a segment rolled": """SELECT count(*) FROM journal WHERE "offset" > previous_offset + 1""",
    "a new generation after a cut or another log": "SELECT count(*) FROM lost_command WHERE note LIKE 'cut%'",
    "a new generation after a trimmed head": "SELECT count(*) FROM lost_command WHERE note LIKE 'trimmed%'",
    "a saga's lane in a new generation": "SELECT count(*) FROM lost_command WHERE lane LIKE 'saga.%'",
    "a command that came again, and was known": "SELECT count(*) FROM journal WHERE outcome = 'repeat'",
    "an unknown command or junk, journalled": "SELECT count(*) FROM journal WHERE outcome = 'unreadable'",
    "a body of a megabyte, journalled": "SELECT count(*) FROM journal WHERE length(body) >= 64000",
    "a poison set aside as failed": "SELECT count(*) FROM journal WHERE outcome = 'failed'",
    "a command of another version, decided": """SELECT count(*) FROM journal WHERE decided AND body LIKE '%glitter%'""",
    "a dead letter, listed for an operator": "SELECT count(*) FROM dead_letter WHERE queue LIKE 'show.%'",
    "a wish that came too late, refused": "SELECT count(*) FROM journal WHERE outcome = 'not-in-time'",
}


async def situations(chaos: Chaos) -> dict[str, int]:
    """How often each situation occurred; each must have."""
    found = dict(sorted(chaos.seen.items()))
    lines = list(logged(chaos))
    for name, word in LINES.items():
        found[name] = sum(f'"{word}"' in line for line in lines)
    for name, query in COUNTED.items():
        found[name] = await chaos.database.fetchval(query)
    again = [note for note in chaos.storm.notes if note.asked > 1]
    found["a 503 found out by asking again"] = len(again)
    found["an answer of the edge during an outage"] = sum(map(len, answers_in(chaos).values()))
    return found


def logged(chaos: Chaos) -> list[str]:
    """All that the lane workers wrote, line by line."""
    return [line for path in chaos.folder.glob("lane-*.log") for line in _lines(path)]


def _lines(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines()


def answers_in(chaos: Chaos) -> dict[str, list[float]]:
    """Seconds of the answers to what was asked during each kind of outage."""
    found: dict[str, list[float]] = {}
    for name, began, ended in chaos.outages:
        seconds = found.setdefault(name, [])
        seconds += [answer.seconds for answer in chaos.storm.answers if began <= answer.at <= ended]
    return {name: seconds for name, seconds in found.items() if seconds}


def percentile(values: list[float], percent: int) -> float:
    """A value that was measured, or 0 without any."""
    return sorted(values)[max(-(-len(values) * percent // 100) - 1, 0)] if values else 0.0


def figures(chaos: Chaos) -> dict[str, Any]:
    found: dict[str, Any] = {
        "commands numbered": sum(len(feed.wishes) for feed in chaos.feeds.values()),
        "lots sent again": sum(feed.sent_again for feed in chaos.feeds.values()),
        "answers of the edge": dict(sorted(Counter(answer.status for answer in chaos.storm.answers).items())),
    }
    for kind, seconds in chaos.taken_over.items():
        found[f"take-over after {kind}"] = spread(seconds)
    for name, seconds in answers_in(chaos).items():
        found[f"edge, {name}"] = spread(seconds)
    found["a lane behind junk"] = spread(chaos.stood_still)
    found["left under way"] = "; ".join(chaos.left) or "nothing"
    return found


def spread(seconds: list[float]) -> str:
    if not seconds:
        return "never"
    middle, late = percentile(seconds, 50), percentile(seconds, 99)
    return f"p50 {middle:.2f} s, p99 {late:.2f} s, max {max(seconds):.2f} s of {len(seconds)}"


async def judge(chaos: Chaos) -> dict[str, Any]:
    """Look at everything: the report, as it is printed and written down."""
    checks: dict[str, Wrong] = {}
    for check in CHECKS:
        checks[check.__name__] = await check(chaos)
    return {"seed": chaos.seed, "situations": await situations(chaos), "figures": figures(chaos), "checks": checks}


def tell(report: dict[str, Any], path: Path) -> bool:
    """Print the report and write it down; whether all is as it should be."""
    print("\n  how often it occurred")
    for name, count in report["situations"].items():
        print(f"  {count:>8,}  {name}{'' if count else '   <- NEVER'}")
    print("\n  figures")
    for name, value in report["figures"].items():
        print(f"  {name:<52} {value}")
    print()
    titles = {check.__name__: (check.__doc__ or "").strip() for check in CHECKS} | {"memory": MEMORY}
    for name, wrong in report["checks"].items():
        print(f"  {'WRONG' if wrong else 'ok':<6} {titles[name]}")
        for one in wrong[:SHOWN]:
            print(f"           - {one[:600]}")
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    never = [name for name, count in report["situations"].items() if not count]
    wrong = [name for name, found in report["checks"].items() if found]
    verdict = "clean" if not never and not wrong else f"NOT CLEAN: {', '.join(wrong + never)}"
    print(f"\n  seed {report['seed']}: {verdict}; {path}", flush=True)
    return not never and not wrong
