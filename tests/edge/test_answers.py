"""What every answer has in common: its ids, its limits, and one shape for all that goes wrong."""

import asyncio
import json
import os
import re
import uuid
from urllib.parse import urlsplit

import pytest
import redis.asyncio
from box_office import new_key, problem_of

TRACE = re.compile(r"^00-([0-9a-f]{32})-([0-9a-f]{16})-0[01]$")


def places(show):
    """Paths whose answers differ in everything: fine, refused, missing, of another kind."""
    return ["/health/live", "/v1/events", f"/v1/shows/{show.id}", f"/v1/shows/{uuid.uuid4()}", "/v1/me", "/v1/nothing",
            "/nothing", "/openapi.json", "/docs", "/static/swagger/docs.js", "/"]  # fmt: skip


async def test_every_answer_carries_a_request_id_and_a_trace(show, buyers):
    somebody, ids = buyers.nobody(), set()
    for path in places(show):
        answer = await somebody.ask("GET", path)
        assert answer.headers["x-request-id"], path
        assert TRACE.match(answer.headers["traceparent"]), path
        assert answer.headers["x-content-type-options"] == "nosniff", path
        ids.add(answer.headers["x-request-id"])
    assert len(ids) == len(places(show)), "each its own"


async def ask_raw(edge_url, path, *headers, version="1.1"):
    """The status and body of a request that no client would send."""
    at = urlsplit(edge_url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    lines = [f"GET {path} HTTP/{version}", *headers, "Connection: close"]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    head, _, body = (await asyncio.wait_for(reader.read(), 20)).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), body


async def test_a_request_for_another_host_is_told_so_and_health_is_answered_under_any_name(edge_url, buyers):
    at = urlsplit(edge_url)
    for good in (at.netloc, "localhost:8000", "LOCALHOST", "shop.localhost", "127.0.0.1", "10.1.2.3:8000", "[::1]:80"):
        assert (await ask_raw(edge_url, "/v1/cities", f"Host: {good}"))[0] == 200, good
    for wrong in (
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhosts",
    ):
        for path in ("/v1/cities", "/v1/nothing", "/", "/static/css/base.css"):
            status, body = await ask_raw(edge_url, path, f"Host: {wrong}")
            assert (status, json.loads(body)["type"]) == (421, "/problems/misdirected"), (wrong, path)
        assert (await ask_raw(edge_url, "/health/live", f"Host: {wrong}"))[0] == 200
    for bad in ((), ("Host: a b",), ("Host:",), ("Host: localhost", "Host: evil.example"), ("Host: x@localhost",)):
        assert (await ask_raw(edge_url, "/v1/cities", *bad))[0] == 400, bad
    assert (await ask_raw(edge_url, "/health/live", version="1.0"))[0] == 200


async def test_a_given_request_id_and_trace_are_kept(show, buyers):
    trace_id = uuid.uuid4().hex
    given = {"X-Request-Id": "from-the-proxy.7", "traceparent": f"00-{trace_id}-{'1' * 16}-01"}
    for path in places(show):
        answer = await buyers.nobody().ask("GET", path, headers=given)
        assert answer.headers["x-request-id"] == "from-the-proxy.7"
        kept = TRACE.match(answer.headers["traceparent"])
        assert kept and kept[1] == trace_id and kept[2] != "1" * 16, "the same trace, a span of our own"


@pytest.mark.parametrize("given", ["x" * 65, "two words", "a<script>", "ä".encode(), ""])
async def test_a_request_id_that_is_none_is_replaced(buyers, product, given):
    answer = await buyers.nobody().ask("GET", "/v1/nothing", headers={"X-Request-Id": given})
    assert re.fullmatch(r"[A-Za-z0-9]{8,64}", problem_of(answer, 404)["request_id"])


@pytest.mark.parametrize(
    "given", ["00-" + "0" * 32 + "-" + "1" * 16 + "-01", "00-" + "1" * 32 + "-" + "0" * 16 + "-01", "rubbish",
              "00-" + "A" * 32 + "-" + "1" * 16 + "-01", "ff-" + "1" * 32 + "-" + "1" * 16 + "-01"]
)  # fmt: skip
async def test_a_trace_that_is_none_is_begun_anew(buyers, product, given):
    answer = await buyers.nobody().ask("GET", "/health/live", headers={"traceparent": given})
    made = TRACE.match(answer.headers["traceparent"])
    assert made and made[1] not in ("0" * 32, "1" * 32)


async def test_a_trace_goes_with_the_booking_into_its_saga(show, buyer, rows):
    trace_id = uuid.uuid4().hex
    answer = await buyer.ask(
        "POST", f"/v1/shows/{show.id}/bookings", json={"quantity": 1},
        headers={"Idempotency-Key": new_key(), "Prefer": "wait=10", "traceparent": f"00-{trace_id}-{'2' * 16}-01"},
    )  # fmt: skip
    await buyer.until_payable(answer.json()["id"])
    trace = await rows.fetchval("SELECT trace FROM saga WHERE id = $1", uuid.UUID(answer.json()["id"]))
    assert TRACE.match(trace)[1] == trace_id


