"""How old a show may be that an edge remembers, and that nobody waits for what need not be new."""

import asyncio
from uuid import uuid4

import pytest

from edge import show_cache
from edge.show_cache import FRESH_SECONDS, WISHED_SECONDS, ShowCache
from sagas.seat_plan import SeatPlan, encode

pytestmark = pytest.mark.pure

SHOW = uuid4()


class Catalogue:
    """What the tables say of the one show, and when they answer."""

    def __init__(self) -> None:
        self.plan, self.body = encode(SeatPlan(sections=()))
        self.title, self.asked, self.may_answer = "first", [], asyncio.Event()
        self.may_answer.set()
        self.down = False

    async def show(self, show_id, known_plan=None):
        self.asked.append(known_plan)
        title = self.title
        await self.may_answer.wait()
        if self.down:
            raise OSError("out of reach")
        body = None if known_plan == self.plan else self.body
        return {"id": show_id, "number": 1, "rules": None, "plan_id": self.plan, "plan_body": body, "title": title}


@pytest.fixture
def catalogue(monkeypatch) -> Catalogue:
    found = Catalogue()
    monkeypatch.setattr(show_cache, "catalogue", found)
    return found


@pytest.fixture
def later(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(show_cache, "monotonic_seconds", lambda: now[0])

    def go(seconds: float) -> None:
        now[0] += seconds

    return go


async def is_asked(catalogue, times):
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(catalogue.asked) == times


async def test_a_wish_does_not_wait_for_a_show_that_is_no_longer_fresh(catalogue, later):
    shows = ShowCache()
    await shows.wished(SHOW)
    catalogue.title = "second"
    catalogue.may_answer.clear()
    later(FRESH_SECONDS + 1)
    assert (await shows.wished(SHOW)).row["title"] == "first"
    await is_asked(catalogue, 2)
    catalogue.may_answer.set()
    assert (await shows.get(SHOW)).row["title"] == "second"
    assert catalogue.asked == [None, catalogue.plan], "asked for twice at once, or for a plan that was known"


@pytest.mark.parametrize(("how", "old"), [("wished", WISHED_SECONDS), ("get", FRESH_SECONDS)])
async def test_nobody_is_told_of_a_show_as_it_was_long_ago(catalogue, later, how, old):
    shows = ShowCache()
    await shows.get(SHOW)
    catalogue.title = "second"
    later(old + 0.1)
    assert (await getattr(shows, how)(SHOW)).row["title"] == "second"


async def test_while_postgres_is_down_only_the_first_waits_for_it(catalogue, later):
    shows = ShowCache()
    await shows.get(SHOW)
    later(WISHED_SECONDS + 0.1)
    catalogue.down = True
    assert (await shows.wished(SHOW)).row["title"] == "first"
    catalogue.may_answer.clear()
    later(1)
    async with asyncio.timeout(5):
        assert (await shows.wished(SHOW)).row["title"] == "first"


@pytest.mark.parametrize("late", ["what was read before", "what was read after"])
async def test_what_was_read_before_a_change_is_not_remembered_after_it(catalogue, later, late):
    shows = ShowCache()
    await shows.get(SHOW)
    later(FRESH_SECONDS + 0.1)
    first = catalogue.may_answer = asyncio.Event()
    before = asyncio.ensure_future(shows.get(SHOW))
    await is_asked(catalogue, 2)
    catalogue.title, second = "second", asyncio.Event()
    catalogue.may_answer = second
    shows.forget(SHOW)
    after = asyncio.ensure_future(shows.get(SHOW))
    await is_asked(catalogue, 3)
    for answers, who in [(second, after), (first, before)] if "before" in late else [(first, before), (second, after)]:
        answers.set()
        await who
        if who is before:
            beside = asyncio.ensure_future(shows.get(SHOW))
            await is_asked(catalogue, 3)
    assert [(await one).row["title"] for one in (before, after, beside)] == ["first", "second", "second"]


async def test_another_plan_is_taken_in(catalogue, later):
    shows = ShowCache()
    before = await shows.get(SHOW)
    catalogue.plan = "another"
    later(FRESH_SECONDS + 0.1)
    after = await shows.get(SHOW)
    assert after.plan is not before.plan
    assert catalogue.asked[-1] == before.row["plan_id"]
