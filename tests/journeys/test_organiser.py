"""An organiser puts up a show and sells it: from the venue to the figures, and another organiser sees nothing of it."""

import io
import uuid
from datetime import UTC, datetime, timedelta

from box_office import problem_of, until
from PIL import Image

STALLS = {"name": "Stalls", "kind": "seated", "tier": "Gold", "rows": 3, "seats_per_row": 8, "accessible": ["A-1"]}
FLOOR = {"name": "Floor", "kind": "standing", "tier": "Floor", "capacity": 20}


async def made(somebody, path, body, status=201):
    answer = await somebody.ask("POST", path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def a_body(buyers):
    """Somebody who has applied to be an organiser, which is approved at once in development."""
    person = await buyers.make()
    await made(person, "/v1/organisers", {"legal_name": "Evenings Ltd", "support_email": "help@example.com"})
    return person


async def test_venue_hall_event_poster_show_search_sale_and_figures(buyers):
    organiser, stranger = await a_body(buyers), await a_body(buyers)
    buyer = await buyers.make(wallet=10_000_000)
    city = f"Mumbai {uuid.uuid4().hex[:10]}"
    venue = await made(organiser, "/v1/venues", {
        "name": "Gateway Hall", "city": city, "country": "IN", "address": "1 Road", "time_zone": "Asia/Kolkata",
        "opens": "00:00", "closes": "00:00"})  # fmt: skip
    hall = await made(organiser, f"/v1/venues/{venue['id']}/halls", {"name": "Main", "sections": [STALLS, FLOOR]})
    stalls, floor = (section["id"] for section in hall["sections"])
    event = await made(organiser, "/v1/events", {"title": "The Beatles Tribute", "kind": "concert"})
    image = io.BytesIO()
    Image.new("RGB", (800, 600), "navy").save(image, "PNG")
    poster = await organiser.ask(
        "PUT", f"/v1/events/{event['id']}/poster", content=image.getvalue(), headers={"Content-Type": "image/png"}
    )
    assert poster.status_code == 200
    show = await made(organiser, f"/v1/events/{event['id']}/shows", {
        "hall_id": hall["id"], "starts_at": (datetime.now(UTC) + timedelta(days=9)).isoformat(), "currency": "INR",
        "prices": [{"section_id": stalls, "amount": 80_000}, {"section_id": floor, "amount": 50_000}],
        "ticket_types": [{"name": "child", "percent": 50}]})  # fmt: skip
    await made(organiser, f"/v1/shows/{show['id']}/coupons", {"code": "TENOFF", "percent": 10})

    words = {"q": "beatels tribut mumbay", "city": city}
    problem_of(await buyer.ask("GET", f"/v1/events/{event['id']}"), 404)
    assert (await buyer.ask("GET", "/v1/search", params=words)).json()["items"] == []
    await made(organiser, f"/v1/events/{event['id']}/publish", None, 200)
    [found] = (await buyer.ask("GET", "/v1/search", params=words)).json()["items"]
    assert found["id"] == event["id"] and found["poster_url"] == poster.json()["poster_url"]

    seats = (await buyer.ask("GET", f"/v1/shows/{show['id']}/seats")).json()["sections"][0]["rows"][1]["seats"]
    one, two, three = (seat["id"] for seat in seats[2:5])
    wish = {"seats": [one, two, {"id": three, "ticket_type": "child"}], "coupon": "TENOFF",
            "payment": {"method": "wallet"}}  # fmt: skip
    quote = (await buyer.ask("POST", f"/v1/shows/{show['id']}/quote", json=wish)).json()
    assert quote["amounts"]["seats"]["amount"] == 200_000 and quote["amounts"]["discount"]["amount"] == 20_000
    booked = await buyer.wish(show["id"], wish)
    assert booked.status_code == 201, booked.text

    async def confirmed():
        return (await buyer.booking(booked.json()["id"]))["status"] == "confirmed"

    await until("the booking is confirmed", confirmed)
    [total] = (await organiser.ask("GET", "/v1/organiser/figures")).json()["totals"]
    assert (total["sold"], total["revenue"]["amount"]) == (3, 180_000)
    lines = (await organiser.ask("GET", "/v1/organiser/sales.csv")).text.splitlines()
    assert len(lines) == 4 and lines[3].count("child") == 1

    assert (await stranger.ask("GET", "/v1/organiser/figures")).json()["shows"] == []
    assert len((await stranger.ask("GET", "/v1/organiser/sales.csv")).text.splitlines()) == 1
    assert (await stranger.ask("GET", "/v1/organiser/events")).json()["items"] == []
    for path in (f"/v1/shows/{show['id']}/bookings", f"/v1/shows/{show['id']}/journal"):
        problem_of(await stranger.ask("GET", path), 404)
