"""Posters over HTTP: who may put one, what is refused, and how it is served."""

import asyncio
import uuid

import httpx
import pytest
from box_office import problem_of, until
from test_poster_images import HTML, SVG, picture, png_that_says

JPEG = {"Content-Type": "image/jpeg"}


@pytest.fixture
async def event_id(member):
    answer = await member.ask("POST", "/v1/events", json={"title": "Lamp Evening", "kind": "concert"})
    return answer.json()["id"]


async def test_a_poster_is_put_and_served_in_three_sizes_for_ever(member, event_id, buyers):
    put = await member.ask("PUT", f"/v1/events/{event_id}/poster", content=picture(), headers=JPEG)
    assert put.status_code == 200 and put.json()["id"] == event_id
    address, lengths = put.json()["poster_url"], []
    for size in ("small", "medium", "large"):
        answer = await buyers.nobody().ask("GET", f"{address}?size={size}")
        assert answer.status_code == 200 and answer.headers["content-type"] == "image/webp"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.content[:4] == b"RIFF" and answer.content[8:12] == b"WEBP"
        lengths.append(len(answer.content))
        again = await buyers.nobody().ask(
            "GET", f"{address}?size={size}", headers={"If-None-Match": answer.headers["etag"]}
        )
        assert again.status_code == 304 and not again.content
    assert lengths == sorted(lengths)


async def test_a_poster_is_cached_by_its_content(member, event_id):
    async def put(content):
        answer = await member.ask("PUT", f"/v1/events/{event_id}/poster", content=content, headers=JPEG)
        return answer.json()["poster_url"]

    first = await put(picture())
    assert await put(picture()) == first, "twice is once"
    assert await put(picture(700)) != first, "a new image has a new address"


async def test_a_poster_is_swept_when_the_last_event_that_has_it_has_another(member, event_id, buyers, rows):
    """Two events may have one image; another of the same bytes has it again."""
    other = (await member.ask("POST", "/v1/events", json={"title": "Lamps again", "kind": "concert"})).json()["id"]

    async def put(event, content):
        answer = await member.ask("PUT", f"/v1/events/{event}/poster", content=content, headers=JPEG)
        assert answer.status_code == 200, answer.text
        return answer.json()["poster_url"]

    async def is_served(address):
        return (await buyers.nobody().ask("GET", address)).status_code == 200

    async def is_gone(address):
        return not await is_served(address)

    async def later(*addresses):
        """What somebody wanted until now is not wanted any more."""
        ids = [uuid.UUID(address.rsplit("/")[-1]) for address in addresses]
        await rows.execute("UPDATE poster SET wanted_until = now() WHERE wanted_until > now() AND id = ANY($1)", ids)

    width = 400 + uuid.uuid4().int % 200
    shared, new = picture(width), picture(width + 211)
    address = await put(event_id, shared)
    assert await put(other, shared) == address
    newer = await put(event_id, new)
    await later(address)
    assert await put(event_id, new) == newer
    assert await put(other, new) == newer
    await later(address, newer)
    await until("nobody has it any more", lambda: is_gone(address))
    assert await is_served(newer)
    again = await put(event_id, shared)
    assert await is_served(again)
    assert (await member.ask("DELETE", f"/v1/events/{other}")).status_code == 204
    await later(newer)
    await until("its event was deleted", lambda: is_gone(newer))
    assert await is_served(again)


@pytest.mark.parametrize(
    ("content", "claimed", "status"),
    [(SVG, "image/svg+xml", 415), (SVG, "image/png", 422), (HTML, "image/jpeg", 422), (HTML, "text/html", 415),
     (picture(form="PNG"), "image/jpeg", 422), (png_that_says(50_000, 50_000), "image/png", 422),
     (b"", "image/jpeg", 400), (picture(), "multipart/form-data; boundary=x", 415),
     (b"\xff\xd8" + b"a" * 5_000_000, "image/jpeg", 413)],
    ids=["svg", "svg as png", "html as jpeg", "html", "a wrong magic", "a bomb", "nothing", "a form", "too large"],
)  # fmt: skip
async def test_what_is_no_honest_image_is_refused_and_nothing_changes(member, event_id, content, claimed, status):
    answer = await member.ask(
        "PUT", f"/v1/events/{event_id}/poster", content=content, headers={"Content-Type": claimed}
    )
    problem_of(answer, status)
    assert (await member.ask("GET", f"/v1/events/{event_id}")).json()["poster_url"] is None


async def test_a_body_without_an_end_is_cut_off_at_the_limit(member, event_id):
    async def endless():
        while True:
            yield b"\xff\xd8\xff\xe0" * 16_384

    try:
        answer = await member.ask("PUT", f"/v1/events/{event_id}/poster", content=endless(), headers=JPEG)
    except httpx.TransportError:
        return  # closed while it was sending
    problem_of(answer, 413)


async def test_a_poster_is_put_by_the_event_s_own_managers_only(member, make_member, event_id, buyers):
    path, content = f"/v1/events/{event_id}/poster", picture()
    problem_of(await buyers.nobody().ask("PUT", path, content=content, headers=JPEG), 401)
    problem_of(await (await buyers.make()).ask("PUT", path, content=content, headers=JPEG), 403)
    stranger, scanner = await make_member(), await make_member("scanner", member.organiser_id)
    problem_of(await stranger.ask("PUT", path, content=content, headers=JPEG), 404)
    problem_of(await scanner.ask("PUT", path, content=content, headers=JPEG), 403)
    assert (
        await (await make_member("manager", member.organiser_id)).ask("PUT", path, content=content, headers=JPEG)
    ).status_code == 200


async def test_a_poster_s_address_leads_to_posters_only(buyers):
    for path in ("/v1/posters/../../etc/passwd", "/v1/posters/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/v1/posters/a%00b",
                 "/v1/posters/00000000-0000-4000-8000-000000000000"):  # fmt: skip
        problem_of(await buyers.nobody().ask("GET", path), 404)
    answer = await buyers.nobody().ask("GET", "/v1/posters/00000000-0000-4000-8000-000000000000?size=../x")
    assert problem_of(answer, 422)["errors"][0]["pointer"] == "/size"


async def test_many_posters_at_once_are_drawn_or_told_to_come_again(member, event_id):
    content = picture(3000, 3000, quality=30)

    async def put():
        return (await member.ask("PUT", f"/v1/events/{event_id}/poster", content=content, headers=JPEG)).status_code

    codes = await asyncio.gather(*(put() for _ in range(14)))
    assert set(codes) <= {200, 503} and 200 in codes
    assert await put() == 200, "and afterwards there is room again"
