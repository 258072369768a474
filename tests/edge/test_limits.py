"""Rate limits: three bookings at once and one back each twenty seconds; log-ins by client and by address; an admin
changes them while everything runs."""

import asyncio
import os
import uuid

import httpx
import pytest
from box_office import new_key, problem_of, until
from newcomers import Newcomer

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
    assert 1 <= int(limited.headers["retry-after"]) <= 61  # ten in ten minutes: one a minute


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


@pytest.fixture(scope="module")
def edge_behind_a_proxy(product):
    """A third edge, limited too, which takes us for its proxy: so that each test is a client of its own."""
    port = ports.choose(None, None, set())
    url = f"http://127.0.0.1:{port}"
    product.add(
        "edge-behind", "edge.server", EDGE_PORT=f"{port}", EDGE_URL=url, RATE_LIMITS="on",
        TRUSTED_PROXIES="127.0.0.0/8, ::1/128",
    )  # fmt: skip
    product.wait_until_ready(url)
    return url


@pytest.fixture
async def limits(rows, buyers):
    """Changes limits through the first edge; afterwards they are as they were."""
    admin = await buyers.make(role="admin")

    async def change(*limits):
        answer = await admin.ask("PATCH", "/v1/admin/limits", json={"limits": list(limits)})
        assert answer.status_code == 200, answer.text
        return {item["name"]: item for item in answer.json()["items"]}

    change.admin = admin
    yield change
    await rows.execute("DELETE FROM rate_limit")
    await asyncio.sleep(1.5)  # the edges follow: a bound of theirs, which nothing tells of


async def test_polling_is_not_throttled_like_bookings(shows, buyers, strict_edge):
    buyer, show = (await buyers.make()).at(strict_edge), await shows.make(max_live_holds=10)
    bookings = [(await buyer.wish(show, {"quantity": 1})).json()["id"] for _ in range(3)]
    problem_of(await buyer.wish(show, {"quantity": 1}), 429)
    answers = await asyncio.gather(*(buyer.ask("GET", f"/v1/bookings/{bookings[0]}") for _ in range(150)))
    assert {answer.status_code for answer in answers} == {200}


async def test_a_thousand_forged_addresses_take_from_one_bucket(http, edge_behind_a_proxy):
    client = f"203.0.113.{uuid.uuid4().int % 250}"

    async def guess(number):
        forged = f"10.{number // 250}.{number % 250}.1, {client}"
        body = {"email": f"{uuid.uuid4()}@example.com", "password": "guess-after-guess"}
        return await http.post(f"{edge_behind_a_proxy}/v1/auth/login", json=body, headers={"X-Forwarded-For": forged})

    statuses = []
    for begin in range(0, 1000, 50):
        answers = await asyncio.gather(*(guess(number) for number in range(begin, begin + 50)))
        statuses += [answer.status_code for answer in answers]
    assert set(statuses) == {401, 429}
    assert statuses.count(401) < 100, "thirty at once, and one back each two seconds"


async def test_what_changes_something_says_what_is_left_of_its_limit(buyers, strict_edge):
    buyer = (await buyers.make()).at(strict_edge)
    answer = await buyer.ask("POST", f"/v1/me/invitations/{uuid.uuid4()}/accept")
    problem_of(answer, 404)
    assert answer.headers["ratelimit-policy"] == '"calls-account";q=60;w=60'
    assert answer.headers["ratelimit"] == '"calls-account";r=59;t=1'
    answers = [await buyer.ask("POST", f"/v1/me/invitations/{uuid.uuid4()}/accept") for _ in range(65)]
    limited = [answer for answer in answers if answer.status_code == 429]
    assert limited, [answer.status_code for answer in answers]
    problem_of(limited[0], 429, "too-many-requests")
    assert limited[0].headers["retry-after"] == "1" and "ratelimit" in limited[0].headers


