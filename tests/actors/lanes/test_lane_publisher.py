"""Publishing: a confirm means in the log, and whatever else happens is said: not accepted, or perhaps."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.lanes.publisher import CONFIRM_SECONDS, NotAccepted, Publisher
from actors.lanes.wire import Sealed
from loadtest.chaos.broker import BrokerControl
from loadtest.chaos.cable import Cable
from loadtest.chaos.worker import until

STREAM = {"x-queue-type": "stream"}


def message(queue: str, body: bytes = b"{}") -> Sealed:
    return Sealed(queue, os.urandom(8).hex(), body)


@pytest.fixture
async def streams(broker: BrokerControl) -> AsyncIterator[list[str]]:
    """Three empty streams."""
    names = [f"log.{os.urandom(4).hex()}" for _ in range(3)]
    for name in names:
        await broker.declare(name, **STREAM)
    yield names
    await broker.delete(*names)


@pytest.fixture
async def publisher(broker: BrokerControl) -> AsyncIterator[Publisher]:
    publisher = Publisher(broker.url)
    yield publisher
    await publisher.close()


async def ids_in(broker: BrokerControl, stream: str) -> list[str]:
    return [publish_id for _, publish_id, _ in await broker.log(stream)]


def channel_of(publisher: Publisher, queue: str) -> Any:
    return publisher._outlets[queue].channel


async def accepted_again(publisher: Publisher, queue: str, seconds: float = 10.0) -> Sealed:
    """Publish until one is accepted; the accepted one."""
    end = time.monotonic() + seconds
    while True:
        sealed = message(queue)
        try:
            await publisher.publish(sealed)
            return sealed
        except NotAccepted:
            assert time.monotonic() < end, "the publisher does not come back by itself"
            await asyncio.sleep(0.1)


def assert_told_the_truth(sent: list[Sealed], outcomes: list[BaseException | None], logged: list[str]) -> None:
    """Confirmed means in the log; what is not in the log was not accepted; what is there unconfirmed was perhaps."""
    there = set(logged)
    assert len(there) == len(logged), "a message is in the log twice"
    for sealed, outcome in zip(sent, outcomes, strict=True):
        if outcome is None:
            assert sealed.publish_id in there, "confirmed, and not in the log"
            continue
        assert isinstance(outcome, NotAccepted), outcome
        if sealed.publish_id in there:
            assert outcome.perhaps, f"in the log, and said to be certainly not: {outcome}"


async def test_a_confirm_means_that_the_message_is_in_the_log_in_the_order_of_publishing(broker, publisher, streams):
    sent = [message(streams[0]) for _ in range(300)]
    assert await publisher.publish_all(sent) == [None] * 300
    assert await ids_in(broker, streams[0]) == [sealed.publish_id for sealed in sent]


async def test_each_queue_has_a_channel_of_its_own_used_for_nothing_else(publisher, streams):
    sent = [message(stream) for _ in range(50) for stream in streams]
    assert await publisher.publish_all(sent) == [None] * 150
    channels = [channel_of(publisher, stream) for stream in streams]
    assert len({channel.channel_number for channel in channels}) == 3
    await publisher.publish_all([message(stream) for stream in streams])
    assert [channel_of(publisher, stream) for stream in streams] == channels


async def test_a_message_for_a_queue_that_is_missing_is_certainly_not_accepted(publisher):
    with pytest.raises(NotAccepted) as refused:
        await publisher.publish(message("log.missing"))
    assert not refused.value.perhaps


async def test_a_channel_that_had_a_message_returned_is_thrown_away(broker, publisher):
    """Before RabbitMQ 4.0.1 such a channel can confirm what it drops, after the stream's writer has died."""
    stream = f"log.{os.urandom(4).hex()}"
    with pytest.raises(NotAccepted):
        await publisher.publish(message(stream))
    returned = publisher._outlets.get(stream)
    await broker.declare(stream, **STREAM)
    await publisher.publish(message(stream))
    await broker.delete(stream)
    assert returned is None or channel_of(publisher, stream) is not returned.channel


