"""The gateway against the emulator: parts of one payment are told apart, and what was done unheard is found."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import pytest

from actors import payment_gateway as gateway
from actors.circuit_breaker import FAILURES, PAUSE_SECONDS, CircuitBreaker
from sagas.identity import new_id
from store.settings import settings


class Paid(NamedTuple):
    order_id: str
    payment_id: str


async def ask(call: Callable[..., Any], *args: Any) -> Any:
    """The gateway blocks, as it does in a worker's thread."""
    return await asyncio.to_thread(call, *args)


@pytest.fixture
async def control() -> Any:
    async with httpx.AsyncClient(base_url=f"{settings().razorpay_url}/control", timeout=20, trust_env=False) as client:
        await client.delete("/faults")
        yield client
        await client.delete("/faults")


@pytest.fixture
async def paid(control: httpx.AsyncClient) -> Paid:
    order_id = await ask(gateway.make_order, new_id(), new_id(), 1_000, "INR")
    answer = await control.post(f"/orders/{order_id}/pay", json={"outcome": "captured", "webhooks": {"drop": True}})
    return Paid(order_id, answer.json()["razorpay_payment_id"])


async def test_parts_of_one_payment_are_refunds_of_their_own(paid: Paid):
    ids = [new_id(), new_id()]
    given = [await ask(gateway.refund, paid.payment_id, each, 0, 300, "cancelled") for each in ids]
    again = [await ask(gateway.refund, paid.payment_id, each, 0, 300, "cancelled") for each in ids]
    assert [one.id for one in given] == [one.id for one in again]
    assert [one.refund_id for one in given] == ids and given[0].id != given[1].id
    found = [await ask(gateway.find_refund_made, paid.payment_id, each, 0) for each in ids]
    assert [one.id for one in found] == [one.id for one in given]
    assert await ask(gateway.find_refund_made, paid.payment_id, new_id(), 0) is None


async def test_another_attempt_is_another_refund(paid: Paid):
    refund_id = new_id()
    first, second = [await ask(gateway.refund, paid.payment_id, refund_id, n, 300, "cancelled") for n in (0, 1)]
    assert (first.attempt, second.attempt) == (0, 1) and first.id != second.id
    assert first.refund_id == second.refund_id == refund_id
    assert (await ask(gateway.find_refund_made, paid.payment_id, refund_id, 1)).id == second.id


async def test_more_than_is_left_is_declined(paid: Paid):
    await ask(gateway.refund, paid.payment_id, new_id(), 0, 800, "cancelled")
    with pytest.raises(gateway.Declined):
        await ask(gateway.refund, paid.payment_id, new_id(), 0, 300, "cancelled")


async def test_an_order_of_a_receipt_that_is_known_is_declined_and_found():
    payment_id = new_id()
    made = await ask(gateway.make_order, payment_id, new_id(), 1_000, "INR")
    with pytest.raises(gateway.Declined):
        await ask(gateway.make_order, payment_id, new_id(), 1_000, "INR")
    assert await ask(gateway.find_order, payment_id) == made


async def test_wrong_keys_are_no_refusal(monkeypatch: pytest.MonkeyPatch, paid: Paid):
    """While keys are being changed the provider says 401: nothing was refused, and nothing has failed."""

    def with_wrong_keys() -> Any:
        monkeypatch.setattr(gateway, "_state", type("State", (), {})())
        monkeypatch.setenv("RAZORPAY_KEY_SECRET", "not-the-secret")
        settings.cache_clear()
        return gateway.payments_of(paid.order_id)

    try:
        with pytest.raises(gateway.Unknown):
            await ask(with_wrong_keys)
    finally:
        monkeypatch.undo()
        settings.cache_clear()


@pytest.mark.parametrize("kind", ["500-after-success", "429"])
async def test_no_clear_answer_is_unknown_and_never_a_refusal(control: httpx.AsyncClient, paid: Paid, kind: str):
    await control.post("/faults", json={"kind": kind, "next": 1, "only": f"POST /v1/payments/{paid.payment_id}"})
    with pytest.raises(gateway.Unknown):
        await ask(gateway.refund, paid.payment_id, new_id(), 0, 300, "cancelled")


@pytest.fixture
def breaker(monkeypatch: pytest.MonkeyPatch) -> CircuitBreaker:
    made = CircuitBreaker()
    monkeypatch.setattr(gateway, "_breaker", made)
    return made


async def faults_waiting(control: httpx.AsyncClient) -> list[dict[str, Any]]:
    return list((await control.get("/faults")).json()["waiting"])


async def test_a_provider_that_is_down_is_left_alone_and_tried_again(
    control: httpx.AsyncClient, paid: Paid, breaker: CircuitBreaker
):
    call = f"GET /v1/orders/{paid.order_id}"
    await control.post("/faults", json={"kind": "500-after-success", "next": FAILURES, "only": call})
    for _ in range(FAILURES):
        with pytest.raises(gateway.Unknown, match="answered 500"):
            await ask(gateway.payments_of, paid.order_id)
    assert await faults_waiting(control) == []
    with pytest.raises(gateway.Unknown, match="not asked") as away:  # the provider is well, and does not hear of it
        await ask(gateway.payments_of, paid.order_id)
    assert 0 < away.value.wait_seconds <= PAUSE_SECONDS[0]
    await asyncio.sleep(away.value.wait_seconds)
    assert len(await ask(gateway.payments_of, paid.order_id)) == 1
    assert breaker.state == "closed"


async def test_a_refusal_is_an_answer_and_opens_nothing(
    control: httpx.AsyncClient, paid: Paid, breaker: CircuitBreaker
):
    call = f"GET /v1/orders/{paid.order_id}"
    await control.post("/faults", json={"kind": "500-after-success", "next": 2 * (FAILURES - 1), "only": call})
    for _ in range(2):
        for _ in range(FAILURES - 1):
            with pytest.raises(gateway.Unknown):
                await ask(gateway.payments_of, paid.order_id)
        with pytest.raises(gateway.Declined):
            await ask(gateway.refund, paid.payment_id, new_id(), 0, 10**9, "cancelled")
    assert breaker.state == "closed" and await faults_waiting(control) == []


@pytest.mark.parametrize(("said", "waited"), [(7, 7.0), (3_600, gateway.LEFT_ALONE_SECONDS)])
async def test_who_is_told_429_obeys_retry_after_within_a_bound(
    control: httpx.AsyncClient, paid: Paid, breaker: CircuitBreaker, said: int, waited: float
):
    call = f"GET /v1/orders/{paid.order_id}"
    await control.post("/faults", json={"kind": "429", "next": 1, "only": call, "retry_after": said})
    with pytest.raises(gateway.Unknown) as told:
        await ask(gateway.payments_of, paid.order_id)
    assert told.value.wait_seconds == waited
    with pytest.raises(gateway.Unknown, match="not asked") as left_alone:
        await ask(gateway.payments_of, paid.order_id)
    assert waited - 5 < left_alone.value.wait_seconds <= waited
