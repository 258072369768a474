"""The demo: halls are as large as they say and can be drawn; seeding twice, or after a kill, makes each thing once."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import msgspec
import pytest

from actors import demo, demo_halls
from actors.demo_catalogue import EVENTS, starts_at
from sagas.identity import derived
from sagas.money import exponent
from sagas.seat_plan import PlanRow, PlanSection

ROOT = Path(__file__).parents[2]
#: Longer than any start of the demo takes, shorter than anybody's patience.
DEMO_LIMIT_SECONDS = 100
ACCOUNTS = {
    f"{role}_{what}": f"{role.lower()}@frontrow.example" if what == "EMAIL" else f"{role.lower()}-of-the-demo"
    for role in ("BUYER", "ORGANISER", "SCANNER", "ADMIN")
    for what in ("EMAIL", "PASSWORD")
}

HALLS = {
    demo_halls.theatre: 300,
    demo_halls.concert_hall: 1_200,
    demo_halls.cinema: 120,
    demo_halls.arena: 20_000,
    demo_halls.stadium: 4_128,
    demo_halls.congress_hall: 440,
    demo_halls.lecture_room: 160,
    demo_halls.club: 120,
}
every_hall = pytest.mark.parametrize("hall", HALLS, ids=lambda hall: hall.__name__)


def aisles_of(row: PlanRow) -> list[int]:
    """After which seat there is an aisle, as the rest of the product sees it."""
    return [at for at, (one, next_one) in enumerate(pairwise(row.seats), 1) if abs(next_one.x - one.x) > 1.5]


def rows_of(sections: list[PlanSection]) -> list[PlanRow]:
    return [row for section in sections for row in section.rows]


@pytest.mark.pure
@every_hall
def test_a_hall_has_as_many_places_as_it_says(hall):
    assert sum(section.places for section in hall()) == HALLS[hall]


@pytest.mark.pure
def test_the_arena_has_a_standing_floor_and_some_thirty_sections():
    sections = demo_halls.arena()
    assert sum(section.capacity for section in sections if section.kind == "standing") == 6_000
    assert len(sections) == 30


@pytest.mark.pure
@every_hall
def test_labels_are_unique_where_they_must_be_and_seats_count_from_one(hall):
    sections = hall()
    assert max(Counter(section.name for section in sections).values()) == 1
    for section in sections:
        assert max(Counter(row.label for row in section.rows).values(), default=1) == 1
        for row in section.rows:
            assert [seat.label for seat in row.seats] == [str(number) for number in range(1, len(row.seats) + 1)]


@pytest.mark.pure
@every_hall
def test_no_two_seats_of_a_hall_are_drawn_on_top_of_each_other(hall):
    near: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for seat in (seat for row in rows_of(hall()) for seat in row.seats):
        column, line = int(seat.x // 1), int(seat.y // 1)
        around = [(column + dx, line + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
        assert all((x - seat.x) ** 2 + (y - seat.y) ** 2 > 0.95**2 for cell in around for x, y in near.get(cell, [])), (
            seat
        )
        near.setdefault((column, line), []).append((seat.x, seat.y))


@pytest.mark.pure
@every_hall
def test_all_of_a_hall_lies_before_the_stage(hall):
    assert min(seat.y for row in rows_of(hall()) for seat in row.seats) > 1


@pytest.mark.pure
def test_aisles_are_where_the_hall_says():
    stalls, _, balcony = demo_halls.theatre()
    assert {tuple(aisles_of(row)) for row in stalls.rows} == {(5, 13)}
    assert {tuple(aisles_of(row)) for row in balcony.rows} == {(7,)}
    assert {tuple(aisles_of(row)) for row in rows_of(demo_halls.cinema())} == {(3, 9)}
    assert not any(aisles_of(row) for row in rows_of(demo_halls.arena()))


@pytest.mark.pure
def test_rows_are_lettered_through_the_stalls_and_bend_towards_the_stage():
    front, rear, _ = demo_halls.theatre()
    assert [row.label for row in (*front.rows, *rear.rows)] == list("ABCDEFGHIJKL")
    first = front.rows[0].seats
    assert first[0].y == first[-1].y < first[len(first) // 2].y
    assert first[0].x == -first[-1].x


@pytest.mark.pure
def test_accessible_seats_are_where_the_hall_says():
    found = [
        f"{row.label}-{seat.label}" for row in rows_of(demo_halls.theatre()) for seat in row.seats if seat.accessible
    ]
    assert found == ["L-1", "L-2", "L-17", "L-18"]


@pytest.mark.pure
@pytest.mark.parametrize(("seats", "rows"), [(1, 1), (50, 2), (50, 7), (1_000, 40), (500, 500)])
def test_a_race_track_has_exactly_the_seats_asked_for(seats, rows):
    [section] = demo_halls.race_track(seats, rows)
    lengths = [len(row.seats) for row in section.rows]
    assert (sum(lengths), len(lengths)) == (seats, rows)
    assert max(lengths) - min(lengths) <= 1


@pytest.mark.pure
def test_the_catalogue_is_a_dozen_events_of_every_kind_in_several_cities():
    assert len(EVENTS) >= 12
    assert {event.kind for event in EVENTS} == {"concert", "film", "match", "conference", "theatre", "comedy", "other"}
    assert len({event.hall.venue.city for event in EVENTS}) >= 8
    assert {exponent(event.currency) for event in EVENTS} == {0, 2, 3}
    assert any(set(event.prices.values()) == {0} for event in EVENTS)
    assert any(show.hold_seconds == 30 for event in EVENTS for show in event.shows)
    assert max(Counter(event.slug for event in EVENTS).values()) == 1
    venues = {event.hall.venue for event in EVENTS}
    assert len({venue.slug for venue in venues}) == len(venues)


@pytest.mark.pure
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.slug)
def test_every_tier_of_an_events_hall_has_a_price_and_no_price_is_left_over(event):
    assert {section.tier for section in event.hall.sections()} == set(event.prices)


@pytest.mark.pure
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.slug)
def test_shows_start_in_the_coming_weeks_at_the_venues_wall_time(event):
    now = datetime(2027, 3, 1, 22, 0, tzinfo=UTC)
    for show in event.shows:
        begins = starts_at(show, event.hall.venue, now)
        assert f"{begins.astimezone(ZoneInfo(event.hall.venue.time_zone)):%H:%M}" == show.at
        assert 0 < (begins - now).total_seconds() < 30 * 86_400
        assert show.sale_opens_in_days < show.days


@pytest.mark.pure
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["race", "x", "--seats", "0"], "a whole number from 1 to 100000, not '0'"),
        (["race", "x", "--seats", "many"], "a whole number from 1 to 100000, not 'many'"),
        (["race", "x", "--seats", "10", "--rows", "11"], "10 seats do not fill 11 rows"),
        (["race", "x", "--seats", "10", "--hold-seconds", "4"], "a whole number from 5 to 3600, not '4'"),
        (["race", "x", "--seats", "10", "--price", "-1"], "a whole number from 0 to 100000000, not '-1'"),
        (["race", " ", "--seats", "10"], "a name of 1 to 200 characters"),
        (["race", "x"], "--seats"),
        (["sprint"], "invalid choice"),
    ],
)
def test_a_malformed_race_is_refused_with_a_sentence(words, sentence, capsys):
    with pytest.raises(SystemExit) as refused:
        demo._arguments(words)
    assert refused.value.code == 2
    assert sentence in capsys.readouterr().err


# From here on with the real stack.


def start(*words: str, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *words], cwd=ROOT, env={**ACCOUNTS, **os.environ, **settings}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def run_demo(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    process = start("actors.demo", *words, **settings)
    try:
        out, err = process.communicate(timeout=DEMO_LIMIT_SECONDS)
    finally:
        process.kill()
    return subprocess.CompletedProcess(words, process.returncode, out, err)


@pytest.fixture(scope="module")
def lanes() -> Iterator[None]:
    """A migrated database, and a worker for the show lanes beside those that may already be there."""
    migrating = start("store.migrate")
    _, said = migrating.communicate(timeout=60)
    assert migrating.returncode == 0, said
    worker = subprocess.Popen(
        [sys.executable, "-m", "actors.worker", "lane"], cwd=ROOT, env={**ACCOUNTS, **os.environ},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    yield
    worker.terminate()
    worker.wait(timeout=30)


@pytest.fixture
async def database() -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    yield connection
    await connection.close()


async def demo_rows(database: asyncpg.Connection) -> dict[str, int]:
    """How many rows of each kind are the demo's."""
    venues = [derived(demo.NAMESPACE, "venue", slug) for slug in {event.hall.venue.slug for event in EVENTS}]
    events = [derived(demo.NAMESPACE, "event", event.slug) for event in EVENTS]
    emails = [os.environ.get(name, default) for name, default in ACCOUNTS.items() if name.endswith("_EMAIL")]
    shows = "SELECT id FROM show WHERE event_id = ANY($1)"
    return {
        "users": await database.fetchval('SELECT count(*) FROM "user" WHERE email = ANY($1)', emails),
        "openings": await database.fetchval("SELECT count(*) FROM ledger_transaction WHERE reference = 'demo:opening'"),
        "venues": await database.fetchval("SELECT count(*) FROM venue WHERE id = ANY($1)", venues),
        "halls": await database.fetchval("SELECT count(*) FROM hall WHERE venue_id = ANY($1)", venues),
        "events": await database.fetchval("SELECT count(*) FROM event WHERE id = ANY($1)", events),
        "shows": await database.fetchval(f"SELECT count(*) FROM ({shows}) s", events),
        "open": await database.fetchval(f"SELECT count(*) FROM ({shows} AND opened) s", events),
        "seats": await database.fetchval(f"SELECT count(*) FROM seat WHERE show_id IN ({shows})", events),
    }


