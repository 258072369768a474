"""Saga lanes on the real log: an event is taken once, strangers and junk are journalled, and death changes no sum."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
import pytest

from actors.lanes.wire import Options, seal
from loadtest.chaos.worker import until
from sagas import clock
from sagas.identity import new_id
from sagas.messages import (
    Event,
    GivenUp,
    HoldSeats,
    MoneyCaptured,
    SagaEvent,
    SeatsConfirmed,
    SeatsHeld,
    Several,
    event_id_for,
)
from store import ledger
from tests.actors.lanes.stage import Stage, StagedShow, assert_unbroken

LANE = "saga.00"
STILL_LIMIT_SECONDS = 5.0
PRICE = 500

_event = msgspec.json.Decoder(SagaEvent).decode


@pytest.fixture(scope="module")
async def lane(shared_stage: Stage) -> AsyncIterator[Stage]:
    """A stage with a show-lane worker and a saga-lane worker at work."""
    for worker, opened in ((shared_stage.worker(), "show.00"), (shared_stage.worker("saga"), LANE)):
        await worker.said("lane_open", lane=opened)
    yield shared_stage


async def fill_wallet(stage: Stage, buyer: UUID, amount: int) -> None:
    async with stage.pool.acquire() as rows, rows.transaction():
        await ledger.give(rows, clock.now(), buyer, "INR", amount, f"opening:{buyer}")


async def sell(stage: Stage, show: StagedShow, seat: int) -> HoldSeats:
    """A booking paid from a wallet with just enough in it, carried on until its tickets are issued."""
    wish = show.hold(seat)
    await fill_wallet(stage, wish.buyer_id, PRICE)
    await stage.send(show.lane, wish)
    await sold(stage, [wish])
    return wish


async def sold(stage: Stage, wishes: list[HoldSeats], seconds: float = 20.0) -> None:
    await until(
        "tickets for all",
        lambda: stage.value(
            "SELECT count(*) = $2 FROM ticket WHERE booking_id = ANY($1)",
            [wish.booking_id for wish in wishes], sum(len(wish.seats) for wish in wishes),
        ),
        seconds,
    )  # fmt: skip


async def timeline(stage: Stage, wish: HoldSeats) -> list[Any]:
    return await stage.rows("SELECT * FROM saga_event WHERE saga_id = $1 ORDER BY n", wish.booking_id)


async def balance(stage: Stage, wish: HoldSeats) -> int:
    return int(await stage.value("SELECT balance FROM wallet WHERE user_id = $1", wish.buyer_id))


async def outcomes(stage: Stage, *events: Event) -> list[str]:
    sealed = await stage.send(LANE, *events)
    return [str((await stage.row_of(one, STILL_LIMIT_SECONDS))["outcome"]) for one in sealed]


async def test_every_event_of_a_sale_sent_again_changes_nothing(lane):
    wish = await sell(lane, await lane.show(2), 0)
    before = await timeline(lane, wish)
    again = [_event(row["detail"]) for row in before]
    sent = await lane.rows("SELECT event_id FROM saga_journal WHERE saga_id = $1 AND taken", wish.booking_id)
    taken = {row["event_id"] for row in sent}
    repeats = [event for event in again if event.event_id in taken]
    assert {SeatsHeld, SeatsConfirmed} <= {type(event) for event in repeats}
    assert await outcomes(lane, *repeats, *repeats) == ["repeat"] * (2 * len(repeats))
    assert await timeline(lane, wish) == before
    assert await balance(lane, wish) == 0
    assert await lane.value("SELECT count(*) FROM ticket WHERE booking_id = $1", wish.booking_id) == 1


async def test_the_events_of_commands_carried_out_in_the_batch_change_nothing_when_they_come_from_outside(lane):
    wish = await sell(lane, await lane.show(2), 0)
    before = await timeline(lane, wish)
    saga = await lane.pool.fetchrow("SELECT progress, outbox FROM saga WHERE id = $1", wish.booking_id)
    [captured] = [_event(row["detail"]) for row in before if row["event"] == MoneyCaptured.name()]
    await outcomes(lane, captured)
    assert await balance(lane, wish) == 0
    assert await lane.value("SELECT count(*) FROM refund WHERE booking_id = $1", wish.booking_id) == 0
    assert await lane.pool.fetchrow("SELECT progress, outbox FROM saga WHERE id = $1", wish.booking_id) == saga


async def test_an_event_twice_in_one_batch_is_taken_once(lane):
    show = await lane.show(2)
    wish = show.hold(0, method="razorpay")
    await lane.send(show.lane, wish)
    await until(
        "the saga awaiting money",
        lambda: lane.value("SELECT step = 'payment' FROM saga WHERE id = $1", wish.booking_id),
    )
    given_up = GivenUp(event_id=new_id(), booking_id=wish.booking_id, reason="the buyer changed their mind")
    told = await outcomes(lane, given_up, given_up, given_up)
    assert told[1:] == ["repeat", "repeat"]
    assert told[0] not in ("repeat", "no-saga")
    await until("the seats free again", lambda: _released(lane, wish))
    assert [row["event"] for row in await timeline(lane, wish)].count(GivenUp.name()) == 1


async def _awaiting_money(stage: Stage, show: StagedShow, seats: range) -> list[HoldSeats]:
    """Bookings that wait for their buyers to pay."""
    wishes = [show.hold(seat, method="razorpay") for seat in seats]
    await stage.send(show.lane, *wishes)
    for wish in wishes:
        await until(
            "the saga awaiting money",
            lambda wish=wish: stage.value("SELECT step = 'payment' FROM saga WHERE id = $1", wish.booking_id),
        )
    return wishes


async def _parts(stage: Stage, *events: Event) -> list[tuple[int, str, bool]]:
    """Tell these in one message; its rows in the journal."""
    [sealed] = await stage.send(LANE, Several(events=events))
    await stage.row_of(sealed, STILL_LIMIT_SECONDS)
    rows = await stage.rows(
        "SELECT part, outcome, taken FROM saga_journal WHERE publish_id = $1 ORDER BY part", sealed.publish_id
    )
    return [(row["part"], row["outcome"].split(":")[0], row["taken"]) for row in rows]


async def test_events_told_in_one_message_are_each_taken_once(lane):
    wishes = await _awaiting_money(lane, await lane.show(3), range(3))
    stranger = new_id()
    events = [GivenUp(event_id=new_id(), booking_id=wish.booking_id, reason="buyer") for wish in wishes]
    unknown = SeatsConfirmed(event_id=event_id_for(stranger, SeatsConfirmed), booking_id=stranger)
    first = await _parts(lane, *events, events[0], unknown)
    assert [(part, taken) for part, _, taken in first] == [
        (0, False), (1, True), (2, True), (3, True), (4, False), (5, False)
    ]  # fmt: skip
    assert [outcome for _, outcome, _ in first][4:] == ["repeat", "no-saga"]
    again = await _parts(lane, *events)
    assert [outcome for _, outcome, _ in again] == ["several", "repeat", "repeat", "repeat"]
    for wish in wishes:
        await until("the seats free again", lambda wish=wish: _released(lane, wish))
        assert [row["event"] for row in await timeline(lane, wish)].count(GivenUp.name()) == 1
    assert_unbroken(await lane.journal(LANE))


async def test_a_message_with_a_poisonous_event_among_several_is_set_aside_and_none_of_them_counts_as_taken(lane):
    victim, other = await _awaiting_money(lane, await lane.show(2), range(2))
    poison = MoneyCaptured(
        event_id=new_id(), booking_id=victim.booking_id, payment_id=new_id(), provider_payment_id="pay_" + "x" * 100,
        method="razorpay", amount=PRICE, currency="INR",
    )  # fmt: skip
    given_up = GivenUp(event_id=new_id(), booking_id=other.booking_id, reason="buyer")
    before = await timeline(lane, other)
    assert await _parts(lane, given_up, poison) == [(0, "failed", False)]
    assert await timeline(lane, other) == before
    assert await outcomes(lane, given_up) not in (["repeat"], ["no-saga"])
    await until("the seats free again", lambda: _released(lane, other))
    assert_unbroken(await lane.journal(LANE))


async def test_a_crowds_holds_reach_their_sagas_in_few_messages(lane):
    """A batch of the show's lane tells each saga lane all that it held in one message, and every saga takes its own."""
    show = await lane.show(60)
    wishes = [show.hold(seat) for seat in range(60)]
    for wish in wishes:
        await fill_wallet(lane, wish.buyer_id, PRICE)
    await lane.send(show.lane, *wishes)
    await sold(lane, wishes)
    held = await lane.rows(
        "SELECT publish_id, part FROM saga_journal WHERE taken AND event = 'seats_held' AND saga_id = ANY($1)",
        [wish.booking_id for wish in wishes],
    )
    assert len(held) == 60
    assert len({row["publish_id"] for row in held}) < 60


