"""The search's rows are as new as the catalogue, also when two edit it at the same time; and typing is forgiven."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from sagas.identity import new_id
from sagas.seat_plan import PlanSection
from store import catalogue, search
from store.tables import Event, Organiser, Venue

WAIT_LIMIT_SECONDS = 20


@pytest.fixture
async def hall(pool):
    organiser = await Organiser.create(legal_name="Evenings", support_email="a@example.com", status="approved")
    venue = await Venue.create(
        organiser=organiser, name="Oldname Rooms", city=f"City {new_id().hex}", country="IN", address="1 Road",
        time_zone="Asia/Kolkata", opens="09:00", closes="23:00",
    )  # fmt: skip
    return await catalogue.make_hall(venue, "Hall", [PlanSection("", "Floor", "standing", "F", capacity=9)])


async def make_event(hall, title):
    venue = await hall.venue
    return await Event.create(organiser_id=venue.organiser_id, title=title, kind="concert", status="published")


async def make_show(hall, event):
    starts = datetime.now(UTC) + timedelta(days=3)
    await catalogue.make_show(
        event, hall, currency="INR", prices={"s": 500}, starts_at=starts, ends_at=starts + timedelta(hours=2),
        sale_opens_at=datetime.now(UTC), sale_closes_at=starts,
    )  # fmt: skip


async def words_of(pool, thing_id):
    return await pool.fetchval("SELECT document::text FROM search_entry WHERE id = $1", thing_id)


async def test_a_show_made_while_its_venue_is_renamed_is_found_by_the_new_name(pool, hall):
    event = await make_event(hall, "Evening")
    async with pool.acquire() as other:
        renaming = other.transaction()
        await renaming.start()
        await other.execute("UPDATE venue SET name = 'Newname Rooms' WHERE id = $1", hall.venue_id)
        making = asyncio.create_task(make_show(hall, event))
        deadline = time.monotonic() + WAIT_LIMIT_SECONDS
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while not making.done() and not await other.fetchval(waiting):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        await renaming.commit()
    await making
    assert "newname" in await words_of(pool, event.id) and "oldname" not in await words_of(pool, event.id)


async def test_drafts_and_closed_venues_have_no_entry(pool, hall):
    event = await make_event(hall, "Evening")
    for status, there in (("draft", False), ("published", True), ("cancelled", False)):
        await pool.execute("UPDATE event SET status = $2 WHERE id = $1", event.id, status)
        assert (await words_of(pool, event.id) is not None) == there
    await pool.execute("UPDATE venue SET active = false WHERE id = $1", hall.venue_id)
    assert await words_of(pool, hall.venue_id) is None
    await pool.execute("DELETE FROM event WHERE id = $1", event.id)
    assert await words_of(pool, event.id) is None


async def test_what_the_lane_writes_of_a_show_touches_no_search_row(pool, hall):
    event = await make_event(hall, "Evening")
    await make_show(hall, event)
    before = await pool.fetchval("SELECT xmin::text FROM search_entry WHERE id = $1", event.id)
    await pool.execute("UPDATE show SET opened = true, place = 1, seats_version = 2 WHERE event_id = $1", event.id)
    assert await pool.fetchval("SELECT xmin::text FROM search_entry WHERE id = $1", event.id) == before


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("beatels", "beatles"), ("mumbay", "mumbai"), ("orchestar", "orchestra"), ("tribut", "tribute"),
     ("symfony", "symphony")],
)  # fmt: skip
async def test_a_mistyped_word_is_asked_as_the_words_it_is_like(pool, hall, typed, meant):
    await make_event(hall, "Beatles Mumbai Orchestra Tribute Symphony")
    asked = await search.question(typed)
    assert meant.startswith(typed) or f"'{meant}'" in asked
    assert await pool.fetchval("SELECT count(*) FROM search_entry WHERE document @@ $1::text::tsquery", asked) >= 1


async def test_a_word_that_is_like_nothing_is_passed_over_while_most_mean_something(pool, hall):
    await make_event(hall, "Beatles Mumbai")
    assert await search.question("beatels xqzxqzxq mumbay") == await search.question("beatels mumbay") != ""
    assert await search.question("beatels xqzxqzxq") == await search.question("xqzxqzxq vqzvqz mumbay") == ""


async def test_words_that_mean_nothing_ask_for_nothing(pool, hall):
    assert await search.question("xqzxqzxq") == "" and await search.question("?!") == ""
    assert await search.search("xqzxqzxq", None, 10) == []