async def test_what_was_in_flight_when_the_queue_nacked_another_may_be_in_it(broker, publisher):
    queue = f"small.{os.urandom(4).hex()}"
    await broker.declare(queue, **{"x-max-length": 20, "x-overflow": "reject-publish"})
    sent = [message(queue) for _ in range(100)]
    outcomes = await publisher.publish_all(sent)
    there: list[str] = []

    def take() -> None:
        connection, channel = broker._channel()
        while (found := channel.basic_get(queue, auto_ack=True))[0] is not None:
            there.append(found[1].message_id)
        connection.close()

    await asyncio.to_thread(take)
    await broker.delete(queue)
    assert len(there) >= 20
    assert any(outcomes)
    assert_told_the_truth(sent, outcomes, there)


async def test_a_connection_killed_amid_5000_publishes_loses_nothing_confirmed(broker, publisher, streams):
    await publisher.publish(message(streams[0]))
    sent: list[Sealed] = []
    outcomes: list[BaseException | None] = []

    async def cut_until_it_is_felt() -> None:
        while not any(outcomes):
            await broker.cut_connections()

    cutting = asyncio.create_task(cut_until_it_is_felt())

    async def keep_publishing() -> None:
        while not cutting.done() or len(sent) < 5000:
            batch = [message(streams[0]) for _ in range(250)]
            told = await publisher.publish_all(batch)
            sent.extend(batch)
            outcomes.extend(told)
            assert len(sent) < 200_000
            if told[-1] is not None:
                await asyncio.sleep(0.05)

    await asyncio.gather(keep_publishing(), keep_publishing())  # two, so that something is always in flight
    await cutting
    sent.append(await accepted_again(publisher, streams[0]))
    outcomes.append(None)
    assert any(outcomes), "nothing was in flight when the connection was killed"
    assert outcomes[0] is None
    assert_told_the_truth(sent, outcomes, (await ids_in(broker, streams[0]))[1:])


async def test_a_caller_that_leaves_does_not_break_the_channel_for_the_others(broker, publisher, streams):
    stream = streams[0]
    await publisher.publish(message(stream))
    channel = channel_of(publisher, stream)
    sent = [message(stream) for _ in range(200)]
    callers = [asyncio.create_task(publisher.publish(sealed)) for sealed in sent]
    await asyncio.sleep(0)
    for caller in callers[::2]:
        caller.cancel()
    outcomes = await asyncio.wait_for(asyncio.gather(*callers, return_exceptions=True), 10)
    assert all(outcome is None for outcome in outcomes[1::2])
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes[::2])
    await publisher.publish(message(stream))
    assert channel_of(publisher, stream) is channel
    assert {sealed.publish_id for sealed in sent[1::2]} <= set(await ids_in(broker, stream))


async def test_a_caller_that_leaves_while_the_channel_opens_does_not_take_it_from_the_others(publisher, streams):
    first, second = (asyncio.create_task(publisher.publish(message(streams[0]))) for _ in range(2))
    await until("the channel opening", lambda: streams[0] in publisher._outlets, 5)
    first.cancel()
    await asyncio.wait_for(second, 5)


async def test_a_blocked_connection_accepts_nothing_and_says_so_at_once(broker, publisher, streams):
    one, other, third = streams
    await publisher.publish(message(one))
    try:
        await broker.raise_alarm()
        sent = [message(one) for _ in range(50)]
        outcomes = await publisher.publish_all(sent)  # the broker says "blocked" when it sees the first of them
        began = time.monotonic()
        late = [message(queue) for queue in (one, other, third)]
        refused = await publisher.publish_all(late)
        assert time.monotonic() - began < 0.1
    finally:
        await broker.end_alarm()
    assert all(isinstance(outcome, NotAccepted) and outcome.perhaps for outcome in outcomes)
    assert all(isinstance(outcome, NotAccepted) and not outcome.perhaps for outcome in refused)
    sent.append(await accepted_again(publisher, one))
    logged = (await ids_in(broker, one))[1:]
    assert_told_the_truth([*sent, late[0]], [*outcomes, None, refused[0]], logged)
    assert not set(logged) & {sealed.publish_id for sealed in late}, "a message refused at once is in the log"
    await accepted_again(publisher, other)
    await accepted_again(publisher, third)


