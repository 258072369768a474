"""What several journeys begin with; each leaves the logs without a traceback."""

import uuid

import pytest


@pytest.fixture(autouse=True)
def _nothing_broke(nothing_broke: None) -> None:
    pass


@pytest.fixture
async def organiser(shows, buyers):
    """One who may manage the shows."""
    return await shows.staffed_by(await buyers.make())


@pytest.fixture
def paid(emulator):
    """Makes a booking that was paid by card and has its tickets."""

    async def paid(buyer, show, *seats, **body):
        held = await buyer.hold(show, *seats, **body)
        await emulator.pay(await buyer.until_payable(held["id"]))
        return await buyer.until_ticketed(held["id"])

    return paid


@pytest.fixture
def balance(rows):
    """Tells what an account holds for its owner: credits less debits."""

    async def balance(account, owner):
        look = "SELECT -coalesce(sum(amount), 0)::bigint FROM ledger_entry WHERE account = $1 AND owner = $2"
        return await rows.fetchval(look, account, uuid.UUID(str(owner)))

    return balance
