"""Links in letters: confirming an address and setting a new password, each once, soon, and for their own account."""

import re
import uuid

import pytest
from box_office import problem_of, until
from newcomers import Newcomer

LINK = re.compile(r"http\S+/(verify-email|reset-password)#(\S+)")


@pytest.fixture
async def newcomer(http, edge_url):
    return await Newcomer(http, edge_url).register()


@pytest.fixture
def post(http, edge_url):
    async def post(path, body, **headers):
        return await http.post(f"{edge_url}/v1/auth/{path}", json=body, headers=headers)

    return post


@pytest.fixture
def letter(mailbox):
    async def letter(to, subject):
        """The newest letter of this subject, once it is there."""

        async def look():
            return [one for one in await mailbox.letters(to) if one["subject"] == subject]

        return (await until(f"“{subject}” to {to}", look))[0]

    return letter


def link_in(letter):
    """Page and token of the letter's link, the same in both renderings."""
    [(page, token)] = set(LINK.findall(letter["text"]))
    assert f"/{page}#{token}" in letter["html"]
    return page, token


async def token_of(letter, to, subject):
    return link_in(await letter(to, subject))[1]


async def test_the_welcome_letter_confirms_the_address_once(newcomer, letter, post, edge_url):
    welcome = await letter(newcomer.email, "Welcome to Frontrow")
    page, token = link_in(welcome)
    assert page == "verify-email" and f"{edge_url}/verify-email#" in welcome["text"]
    device = await newcomer.log_in()
    assert (await device.ask("GET", "/v1/me")).json()["email_verified"] is False
    assert (await post("verify-email", {"token": token})).status_code == 204
    assert (await device.ask("GET", "/v1/me")).json()["email_verified"] is True
    problem_of(await post("verify-email", {"token": token}), 409, "link-spent")
    problem_of(await device.ask("POST", "/v1/me/verification"), 409)


async def test_asking_for_the_page_of_a_link_changes_nothing(newcomer, letter, http, edge_url, rows):
    _, token = link_in(await letter(newcomer.email, "Welcome to Frontrow"))
    for path in (f"/verify-email?token={token}", "/verify-email", "/reset-password", "/v1/auth/verify-email"):
        await http.get(f"{edge_url}{path}")
    assert not await rows.fetchval('SELECT email_verified FROM "user" WHERE id = $1', uuid.UUID(newcomer.id))


async def test_a_password_is_reset_by_letter_and_everybody_is_logged_out(newcomer, letter, post):
    laptop = await newcomer.log_in()
    assert (await post("password-reset", {"email": newcomer.email.upper()})).status_code == 202
    page, token = link_in(await letter(newcomer.email, "Set a new password"))
    assert page == "reset-password"
    assert (await post("password-reset/confirm", {"token": token, "password": "battery staple"})).status_code == 204
    assert not await laptop.is_in()
    problem_of(await laptop.refresh(), 401)
    problem_of(await newcomer.try_to_log_in(), 401)
    newcomer.password = "battery staple"
    device = await newcomer.log_in()
    assert (await device.ask("GET", "/v1/me")).json()["email_verified"] is True, "the letter was read at that address"
    again = await post("password-reset/confirm", {"token": token, "password": "a third one"})
    problem_of(again, 409, "link-spent")
    await letter(newcomer.email, "Your password was changed")


async def test_one_reset_spends_the_other_links_too(newcomer, letter, post, mailbox):
    for count in (1, 2):
        await post("password-reset", {"email": newcomer.email})

        async def so_many(count=count):
            found = [one for one in await mailbox.letters(newcomer.email) if one["subject"] == "Set a new password"]
            return len(found) == count and found

        letters = await until(f"{count} letters", so_many)
    first, second = (link_in(one)[1] for one in letters)
    assert first != second
    assert (await post("password-reset/confirm", {"token": first, "password": "battery staple"})).status_code == 204
    problem_of(await post("password-reset/confirm", {"token": second, "password": "a third one"}), 409)


