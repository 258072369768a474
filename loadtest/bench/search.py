"""The row `search`: a catalogue of 100,000 events, searched with typing mistakes, beside its lists; and the plan.

Names are made of syllables, so that there are as many words as in a real catalogue; a third of the events are over.
Each question is one that a person would type: an artist and a city, a mistake in half of the words.  Every request
goes over HTTP to one edge; what it must find is checked."""

import asyncio
import random
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from loadtest.bench.figures import NotMeasured, percentile
from loadtest.bench.ground import Ground

EVENTS, VENUES, QUESTIONS, WARM_QUESTIONS, AT_ONCE = 100_000, 2_000, 2_000, 100, 2
CITIES = (
    "Mumbai", "Delhi", "Bengaluru", "Hyderabad", "Chennai", "Kolkata", "Pune", "Ahmedabad", "Jaipur", "Lucknow",
    "Kochi", "Nagpur", "Indore", "Bhopal", "Patna", "Vadodara", "Goa", "Surat", "Mysuru", "Chandigarh",
)  # fmt: skip
FORMS = (
    "Tribute",
    "Live",
    "Unplugged",
    "Orchestra",
    "Festival",
    "Comedy Night",
    "Quartet",
    "Premiere",
    "Musical",
    "Gala",
)
SYLLABLES = [first + last for first in "bdfghklmnprstvz" for last in ("a", "e", "i", "o", "u", "an", "el", "or", "is")]
LISTS = {
    "soonest": "", "city": "?city=Pune", "kind_and_price": "?kind=concert&max_price=60000&sort=price",
    "title": "?sort=-title", "words": "?q=mumbay&sort=date",
}  # fmt: skip


async def measure(ground: Ground) -> dict[str, Any]:
    chance = random.Random(7)
    artists = [" ".join(_name(chance) for _ in range(2)) for _ in range(30_000)]
    began = time.monotonic()
    titles = await _fill(ground, chance, artists)
    ground.say(f"{EVENTS:,} events were made in {time.monotonic() - began:.0f} s")
    await ground.start("edge")
    host, port = ground.edge_address
    async with httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=30.0, trust_env=False) as client:
        questions = list(_questions(chance, titles))
        for title, city, asked in questions[:WARM_QUESTIONS]:
            await _ask(client, title, city, asked)
        times, found = await _all(client, questions[WARM_QUESTIONS:])
        lists = {name: await _list(client, query) for name, query in LISTS.items()}
    plan = await ground.database.fetch(f"EXPLAIN (ANALYZE, COSTS OFF) {_plan_of()}")
    ground.say("the plan of one question:\n" + "\n".join(f"      {row[0]}" for row in plan))
    return {
        "p95_ms": round(percentile(times, 95), 1), "p50_ms": round(percentile(times, 50), 1),
        "p99_ms": round(percentile(times, 99), 1), "found_percent": round(100 * found / len(times), 1),
        "events": EVENTS, "venues": VENUES, "questions": len(times), "at_once": AT_ONCE, "lists_p95_ms": lists,
    }  # fmt: skip


def _plan_of() -> str:
    """A question of two common words, as store/sql/search.sql asks it, without what follows for the best of them."""
    asked = "'(''mumbai'':*) & (''tribute'':*)'::tsquery"
    return f"""
        SELECT id FROM search_entry WHERE id IN (
            (SELECT id FROM search_entry WHERE ts_filter(document, '{{a}}') @@ {asked} LIMIT 1500)
            UNION (SELECT id FROM search_entry WHERE document @@ {asked} LIMIT 1500)
        ) ORDER BY ts_rank('{{0.05, 0.1, 0.5, 1}}', document, {asked}) DESC, id LIMIT 400"""


def _name(chance: random.Random) -> str:
    return "".join(chance.choice(SYLLABLES) for _ in range(chance.choice((2, 3, 3, 4)))).capitalize()


def _mistaken(word: str, chance: random.Random) -> str:
    """The word with one mistake: two letters in each other's place, one left out, or another one."""
    at = chance.randrange(1, len(word) - 1)
    kind = chance.randrange(3)
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 1:
        return word[:at] + word[at + 1 :]
    return word[:at] + chance.choice("aeiourstln") + word[at + 1 :]


