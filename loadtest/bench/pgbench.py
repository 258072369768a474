"""pgbench beside the lane: the same rows, one booking per transaction, 32 clients, durably committed.

Two ways of writing them are measured, and the faster one is what the lane is compared with: all in one statement, and
one statement after the other between BEGIN and COMMIT.  A third writes the show's row too, as the lane does once for a
batch: there all clients wait for each other's commit, so it is told but not compared with."""

import asyncio
import re
import resource
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from loadtest.bench import usage
from loadtest.bench.figures import NotMeasured
from loadtest.bench.ground import Ground
from loadtest.bench.shows import unopened_show

CLIENTS, THREADS = 32, 2
RUN_LIMIT_SECONDS = 90.0
FIRST_SEAT = 10_000_000
#: The columns of a real row that are copied as they are, so that rows have real sizes.
SAMPLED = {
    "booking": ("seats", "amounts", "currency", "method", "body_hash"),
    "saga": ("progress", "outbox", "trace"),
    "journal": ("publish_id", "body", "inputs", "result", "hash"),
}
_SET = """
\\set i :i + 1
\\set n :first + :client_id * :each + :i
"""
_ID = "md5('booking' || (:n)::text)::uuid"
_BUYER = "md5('buyer' || (:n)::text)::uuid"
_BOOKING = f"""INSERT INTO booking (id, show_id, buyer_id, lane, generation, "offset", place, state, seats, amounts,
    currency, method, held_until, refusal, body_hash, decided_at, changed_at)
    VALUES ({_ID}, (:show)::uuid, {_BUYER}, 'pgbench', 0, :n, :i, 'held', :booking_seats, :booking_amounts,
    :booking_currency, :booking_method, now() + interval '600 s', NULL, :booking_body_hash, now(), now())"""
_SAGA = f"""INSERT INTO saga (id, kind, lane, step, course, outcome, progress, outbox, next_send_at, trace, changed_at)
    VALUES ({_ID}, 'booking', 'saga.00', 'seats', 'forward', '', :saga_progress, :saga_outbox,
    now() + interval '5 s', :saga_trace, now())"""
_JOURNAL = f"""INSERT INTO journal (lane, generation, "offset", previous_offset, show_id, booking_id, command,
    command_id, publish_id, body, inputs, outcome, result, decided, place, decided_at, hash)
    VALUES ('pgbench', 0, :n, :n - 1, (:show)::uuid, {_ID}, 'hold_seats', {_ID}, :journal_publish_id, :journal_body,
    :journal_inputs, 'held', :journal_result, true, :i, now(), :journal_hash)"""
_BUYERS = f"""INSERT INTO buyer_holds AS held (buyer_id, live) VALUES ({_BUYER}, 1)
    ON CONFLICT (buyer_id) DO UPDATE SET live = held.live + 1 WHERE held.live < 6"""
_SEATS = f"""UPDATE seat SET state = 'held', booking_id = {_ID} WHERE show_id = (:show)::uuid AND state = 'free'
    AND id IN ((:n * 2)::text, (:n * 2 + 1)::text)"""
_SHOW = """UPDATE show SET place = place + 1, seats_version = seats_version + 1 WHERE id = (:show)::uuid"""
_WRITES = (_BOOKING, _SAGA, _JOURNAL, _BUYERS)

ONE_STATEMENT = (
    _SET + "WITH " + ", ".join(f"w{number} AS ({text})" for number, text in enumerate(_WRITES)) + f"\n{_SEATS};\n"
)
STATEMENTS = _SET + "".join(f"{text};\n" for text in ("BEGIN", *_WRITES, _SEATS, "COMMIT"))
WITH_THE_SHOW = _SET + "".join(f"{text};\n" for text in ("BEGIN", *_WRITES, _SEATS, _SHOW, "COMMIT"))
SCRIPTS = {"one_statement": ONE_STATEMENT, "statements": STATEMENTS, "with_show_row": WITH_THE_SHOW}


