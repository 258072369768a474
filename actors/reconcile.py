"""The reconciler: ``python -m actors.reconcile`` compares the provider's lists with our rows; so do the sweeps.

It prints the sum for each currency and what needs a human, and fails when a paisa is unexplained.  Both are kept, and
are on ``GET /v1/admin/money``."""

import argparse
import asyncio
import sys
from collections import Counter
from datetime import timedelta

import asyncpg
import msgspec
import structlog

from actors.lanes.publisher import NotAccepted
from actors.payment_gateway import Unknown
from actors.reconciler import Reconciler, Told
from actors.workplace import Workplace
from sagas.clock import from_unix, now
from sagas.money import Money, show
from store import reconciling
from store.connection import transaction
from store.logs import configure
from store.settings import SettingsError

log = structlog.get_logger()

#: How far back a round of the sweeps looks: longer than anything is silent that the webhooks did not tell.
ROUND_HOURS = 6
#: How long what was told may take to arrive before it counts as unexplained.
ARRIVAL_SECONDS = 30.0
MATTERS_SHOWN = 10


async def reconcile(
    here: Workplace, hours: float | None, *, not_within_seconds: float = 0.0, arrival_seconds: float = ARRIVAL_SECONDS
) -> Told | None:
    """Look so many hours back (all of it when None), and keep what was found; None when a run began shortly ago.

    Raises Unknown, NotAccepted; the run is kept as one that failed then."""
    began_at = now()
    begin = from_unix(0) if hours is None else began_at - timedelta(hours=hours)
    run_id = await reconciling.begin_run(begin, began_at, not_within_seconds)
    if run_id is None:
        return None
    try:
        told = await Reconciler(here, begin, began_at, arrival_seconds).run()
    except (Unknown, NotAccepted) as error:
        await reconciling.fail_run(run_id, str(error) or repr(error))
        raise
    sums = {currency: msgspec.structs.asdict(sums) for currency, sums in sorted(told.all_sums().items())}
    counts = (told.payments, told.refunds, told.disputes, told.lines, told.repaired, told.unexplained)
    async with transaction() as connection:
        text = msgspec.json.encode(sums).decode()
        await reconciling.end_run(connection, run_id, counts, text, told.matters)
    if told.unexplained:
        log.error("money_unexplained", sums=sums)
    return told


def tell(told: Told) -> None:
    """The sums, and what needs a human."""
    print(
        f"reconciled: {told.payments:,} payments, {told.refunds:,} refunds, {told.disputes:,} disputes and "
        f"{told.lines:,} settlement lines at the provider; {told.repaired:,} missed facts told to their sagas"
    )
    for currency, sums in sorted(told.all_sums().items()):
        for name, amount in msgspec.structs.asdict(sums).items():
            print(f"  {name.replace('_', ' '):<12}{show(Money(amount, currency)):>20}")
    kinds = Counter(matter.kind for matter in told.matters)
    needed = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    print(f"  needs a human: {len(told.matters):,}{f' ({needed})' if needed else ''}")
    for matter in told.matters[:MATTERS_SHOWN]:
        print(f"    - {matter.kind} {matter.subject}: {matter.detail}")
    print(f"unexplained: {told.unexplained}", flush=True)


async def _command(hours: float | None, arrival_seconds: float) -> int:
    here = Workplace("reconcile")
    await here.open(pool_size=4)
    try:
        told = await reconcile(here, hours, arrival_seconds=arrival_seconds)
    finally:
        await here.close()
    if told is None:
        return 1
    tell(told)
    return 1 if told.unexplained else 0


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m actors.reconcile", description="The provider's money beside ours.")
    how_far = parser.add_mutually_exclusive_group()
    how_far.add_argument("--hours", type=float, default=72.0, help="how far back (72)")
    how_far.add_argument("--all", action="store_true", help="from the beginning")
    parser.add_argument(
        "--wait-seconds", type=float, default=ARRIVAL_SECONDS, help="how long what differs may take to arrive (30)"
    )
    given = parser.parse_args(words)
    try:
        configure("reconcile")
        return asyncio.run(_command(None if given.all else given.hours, given.wait_seconds))
    except (Unknown, NotAccepted) as error:
        print(f"reconcile: not everybody could be asked: {error}", file=sys.stderr)
    except (SettingsError, OSError, asyncpg.PostgresError) as error:
        print(f"reconcile: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
