"""Whatever a command holds, the lane goes on: repeats are answered, junk is journalled, a poison is set aside."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import redis.asyncio

from actors import batch as batch_module
from actors.batch import Batch, read
from actors.lanes.session import Arrived, Place
from actors.lanes.wire import BODY_LIMIT_BYTES, Options, seal
from loadtest.chaos.worker import LaneWorker, until
from sagas.clock import now
from sagas.identity import new_id
from sagas.messages import Message
from store import live
from store.settings import settings
from tests.actors.lanes.stage import Stage, StagedShow

LANE = "show.00"
#: The longest that a lane may stand still because of something it read.
STILL_LIMIT_SECONDS = 5.0


@pytest.fixture(scope="module")
async def lane(shared_stage: Stage) -> AsyncIterator[tuple[Stage, LaneWorker]]:
    """A stage with one worker at work."""
    worker = shared_stage.worker()
    await worker.said("lane_open", lane=LANE)
    yield shared_stage, worker


async def outcomes(stage: Stage, *messages: Message) -> list[str]:
    """What each of these came to, sent one after the other in one go."""
    sealed = await stage.send(LANE, *messages)
    return [str((await stage.row_of(one, STILL_LIMIT_SECONDS))["outcome"]) for one in sealed]


async def goes_on(stage: Stage) -> None:
    """A show that has nothing to do with it is served at once."""
    show = await stage.show(2)
    assert await outcomes(stage, show.hold(0), show.hold(0)) == ["held", "seat-taken"]


async def put_raw(stage: Stage, body: bytes, publish_id: str | None = None) -> Any:
    """The row of a raw message."""
    publish_id = publish_id or uuid.uuid4().hex
    await stage.broker.put(LANE, [(publish_id, body)])
    return await until(
        "the raw message's row",
        lambda: stage.pool.fetchrow("SELECT * FROM journal WHERE publish_id = $1", publish_id),
        STILL_LIMIT_SECONDS,
    )


def envelope(name: str, show: StagedShow, **changes: Any) -> bytes:
    """A wish as it travels, with changes to its message."""
    wish = show.hold(0)
    whole = msgspec.json.decode(seal(LANE, wish, Options()).body)
    whole["kwargs"]["message"] |= {"name": name, **changes}
    return msgspec.json.encode(whole)


JUNK = {
    "nothing": b"",
    "no JSON": b"\x00\xff{{{",
    "an array": b"[1,2,3]",
    "no envelope": b'{"hello": "world"}',
    "nested too deep": b"[" * 30_000,
    "a NUL in the text": b'{"kwargs": {"message": "\x00"}, "message_id": "x"}',
    "half a letter": '{"x": "é'.encode()[:-1],
}


@pytest.mark.parametrize("body", JUNK.values(), ids=JUNK.keys())
async def test_a_body_that_is_none_is_journalled_as_unreadable(lane, body):
    stage, _ = lane
    row = await put_raw(stage, body)
    assert (row["outcome"], row["decided"], row["command_id"]) == ("unreadable", False, None)
    assert row["result"].startswith("unreadable: ")
    await goes_on(stage)


async def test_a_wish_of_one_megabyte_is_journalled_up_to_the_limit_and_not_decided(lane):
    stage, _ = lane
    show = await stage.show(2)
    row = await put_raw(stage, envelope("hold_seats", show, glitter="x" * 1_000_000))
    assert (row["outcome"], row["decided"]) == ("unreadable", False)
    assert len(row["body"]) == BODY_LIMIT_BYTES
    assert await stage.seats(show) == {}
    await goes_on(stage)


async def test_an_unknown_command_is_journalled_as_unreadable(lane):
    stage, _ = lane
    row = await put_raw(stage, envelope("paint_seats", await stage.show(2)))
    assert (row["outcome"], row["decided"]) == ("unreadable", False)
    assert "paint_seats" in row["result"]
    await goes_on(stage)


async def test_a_command_without_a_version_and_one_with_unknown_fields_are_decided(lane):
    """The first version was written without the field; a later one may bring fields that are not known here."""
    stage, _ = lane
    show = await stage.show(2)
    old = await put_raw(stage, envelope("hold_seats", show))
    later = await put_raw(stage, envelope("hold_seats", show, version=2, seats=[show.seat(1)], glitter=True))
    assert (old["outcome"], later["outcome"]) == ("held", "held")


async def test_messages_without_a_publish_id_or_with_an_odd_one_do_not_stop_the_lane(lane):
    stage, _ = lane
    await stage.broker.put(LANE, [(None, b"{}"), ("", b"{}"), ("x" * 255, b"{}")])
    await goes_on(stage)
    assert await stage.value("SELECT count(*) FROM journal WHERE publish_id = 'unnamed'") >= 1


async def test_a_publish_id_with_a_nul_does_not_stop_the_lane(lane):
    """Postgres keeps no NUL in a text."""
    stage, worker = lane
    await stage.broker.put(LANE, [("a\x00b", b"{}")])
    await goes_on(stage)
    assert not worker.lines("lane_stuck")


async def test_a_poison_is_found_by_halving_and_the_others_are_served(lane):
    """Read and decided without fault, its saga cannot be written: the trace holds what Postgres keeps in no text."""
    stage, worker = lane
    show = await stage.show(100)
    wishes = [show.hold(seat) for seat in range(41)]
    sealed = [seal(LANE, wish, Options("00-\x00" if at == 20 else "")) for at, wish in enumerate(wishes)]
    assert await stage.publisher.publish_all(sealed) == [None] * 41
    told = [str((await stage.row_of(one, STILL_LIMIT_SECONDS))["outcome"]) for one in sealed]
    assert told == ["held"] * 20 + ["failed"] + ["held"] * 20
    failed = [line["offset"] for line in worker.lines("message_failed", lane=LANE)]
    row = await stage.pool.fetchrow("SELECT * FROM journal WHERE command_id = $1", wishes[20].command_id)
    assert row["offset"] in failed
    assert (row["decided"], bool(row["result"])) == (False, True)
    states = await stage.bookings(show)
    assert states.pop(wishes[20].booking_id) == "failed"
    assert list(states.values()) == ["held"] * 40
    assert show.seat(20) not in await stage.seats(show)
    assert await outcomes(stage, show.hold(20)) == ["held"]


async def test_a_confirm_that_names_another_buyer_lowers_the_live_holds_of_the_bookings_own(lane):
    stage, _ = lane
    show = await stage.show(2)
    wish, other = show.hold(0), show.hold(1)
    assert await outcomes(stage, wish, other, show.confirm(wish, buyer_id=other.buyer_id)) == [
        "held", "held", "confirmed",
    ]  # fmt: skip
    rows = await stage.rows("SELECT * FROM buyer_holds WHERE buyer_id = ANY($1)", [wish.buyer_id, other.buyer_id])
    counted = {row["buyer_id"]: row["live"] for row in rows}
    assert (counted.get(wish.buyer_id, 0), counted.get(other.buyer_id, 0)) == (0, 1)


#: Wishes that are read without fault and cannot be written, or not decided, as they are.
POISONS: dict[str, dict[str, Any]] = {
    "a NUL in the body's hash": {"body_hash": "\x00"},
    "a NUL in a seat": {"seats": ("\x00",)},
    "a moment without a zone": {"not_after": datetime(2099, 1, 1)},  # noqa: DTZ001
    "fewer seats than none": {"seats": (), "quantity": -5},
    "more seats than a number holds": {"seats": (), "quantity": 2**70},
    "no seats": {"seats": (), "quantity": 0},
    "a seat of another show": {"seats": ("ZZZ-1",)},
    "the same seat twice": {"seats": None},
}


@pytest.mark.parametrize("name", POISONS)
async def test_a_wish_that_cannot_be_is_set_aside_and_the_wishes_around_it_are_served(lane, name):
    stage, worker = lane
    show = await stage.show(4)
    changes = POISONS[name]
    if changes.get("seats", ()) is None:
        changes = {"seats": (show.seat(2), show.seat(2))}
    before, poison, after = show.hold(0), show.hold(3, **changes), show.hold(1)
    sealed = await stage.send(LANE, before, poison, after)
    served = [str((await stage.row_of(sealed[at], STILL_LIMIT_SECONDS))["outcome"]) for at in (0, 2)]
    assert served == ["held", "held"]
    row = await stage.row_of(sealed[1])
    assert row["outcome"] != "held"
    assert not worker.lines("lane_stuck")
    assert set(await stage.seats(show)) == {show.seat(0), show.seat(1)}


async def test_a_booking_that_was_met_under_another_command_is_a_repeat_or_a_refusal(lane):
    """The command's id should be the booking's; a publisher that errs may not stop the lane."""
    stage, worker = lane
    show = await stage.show(4)
    first = show.hold(0)
    again = show.hold(1, booking=first.booking_id, buyer=first.buyer_id, command_id=new_id())
    sealed = await stage.send(LANE, first, again, show.hold(2))
    assert (await stage.row_of(sealed[0], STILL_LIMIT_SECONDS))["outcome"] == "held"
    assert (await stage.row_of(sealed[2], STILL_LIMIT_SECONDS))["outcome"] == "held"
    assert (await stage.row_of(sealed[1]))["outcome"] != "held"
    assert not worker.lines("lane_stuck")
    assert await stage.bookings(show) == {first.booking_id: "held", sealed_booking(sealed[2]): "held"}


def sealed_booking(sealed: Any) -> uuid.UUID:
    return uuid.UUID(msgspec.json.decode(sealed.body)["kwargs"]["message"]["booking_id"])


async def test_a_repeated_wish_changes_nothing_and_is_answered_as_the_first_was(lane):
    stage, _ = lane
    show, edge = await stage.show(4), f"edge-{uuid.uuid4().hex}"
    held, refused = show.hold(0, 1), show.hold(1)
    client = redis.asyncio.Redis.from_url(settings().redis_url)
    async with client, client.pubsub() as listening:
        await listening.subscribe(live.outcomes_channel(edge))
        options = Options(reply_to=edge)
        for _ in range(2):  # the second time in a later batch
            sealed = await stage.send(LANE, held, refused, held, refused, options=options)
            for one in sealed:
                await stage.row_of(one)
        replies: list[Any] = []

        async def heard() -> bool:
            message = await listening.get_message(ignore_subscribe_messages=True, timeout=0.1)
            if message:
                replies.extend(live.decode_replies(message["data"]))
            return len(replies) >= 8

        await until("8 answers", heard, 10)
    told = [(reply.booking_id, reply.booking.state if reply.booking else None) for reply in replies]
    assert told == [(held.booking_id, "held"), (refused.booking_id, "refused")] * 4
    rows = await stage.rows('SELECT * FROM journal WHERE show_id = $1 ORDER BY "offset"', show.id)
    assert [row["outcome"] for row in rows[1:]] == ["held", "seat-taken"] + ["repeat"] * 6
    assert [row["decided"] for row in rows[1:]] == [True, True] + [False] * 6
    assert await stage.value("SELECT place FROM show WHERE id = $1", show.id) == 2


async def test_a_key_reused_for_another_show_is_refused_and_the_first_booking_stands(lane):
    stage, _ = lane
    one, other = await stage.show(2), await stage.show(2)
    first = one.hold(0)
    again = other.hold(0, booking=first.booking_id, buyer=first.buyer_id)
    assert await outcomes(stage, first, again) == ["held", "refused"]
    row = await stage.pool.fetchrow("SELECT * FROM journal WHERE show_id = $1 AND command = 'hold_seats'", other.id)
    assert row["decided"] is False
    assert await stage.bookings(one) == {first.booking_id: "held"}
    assert (await stage.bookings(other), await stage.seats(other)) == ({}, {})


async def test_a_confirm_sent_twice_with_a_release_between_does_not_seat_the_booking_again(lane):
    stage, _ = lane
    show = await stage.show(4)
    wish = show.hold(0, 1)
    confirm = show.confirm(wish)
    told = await outcomes(stage, wish, show.release(wish), confirm, confirm)
    assert told == ["held", "released", "gone", "repeat"]
    assert await outcomes(stage, confirm, show.confirm(wish)) == ["repeat", "gone"]
    assert (await stage.bookings(show))[wish.booking_id] == "released"
    assert await stage.seats(show) == {}


async def test_a_confirm_that_is_repeated_after_others_have_the_seats_changes_nothing(lane):
    stage, _ = lane
    show = await stage.show(2)
    wish, next_one = show.hold(0), show.hold(0)
    confirm = show.confirm(wish)
    assert await outcomes(stage, wish, show.release(wish), next_one, confirm, show.confirm(next_one), confirm) == [
        "held", "released", "held", "gone", "confirmed", "repeat",
    ]  # fmt: skip
    assert await stage.seats(show) == {show.seat(0): ("sold", next_one.booking_id)}


async def test_late_money_takes_the_seats_again_once_and_only_while_they_are_free(lane):
    stage, _ = lane
    show = await stage.show(4, hold_seconds=0)
    free, taken, over = show.hold(0), show.hold(1), show.hold(1)
    expire = [show.expire(wish, datetime.now(UTC) + timedelta(seconds=-1)) for wish in (free, taken)]
    assert await outcomes(stage, free, taken) == ["held", "held"]
    assert await outcomes(stage, *expire, over) == ["expired", "expired", "held"]
    confirm = show.confirm(free)
    assert await outcomes(stage, confirm, show.confirm(taken), confirm) == ["confirmed", "gone", "repeat"]
    assert await stage.seats(show) == {
        show.seat(0): ("sold", free.booking_id), show.seat(1): ("held", over.booking_id),
    }  # fmt: skip
    live_holds = await stage.value("SELECT live FROM buyer_holds WHERE buyer_id = $1", free.buyer_id)
    assert live_holds == 0


async def test_commands_for_shows_that_are_elsewhere_or_nowhere_are_sent_away_undecided(lane):
    stage, _ = lane
    here, elsewhere = await stage.show(2), await stage.show(2, "show.01", opened=False)
    nowhere = here.hold(0, show_id=new_id())
    assert await outcomes(stage, elsewhere.hold(0), nowhere, here.hold(0)) == ["elsewhere", "quarantined", "held"]
    assert await stage.bookings(elsewhere) == {}


async def test_a_show_that_cannot_be_loaded_is_quarantined_and_its_lane_goes_on(stage):
    worker = stage.worker()
    await worker.said("lane_open", lane=LANE)
    broken, sound = await stage.show(2), await stage.show(2)
    assert await outcomes(stage, broken.hold(0)) == ["held"]
    await stage.value("UPDATE booking SET seats = 'torn' WHERE show_id = $1 RETURNING 1", broken.id)
    worker.kill()
    stage.workers.clear()
    again = stage.worker()
    await again.said("lane_open", lane=LANE)
    assert await outcomes(stage, broken.hold(1), sound.hold(0)) == ["quarantined", "held"]
    assert again.lines("show_quarantined", show_id=str(broken.id))


async def test_shows_dropped_from_memory_within_a_batch_are_still_decided_as_open(lane, monkeypatch):
    """Memory keeps so many places; a batch may name more shows than that."""
    stage, _ = lane
    shows = [await stage.show(2) for _ in range(4)]
    monkeypatch.setattr(batch_module, "PLACES_KEPT", 5)
    loaded: dict[Any, Any] = {}

    async def load(_connection: Any, _lane: str, show_ids: Any) -> Any:
        return {show_id: loaded[show_id] for show_id in show_ids}

    from actors.show import Show
    from sagas.seat_plan import decode

    for show in shows:
        body = await stage.value("SELECT body FROM seat_plan WHERE hash = $1", show.opening.plan)
        loaded[show.id] = Show(show.id, show.opening, decode(body))

    class Memory:
        """A session as a batch sees it."""

        lane, place = LANE, Place(0, 1_000_000, None, None)
        memory: dict[Any, Any] = {}

    sealed = [seal(LANE, show.hold(0), Options()) for show in shows]
    messages = [read(Arrived(1_000_000 + at, one.publish_id, one.body, at)) for at, one in enumerate(sealed)]
    async with stage.pool.acquire() as connection:
        work = Batch(load, Memory(), connection, now())  # type: ignore[arg-type]
        await work.look_up(messages)
        tried = connection.transaction()
        await tried.start()
        for message in messages:
            await work.decide(message, poison=False)
        decided = await work.finish()
        await tried.rollback()
    assert [line.did for line in decided.lines] == ["hold_seats:held"] * 4