async def test_a_seeding_that_was_killed_is_completed_and_another_adds_nothing(lanes, database):
    killed = start("actors.demo")
    for _ in range(4):
        assert killed.stdout is not None
        await asyncio.to_thread(killed.stdout.readline)
    killed.kill()
    killed.communicate()

    first = await asyncio.to_thread(run_demo)
    assert first.returncode == 0, first.stderr
    assert first.stdout.endswith("shows of 15 events are open\n")
    once = await demo_rows(database)
    places = sum(len(event.shows) * HALLS[event.hall.sections] for event in EVENTS)
    shows = sum(len(event.shows) for event in EVENTS)
    halls = len({event.hall for event in EVENTS})
    assert once == {
        "users": 4, "openings": 1, "venues": 11, "halls": halls, "events": len(EVENTS), "shows": shows, "open": shows,
        "seats": places,
    }  # fmt: skip

    second = await asyncio.to_thread(run_demo)
    assert second.returncode == 0, second.stderr
    assert "made" not in second.stdout
    assert await demo_rows(database) == once


async def test_a_race_is_one_open_show_with_the_seats_asked_for(lanes, database):
    words = ("race", "Seventy", "--seats", "70", "--rows", "4", "--hold-seconds", "7", "--price", "12300")
    run = await asyncio.to_thread(run_demo, *words)
    assert run.returncode == 0, run.stderr
    race = msgspec.json.decode(run.stdout)
    assert set(race) == {"show_id", "event_id", "lane", "section_id"}
    show = await database.fetchrow("SELECT * FROM show WHERE id = $1", race["show_id"])
    assert show["opened"] and show["lane"] == race["lane"] and str(show["event_id"]) == race["event_id"]
    assert show["hold_seconds"] == 7 and show["sale_opens_at"] < datetime.now(UTC) < show["sale_closes_at"]
    assert msgspec.json.decode(show["prices"]) == [{"section_id": race["section_id"], "amount": 12_300}]
    assert msgspec.json.decode(show["left"]) == {race["section_id"]: 70}
    assert await database.fetchval("SELECT count(*) FROM seat WHERE show_id = $1", show["id"]) == 70


async def test_production_gets_no_demo(lanes):
    secret = "7Zq" * 20
    run = await asyncio.to_thread(
        run_demo, FRONTROW_MODE="production", RATE_LIMITS="on", JWT_SECRET=secret, RAZORPAY_KEY_SECRET=secret,
        RAZORPAY_WEBHOOK_SECRET=secret, GOOGLE_ISSUER="https://accounts.google.com",
        GITHUB_URL="https://github.com", GITHUB_API_URL="https://api.github.com",
    )  # fmt: skip
    assert run.returncode == 1
    assert run.stderr == "demo: production has no demo: nothing was made.\n"


async def test_a_database_that_is_not_there_is_said_in_a_sentence(lanes):
    run = await asyncio.to_thread(run_demo, DATABASE_URL="postgres://nobody:nothing@127.0.0.1:1/none")
    assert run.returncode == 1
    assert "see that it is up and migrated, then start again." in run.stderr
    assert "Traceback" not in run.stderr