async def _awaits_payment(stage: Stage, wish: HoldSeats) -> bool:
    return bool(await stage.value("SELECT step = 'payment' FROM saga WHERE id = $1", wish.booking_id))


async def _released(stage: Stage, wish: HoldSeats) -> bool:
    return await stage.value("SELECT state FROM booking WHERE id = $1", wish.booking_id) == "released"


async def test_an_event_of_a_booking_that_nobody_knows_is_journalled_and_the_lane_goes_on(lane):
    stranger = new_id()
    told = await outcomes(lane, SeatsConfirmed(event_id=event_id_for(stranger, SeatsConfirmed), booking_id=stranger))
    assert told == ["no-saga"]
    assert await lane.value("SELECT count(*) FROM saga WHERE id = $1", stranger) == 0
    await sell(lane, await lane.show(2), 0)


@pytest.mark.parametrize(
    "body",
    [b"", b"{{{", b"x" * 1_000_000, b'{"kwargs": {"message": {"name": "seats_painted"}}, "message_id": "x"}'],
    ids=["nothing", "no JSON", "one megabyte", "an unknown event"],
)
async def test_junk_on_a_saga_lane_is_journalled_and_the_lane_goes_on(lane, body):
    publish_id = new_id().hex
    await lane.broker.put(LANE, [(publish_id, body)])
    row = await until(
        "its row",
        lambda: lane.pool.fetchrow("SELECT * FROM saga_journal WHERE publish_id = $1", publish_id),
        STILL_LIMIT_SECONDS,
    )
    assert row["outcome"].startswith("unreadable: unreadable")
    assert (row["taken"], row["saga_id"]) == (False, None)
    await sell(lane, await lane.show(2), 0)


