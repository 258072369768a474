"""Watching: a show's seats and a booking as server-sent events, as they change and after having been away."""

import asyncio
import contextlib
import json
import os
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import redis.asyncio
from box_office import PRICE, until

from tests.edge.house import make_house

EVENT_LIMIT_SECONDS = 12


class Watching:
    """An open stream of server-sent events."""

    def __init__(self, response):
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self):
        """The next event: its id, name and data."""
        async with asyncio.timeout(EVENT_LIMIT_SECONDS):
            event = {"id": None, "event": None, "data": None}
            async for line in self._lines:
                if line == "" and event["event"]:
                    return event["id"], event["event"], json.loads(event["data"])
                name, _, value = line.partition(": ")
                if name in event:
                    event[name] = value
            raise AssertionError("the stream ended")

    async def until(self, is_so):
        async with asyncio.timeout(EVENT_LIMIT_SECONDS):
            while not is_so(found := await self.next()):
                pass
            return found


@pytest.fixture
def watch(http):
    @contextlib.asynccontextmanager
    async def open_stream(buyer, path, **headers):
        bearer = {"Authorization": f"Bearer {buyer.token}"}
        async with http.stream("GET", f"{buyer.edge_url}{path}", headers=bearer | headers) as response:
            if response.status_code == 200:
                assert response.headers["content-type"].startswith("text/event-stream")
                assert response.headers["x-request-id"] and response.headers["traceparent"]
            yield Watching(response)

    return open_stream


async def version_of(buyer, show):
    answer = await buyer.ask("GET", f"/v1/shows/{show.id}/seats")
    assert answer.headers["etag"].startswith(f'"{answer.json()["version"]}.')
    return answer.json()["version"]


async def test_others_holds_and_sales_appear_on_the_seat_map(show, buyers, watch):
    watcher, buyer = await buyers.make(), await buyers.make(wallet=PRICE)
    version = await version_of(watcher, show)
    async with watch(watcher, f"/v1/shows/{show.id}/seats/stream?since={version}") as seats:
        held = await buyer.hold(show, show.seats[0], wallet=True)
        event_id, name, change = await seats.next()
        assert name == "seats" and event_id == f"{change['version']}" and change["version"] > version
        assert change["changes"][show.seats[0]] in ("held", "sold") and change["left"] == {show.section_id: 19}
        if change["changes"][show.seats[0]] == "held":
            _, _, change = await seats.until(lambda e: e[2]["changes"].get(show.seats[0]) == "sold")
    await buyer.until_status(held["id"], "confirmed")

    async def is_the_same():
        return await version_of(watcher, show) == change["version"]

    await until("the map is as new as what was told", is_the_same, within=2)


async def test_who_was_away_hears_what_was_missed(show, buyers, watch):
    watcher = await buyers.make()
    version = await version_of(watcher, show)
    for seat in show.seats[:3]:
        await (await buyers.make()).hold(show, seat)
    async with watch(watcher, f"/v1/shows/{show.id}/seats/stream", **{"Last-Event-ID": f"{version}"}) as seats:
        _, name, change = await seats.next()
        assert name == "seats" and change["changes"] == {seat: "held" for seat in show.seats[:3]}
        assert change["left"] == {show.section_id: 17}


async def test_who_was_away_too_long_is_told_to_fetch_the_map_again(show, buyers, watch):
    watcher = await buyers.make()
    version = await version_of(watcher, show)
    for seat in show.seats[:2]:
        await (await buyers.make()).hold(show, seat)
    async with redis.asyncio.Redis.from_url(os.environ["REDIS_URL"]) as live:
        await live.delete(f"seats:{show.id}:log")
    async with watch(watcher, f"/v1/shows/{show.id}/seats/stream?since={version}") as seats:
        event_id, name, _ = await seats.next()
        assert name == "reset" and int(event_id) == await version_of(watcher, show)


async def test_a_standing_area_shows_only_how_many_are_left(shows, buyers, watch, rows):
    show = await shows.make(4, per_row=4, standing=6)
    floor = await rows.fetchval("SELECT prices -> 1 ->> 'section_id' FROM show WHERE id = $1", show.id)
    watcher = await buyers.make()
    version = await version_of(watcher, show)
    async with watch(watcher, f"/v1/shows/{show.id}/seats/stream?since={version}") as seats:
        await (await buyers.make()).hold(show, quantity=2, section_id=floor)
        _, name, change = await seats.next()
        assert name == "seats" and change["changes"] == {} and change["left"][floor] == 4


