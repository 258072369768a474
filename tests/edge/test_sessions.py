"""Sessions: tokens that follow one another, devices that are listed and ended, and what ends with a session."""

import asyncio
import uuid

import pytest
from box_office import problem_of, until
from newcomers import LAPTOP, PHONE, Device, Newcomer

from compose import ports


@pytest.fixture
async def newcomer(http, edge_url):
    return await Newcomer(http, edge_url).register()


async def let_the_grace_pass(rows, newcomer):
    """Refresh tokens that were used were used a minute ago."""
    await rows.execute(
        """UPDATE refresh_token SET used_at = used_at - interval '1 minute' WHERE used_at IS NOT NULL
        AND session_id IN (SELECT id FROM session WHERE user_id = $1)""",
        uuid.UUID(newcomer.id),
    )


LONG_AGO = """
WITH many AS (SELECT * FROM unnest($2::uuid[]) WITH ORDINALITY AS t (id, at)),
sessions AS (
    INSERT INTO session (id, user_id, address, device, began_at, seen_at, ended_at, ended_by)
    SELECT id, $1, '', '', now() - interval '90 days', now() - days.seen * interval '1 day',
        now() - days.ended * interval '1 day', ''
    FROM many JOIN (VALUES (1, 60, 31), (2, 60, 29), (3, 31, NULL), (4, 29, NULL)) AS days (at, seen, ended) USING (at)
), tokens AS (
    INSERT INTO refresh_token (id, session_id, token_hash, expires_at, created_at)
    SELECT id, id, id::text, now() + CASE WHEN at = 4 THEN 1 ELSE -1 END * interval '1 day', now() FROM many
), links AS (
    INSERT INTO letter_link (id, user_id, purpose, email, expires_at, used_at, created_at)
    SELECT id, $1, 'reset', '', now() - days.ended * interval '1 day', now() - days.used * interval '1 day', now()
    FROM many JOIN (VALUES (1, 8, NULL), (2, 6, NULL), (3, -1, 8), (4, -1, 6)) AS days (at, ended, used) USING (at)
)
INSERT INTO log_in (id, user_id, at, method, succeeded, address, device)
SELECT id, $1, now() - days.ago * interval '1 day', 'password', true, '', ''
FROM many JOIN (VALUES (1, 181), (2, 179)) AS days (at, ago) USING (at)
"""


async def test_what_has_served_its_time_is_forgotten_and_nothing_else(newcomer, rows):
    """Of four sessions, links and log-ins those go that are over for longer than they are kept."""
    device, of = await newcomer.log_in(), [uuid.uuid4() for _ in range(4)]
    await rows.execute(LONG_AGO, uuid.UUID(newcomer.id), of)

    async def left():
        found = {}
        for table in ("session", "refresh_token", "letter_link", "log_in"):
            there = {row["id"] for row in await rows.fetch(f"SELECT id FROM {table} WHERE id = ANY($1)", of)}
            found[table] = [at for at, id in enumerate(of, 1) if id in there]
        return found

    over = {"session": [2, 4], "refresh_token": [4], "letter_link": [2, 4], "log_in": [2]}

    async def is_over():
        return await left() == over

    await until("what is over has gone", is_over, within=60)
    assert await device.is_in()
    assert len((await device.ask("GET", "/v1/me/logins")).json()["items"]) == 2


