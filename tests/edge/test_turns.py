"""Wishes for one show are taken up in the order of their arrival, a few at a time; nobody else waits for them."""

import asyncio
from uuid import uuid4

import pytest

from edge.turns import Turn, Turns

pytestmark = pytest.mark.pure

HOT, QUIET = uuid4(), uuid4()


async def come(turns: Turns, show_id, names, came) -> list[asyncio.Task[Turn]]:
    async def one(name) -> Turn:
        turn = await turns.take(show_id)
        came.append(name)
        return turn

    tasks = [asyncio.ensure_future(one(name)) for name in names]
    await asyncio.sleep(0)
    return tasks


async def test_a_few_have_their_turn_and_the_next_comes_when_one_ends():
    turns, came = Turns(at_once=2), []
    tasks = await come(turns, HOT, range(5), came)
    assert came == [0, 1]
    for expected in ([0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 4]):
        (await tasks[expected[-1] - 2]).end()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert came == expected


async def test_who_asks_for_another_show_does_not_wait():
    turns, came = Turns(at_once=1), []
    await come(turns, HOT, ["first", "second"], came)
    await come(turns, QUIET, ["other"], came)
    assert came == ["first", "other"]


async def test_a_turn_ends_once_however_often_it_is_ended():
    turns, came = Turns(at_once=1), []
    [first, *_] = await come(turns, HOT, range(3), came)
    turn = await first
    turn.end()
    turn.end()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert came == [0, 1]


@pytest.mark.parametrize("when", ["while it waits", "as its turn comes"])
async def test_who_leaves_gives_the_turn_to_the_next(when):
    turns, came = Turns(at_once=1), []
    first, leaving, _last = await come(turns, HOT, ["first", "leaving", "last"], came)
    turn = await first
    if when == "while it waits":
        leaving.cancel()
        await asyncio.sleep(0)
        turn.end()
    else:
        turn.end()
        leaving.cancel()
    for _ in range(3):
        await asyncio.sleep(0)
    assert came == ["first", "last"]


async def test_nothing_is_kept_of_a_show_that_nobody_asks_for():
    turns = Turns(at_once=2)
    for turn in [await turns.take(HOT), await turns.take(HOT)]:
        turn.end()
    assert not turns._taken and not turns._waiting
