"""The verdict from outside: `python -m loadtest.verdict` asks tables, notes, provider and mailbox, and compares.

1. Wait until money and letters under way have arrived, within a bound.
2. Fetch what the provider and the mailbox say, then open one snapshot of the tables.
3. One line for each check: what holds, over how many rows; what does not, with the rows.

The exit code is 0 only when nothing is wrong.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx

from loadtest.checks import letters, notes, provider, replay, tables
from loadtest.checks.evidence import (
    LETTERS_MAX,
    Evidence,
    EvidenceMissing,
    Finding,
    database_birth,
    fetch_ledger,
    fetch_letters,
    read_notes,
)
from loadtest.stack import Stack, StackUnknown, stack
from store.settings import SettingsError, settings

QUIET_WAIT_SECONDS, QUIET_POLL_SECONDS = 60.0, 0.5
#: Wrong rows shown for each check; the count tells of the others.
SHOWN_MAX = 10
ROW_CHARS_MAX = 400
STATEMENT_SECONDS = 120

#: What is still under way.  A booking that waits for its buyer to pay is at rest.
UNDER_WAY = {
    "sagas between two steps": """SELECT count(*) FROM saga s JOIN booking b ON b.id = s.id WHERE s.course = 'back'
        AND NOT EXISTS (SELECT 1 FROM refund r WHERE r.booking_id = s.id AND r.status = 'failed')
        OR s.course = 'forward' AND (s.step NOT IN ('payment', 'money') OR b.state NOT IN ('held', 'confirmed'))""",
    "payments being prepared": """SELECT count(*) FROM saga WHERE course = 'forward' AND step = 'payment'""",
    "holds past their end": "SELECT count(*) FROM booking WHERE state = 'held' AND held_until < now()",
    "letters to send": """SELECT count(*) FROM letter l WHERE status IN ('waiting', 'sending', 'uncertain')
        AND NOT EXISTS (SELECT 1 FROM ticket t WHERE t.booking_id = l.booking_id AND t.status = 'frozen')""",
    "invoices to number": """SELECT count(*) FROM invoice_due d JOIN ledger_transaction t ON t.id = d.transaction_id
        WHERE t.kind = 'sale' OR EXISTS (SELECT 1 FROM invoice i WHERE i.booking_id = t.booking_id)""",
    "refunds pending": "SELECT count(*) FROM refund WHERE status = 'pending'",
}


async def under_way(connection: Any, client: httpx.AsyncClient, where: Stack) -> dict[str, int]:
    """What has not arrived yet, by kind."""
    counts = {kind: await connection.fetchval(query) for kind, query in UNDER_WAY.items()}
    asked_at = datetime.now(UTC)
    evidence = Evidence(connection, await fetch_ledger(client, where.razorpay_url), [], [], 0, asked_at)
    counts["payments that only one side knows"] = len((await provider.check(evidence)).wrong)
    return {kind: count for kind, count in counts.items() if count}


async def quiet(connection: Any, client: httpx.AsyncClient, where: Stack, wait_seconds: float) -> str:
    """Wait until nothing is under way; otherwise what still was when time was up."""
    deadline = time.monotonic() + wait_seconds
    while busy := await under_way(connection, client, where):
        if time.monotonic() > deadline:
            return ", ".join(f"{count} {kind}" for kind, count in busy.items())
        await asyncio.sleep(QUIET_POLL_SECONDS)
    return ""


async def findings(evidence: Evidence) -> list[Finding]:
    """Every check, in the order in which they are told."""
    found = [await tables.check(table_check, evidence) for table_check in tables.TABLE_CHECKS]
    found += await replay.check(evidence)
    single: list[Callable[[Evidence], Awaitable[Finding]]] = [provider.check, letters.check]
    found += [await check(evidence) for check in single]
    if evidence.races:
        found += await notes.check(evidence)
    return found


async def gather(connection: Any, client: httpx.AsyncClient, where: Stack) -> Evidence:
    """What the checks look at.  The snapshot of the tables begins with the first query, after the others were asked."""
    asked_at = datetime.now(UTC)
    received, ledger = await fetch_letters(client, where.mailbox_url), await fetch_ledger(client, where.razorpay_url)
    races, remark = read_notes(where.onsale_dir, await database_birth(connection))
    lost = await connection.fetch("SELECT lane, generation, note FROM lost_command ORDER BY noticed_at DESC LIMIT 20")
    owed = await connection.fetchval("SELECT count(*) FROM refund WHERE status = 'failed'")
    remarks = [remark] if remark else []
    remarks += [f"{owed} refunds failed at the provider: that money is owed, in front of an operator"] if owed else []
    remarks += [f"{row['lane']} began generation {row['generation']}: {row['note']}" for row in lost]
    limit, is_full = settings().max_live_holds_per_buyer, len(received) >= LETTERS_MAX
    return Evidence(connection, ledger, received, races, limit, asked_at, is_full, remarks)


async def judge(where: Stack, wait_seconds: float = QUIET_WAIT_SECONDS) -> bool:
    """Look at everything and say it; true when all is as it should be.  Raises EvidenceMissing."""
    async with httpx.AsyncClient() as client:
        connection = await asyncpg.connect(where.database_url, command_timeout=STATEMENT_SECONDS)
        try:
            began = time.monotonic()
            if left := await quiet(connection, client, where, wait_seconds):
                print(f"not quiet after {wait_seconds:.0f} s: {left}; checking all the same")
            elif time.monotonic() - began > 1.0:
                print(f"waited {time.monotonic() - began:.1f} s for money and letters under way")
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                evidence = await gather(connection, client, where)
                found = await findings(evidence)
        finally:
            await connection.close()
    return tell(found, evidence.remarks)


def tell(found: list[Finding], remarks: list[str]) -> bool:
    """One line for each check, the rows that are wrong below it, and the sum."""
    for finding in found:
        if not finding.wrong:
            print(f"  ok     {finding.rows:>9,}  {finding.name}")
            continue
        print(f"  WRONG  {len(finding.wrong):>4,} of {finding.rows:,}: {finding.name}")
        for row in finding.wrong[:SHOWN_MAX]:
            print(f"           - {row[:ROW_CHARS_MAX]}")
        if len(finding.wrong) > SHOWN_MAX:
            print(f"           … and {len(finding.wrong) - SHOWN_MAX:,} more")
    for remark in remarks:
        print(f"  note   {remark}")
    broken = sum(bool(finding.wrong) for finding in found)
    rows = sum(finding.rows for finding in found)
    verdict = f"{broken} of {len(found)} checks found something wrong" if broken else f"clean: {len(found)} checks"
    print(f"verdict: {verdict}, {rows:,} rows looked at", flush=True)
    return not broken


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m loadtest.verdict", description="What the outside can check.")
    parser.add_argument(
        "--wait-seconds", type=float, default=QUIET_WAIT_SECONDS, help="how long to wait for what is under way"
    )
    options = parser.parse_args(arguments)
    try:
        settings()
        return 0 if asyncio.run(judge(stack(), options.wait_seconds)) else 1
    except (StackUnknown, SettingsError, EvidenceMissing) as error:
        print(f"verdict: {error}", file=sys.stderr)
    except (OSError, asyncpg.PostgresError) as error:
        print(f"verdict: the database did not answer: {error!r}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