async def test_a_queue_whose_channel_was_opening_when_the_alarm_came_is_published_to_afterwards(
    broker, publisher, streams
):
    one, other, _ = streams
    await publisher.publish(message(one))
    try:
        await broker.raise_alarm()
        first = asyncio.create_task(publisher.publish(message(one)))  # from here on the broker reads nothing of ours
        await asyncio.sleep(0)
        second = asyncio.create_task(publisher.publish(message(other)))
        outcomes = await asyncio.gather(first, second, return_exceptions=True)
        assert all(isinstance(outcome, NotAccepted) for outcome in outcomes)
    finally:
        await broker.end_alarm()
    await accepted_again(publisher, one)
    await accepted_again(publisher, other, seconds=6)


async def test_a_broker_that_falls_silent_is_given_up_within_the_limit(broker, streams):
    async with Cable(broker.url) as cable:
        publisher = Publisher(cable.url)
        await publisher.publish(message(streams[0]))
        cable.hold()
        sent = [message(streams[0]) for _ in range(20)]
        began = time.monotonic()
        outcomes = await publisher.publish_all(sent)
        assert time.monotonic() - began < CONFIRM_SECONDS + 1
        assert all(isinstance(outcome, NotAccepted) and outcome.perhaps for outcome in outcomes)
        cable.release()
        sent.append(await accepted_again(publisher, streams[0]))
        assert_told_the_truth(sent, [*outcomes, None], (await ids_in(broker, streams[0]))[1:])
        await publisher.close()


async def test_connecting_opening_a_channel_and_the_confirm_have_one_limit_together(broker, streams):
    """The edge promises an answer within two seconds: a broker that is slow at each step must not have it thrice."""
    async with Cable(broker.url) as cable:
        publisher = Publisher(cable.url)
        cable.slow(CONFIRM_SECONDS / 8)  # six steps there and back: each is in time, all of them are not
        began = time.monotonic()
        with pytest.raises(NotAccepted):
            await publisher.publish(message(streams[0]))
        assert time.monotonic() - began < CONFIRM_SECONDS + 0.3
        cable.mend()
        await accepted_again(publisher, streams[0])
        await publisher.close()


async def test_channels_that_could_not_be_opened_in_time_are_not_left_open(broker, streams):
    async with Cable(broker.url) as cable:
        publisher = Publisher(cable.url)
        await publisher.publish(message(streams[0]))
        cable.hold()
        refused = await publisher.publish_all([message(streams[1]), message(streams[2])])
        assert all(isinstance(outcome, NotAccepted) and not outcome.perhaps for outcome in refused)
        cable.release()
        for stream in streams:
            await accepted_again(publisher, stream)
        assert publisher._connection is not None
        channels = publisher._connection._channels  # type: ignore[attr-defined]
        await until("only the channels in use left", lambda: len(channels) == 3, 5)
        await publisher.close()


async def test_a_broker_out_of_reach_is_found_again(broker, streams):
    async with Cable(broker.url) as cable:
        publisher = Publisher(cable.url)
        await publisher.publish(message(streams[0]))
        cable.cut()
        await accepted_again(publisher, streams[0])
        port = cable.url
    began = time.monotonic()
    with pytest.raises(NotAccepted) as refused:
        await publisher.publish(message(streams[0]))
    assert port and not refused.value.perhaps
    assert time.monotonic() - began < CONFIRM_SECONDS + 1
    await publisher.close()
