"""Rate limits: three bookings at once and one back each twenty seconds; log-ins by client and by address."""

import asyncio
import os
import uuid

import httpx
import pytest
from box_office import new_key, problem_of

from compose import ports


@pytest.fixture(scope="module")
def strict_edge(product):
    """A second edge, which limits rates as the first does not."""
    port = ports.choose(None, None, set())
    url = f"http://127.0.0.1:{port}"
    product.add("edge-strict", "edge.server", EDGE_PORT=f"{port}", EDGE_URL=url, RATE_LIMITS="on")
    product.wait_until_ready(url)
    return url


async def test_the_fourth_booking_in_a_row_is_429_and_says_when(shows, buyers, strict_edge, rows):
    buyer = (await buyers.make()).at(strict_edge)
    show = await shows.make(max_live_holds=10)
    left = []
    for _ in range(3):
        answer = await buyer.wish(show, {"quantity": 1})
        assert answer.status_code == 201
        assert answer.headers["ratelimit-policy"] == '"bookings";q=3;w=60'
        left.append(answer.headers["ratelimit"].split(";")[:2])
    assert left == [['"bookings"', f"r={remaining}"] for remaining in (2, 1, 0)]

    answer = await buyer.wish(show, {"quantity": 1})
    problem_of(answer, 429, "too-many-requests")
    assert 15 <= int(answer.headers["retry-after"]) <= 21
    assert answer.headers["ratelimit"].startswith('"bookings";r=0;t=')
    assert answer.headers["ratelimit-policy"] == '"bookings";q=3;w=60'
    assert await rows.fetchval("SELECT count(*) FROM booking WHERE buyer_id = $1", buyer.id) == 3


async def test_a_wish_that_was_limited_leaves_its_key_unspent(shows, buyers, strict_edge):
    buyer = (await buyers.make()).at(strict_edge)
    show, key = await shows.make(max_live_holds=10), new_key()
    for _ in range(3):
        assert (await buyer.wish(show, {"quantity": 1})).status_code == 201
    problem_of(await buyer.wish(show, {"quantity": 1}, key=key), 429)
    elsewhere = buyer.at(os.environ["EDGE_URL"])
    assert (await elsewhere.wish(show, {"quantity": 2}, key=key)).status_code == 201, "nothing was noted under the key"


async def test_asking_again_takes_no_token(show, buyers, strict_edge):
    buyer, key = (await buyers.make()).at(strict_edge), new_key()
    for _ in range(8):
        assert (await buyer.wish(show, {"quantity": 1}, key=key)).status_code == 201
    assert (await buyer.wish(show, {"quantity": 1})).status_code == 201


async def test_what_is_wrong_by_itself_takes_no_token(show, buyers, strict_edge):
    buyer = (await buyers.make()).at(strict_edge)
    for _ in range(5):
        problem_of(await buyer.wish(show, {"quantity": 0}), 422)
    assert (await buyer.wish(show, {"quantity": 1})).headers["ratelimit"].startswith('"bookings";r=2')


async def test_twenty_wishes_at_once_take_three_tokens(shows, buyers, strict_edge):
    buyer, show = (await buyers.make()).at(strict_edge), await shows.make(30, max_live_holds=30)
    answers = await asyncio.gather(*(buyer.wish(show, {"quantity": 1}) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [429] * 17


async def test_one_buyer_s_limit_is_not_another_s(show, buyers, strict_edge):
    for _ in range(5):
        assert (await (await buyers.make()).at(strict_edge).wish(show, {"quantity": 1})).status_code == 201


async def test_guessing_one_account_s_password_is_slowed_down(http, strict_edge):
    body = {"email": f"nobody-{uuid.uuid4()}@example.com", "password": "guess-after-guess"}
    answers = await asyncio.gather(*(http.post(f"{strict_edge}/v1/auth/login", json=body) for _ in range(12)))
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {401, 429} and 2 <= statuses.count(429) <= 3, statuses
    limited = next(answer for answer in answers if answer.status_code == 429)
    problem_of(limited, 429, "too-many-requests")
    assert 1 <= int(limited.headers["retry-after"]) <= 7


async def test_an_edge_without_limits_names_none(show, buyer):
    answer = await buyer.wish(show, {"quantity": 1})
    assert answer.status_code == 201 and "ratelimit" not in answer.headers


async def test_an_address_cannot_make_accounts_without_end(http, strict_edge):
    async def register() -> httpx.Response:
        body = {"email": f"{uuid.uuid4()}@example.com", "password": "long-enough", "name": "One of many"}
        return await http.post(f"{strict_edge}/v1/auth/register", json=body)

    answers = [await register() for _ in range(12)]
    statuses = [answer.status_code for answer in answers]
    assert statuses[:5] == [201] * 5 and statuses[-1] == 429, statuses