async def test_a_stranger_s_booking_and_none_at_all_are_told_in_the_same_words(show, buyers, rows):
    owner, stranger = await buyers.make(), await buyers.make()
    held = await owner.hold(show, show.seats[0])
    # with notes that reach back far enough, an unknown booking is known to be unknown
    async with redis.asyncio.Redis.from_url(os.environ["REDIS_URL"]) as live:
        await live.set("notes:since", 0)
    for rest in ("", "/timeline", "/stream", "/tickets.pdf"):
        foreign = problem_of(await stranger.ask("GET", f"/v1/bookings/{held['id']}{rest}"), 404, "not-found")
        missing = problem_of(await stranger.ask("GET", f"/v1/bookings/{uuid.uuid4()}{rest}"), 404, "not-found")
        assert foreign | {"request_id": ""} == missing | {"request_id": ""}
    body = {"razorpay_order_id": "o", "razorpay_payment_id": "p", "razorpay_signature": "s"}
    foreign, missing = [
        problem_of(await stranger.ask("POST", f"/v1/bookings/{booking}/payment/verify", json=body), 404)
        for booking in (held["id"], uuid.uuid4())
    ]
    assert foreign | {"request_id": ""} == missing | {"request_id": ""}
    assert (await stranger.ask("GET", "/v1/bookings")).json()["items"] == []


async def test_another_method_is_405_and_says_which_there_are(show, buyer):
    for method, path, allowed in (
        ("DELETE", "/v1/events", {"GET"}),
        ("GET", "/v1/auth/login", {"POST"}),
        ("PUT", f"/v1/shows/{show.id}", {"GET"}),
        ("PUT", f"/v1/shows/{show.id}/bookings", {"GET", "POST"}),
        ("PATCH", "/health/live", {"GET"}),
    ):
        answer = await buyer.ask(method, path)
        problem_of(answer, 405, "method-not-allowed")
        assert allowed <= {name.strip() for name in answer.headers["allow"].split(",")}, (method, path)


async def test_what_claims_to_be_something_else_is_415(show, buyer):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml", "json"):
        answer = await buyer.ask(
            "POST", f"/v1/shows/{show.id}/bookings", content=b'{"quantity": 1}',
            headers={"Content-Type": kind, "Idempotency-Key": new_key()},
        )  # fmt: skip
        problem_of(answer, 415, "unsupported-media-type")


async def test_json_with_a_charset_is_json(show, buyer):
    answer = await buyer.ask(
        "POST", f"/v1/shows/{show.id}/bookings", content=b'{"quantity": 1}',
        headers={"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": new_key(), "Prefer": "wait=10"},
    )  # fmt: skip
    assert answer.status_code == 201


async def test_a_body_that_is_too_large_is_413(show, buyer):
    answer = await buyer.ask(
        "POST", f"/v1/shows/{show.id}/bookings", content=json.dumps({"section_id": "x" * 65_000}).encode(),
        headers={"Content-Type": "application/json", "Idempotency-Key": new_key()},
    )  # fmt: skip
    problem_of(answer, 413, "too-large")


async def test_a_body_announced_as_far_too_large_is_413_before_it_is_sent(show, product):
    head = f"POST /v1/shows/{show.id}/bookings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(product.edge_url).port)
    writer.write(head.encode() + b"{")
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert answer.startswith(b"HTTP/1.1 413 ") and b"application/problem+json" in answer
    assert b"x-request-id:" in answer.lower() and b"traceparent:" in answer.lower()
    writer.close()


@pytest.mark.parametrize(
    "query, pointer",
    [("limit=0", "/limit"), ("limit=101", "/limit"), ("limit=ten", "/limit"), ("limit=1&limit=2", "/limit"),
     ("cursor=nonsense", "/cursor"), ("cursor=" + "A" * 500, "/cursor"), ("colour=red", "/colour")],
)  # fmt: skip
async def test_a_list_s_query_is_checked(buyer, query, pointer):
    for path in ("/v1/bookings", "/v1/events"):
        problem = problem_of(await buyer.ask("GET", f"{path}?{query}"), 422)
        assert problem["errors"][0]["pointer"] == pointer


async def test_a_list_is_paged_without_gaps_or_repeats(shows, buyer):
    shown = [await shows.make(4) for _ in range(5)]
    made = [(await buyer.hold(show, quantity=1))["id"] for show in shown]
    found, cursor = [], ""
    for _ in range(4):
        page = (await buyer.ask("GET", f"/v1/bookings?limit=2{cursor}")).json()
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == list(reversed(made)), "newest first"


async def test_a_connection_that_speaks_no_http_harms_nobody(buyers, product):
    port = urlsplit(product.edge_url).port
    for bytes_sent in (
        b"\x16\x03\x01\x02\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(bytes_sent)
        writer.write_eof()
        await asyncio.wait_for(reader.read(), 10)
        writer.close()
    assert (await buyers.nobody().ask("GET", "/health/live")).status_code == 200


async def test_readiness_names_every_part(http, edge_url):
    answer = await http.get(f"{edge_url}/health/ready")
    assert answer.status_code == 200 and answer.json()["ready"] is True
    parts = answer.json()["parts"]
    assert set(parts) == {"postgres", "redis", "rabbitmq", "lanes", "workers"}
    assert all(part == {"ready": True, "reason": "ok"} for part in parts.values())