async def test_a_command_for_a_show_is_junk_on_a_saga_lane(lane):
    show = await lane.show(2)
    sealed = seal(LANE, show.hold(0), Options())
    assert await lane.publisher.publish_all([sealed]) == [None]
    row = await lane.row_of(sealed, STILL_LIMIT_SECONDS)
    assert row["outcome"].startswith("unreadable")
    assert await lane.bookings(show) == {}


async def test_a_poisonous_event_is_found_by_halving_and_the_others_are_taken(lane):
    """The provider's name for the payment is longer than its column: read without fault, not to be written."""
    show = await lane.show(40)
    wishes = [show.hold(seat) for seat in range(20)]
    victim = show.hold(30, method="razorpay")
    for wish in wishes:
        await fill_wallet(lane, wish.buyer_id, PRICE)
    await lane.send(show.lane, victim)
    await until(
        "the victim's saga", lambda: lane.value("SELECT step = 'payment' FROM saga WHERE id = $1", victim.booking_id)
    )
    poison = MoneyCaptured(
        event_id=new_id(), booking_id=victim.booking_id, payment_id=new_id(), provider_payment_id="pay_" + "x" * 100,
        method="razorpay", amount=PRICE, currency="INR",
    )  # fmt: skip
    before = await timeline(lane, victim)
    selling = asyncio.create_task(lane.send(show.lane, *wishes))
    told = await outcomes(lane, poison)
    await selling
    await sold(lane, wishes)
    assert told[0].startswith("failed: ")
    assert await timeline(lane, victim) == before
    row = await lane.pool.fetchrow("SELECT * FROM saga_journal WHERE event_id = $1", poison.event_id)
    assert row["taken"] is False
    assert_unbroken(await lane.journal(LANE))


async def test_saga_workers_killed_amid_sales_lose_and_double_no_money_and_no_ticket(stage):
    stage.worker()
    for _ in range(2):
        stage.worker("saga")
    show = await stage.show(200)
    wishes = [show.hold(seat) for seat in range(200)]
    for wish in wishes:
        await fill_wallet(stage, wish.buyer_id, PRICE)
    await until(
        "an owner", lambda: stage.value("SELECT owner FROM lane WHERE lane = $1 AND leased_until > now()", LANE)
    )

    async def kill_two_owners() -> None:
        for goal in (20, 60):
            await until("some sold", lambda goal=goal: stage.value("SELECT count(*) >= $1 FROM ticket", goal), 30)
            owner = await stage.value("SELECT owner FROM lane WHERE lane = $1", LANE)
            victim = next(worker for worker in stage.workers if f"-{worker.pid}-" in (owner or ""))
            victim.kill()
            stage.workers.remove(victim)
            stage.worker("saga")

    killing = asyncio.create_task(kill_two_owners())
    for first in range(0, 200, 10):
        await stage.send(show.lane, *wishes[first : first + 10])
        await asyncio.sleep(0.05)
    await killing
    stage.worker("sweeps")  # what died between a commit and its sending is sent again by the sweep
    await sold(stage, wishes, seconds=40)
    assert await stage.value("SELECT count(*) FROM ticket") == 200
    assert await stage.value("SELECT sum(balance) FROM wallet") == 0
    assert await stage.value("SELECT count(*) FROM ledger_entry WHERE account = 'wallet' AND amount > 0") == 200
    assert await stage.value("SELECT count(*) FROM seat WHERE state = 'sold'") == 200
    journal = await stage.journal(LANE)
    assert_unbroken(journal)
    taken = [row["event_id"] for row in journal if row["taken"]]
    assert len(taken) == len(set(taken))


async def test_sagas_are_carried_on_after_their_lanes_log_was_deleted(stage):
    stage.worker()
    worker = stage.worker("saga")
    await worker.said("lane_open", lane=LANE)
    show = await stage.show(10)
    await sell(stage, show, 0)
    worker.pause()
    wishes = [show.hold(seat) for seat in range(1, 6)]
    for wish in wishes:
        await fill_wallet(stage, wish.buyer_id, PRICE)
    await stage.send(show.lane, *wishes)
    await stage.all_decided(wishes)
    await stage.broker.delete(LANE)  # with what the show's lane has just told it
    worker.go_on()
    stage.worker("sweeps")
    await sold(stage, wishes, seconds=30)
    [lost] = await stage.rows("SELECT * FROM lost_command WHERE lane = $1", LANE)
    assert lost["generation"] == 1
    assert {row["generation"] for row in await stage.journal(LANE)} == {0, 1}
    assert_unbroken(await stage.journal(LANE))
