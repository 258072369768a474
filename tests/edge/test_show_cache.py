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
        await self.may_answer.wait()
        if self.down:
            raise OSError("out of reach")
        body = None if known_plan == self.plan else self.body
        return {"id": show_id, "number": 1, "rules": None, "plan_id": self.plan, "plan_body": body, "title": self.title}


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


async def test_a_wish_does_not_wait_for_a_show_that_is_no_longer_fresh(catalogue, later):
    shows = ShowCache()
    await shows.wished(SHOW)
    catalogue.title = "second"
    catalogue.may_answer.clear()
    later(FRESH_SECONDS + 1)
    assert (await shows.wished(SHOW)).row["title"] == "first"
    await asyncio.sleep(0)
    assert len(catalogue.asked) == 2, "it is not asked for beside"
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


async def test_another_plan_is_taken_in(catalogue, later):
    shows = ShowCache()
    before = await shows.get(SHOW)
    catalogue.plan = "another"
    later(FRESH_SECONDS + 0.1)
    after = await shows.get(SHOW)
    assert after.plan is not before.plan
    assert catalogue.asked[-1] == before.row["plan_id"]
