"""The row `organiser_figures`: an organiser's figures over a million bookings, and the plan of what answers them.

The first question counts every show; from then on only those that have sold since.  A few sales happen before each
question, as in real life, and the figures must be right each time."""

import time
from typing import Any

import httpx

from loadtest.accounts import token_for
from loadtest.bench.figures import NotMeasured, median_of
from loadtest.bench.ground import Ground

SHOWS, BOOKINGS_EACH, DAYS, QUESTIONS, CHANGED = 500, 2_000, 30, 20, 3

MAKE_SHOWS = """
INSERT INTO show (id, number, event_id, hall_id, plan_id, lane, currency, prices, starts_at, ends_at, sale_opens_at,
    sale_closes_at, hold_seconds, max_seats_per_booking, max_live_holds, opened, cancelled, seats_version, place,
    "left", hash)
SELECT gen_random_uuid(), 2000000 + n, w.event_id, w.hall_id, w.plan_id, w.lane, w.currency, w.prices,
    now() + n * interval '1 h', now() + n * interval '1 h', now(), now() + interval '99 d', 300, 10, 2, true, false, 1,
    0, '{}', ''
FROM (SELECT * FROM show LIMIT 1) w, generate_series(1, $1) n
"""
MAKE_BOOKINGS = """
INSERT INTO booking (id, show_id, buyer_id, lane, generation, "offset", place, state, seats, amounts, currency, method,
    body_hash, decided_at, changed_at)
SELECT gen_random_uuid(), w.id, gen_random_uuid(), w.lane, 0, n, n,
    CASE WHEN n % 20 = 0 THEN 'held' ELSE 'confirmed' END,
    '[{"id":"a","label":"1","row":"A","section":"Section ' || n % 5 || '","section_id":"s","price":50000},'
    || '{"id":"b","label":"2","row":"A","section":"Section ' || n % 5 || '","section_id":"s","price":50000}]',
    '{"seats":100000}', 'INR', 'wallet', '', now() - (n % $2::int) * interval '1 d', now()
FROM show w, generate_series(1, $1) n WHERE w.number > 2000000
"""
SELL = """
WITH sold AS (
    UPDATE booking SET state = 'confirmed' WHERE id IN (
        SELECT id FROM booking WHERE state = 'held' AND show_id IN (
            SELECT id FROM show WHERE number > 2000000 LIMIT $1
        ) LIMIT $1
    ) RETURNING show_id
)
UPDATE show SET seats_version = seats_version + 1 WHERE id IN (SELECT show_id FROM sold)
"""
PLAN = """
EXPLAIN (ANALYZE, COSTS OFF)
SELECT f.section, w.currency, sum(f.sold), sum(f.held), sum(f.revenue)
FROM event e JOIN show w ON w.event_id = e.id JOIN sales_of_show c ON c.show_id = w.id
JOIN sales_figure f ON f.show_id = w.id AND f.seats_version = c.seats_version
WHERE e.organiser_id = $1 GROUP BY f.section, w.currency
"""


async def measure(ground: Ground) -> dict[str, Any]:
    rows = ground.database
    began = time.monotonic()
    await rows.execute(MAKE_SHOWS, SHOWS)
    await rows.execute(MAKE_BOOKINGS, BOOKINGS_EACH, DAYS)
    await rows.execute("ANALYZE show, booking")
    ground.say(f"{SHOWS * BOOKINGS_EACH:,} bookings were made in {time.monotonic() - began:.0f} s")
    owner = await rows.fetchrow(
        "SELECT m.user_id, e.organiser_id FROM event e JOIN organiser_member m USING (organiser_id) LIMIT 1"
    )
    if owner is None:
        raise NotMeasured("the event of the ground has no organiser with a member")
    await ground.start("edge")
    host, port = ground.edge_address
    headers = {"Authorization": f"Bearer {token_for(owner['user_id'])}"}
    async with httpx.AsyncClient(
        base_url=f"http://{host}:{port}", timeout=120.0, headers=headers, trust_env=False
    ) as edge:
        first, sold = await _ask(edge)
        times = []
        for _ in range(QUESTIONS):
            await rows.execute(SELL, CHANGED)
            milliseconds, now_sold = await _ask(edge)
            if now_sold <= sold:
                raise NotMeasured(f"the figures are stale: {now_sold} seats sold, after {sold} and more sales")
            times.append(milliseconds)
            sold = now_sold
    plan = await rows.fetch(PLAN, owner["organiser_id"])
    ground.say("the plan of the sections' figures:\n" + "\n".join(f"      {row[0]}" for row in plan))
    return {
        **median_of("p50_ms", times, 1), "worst_ms": round(max(times), 1), "first_ms": round(first, 1),
        "bookings": SHOWS * BOOKINGS_EACH, "shows": SHOWS, "shows_changed_between": CHANGED,
    }  # fmt: skip


async def _ask(edge: httpx.AsyncClient) -> tuple[float, int]:
    """Milliseconds, and how many seats were sold."""
    began = time.perf_counter()
    answer = await edge.get("/v1/organiser/figures")
    milliseconds = (time.perf_counter() - began) * 1000
    if answer.status_code != 200:
        raise NotMeasured(f"the figures were answered {answer.status_code}: {answer.text[:200]}")
    return milliseconds, sum(total["sold"] for total in answer.json()["totals"])