async def test_a_partners_seat_stays_blocked_when_it_comes_free_and_its_release_is_told(rows, buyers, watch):
    house = await make_house(rows, buyers)
    partner, watcher = await buyers.make(), await buyers.make()
    kept = [{"name": "Bank", "access_code": "CARD", "section_id": house.stalls, "rows": ["A"]}]
    show = await house.put_on(allocations=kept, hold_seconds=5)
    seat = (await house.seats(show))[0]
    path = f"/v1/shows/{show['id']}"
    whole = (await watcher.ask("GET", f"{path}/seats")).json()
    stream = f"{path}/seats/stream?since={whole['version']}&kept={whole['kept']}"
    async with watch(watcher, stream) as seats:
        held = await partner.wish(show["id"], {"seats": [seat], "access_code": "CARD"})
        assert held.status_code == 201, held.text
        _, name, change = await seats.next()
        assert (name, change["changes"], change["left"][house.stalls]) == ("seats", {seat: "held"}, 6)
        _, name, change = await seats.next()
        assert (name, change["changes"], change["left"][house.stalls]) == ("seats", {seat: "blocked"}, 6)
        soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
        changed = await house.ask("PATCH", path, json={"allocations": [kept[0] | {"release_at": soon}]})
        assert changed.status_code == 200, changed.text
        await seats.until(lambda told: told[1] == "reset")

    async def released():
        found = (await watcher.ask("GET", f"{path}/seats")).json()
        return "kept" not in found and found["sections"][0]["left"] == 12

    await until("it is for everybody", released)
    async with watch(watcher, stream) as seats:  # of one who was away meanwhile
        _, name, _ = await seats.next()
        assert name == "reset"


async def test_a_seat_map_is_not_sent_again_while_nothing_changed(show, buyers):
    buyer = await buyers.make()
    first = await buyer.ask("GET", f"/v1/shows/{show.id}/seats")
    headers = {"If-None-Match": first.headers["etag"]}
    same = await buyer.ask("GET", f"/v1/shows/{show.id}/seats", headers=headers)
    assert (same.status_code, same.content) == (304, b"")
    assert first.headers["content-encoding"] == "gzip"
    await buyer.hold(show, show.seats[0])
    await asyncio.sleep(0.5)  # a map may be half a second old
    other = await buyer.ask("GET", f"/v1/shows/{show.id}/seats", headers=headers)
    assert other.status_code == 200 and other.headers["etag"] != first.headers["etag"]


async def test_a_booking_is_told_each_time_it_changes(show, buyer, watch, emulator):
    held = await buyer.hold(show, show.seats[0])
    async with watch(buyer, f"/v1/bookings/{held['id']}/stream") as booking:
        _, name, first = await booking.next()
        assert name == "booking" and (first["id"], first["status"]) == (held["id"], "held")
        order = await buyer.until_payable(held["id"])
        await emulator.pay(order)
        _, _, last = await booking.until(lambda e: e[2]["status"] == "confirmed" and e[2]["tickets"])
        assert last == await buyer.booking(held["id"])


async def test_a_booking_is_streamed_to_its_buyer_only(show, buyers, watch):
    held = await (await buyers.make()).hold(show, show.seats[0])
    stranger = await buyers.make()
    async with watch(stranger, f"/v1/bookings/{held['id']}/stream") as foreign:
        assert foreign.response.status_code == 404
    async with watch(stranger, f"/v1/bookings/{uuid.uuid4()}/stream") as missing:
        assert missing.response.status_code in (404, 503)


async def test_the_end_of_a_hold_is_told_too(shows, buyer, watch):
    show = await shows.make(hold_seconds=5)
    held = await buyer.hold(show, show.seats[0])
    async with watch(buyer, f"/v1/bookings/{held['id']}/stream") as booking:
        _, _, last = await booking.until(lambda e: e[2]["status"] != "held")
    assert last["status"] == "expired"
