"""What several journeys begin with; each leaves the logs without a traceback."""

import os
import uuid

import pytest
from box_office import new_key, until


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


@pytest.fixture
def topped_up(emulator):
    """Makes a top-up that is in the buyer's wallet, and tells its payment."""

    async def topped_up(buyer, amount):
        body, headers = {"amount": amount, "currency": "INR"}, {"Idempotency-Key": new_key()}
        made = (await buyer.ask("POST", "/v1/wallet/topups", json=body, headers=headers)).json()

        async def order():
            return (await buyer.ask("GET", f"/v1/wallet/topups/{made['id']}")).json().get("razorpay_order_id")

        async def is_in():
            balances = (await buyer.ask("GET", "/v1/wallet")).json()["balances"]
            return [money["amount"] for money in balances] == [amount]

        paid = await emulator.pay(await until("the top-up is ready", order))
        await until(f"the wallet holds {amount}", is_in)
        return paid["razorpay_payment_id"]

    return topped_up


@pytest.fixture
async def provider(http):
    """The provider's own API, as somebody uses it beside us."""

    async def ask(method, path, **more):
        keys = (os.environ["RAZORPAY_KEY_ID"], os.environ["RAZORPAY_KEY_SECRET"])
        answer = await http.request(method, f"{os.environ['RAZORPAY_URL']}{path}", auth=keys, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask
