"""Logging in elsewhere: with Google and GitHub, both played by the local provider; and whoever tries to trick it."""

import os
import uuid
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from box_office import problem_of
from newcomers import Newcomer

FACES = ("google", "github")
each_face = pytest.mark.parametrize("face", FACES)


class Visitor:
    """A browser of its own, which follows no redirect by itself."""

    def __init__(self, edge_url):
        self.edge_url = edge_url
        self.http = httpx.AsyncClient(trust_env=False, timeout=20)

    async def leave(self, face, path="", **headers):
        """Where the shop sends the visitor."""
        answer = await self.http.get(f"{self.edge_url}/v1/auth/oauth/{face}/start{path}", headers=headers)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def say(self, address, email, *, name="Asha Rao", verified=True, **more):
        """Where the provider sends them back to, once they have said who they are."""
        form = {"email": email, "name": name} | ({"verified": "on"} if verified else {}) | more
        answer = await self.http.post(address, data=form)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def come_back(self, address):
        answer = await self.http.get(address)
        assert answer.status_code == 302, answer.text
        return answer

    async def log_in(self, face, email, **more):
        return await self.come_back(await self.say(await self.leave(face), email, **more))

    async def me(self):
        answer = await self.http.get(f"{self.edge_url}/v1/me")
        return answer.json() if answer.status_code == 200 else None


@pytest.fixture
async def visitors(edge_url):
    made = []

    def make():
        made.append(Visitor(edge_url))
        return made[-1]

    yield make
    for visitor in made:
        await visitor.http.aclose()


@pytest.fixture
def email():
    return f"asha-{uuid.uuid4().hex}@example.com"


def problem_in(answer):
    """Why the log-in page says that nothing came of it."""
    address = urlsplit(answer.headers["location"])
    assert address.path == "/log-in" and not address.netloc
    assert "frontrow_access" not in str(answer.headers.get_list("set-cookie"))
    return parse_qs(address.query)["problem"][0]


@each_face
async def test_a_newcomer_logs_in_elsewhere_and_comes_again(visitors, email, face, rows):
    first, second = visitors(), visitors()
    back = await first.come_back(await first.say(await first.leave(face, "?next=/bookings"), email))
    assert back.headers["location"] == "/logged-in?next=/bookings"
    user = await first.me()
    assert (user["email"], user["name"], user["email_verified"], user["role"]) == (email, "Asha Rao", True, "buyer")
    await second.log_in(face, email)
    assert (await second.me())["id"] == user["id"]
    logins = (await second.http.get(f"{second.edge_url}/v1/me/logins")).json()["items"]
    assert [one["method"] for one in logins] == [face, face]


async def test_both_providers_lead_to_one_account_by_its_verified_address(visitors, email):
    google, github = visitors(), visitors()
    await google.log_in("google", email)
    await github.log_in("github", email)
    assert (await google.me())["id"] == (await github.me())["id"]


async def test_no_oauth_token_stands_in_a_query_string(visitors, email):
    """OAuth token in the query string: what the browser is sent to holds neither token nor code."""
    visitor = visitors()
    back = await visitor.log_in("google", email)
    assert back.headers["location"] == "/logged-in?next=/"
    for cookie in back.headers.get_list("set-cookie"):
        assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert "no-store" in back.headers["cache-control"]


@each_face
async def test_an_address_that_the_provider_has_not_verified_logs_nobody_in(visitors, email, face, rows):
    visitor = visitors()
    assert problem_in(await visitor.log_in(face, email, verified=False)) == "address-not-verified"
    assert await visitor.me() is None
    assert await rows.fetchval('SELECT count(*) FROM "user" WHERE email = $1', email) == 0


@each_face
async def test_an_account_whose_address_nobody_confirmed_is_not_taken_over(visitors, http, edge_url, face, rows):
    """Somebody registers with a stranger's address and waits for them to log in elsewhere: nothing is linked."""
    squatter = await Newcomer(http, edge_url).register()
    visitor = visitors()
    assert problem_in(await visitor.log_in(face, squatter.email)) == "account-exists"
    assert await visitor.me() is None
    assert await rows.fetchval("SELECT count(*) FROM provider_login WHERE user_id = $1", uuid.UUID(squatter.id)) == 0
    await rows.execute('UPDATE "user" SET email_verified = true WHERE id = $1', uuid.UUID(squatter.id))
    await visitor.log_in(face, squatter.email)
    assert (await visitor.me())["id"] == squatter.id


@each_face
async def test_state_is_needed_used_once_and_bound_to_the_browser(visitors, email, face):
    victim, attacker = visitors(), visitors()
    back = await attacker.say(await attacker.leave(face), email)
    assert problem_in(await victim.come_back(back)) == "begin-again", "another browser's trip"
    assert problem_in(await attacker.come_back(back)) == "begin-again", "its state is spent by then"
    parts = urlsplit(back)
    for odd in ("", urlencode({"code": "x"}), urlencode({"code": "x", "state": "made-up"})):
        assert problem_in(await victim.come_back(parts._replace(query=odd).geturl())) == "begin-again"
    assert await victim.me() is None and await attacker.me() is None


async def test_a_trip_to_one_provider_does_not_come_back_from_the_other(visitors, email):
    visitor = visitors()
    back = await visitor.say(await visitor.leave("github"), email)
    assert problem_in(await visitor.come_back(back.replace("/github/callback", "/google/callback"))) == "begin-again"