def _questions(chance: random.Random, titles: list[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    for title, city in chance.sample(titles, QUESTIONS + WARM_QUESTIONS):
        words = [*title.split(), city]
        kept = chance.sample(words, min(len(words), chance.choice((2, 3, 3))))
        asked = [_mistaken(word, chance) if len(word) > 4 and chance.random() < 0.5 else word for word in kept]
        yield title, city, " ".join(asked).lower()


async def _all(client: httpx.AsyncClient, questions: list[tuple[str, str, str]]) -> tuple[list[float], int]:
    """Milliseconds of each answer, and how many held the event that was meant among its ten."""
    waiting, times, found = iter(questions), list[float](), 0

    async def one() -> None:
        nonlocal found
        for title, city, asked in waiting:
            seconds, there = await _ask(client, title, city, asked)
            times.append(seconds * 1000)
            found += there

    await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    return times, found


async def _ask(client: httpx.AsyncClient, title: str, city: str, asked: str) -> tuple[float, bool]:
    began = time.perf_counter()
    answer = await client.get("/v1/search", params={"q": asked, "limit": 10})
    seconds = time.perf_counter() - began
    if answer.status_code != 200:
        raise NotMeasured(f"a search was answered {answer.status_code}: {answer.text[:200]}")
    return seconds, any(item["title"] == title for item in answer.json()["items"])


async def _list(client: httpx.AsyncClient, query: str) -> float:
    times = []
    for _ in range(20):
        began = time.perf_counter()
        answer = await client.get(f"/v1/events{query}")
        times.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200 or not answer.json()["items"]:
            raise NotMeasured(f"/v1/events{query} was answered {answer.status_code}: {answer.text[:200]}")
    return round(percentile(times, 95), 1)


async def _fill(ground: Ground, chance: random.Random, artists: list[str]) -> list[tuple[str, str]]:
    """Venues, halls, events and shows, by COPY; the titles and cities of what can be booked."""
    rows = ground.database
    plan = await rows.fetchval("SELECT hash FROM seat_plan LIMIT 1")
    organiser = await rows.fetchval("SELECT organiser_id FROM event LIMIT 1")
    now = datetime.now(UTC)
    names = [
        (f"{_name(chance)} {chance.choice(('Hall', 'Arena', 'House'))}", chance.choice(CITIES)) for _ in range(VENUES)
    ]
    venues = [
        {"id": uuid.uuid4(), "organiser_id": organiser, "name": name, "city": city, "country": "IN",
         "address": "1 Road", "time_zone": "Asia/Kolkata", "opens": "09:00", "closes": "23:30", "active": True}
        for name, city in names
    ]  # fmt: skip
    halls = [{"id": uuid.uuid4(), "venue_id": venue["id"], "name": "Hall", "plan_id": plan} for venue in venues]
    events, shows, titles = [], [], []
    for number in range(EVENTS):
        at, title = chance.randrange(VENUES), f"{chance.choice(artists)} {chance.choice(FORMS)}"
        starts = now + timedelta(days=chance.randrange(-120, 240), minutes=chance.randrange(1440))
        if starts > now + timedelta(hours=1):
            titles.append((title, names[at][1]))
        events.append(
            {"id": uuid.uuid4(), "organiser_id": organiser, "title": title,
             "kind": chance.choice(("concert", "film", "match", "theatre", "comedy")),
             "description": f"An evening with {title}.", "language": "Hindi", "rating": "U", "duration_minutes": 120,
             "tags": "[]", "status": "published"}
        )  # fmt: skip
        shows.append(
            {"id": uuid.uuid4(), "number": 1_000_000 + number, "event_id": events[-1]["id"], "hall_id": halls[at]["id"],
             "plan_id": plan, "lane": "show.00", "currency": "INR",
             "prices": f'[{{"section_id":"s","amount":{chance.randrange(100, 5_000) * 100}}}]', "starts_at": starts,
             "ends_at": starts + timedelta(hours=2), "sale_opens_at": now - timedelta(days=200),
             "sale_closes_at": starts, "hold_seconds": 300, "max_seats_per_booking": 10, "max_live_holds": 2,
             "opened": True, "cancelled": False, "seats_version": 0, "place": 0, "left": '{"s":50}', "hash": ""}
        )  # fmt: skip
    for table, made in (("venue", venues), ("hall", halls), ("event", events), ("show", shows)):
        await rows.copy_records_to_table(table, columns=list(made[0]), records=[tuple(row.values()) for row in made])
    await rows.execute("ANALYZE event, show, venue, hall, search_entry, search_word")
    return titles