async def test_a_link_that_has_run_out_does_nothing(newcomer, letter, post, rows):
    await post("password-reset", {"email": newcomer.email})
    token = await token_of(letter, newcomer.email, "Set a new password")
    await rows.execute("UPDATE letter_link SET expires_at = now() WHERE user_id = $1", uuid.UUID(newcomer.id))
    problem_of(await post("password-reset/confirm", {"token": token, "password": "battery staple"}), 409, "link-spent")
    problem_of(
        await post("verify-email", {"token": await token_of(letter, newcomer.email, "Welcome to Frontrow")}), 409
    )
    assert (await newcomer.try_to_log_in()).status_code == 200


async def test_a_link_is_good_for_its_own_purpose_only(newcomer, letter, post):
    verify = await token_of(letter, newcomer.email, "Welcome to Frontrow")
    problem_of(await post("password-reset/confirm", {"token": verify, "password": "battery staple"}), 409)
    await post("password-reset", {"email": newcomer.email})
    reset = await token_of(letter, newcomer.email, "Set a new password")
    problem_of(await post("verify-email", {"token": reset}), 409)


async def test_a_reset_for_an_unknown_address_is_answered_in_the_same_words_and_sends_nothing(
    newcomer, post, mailbox, rows
):
    unknown = f"nobody-{uuid.uuid4()}@example.com"
    answers = [await post("password-reset", {"email": email}) for email in (newcomer.email, unknown, "not an address")]
    kept = ("content-type", "cache-control")
    said = [(a.status_code, a.content, {k: v for k, v in a.headers.items() if k in kept}) for a in answers]
    assert said[0] == said[1] == said[2] and said[0][0] == 202
    assert await rows.fetchval("SELECT count(*) FROM letter WHERE recipient = $1", unknown) == 0
    assert await mailbox.letters(unknown) == []


async def test_nobody_s_mailbox_is_flooded(newcomer, post, rows):
    """Three letters with links in a quarter of an hour, the welcome among them; the answer stays the same."""
    for _ in range(6):
        assert (await post("password-reset", {"email": newcomer.email})).status_code == 202
    assert await rows.fetchval("SELECT count(*) FROM letter WHERE user_id = $1", uuid.UUID(newcomer.id)) == 3


async def test_a_reset_link_names_the_host_of_the_settings_not_of_the_header(newcomer, letter, post, edge_url):
    evil = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "Origin": "http://evil.example"}
    assert (await post("password-reset", {"email": newcomer.email}, Host="evil.example")).status_code == 421
    assert (await post("password-reset", {"email": newcomer.email}, **evil)).status_code == 202
    sent = await letter(newcomer.email, "Set a new password")
    assert "evil" not in sent["text"] + sent["html"] and f"{edge_url}/reset-password#" in sent["text"]


async def test_the_database_holds_no_token_that_could_be_used(newcomer, letter, rows):
    _, token = link_in(await letter(newcomer.email, "Welcome to Frontrow"))
    device = await newcomer.log_in()
    for table in ("letter_link", "letter", "session", "refresh_token", "log_in"):
        text = str([dict(row) for row in await rows.fetch(f"SELECT * FROM {table}")])
        assert token not in text and device.refresh_token not in text, table


async def test_a_letter_to_a_person_waits_for_the_mail_server_and_goes_out_once(mailbox, http, edge_url, letter, rows):
    await mailbox.fault("4xx")
    newcomer = await Newcomer(http, edge_url).register()
    sent = await letter(newcomer.email, "Welcome to Frontrow")
    row = await rows.fetchrow("SELECT * FROM letter WHERE user_id = $1", uuid.UUID(newcomer.id))

    async def is_noted():
        return await rows.fetchval("SELECT status = 'sent' FROM letter WHERE id = $1", row["id"])

    await until("the log says so", is_noted)
    assert sent["message_id"].strip("<>") == row["message_id"].strip("<>")
    assert len(await mailbox.letters(newcomer.email)) == 1
    row = await rows.fetchrow("SELECT * FROM letter WHERE user_id = $1", uuid.UUID(newcomer.id))
    assert row["attempts"] == 2 and row["next_try_at"] is None


@pytest.mark.parametrize("body", [{}, {"token": ""}, {"token": 7}, {"token": "x" * 101}, {"token": "x", "user_id": 1}])
async def test_a_link_that_makes_no_sense_is_422(post, body):
    problem_of(await post("verify-email", body), 422)
    problem_of(await post("password-reset/confirm", body | {"password": "battery staple"}), 422)