async def test_an_admin_changes_a_limit_and_every_edge_follows(limits, shows, buyers, strict_edge, rows):
    now = await limits({"name": "bookings", "quota": 1, "window_seconds": 3600})
    assert (now["bookings"]["quota"], now["bookings"]["default_quota"]) == (1, 3)
    assert now["bookings"]["changed_at"] and now["registrations"]["changed_at"] is None
    show = await shows.make(40, max_live_holds=10)

    async def followed():
        buyer = (await buyers.make()).at(strict_edge)
        return (await buyer.wish(show, {"quantity": 1})).headers["ratelimit-policy"] == '"bookings";q=1;w=3600'

    await until("the other edge has seen it", followed, within=5)
    buyer = (await buyers.make()).at(strict_edge)
    assert (await buyer.wish(show, {"quantity": 1})).status_code == 201
    answer = await buyer.wish(show, {"quantity": 1})
    problem_of(answer, 429)
    assert int(answer.headers["retry-after"]) > 3000
    changes = (await limits.admin.ask("GET", "/v1/admin/changes")).json()["items"]
    assert (changes[0]["action"], changes[0]["object_id"], changes[0]["actor_id"]) == (
        "limits.change", "bookings", str(limits.admin.id),
    )  # fmt: skip
    assert changes[0]["detail"] == {"quota": 1, "window_seconds": 3600}
    back = await limits({"name": "bookings", "quota": None})
    assert (back["bookings"]["quota"], back["bookings"]["changed_at"]) == (3, None)


async def test_bookings_can_be_limited_by_address_and_over_everybody_too(
    limits, shows, buyers, edge_behind_a_proxy
):  # fmt: skip
    await limits({"name": "bookings-address", "quota": 2, "window_seconds": 3600})
    show, client = await shows.make(40), f"198.51.100.{uuid.uuid4().int % 250}"

    async def wish():
        buyer = (await buyers.make()).at(edge_behind_a_proxy)
        headers = {"Idempotency-Key": new_key(), "Prefer": "wait=10", "X-Forwarded-For": client}
        return await buyer.ask("POST", f"/v1/shows/{show.id}/bookings", json={"quantity": 1}, headers=headers)

    async def limited():
        return (await wish()).status_code == 429

    await until("another account of the same address has to wait", limited, within=10)
    answer = await wish()
    problem_of(answer, 429)
    assert answer.headers["ratelimit-policy"] == '"bookings-address";q=2;w=3600'


@pytest.mark.parametrize(
    ("limit", "pointer"),
    [
        ({"name": "no-such-limit", "quota": 1}, "/limits/0/name"),
        ({"name": "bookings", "quota": -1}, "/limits/0/quota"),
        ({"name": "bookings", "quota": 1, "window_seconds": 0}, "/limits/0/window_seconds"),
        ({"name": "bookings", "quota": 1.5}, "/limits/0/quota"),
        ({"name": "bookings"}, "/limits/0/quota"),
    ],
)
async def test_a_limit_that_makes_no_sense_is_refused_and_nothing_changes(buyers, rows, limit, pointer):
    admin = await buyers.make(role="admin")
    answer = await admin.ask("PATCH", "/v1/admin/limits", json={"limits": [limit]})
    assert problem_of(answer, 422)["errors"][0]["pointer"] == pointer
    assert await rows.fetchval("SELECT count(*) FROM rate_limit") == 0


async def test_guessing_from_many_addresses_is_slowed_down_and_does_not_lock_the_owner_out(http, edge_url, strict_edge):
    """Whoever has logged in to the account from where they are is not counted among the strangers."""
    owner = await Newcomer(http, edge_url).register()
    assert (await owner.try_to_log_in()).status_code == 200, "from an address that is known by this"
    statuses = []
    for number in range(6):
        from_there = httpx.AsyncHTTPTransport(local_address=f"127.0.9.{number + 1}")
        async with httpx.AsyncClient(transport=from_there) as guesser:
            for _ in range(4):
                body = {"email": owner.email, "password": "guess-after-guess"}
                statuses.append((await guesser.post(f"{strict_edge}/v1/auth/login", json=body)).status_code)
            if number == 5:
                body["password"] = owner.password
                answer = await guesser.post(f"{strict_edge}/v1/auth/login", json=body)
                problem_of(answer, 429)
    assert statuses[:20] == [401] * 20 and set(statuses[21:]) == {429}, statuses
    assert (await _at(owner, strict_edge).try_to_log_in()).status_code == 200


def _at(owner, edge_url):
    elsewhere = Newcomer(owner.http, edge_url)
    elsewhere.email, elsewhere.password = owner.email, owner.password
    return elsewhere


async def test_a_spoofed_x_forwarded_for_counts_as_the_same_client(strict_edge):
    statuses = []
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(local_address="127.0.9.100")) as liar:
        for number in range(40):
            body = {"email": f"nobody-{uuid.uuid4()}@example.com", "password": "guess-after-guess"}
            address = f"10.0.0.{number}"
            headers = {"X-Forwarded-For": address, "X-Real-IP": address, "Forwarded": f"for={address}"}
            statuses.append((await liar.post(f"{strict_edge}/v1/auth/login", json=body, headers=headers)).status_code)
    assert 429 in statuses, "a bucket of thirty was taken from by one client"