async def test_two_honest_refreshes_at_once_both_work_and_give_the_same_next_token(newcomer, rows):
    """Two tabs wake up together; there is still one token to go on with, not two."""
    device = await newcomer.log_in()
    answers = await asyncio.gather(*(device.again(device.refresh_token) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    device.take(answers[0])
    assert await device.is_in() and (await device.refresh()).status_code == 200
    made = await rows.fetchval(
        "SELECT count(*) FROM refresh_token t JOIN session s ON s.id = t.session_id WHERE s.user_id = $1",
        uuid.UUID(newcomer.id),
    )
    assert made == 3


async def test_a_refresh_token_does_not_stay_good_after_its_rotation(newcomer, rows):
    """Used again after the grace it was stolen: the session ends, with its newest token and its access tokens."""
    device = await newcomer.log_in()
    stolen = device.refresh_token
    assert (await device.refresh()).status_code == 200
    await let_the_grace_pass(rows, newcomer)
    problem_of(await device.again(stolen), 401)
    problem_of(await device.again(device.refresh_token), 401)
    await until("the access token opens nothing", lambda: is_out(device))


async def test_a_refresh_token_of_two_generations_ago_is_a_replay_even_within_the_grace(newcomer):
    device = await newcomer.log_in()
    stolen = device.refresh_token
    assert (await device.refresh()).status_code == 200
    assert (await device.refresh()).status_code == 200
    problem_of(await device.again(stolen), 401)
    problem_of(await device.refresh(), 401)


async def test_a_stolen_token_ends_its_own_session_only(newcomer, rows):
    laptop, phone = await newcomer.log_in(), await newcomer.log_in(PHONE)
    stolen = laptop.refresh_token
    await laptop.refresh()
    await let_the_grace_pass(rows, newcomer)
    problem_of(await laptop.again(stolen), 401)
    assert (await phone.refresh()).status_code == 200


async def is_out(device: Device) -> bool:
    return not await device.is_in()


async def test_a_refresh_token_used_as_an_access_token_opens_nothing(newcomer):
    device = await newcomer.log_in()
    problem_of(await device.ask("GET", "/v1/me", Authorization=f"Bearer {device.refresh_token}"), 401)
    assert (await device.again(device.access_token)).status_code in (401, 422)


async def test_refreshing_needs_no_live_access_token(newcomer):
    device = await newcomer.log_in()
    device.access_token = ""
    assert (await device.refresh()).status_code == 200 and await device.is_in()


async def test_logging_out_ends_the_access_token_too(newcomer, http, edge_url):
    laptop, phone = await newcomer.log_in(), await newcomer.log_in(PHONE)
    answer = await http.post(f"{edge_url}/v1/auth/logout", json={"refresh_token": laptop.refresh_token})
    assert answer.status_code == 204
    assert not await laptop.is_in() and await phone.is_in()
    problem_of(await laptop.refresh(), 401)


async def test_logging_out_everywhere_ends_every_session(newcomer, http, edge_url):
    laptop, phone = await newcomer.log_in(), await newcomer.log_in(PHONE)
    body = {"refresh_token": laptop.refresh_token, "everywhere": True}
    assert (await http.post(f"{edge_url}/v1/auth/logout", json=body)).status_code == 204
    for device in (laptop, phone):
        assert not await device.is_in()
        problem_of(await device.refresh(), 401)


async def test_devices_are_listed_and_ended_one_by_one(newcomer):
    laptop, phone = await newcomer.log_in(LAPTOP), await newcomer.log_in(PHONE)
    listed = (await laptop.ask("GET", "/v1/me/sessions")).json()["items"]
    assert {(item["device"], item["current"]) for item in listed} == {
        ("Firefox on Linux", True), ("Safari on iPhone", False),
    }  # fmt: skip
    assert all(item["address"] == "127.0.0.1" for item in listed)
    [other] = [item["id"] for item in listed if not item["current"]]
    assert (await laptop.ask("DELETE", f"/v1/me/sessions/{other}")).status_code == 204
    assert not await phone.is_in() and await laptop.is_in()
    problem_of(await phone.refresh(), 401)
    assert len((await laptop.ask("GET", "/v1/me/sessions")).json()["items"]) == 1
    problem_of(await laptop.ask("DELETE", f"/v1/me/sessions/{other}"), 404)


async def test_ending_all_sessions_ends_this_one_too(newcomer):
    laptop, phone = await newcomer.log_in(), await newcomer.log_in(PHONE)
    assert (await laptop.ask("DELETE", "/v1/me/sessions")).status_code == 204
    assert not await laptop.is_in() and not await phone.is_in()


async def test_somebody_elses_session_is_not_there(newcomer, http, edge_url):
    stranger = await (await Newcomer(http, edge_url).register()).log_in()
    device = await newcomer.log_in()
    [session] = (await device.ask("GET", "/v1/me/sessions")).json()["items"]
    absent = problem_of(await stranger.ask("DELETE", f"/v1/me/sessions/{uuid.uuid4()}"), 404)
    foreign = problem_of(await stranger.ask("DELETE", f"/v1/me/sessions/{session['id']}"), 404)
    assert foreign | {"request_id": ""} == absent | {"request_id": ""}
    assert await device.is_in()


async def test_what_one_edge_ends_the_others_hear_of(newcomer, product, http):
    port = ports.choose(None, None, set())
    url = f"http://127.0.0.1:{port}"
    product.add("edge-beside", "edge.server", EDGE_PORT=f"{port}", EDGE_URL=url)
    product.wait_until_ready(url)
    device = await newcomer.log_in()
    elsewhere = Device(http, url, LAPTOP, device.access_token, device.refresh_token)
    assert await elsewhere.is_in()
    await device.ask("DELETE", "/v1/me/sessions")
    await until("the other edge refuses the token", lambda: is_out(elsewhere), within=5)


async def test_an_edge_that_starts_knows_what_has_ended(newcomer, product, http):
    device = await newcomer.log_in()
    await device.ask("DELETE", "/v1/me/sessions")
    port = ports.choose(None, None, set())
    url = f"http://127.0.0.1:{port}"
    product.add("edge-later", "edge.server", EDGE_PORT=f"{port}", EDGE_URL=url)
    product.wait_until_ready(url)
    assert not await Device(http, url, LAPTOP, device.access_token).is_in()


async def test_a_new_password_ends_the_other_sessions_and_the_old_password(newcomer):
    laptop, phone = await newcomer.log_in(), await newcomer.log_in(PHONE)
    body = {"password": newcomer.password, "new_password": "battery staple"}
    assert (await laptop.ask("POST", "/v1/me/password", body)).status_code == 204
    assert await laptop.is_in() and not await phone.is_in()
    problem_of(await newcomer.try_to_log_in(), 401)
    assert (await newcomer.try_to_log_in("battery staple")).status_code == 200


@pytest.mark.parametrize("password", ["not mine at all", None])
async def test_a_password_is_not_changed_without_the_old_one(newcomer, password):
    device = await newcomer.log_in()
    body = {"new_password": "battery staple"} | ({"password": password} if password else {})
    problem = problem_of(await device.ask("POST", "/v1/me/password", body), 422)
    assert problem["errors"][0]["pointer"] == "/password"
    assert (await newcomer.try_to_log_in()).status_code == 200


async def test_every_log_in_is_in_the_history_failed_ones_too(newcomer):
    assert (await newcomer.try_to_log_in("wrong horse", PHONE)).status_code == 401
    device = await newcomer.log_in()

    async def both() -> bool:
        return len((await device.ask("GET", "/v1/me/logins")).json()["items"]) == 2

    await until("both are in the history", both)
    listed = (await device.ask("GET", "/v1/me/logins")).json()["items"]
    assert {(item["succeeded"], item["device"], item["address"], item["method"]) for item in listed} == {
        (True, "Firefox on Linux", "127.0.0.1", "password"), (False, "Safari on iPhone", "127.0.0.1", "password"),
    }  # fmt: skip
    first = (await device.ask("GET", "/v1/me/logins?limit=1")).json()
    second = (await device.ask("GET", f"/v1/me/logins?limit=1&cursor={first['next_cursor']}")).json()
    assert first["items"] + second["items"] == listed and second["next_cursor"] is None


async def test_a_name_is_changed_and_nothing_else(newcomer, rows):
    device = await newcomer.log_in()
    answer = await device.ask("PATCH", "/v1/me", {"name": "  Asha R. "})
    assert answer.status_code == 200 and answer.json()["name"] == "Asha R."
    for body in ({"role": "admin"}, {"email_verified": True}, {"id": str(uuid.uuid4())}, {"password_hash": "x"}):
        problem_of(await device.ask("PATCH", "/v1/me", {"name": "Asha"} | body), 422)
    row = await rows.fetchrow('SELECT * FROM "user" WHERE id = $1', uuid.UUID(newcomer.id))
    assert (row["name"], row["role"], row["email_verified"]) == ("Asha R.", "buyer", False)