class Written(NamedTuple):
    per_s: float
    cpu_us: float
    usage: usage.Usage


def program() -> str:
    """Where pgbench is.  Raises NotMeasured."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))
    found = str(versions[-1]) if versions else shutil.which("pgbench")
    if found is None:
        raise NotMeasured("pgbench is not installed: apt-get install postgresql-contrib")
    return found


async def sample(ground: Ground, show_id: UUID) -> dict[str, str]:
    """Texts of a real booking of this show, by the names that the scripts give them."""
    found: dict[str, str] = {}
    for table, columns in SAMPLED.items():
        key = "id" if table != "journal" else "booking_id"
        row = await ground.database.fetchrow(
            f"SELECT {', '.join(columns)} FROM {table} WHERE {key} ="
            " (SELECT id FROM booking WHERE show_id = $1 AND state = 'held' LIMIT 1)",
            show_id,
        )
        if row is None:
            raise NotMeasured("there is no held booking whose rows pgbench could be given")
        found |= {f"{table}_{column}": row[column] or "" for column in columns}
    return found


async def write(ground: Ground, script: str, texts: dict[str, str], bookings: int, first: int) -> Written:
    """Write so many bookings of two seats each, numbered from ``first`` on; how many a second."""
    each = bookings // CLIENTS
    numbers = range(FIRST_SEAT + first, FIRST_SEAT + first + CLIENTS * each + 1)
    show_id = await unopened_show(ground, [f"{2 * n + one}" for n in numbers for one in (0, 1)])
    await ground.database.execute("VACUUM ANALYZE seat")
    path = ground.folder / f"pgbench-{script}.sql"
    path.write_text(SCRIPTS[script])
    told = {**texts, "show": str(show_id), "i": "0", "each": str(each), "first": str(numbers[0])}
    command = [
        program(), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", str(THREADS), "-t", str(each), "-f", str(path),
        *(word for name, value in told.items() for word in ("-D", f"{name}={value}")),
    ]  # fmt: skip
    before, first_look = _children_seconds(), usage.look()
    output = await _run(command, ground.database_url)
    used = usage.between(first_look, usage.look(), pgbench=_children_seconds() - before)
    written = await ground.database.fetchval("SELECT count(*) FROM seat WHERE show_id = $1 AND state = 'held'", show_id)
    if written != 2 * each * CLIENTS:
        raise NotMeasured(f"pgbench took {written} seats instead of {2 * each * CLIENTS}: {output[-300:]}")
    busy_seconds = (used.cores.get("postgres", 0.0) + used.cores["pgbench"]) * used.seconds
    return Written(tps(output), busy_seconds / (each * CLIENTS) * 1e6, used)


def tps(output: str) -> float:
    """Transactions per second, as pgbench tells them without the time for connecting."""
    found = re.search(r"^tps = ([\d.]+) \(without initial connection time\)", output, re.MULTILINE)
    if found is None:
        raise NotMeasured(f"pgbench told no rate: {output[-300:]}")
    return float(found[1])


async def _run(command: Sequence[str], database_url: str) -> str:
    url = urlsplit(database_url)
    told = {
        "PGHOST": url.hostname or "", "PGPORT": str(url.port or 5432), "PGUSER": url.username or "",
        "PGPASSWORD": url.password or "", "PGDATABASE": url.path.lstrip("/"), "LC_ALL": "C",
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *command, env=told, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), RUN_LIMIT_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise NotMeasured(f"pgbench did not end within {RUN_LIMIT_SECONDS:.0f} s") from None
    if process.returncode != 0:
        raise NotMeasured(f"pgbench ended with {process.returncode}: {errors.decode(errors='replace')[-500:]}")
    return output.decode()


def _children_seconds() -> float:
    used: Any = resource.getrusage(resource.RUSAGE_CHILDREN)
    return float(used.ru_utime + used.ru_stime)
