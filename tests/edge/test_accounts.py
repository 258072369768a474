"""Accounts over HTTP: registering, logging in, refreshing, logging out; and what is wrong with each."""

import asyncio
import json
import uuid

import pytest
from box_office import problem_of


@pytest.fixture
def newcomer():
    return {"email": f"Newcomer-{uuid.uuid4()}@Example.com", "password": "correct horse", "name": "Asha Rao"}


@pytest.fixture
def call(http, edge_url):
    async def call(path, body, **headers):
        return await http.post(f"{edge_url}/v1/auth/{path}", json=body, headers=headers)

    return call


@pytest.fixture
async def session(call, newcomer):
    assert (await call("register", newcomer)).status_code == 201
    answer = await call("login", {name: newcomer[name] for name in ("email", "password")})
    assert answer.status_code == 200
    return answer.json()


async def test_a_newcomer_registers_logs_in_and_is_known(call, newcomer, http, edge_url):
    made = await call("register", newcomer)
    assert made.status_code == 201
    user = made.json()
    assert set(user) == {"id", "email", "name", "role", "email_verified"}
    assert (user["email"], user["name"], user["role"]) == (newcomer["email"].lower(), "Asha Rao", "buyer")
    answer = await call("login", {"email": newcomer["email"].upper(), "password": newcomer["password"]})
    tokens = answer.json()
    assert set(tokens) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    assert "no-store" in answer.headers["cache-control"]
    cookies = answer.headers.get_list("set-cookie")
    assert cookies and all("HttpOnly" in cookie and "SameSite=Lax" in cookie for cookie in cookies)
    me = await http.get(f"{edge_url}/v1/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert me.json() == user


async def test_an_address_has_one_account(call, newcomer):
    assert (await call("register", newcomer)).status_code == 201
    again = await call("register", newcomer | {"email": newcomer["email"].upper(), "name": "Somebody else"})
    problem_of(again, 409, "email-taken")


async def test_of_two_who_register_the_same_address_at_once_one_does(call, newcomer):
    answers = await asyncio.gather(*(call("register", newcomer) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 4


async def test_a_wrong_password_and_an_unknown_address_are_told_in_the_same_words(call, newcomer):
    await call("register", newcomer)
    wrong = await call("login", {"email": newcomer["email"], "password": "wrong horse"})
    unknown = await call("login", {"email": f"{uuid.uuid4()}@example.com", "password": "wrong horse"})
    told = [problem_of(answer, 401, "unauthorized") | {"request_id": ""} for answer in (wrong, unknown)]
    assert told[0] == told[1]


@pytest.mark.parametrize(
    "change, pointer",
    [({"email": "no-at-sign"}, "/email"), ({"email": "a@b"}, "/email"), ({"email": f"{'a' * 250}@b.co"}, "/email"),
     ({"email": "a b@c.de"}, "/email"), ({"email": "a@b.c\r\nBcc: x@y.z"}, "/email"), ({"email": 7}, "/email"),
     ({"password": "short"}, "/password"), ({"password": "p" * 201}, "/password"), ({"name": ""}, "/name"),
     ({"name": "   "}, "/name"), ({"name": "n" * 101}, "/name"), ({"name": "two\nlines"}, "/name"),
     ({"role": "admin"}, "/role"), ({"email_verified": True}, "/email_verified")],
)  # fmt: skip
async def test_a_registration_that_does_not_fit_is_422(call, newcomer, rows, change, pointer):
    before = await rows.fetchval('SELECT count(*) FROM "user"')
    problem = problem_of(await call("register", newcomer | change), 422)
    assert problem["errors"][0]["pointer"] == pointer
    assert await rows.fetchval('SELECT count(*) FROM "user"') == before


@pytest.mark.parametrize("text", ["a\u0000b", "\ud800"], ids=["a NUL", "half a character"])
async def test_what_postgres_cannot_hold_is_refused(http, edge_url, newcomer, text):
    for field in ("email", "password", "name"):
        value = f"{text}@example.com" if field == "email" else f"long enough {text}"
        answer = await http.post(
            f"{edge_url}/v1/auth/register", content=json.dumps(newcomer | {field: value}).encode(),
            headers={"Content-Type": "application/json"},
        )  # fmt: skip
        assert answer.status_code in ((201, 400, 422) if field == "password" else (400, 422)), (field, answer.text)
    for field in ("email", "password"):
        body = {"email": newcomer["email"], "password": "long enough"} | {field: text}
        answer = await http.post(
            f"{edge_url}/v1/auth/login", content=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code in (400, 401, 422), (field, answer.text)


async def test_a_refresh_token_gives_the_next_and_works_only_for_that(call, session, http, edge_url):
    answer = await call("refresh", {"refresh_token": session["refresh_token"]})
    assert answer.status_code == 200
    following = answer.json()
    assert following["refresh_token"] != session["refresh_token"]
    for token, status in ((following["access_token"], 200), (following["refresh_token"], 401)):
        me = await http.get(f"{edge_url}/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert me.status_code == status


async def test_a_refresh_token_used_again_later_ends_the_whole_family(call, session, rows):
    following = (await call("refresh", {"refresh_token": session["refresh_token"]})).json()
    await rows.execute("UPDATE refresh_token SET used_at = used_at - interval '1 minute' WHERE used_at IS NOT NULL")
    problem_of(await call("refresh", {"refresh_token": session["refresh_token"]}), 401)
    problem_of(await call("refresh", {"refresh_token": following["refresh_token"]}), 401)


async def test_logging_out_ends_the_session(call, session):
    assert (await call("logout", {"refresh_token": session["refresh_token"]})).status_code == 204
    problem_of(await call("refresh", {"refresh_token": session["refresh_token"]}), 401)


@pytest.mark.parametrize("body", [{"refresh_token": "unknown"}, {"refresh_token": ""}, {"refresh_token": 7}, {}])
async def test_a_refresh_token_that_is_none_is_refused(call, product, body):
    answer = await call("refresh", body)
    problem_of(answer, 401 if body in ({}, {"refresh_token": "unknown"}) else 422)