@each_face
async def test_the_redirect_address_is_the_settings_not_the_header_s(visitors, face, edge_url):
    evil = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    wish = parse_qs(urlsplit(await visitors().leave(face, **evil)).query)
    assert wish["redirect_uri"] == [f"{edge_url}/v1/auth/oauth/{face}/callback"]
    assert wish["code_challenge_method"] == ["S256"] and len(wish["code_challenge"][0]) == 43
    assert len(wish["state"][0]) >= 32 and wish["response_type"] == ["code"]
    assert ("nonce" in wish) == (face == "google")


@each_face
async def test_a_code_of_somebody_else_s_trip_is_worth_nothing(visitors, email, face):
    """PKCE: a stolen code does not fit the thief's own trip."""
    victim, thief = visitors(), visitors()
    stolen = parse_qs(urlsplit(await victim.say(await victim.leave(face), email)).query)["code"][0]
    own = urlsplit(await thief.say(await thief.leave(face), f"thief-{email}"))
    query = {name: values[0] for name, values in parse_qs(own.query).items()} | {"code": stolen}
    assert problem_in(await thief.come_back(own._replace(query=urlencode(query)).geturl())) == "provider-failed"
    assert await thief.me() is None


@pytest.mark.parametrize(
    "odd",
    [
        {"algorithm": "none"}, {"algorithm": "HS256"}, {"kid": "another"}, {"claims": {"nonce": "another"}},
        {"claims": {"aud": "somebody-else"}}, {"claims": {"iss": "https://evil.example"}}, {"claims": {"exp": 1}},
        {"claims": {"azp": "somebody-else"}}, {"claims": {"sub": None}},
    ],
    ids=str,
)  # fmt: skip
async def test_an_id_token_that_is_not_for_us_now_and_here_is_refused(visitors, email, odd, rows):
    visitor = visitors()
    back = await visitor.say(await visitor.leave("google"), email)
    async with httpx.AsyncClient(trust_env=False) as control:
        assert (await control.post(f"{os.environ['OPENID_URL']}/control/next", json=odd)).status_code == 200
    assert problem_in(await visitor.come_back(back)) == "provider-failed"
    assert await visitor.me() is None
    assert await rows.fetchval('SELECT count(*) FROM "user" WHERE email = $1', email) == 0


async def test_an_address_verified_in_words_only_is_not_verified(visitors, email):
    visitor = visitors()
    back = await visitor.say(await visitor.leave("google"), email)
    async with httpx.AsyncClient(trust_env=False) as control:
        await control.post(f"{os.environ['OPENID_URL']}/control/next", json={"claims": {"email_verified": "true"}})
    assert problem_in(await visitor.come_back(back)) == "address-not-verified"


@each_face
async def test_who_refuses_there_is_not_logged_in_here(visitors, email, face):
    visitor = visitors()
    assert problem_in(await visitor.log_in(face, email, refuse="on")) == "provider-refused"


@each_face
@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example", "/%0d%0aX: y"])
async def test_a_trip_ends_in_this_shop_only(visitors, email, face, elsewhere):
    visitor = visitors()
    leaving = await visitor.leave(face, f"?{urlencode({'next': elsewhere})}")
    back = await visitor.come_back(await visitor.say(leaving, email))
    assert back.headers["location"].startswith("/logged-in?next=/") and "evil" not in back.headers["location"]


async def test_a_suspended_account_does_not_come_in_by_another_door(visitors, email, rows):
    visitor = visitors()
    await visitor.log_in("google", email)
    await rows.execute('UPDATE "user" SET suspended_at = now() WHERE email = $1', email)
    assert problem_in(await visitors().log_in("google", email)) == "suspended"


async def test_an_account_without_a_password_is_erased_after_a_fresh_log_in(visitors, email, rows):
    visitor = visitors()
    await visitor.log_in("github", email)
    user_id = uuid.UUID((await visitor.me())["id"])
    headers = {"Sec-Fetch-Site": "same-origin"}
    await rows.execute("UPDATE session SET began_at = now() - interval '1 hour' WHERE user_id = $1", user_id)
    stale = await visitor.http.request("DELETE", f"{visitor.edge_url}/v1/me", headers=headers)
    problem_of(stale, 403, "fresh-login-needed")
    await visitor.log_in("github", email)
    fresh = await visitor.http.request("DELETE", f"{visitor.edge_url}/v1/me", headers=headers)
    assert fresh.status_code == 204
    assert await rows.fetchval("SELECT count(*) FROM provider_login WHERE user_id = $1", user_id) == 0


async def test_a_provider_that_is_not_set_up_is_not_there(product, http):
    from compose import ports

    port = ports.choose(None, None, set())
    url = f"http://127.0.0.1:{port}"
    names = ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET")
    product.add("edge-alone", "edge.server", EDGE_PORT=f"{port}", EDGE_URL=url, **dict.fromkeys(names, ""))
    product.wait_until_ready(url)
    for face in FACES:
        problem_of(await http.get(f"{url}/v1/auth/oauth/{face}/start"), 404)
        problem_of(await http.get(f"{url}/v1/auth/oauth/{face}/callback?code=x&state=y"), 404)
    assert "Continue with" not in (await http.get(f"{url}/log-in")).text
